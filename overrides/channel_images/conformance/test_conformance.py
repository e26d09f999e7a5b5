"""Runs the check as tests, one for each rule and operation: collected by `--pyargs channel_images.conformance`.

They skip unless `--channel-images-url` names a server; the server is judged once, by the rules that are selected.
"""

import pytest

from channel_images.conformance.pytest_suite import URL_OPTION, pairs, run, tell
from channel_images.conformance.results import Report


@pytest.fixture(scope="session")
def channel_images_report(request: pytest.FixtureRequest) -> Report:
    """What the check of the session has found out."""
    if not request.config.getoption("channel_images_url", None):
        pytest.skip(f"no server to judge: {URL_OPTION} is not given")
    selected = [item for item in request.session.items if isinstance(item, pytest.Function) and item.obj is test_rule]
    try:
        return run(request.config, {str(item.callspec.params["rule"]) for item in selected})
    except ValueError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.mark.parametrize(("rule", "operation"), [pytest.param(*pair, id="{}[{}]".format(*pair)) for pair in pairs()])
def test_rule(rule: str, operation: str, channel_images_report: Report) -> None:
    """The server obeys a rule of the contract on one operation."""
    tell(channel_images_report, rule, operation)
