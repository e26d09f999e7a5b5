"""Sends requests of every kind: schemathesis makes them, and the oracle judges the answers.

schemathesis makes the requests only. They go out over the wire of the run, as all others do: with the token and nothing
else, at the server's rate, within the budget, and their answers are judged by `oracle`.
How its tests are built is not public API, so `pyproject.toml` allows the versions that this was tested with, and this module
is the only one that knows it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import hypothesis
import requests
import schemathesis
from attrs import define, field
from hypothesis.errors import Unsatisfiable
from schemathesis.auths import GLOBAL_AUTH_STORAGE
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.core.transport import USER_AGENT, Response
from schemathesis.generation.case import Case
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER

from channel_images.conformance.asking.survey import Survey
from channel_images.conformance.asking.wire import Answer, RunEnds
from channel_images.contract import load_contract
from channel_images.resource import resource

NOWHERE = "http://127.0.0.1"
"""A base URL that requests are built with; they go to the server under test."""
STATEFUL = "stateful"


class EngineFailed(RunEnds):
    """schemathesis could not run; the message says why."""


def fuzz(survey: Survey, *, seed: int, max_examples: int, on_phase: Callable[[str], None]) -> None:
    """Send requests of every phase to every operation of one channel.

    Args:
        survey: the reading whose session sends them.
        seed: repeats the same requests.
        max_examples: the number of cases for each operation in the fuzzing phase, and of walks in the stateful one.
        on_phase: called with the name of each phase as it begins.

    Raises:
        RunEnds: what ended the run while a request was sent.
        EngineFailed: schemathesis met an error of its own.
    """
    sender = _Sender(survey)
    wire = survey.session.wire
    own, wire.agent = wire.agent, f"{USER_AGENT} {wire.agent}"
    settings = _settings(max_examples)
    with _nobody_elses_hooks():
        try:
            schema = schemathesis.openapi.from_dict(deepcopy(dict(load_contract())), config=_config(survey, seed))
            for mode in HypothesisTestMode:
                on_phase(mode.value)
                for result in schema.get_all_operations():
                    if isinstance(result, Ok):
                        _test(result.ok(), mode, sender, settings, seed)()
                    sender.raise_end()
            on_phase(STATEFUL)
            machine = _machine(schema, sender)
            hypothesis.seed(seed)(machine)
            machine.run(settings=hypothesis.settings(settings, stateful_step_count=6))
        except RunEnds:
            raise
        except Unsatisfiable:
            pass  # Hypothesis's word for walks of which no request was sent: the run has ended, or answers are missing
        except Exception as error:
            raise EngineFailed(f"schemathesis could not run: {type(error).__name__}: {error}") from error
        finally:
            wire.agent = own
    sender.raise_end()
    survey.session.assure()


@define
class _Sender:
    """Sends what schemathesis has made. Once the run has ended nothing is sent any more: Hypothesis would take an error
    for a failing example, and try it again."""

    survey: Survey
    _end: RunEnds | None = field(init=False, default=None)

    def send(self, case: Case[Any]) -> Answer | None:
        """The answer to a case; `None` if it was not sent."""
        if self._end is not None or case.method.upper() != "GET":
            return None
        built = case.as_transport_kwargs(base_url=NOWHERE)
        url = requests.Request("GET", built["url"], params=built.get("params")).prepare().url or ""
        parts = urlsplit(url)
        limits = (value for name, value in parse_qsl(parts.query) if name == resource().roles["size"])
        if not all(map(self.survey.affordable, limits)):
            return None
        try:
            return self.survey.session.get(parts.path + (f"?{parts.query}" if parts.query else ""))
        except RunEnds as end:
            self._end = end
            return None

    def raise_end(self) -> None:
        """Raise what ended the run, if something did; ask whether the API still answers, if that is in doubt."""
        if self._end is not None:
            raise self._end
        if self.survey.session.standing.is_in_doubt():
            self.survey.session.assure()


def _test(operation: Any, mode: HypothesisTestMode, sender: _Sender, settings: hypothesis.settings, seed: int) -> Any:
    def ask(case: Case[Any]) -> None:
        sender.send(case)

    return create_test(
        operation=operation,
        test_func=ask,
        config=HypothesisTestConfig(
            project=operation.schema.config,
            modes=[mode],
            settings=settings,
            # Nobody's profile changes them.
            explicit_setting_names=set(hypothesis.settings.default.__dict__) | set(dir(hypothesis.settings)),
            apply_ci_profile=False,
            seed=seed,
        ),
    )


def _machine(schema: Any, sender: _Sender) -> Any:
    class Walk(schema.as_state_machine()):  # type: ignore[misc]  # a class that schemathesis makes from the contract
        def call(self, case: Case[Any], **_: Any) -> Response:
            answer = sender.send(case)
            if answer is None or answer.broke:
                hypothesis.reject()
            return _as_response(answer)

        def validate_response(self, response: Response, case: Case[Any], *_: Any, **__: Any) -> None:
            """The oracle has heard the answer."""

    return Walk


def _as_response(answer: Answer) -> Response:
    headers: dict[str, list[str]] = {}
    for name, value in answer.headers.multi_items():
        headers.setdefault(name, []).append(value)
    request = requests.Request(answer.request.method, answer.url).prepare()
    return Response(answer.status, headers, answer.body, request, answer.seconds, verify=True)


def _config(survey: Survey, seed: int) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "base-url": NOWHERE,
            # So that the requests meet rows.
            "parameters": {f"path.{resource().roles['scope']}": survey.channel},
            "cache": {"enabled": False},
            "generation": {"database": "none"},
            "phases": {"coverage": {"unexpected-methods": []}},
        }
    )


def _settings(max_examples: int) -> hypothesis.settings:
    return hypothesis.settings(
        max_examples=max_examples,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )


@contextmanager
def _nobody_elses_hooks() -> Iterator[None]:
    """Set aside the global hooks and auths of a project that uses schemathesis itself, in the same process, and leave its
    folder without Hypothesis's files."""
    hooks, auths = GLOBAL_HOOK_DISPATCHER._hooks, GLOBAL_AUTH_STORAGE.providers
    GLOBAL_HOOK_DISPATCHER.unregister_all()
    GLOBAL_AUTH_STORAGE.providers = []
    home = hypothesis.configuration.storage_directory(intent_to_write=False).path
    try:
        with TemporaryDirectory(prefix="channel-images-") as folder:
            # Who names a folder for them wants them: Hypothesis's tables of Unicode take a second to make.
            if "HYPOTHESIS_STORAGE_DIRECTORY" not in os.environ:
                hypothesis.configuration.set_hypothesis_home_dir(folder)
            yield
    finally:
        hypothesis.configuration.set_hypothesis_home_dir(home)
        GLOBAL_HOOK_DISPATCHER._hooks, GLOBAL_AUTH_STORAGE.providers = hooks, auths
