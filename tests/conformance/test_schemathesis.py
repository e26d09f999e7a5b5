"""schemathesis through pytest: the mock answers whatever the contract allows, and what it doesn't, as documented."""

from copy import deepcopy
from typing import Any

import schemathesis
from hypothesis import settings
from schemathesis.config import SchemathesisConfig

from channel_images.contract import load_contract
from channel_images.mock import MockServer

CONFIG = {
    "parameters": {"path.channel_id": 5},
    # The two that accuse healthy servers (docs/rules.md); the mock is as strict as the contract all the same.
    "checks": {"negative_data_rejection": {"enabled": False}, "positive_data_acceptance": {"enabled": False}},
}


schema = schemathesis.openapi.from_dict(
    deepcopy(dict(load_contract())), config=SchemathesisConfig.from_dict({**CONFIG, "base-url": "http://127.0.0.1"})
)


# The same requests each time: a few of schemathesis's headers, such as a `content-length` that is no number, are no HTTP, and
# what refuses them is not the mock.
@schema.parametrize()
@settings(max_examples=15, deadline=None, derandomize=True)
def test_every_operation_answers_as_documented(case: Any, healthy_mock: MockServer) -> None:
    case.call_and_validate(base_url=healthy_mock.url, headers={"Authorization": f"Token {healthy_mock.token}"})
