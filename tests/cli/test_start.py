"""How the command line starts: what help imports, what help says, what shells complete."""

import inspect
import json
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.cli.conftest import Run
from typer.testing import CliRunner

import channel_images
from channel_images.cli import count, export, image, images, pending, table
from channel_images.cli.app import _MODULES, COMMANDS, app
from channel_images.cli.connection import Connection
from channel_images.cli.filters import Filters
from channel_images.cli.listing import Paging
from channel_images.cli.options import options_of
from channel_images.client.channel import DEFAULT_PAGE_SIZE
from channel_images.contract import load_contract
from channel_images.formats.columns import columns

HEAVY = {
    *("attr", "attrs", "email", "httpx", "importlib.metadata", "jinja2", "jsonschema_rs", "msgspec"),
    *("pyarrow", "pytest", "rich", "schemathesis", "ssl", "starlette", "uvicorn", "yaml"),
    *("channel_images.client.client", "channel_images.settings", "channel_images.export", "channel_images.mock"),
    *(
        "channel_images.conformance",
        "channel_images_api.client",
        "channel_images_api.models",
        "channel_images_api.types",
    ),
}
PROGRAM = """
import json, sys
sys.argv = ["channel-images", *sys.argv[1:]]
from channel_images.cli import main
try:
    main()
except SystemExit:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def imported(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True, timeout=30
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_imports_nothing_heavy() -> None:
    loaded = imported("--help")
    assert not loaded & HEAVY
    assert {module for module in loaded if module.startswith("channel_images")} == {
        *("channel_images", "channel_images.cli", "channel_images.cli.app", "channel_images.cli.errors"),
        *("channel_images.cli.words", "channel_images.exceptions"),
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_a_commands_help_imports_what_declares_options_and_no_more(command: str) -> None:
    assert not imported(command, "--help") & HEAVY - {"attr", "attrs", "channel_images.settings"}


def test_schemathesis_is_imported_when_it_is_used_and_missed_before(tmp_path: Path) -> None:
    arguments = ["check", "http://127.0.0.1:9", "--channel", "5", "--token", "x", "--report", str(tmp_path)]
    loaded = imported(*arguments)
    assert "channel_images.conformance.report.html" in loaded
    assert not loaded & {"schemathesis", "hypothesis"}
    program = f"import sys; sys.modules['schemathesis'] = None\n{PROGRAM}"
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[0] == (
        "channel-images: this command needs schemathesis: pip install 'channel-images[conformance]'"
    )


def test_the_list_of_commands_fits_a_terminal() -> None:
    shown = CliRunner().invoke(app, ["--help"]).stdout
    for command, summary in COMMANDS.items():
        assert f"  {command:8} {summary}\n" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_on_one_line(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert [line for line in done.stdout.splitlines() if line.startswith(f"  Example: channel-images {command}")]
    assert "\x1b" not in done.stdout


def test_without_arguments_it_shows_its_help_as_bad_use(run: Run) -> None:
    done = run()
    assert (done.code, done.out) == (2, "")
    assert "Commands:" in done.err
    assert "Example: channel-images images 5" in done.err


def test_version(run: Run) -> None:
    done = run("--version")
    assert (done.code, done.err) == (0, "")
    assert done.out == f"channel-images {channel_images.__version__}\n"
    assert channel_images.__version__ == version("channel-images")


def test_the_package_is_the_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "channel_images", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"channel-images {channel_images.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_no_types(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"], terminal_width=300).stdout
    assert not re.search(r"<(str|int|float|file|directory|path)|range>|INTEGER|FLOAT|[xX][<>]=|None", shown)


# Completion


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["im"], {"images", "image"}),
        (["images", "5", "--product"], {"--product", "--product-pk-in", "--product-type"}),
        (["images", "5", "--format", ""], {"table", "ndjson", "csv", "json"}),
        (["images", "5", "--product-type", "simple,o"], {"simple,offer"}),
        (["pending", "5", "--fields", "pk,w"], {"pk,width"}),
        (["check", "http://host", "--fail-on", ""], {"error", "warning", "new"}),
    ],
)
def test_bash_completes(spawn: Run, words: list[str], expected: set[str]) -> None:
    done = spawn(
        _CHANNEL_IMAGES_COMPLETE="complete_bash",
        COMP_WORDS=" ".join(["channel-images", *words]),
        COMP_CWORD=str(len(words)),
    )
    assert set(done.out.split()) == expected, done.err


def test_the_script_for_the_shell_is_shown(spawn: Run) -> None:
    done = spawn(_CHANNEL_IMAGES_COMPLETE="source_bash")
    assert "complete -o default -F _channel_images_completion channel-images" in done.out


# What is said twice


def test_the_default_limit_is_the_clients() -> None:
    assert Paging().page_size == DEFAULT_PAGE_SIZE


def test_the_wanted_fields_are_the_contracts() -> None:
    assert set(table._WANTED) <= {column.name for column in columns()}


def test_the_filters_are_the_contracts() -> None:
    operation = load_contract()["paths"]["/api/v1/channel/{channel_id}/product_images/"]["get"]
    names = {parameter["name"] for parameter in map(_resolved, operation["parameters"]) if parameter["in"] == "query"}
    ours = {name.replace("__", "_") for name in names - {"page", "limit"}}
    assert ours == {option.name for option in options_of(Filters)}


def _resolved(node: Any) -> Any:
    if "$ref" not in node:
        return node
    found: Any = load_contract()
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


CONNECTION = (
    "url",
    "token",
    "username",
    "password",
    "header",
    "timeout",
    "ca_file",
    "proxy",
    "rate",
    "retries",
    "verbose",
)


def test_the_options_of_the_connection() -> None:
    assert tuple(option.name for option in options_of(Connection)) == CONNECTION


@pytest.mark.parametrize(
    ("command", "groups"),
    [
        (images.images, [Filters, Paging, Connection]),
        (pending.inserts, [Paging, Connection]),
        (pending.updates, [Paging, Connection]),
        (pending.pending, [Paging, Connection]),
        (image.image, [Connection]),
        (count.count, [Filters, Connection]),
        (export.export, [Filters, Connection]),
    ],
)
def test_commands_take_every_option_of_their_groups(command: Any, groups: list[type[Any]]) -> None:
    parameters = inspect.signature(command).parameters
    for option in (option for group in groups for option in options_of(group)):
        assert parameters[option.name] == option


def test_every_command_is_where_it_is_looked_for() -> None:
    for name in COMMANDS:
        command = getattr(import_module(f"channel_images.cli.{_MODULES.get(name, name)}"), name)
        assert callable(command)
    assert isinstance(app, typer.Typer)
