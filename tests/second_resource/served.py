"""Says how the mock serves the second contract, in a process of its own.

    python -m tests.second_resource.served

prints, as JSON, the bugs, and which answers of the variants the contract refuses.
"""

import json
import sys
from functools import cache as kept
from pathlib import Path

from channel_images.contract import standalone, use_contract

CONTRACT = Path(__file__).parent / "openapi.yaml"
use_contract(CONTRACT)

import jsonschema_rs  # noqa: E402 - the contract comes first
from tests.mock import battery  # noqa: E402

from channel_images.contract import load_contract, resolve  # noqa: E402
from channel_images.mock import MockServer, variants  # noqa: E402
from channel_images.mock.behaviour import Behaviour  # noqa: E402
from channel_images.mock.bugs import BUGS, cache  # noqa: E402
from channel_images.mock.data.dataset import Dataset  # noqa: E402
from channel_images.mock.variants import VARIANTS  # noqa: E402

ROWS = [Dataset(0, 5, 120).row(index) for index in (0, 1)]
FOREIGN = 100_000_001
"""A stock of channel 6; its product is 122 further on."""

battery.QUERIES = {
    "filter": (
        *(
            "product=123",
            "product=126",
            "product=136",
            "pk__in=9,1,3,4",
            "pk__in=1,2,3",
            "unit_type=qty",
            "unit_type=kg",
        ),
        *(f"stock={row['stock']}" for row in ROWS),
        *(f"stock_list={row['stock_list']}" for row in ROWS),
        *("product=126&pk__in=1,2,3,4,5,6,7,9,10,11,12,13,14,15", "unit_type=qty&pk__in=1,2,3,4,5,6,7"),
        f"unit_type=kg&stock_list={ROWS[0]['stock_list']}",
        *(f"pk__in={','.join(map(str, range(1, 138)))}", "pk__in=1,%203"),
    ),
    "unknown value": (
        *("product=0", "product=999999", "pk__in=999999", "pk__in=1,999999", "unit_type=pcs", "stock=987654.25"),
        *(f"pk__in=1,{FOREIGN}", f"product={FOREIGN + 122}", f"pk__in={2**32 + 1}", f"product={2**32 + 123}"),
    ),
    "bad filter": (
        *(
            "product=abc",
            "product=",
            "product=1.9",
            "product=1%00",
            "pk__in=abc",
            "pk__in=1,abc",
            "pk__in=1,,3",
            "pk__in=",
        ),
        *("stock=abc", "stock=1e999", "stock_list=7abc", "product=123abc", "pk__in=1,3abc"),
    ),
}


def refused(behaviour: type[Behaviour]) -> list[str]:
    """The requests to which the answer with 200 is none of the contract's."""
    return [
        asked.target
        for asked, answer in battery.ask(behaviour)
        if (asked.method, answer.status) == ("GET", 200) and "content-encoding" not in answer.headers
        if not VALIDATORS[asked.operation.id].is_valid(json.loads(answer.body))
    ]


def _validator(operation: str) -> jsonschema_rs.Validator:
    nodes = (item["get"] for item in load_contract()["paths"].values())
    node = next(each for each in nodes if each["operationId"] == operation)
    schema = resolve(node["responses"]["200"])["content"]["application/json"]["schema"]
    return jsonschema_rs.validator_for(standalone(schema), validate_formats=True)


VALIDATORS = {operation: _validator(operation) for operation in battery.LETTERS}


def main() -> None:
    """Print all of it."""
    _keep_rows()
    cache.clock = lambda: 0.0
    variants.DELAY = 0
    for name in VARIANTS:
        MockServer(variants=[name])
    MockServer(bugs=[*BUGS])
    found = {
        "bugs": {name: [each.rule, each.summary] for name, each in BUGS.items()},
        "variants": {name: refused(each.behaviour) for name, each in VARIANTS.items()},
        "strict": refused(Behaviour),
    }
    sys.stdout.write(json.dumps(found))


def _keep_rows() -> None:
    """Make each row once: they are pure functions, and each of the hundreds of stores looks at all of them."""
    make = Dataset.row
    row = kept(lambda channel, index: make(Dataset(battery.SETTINGS.seed, channel, 120), index))
    Dataset.row = lambda dataset, index: {**row(dataset.channel, index)}  # type: ignore[assignment, method-assign] # for speed alone


if __name__ == "__main__":
    main()
