"""What it takes to begin: to import the client, and to see the help of a command. CPU time of a whole Python process.

`python -c pass` is in every other figure.
"""

import functools
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import Measurement, in_turns, process, stock

ROUNDS = 9
IMPORTS = {
    "ours": "from channel_images import ChannelImages",
    "omnisdk": "from omnisdk.omnitron.client import OmnitronApiClient; from omnisdk.omnitron.endpoints import ChannelProductImageEndpoint",
    "stock": "from stock_api import AuthenticatedClient; from stock_api.api.sales_channel_product_image import list_product_images",
    "python -c pass": "pass",
}
COMMANDS = ("channel-images", "openapi-python-client", "schemathesis")


def measure() -> Iterator[Measurement]:
    scripts = Path(sysconfig.get_path("scripts"))
    imports = {name: functools.partial(taken, sys.executable, "-c", line) for name, line in IMPORTS.items()}
    yield Measurement("import.client", "Import of the client", "ms", in_turns(imports, ROUNDS))
    helps = {
        "ours" if name == "channel-images" else name: functools.partial(taken, scripts / name, "--help")
        for name in COMMANDS
    }
    yield Measurement("import.help", "A command's `--help`", "ms", in_turns(helps, ROUNDS))


def taken(*command: str | Path) -> float:
    """Milliseconds of CPU."""
    return process(*command, environment={"PYTHONPATH": stock()}).cpu * 1000
