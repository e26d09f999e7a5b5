"""``channel-images check`` and ``spec`` as a user runs them, with their output and exit codes."""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from attrs import evolve
from tests.cli.conftest import COMMAND, Run, environment_for, invoke

from channel_images import conformance
from channel_images.cli.bounds import Bounds
from channel_images.cli.check import _judged
from channel_images.conformance import Options
from channel_images.contract import contract_text, load_contract
from channel_images.mock import MockServer

CONTRACT = contract_text()


def settings(environment: Mapping[str, str]) -> dict[str, str]:
    return environment_for(None, {"NO_COLOR": "1", "COLUMNS": "200", **environment})


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in this process, as if in a pipe."""
    return subprocess.CompletedProcess(arguments, *invoke(arguments, settings(environment)))


def spawn(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return subprocess.run(
        [*COMMAND, *arguments], env=settings(environment), capture_output=True, text=True, check=False
    )


def test_a_server_that_conforms(healthy_mock: MockServer, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    # Without schemathesis, whose seconds `make verify` takes for the same.
    skipped = ("--skip", "schema.response", "--skip", "schema.identifiable", "--skip", "schema.no-server-error")
    arguments = (healthy_mock.url, "--channel", "5", "--channel", "6", "--report", str(folder), *skipped)
    done = spawn("check", *arguments, CHANNEL_IMAGES_TOKEN=healthy_mock.token)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "conforms" in done.stdout.splitlines()[-1]
    report = json.loads((folder / "report.json").read_text())
    assert (report["verdict"], report["url"], report["channels"]) == ("conforms", healthy_mock.url, [5, 6])
    assert {"rule", "family", "operation", "severity", "verdict", "reason", "evidence"} <= report["results"][0].keys()
    assert (folder / "junit.xml").exists()
    assert "The server conforms" in (folder / "index.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--channel", "5", "--token", "wrong"], {}, "the token was refused"),
        (["--channel", "99", "--token", "mock-token"], {}, "all 7 operations answer 404"),
        (["--channel", "5"], {}, "no token was given (--token, CHANNEL_IMAGES_TOKEN)"),
        (["--channel", "5", "--token", "two words"], {}, "the token holds a space"),
        (["--channel", "5", "--token", "x", "--header", "nonsense"], {}, "--header takes NAME:VALUE"),
        ([], {"CHANNEL_IMAGES_TOKEN": "x"}, "--channel"),
        (["--channel", "five"], {}, "--channel takes a whole number of 0 or more, not 'five'"),
        (
            [],
            {"CHANNEL_IMAGES_CHANNEL": "five"},
            "CHANNEL_IMAGES_CHANNEL takes a whole number of 0 or more, not 'five'",
        ),
        (["--channel", "5", "--token", "x", "--waivers-update"], {}, "--waivers-update writes the file of --waivers"),
        (["--channel", "5", "--token", "x", "--waivers", "none.yaml"], {}, "none.yaml: cannot be read: No such file"),
        (["--channel", "5", "--token", "x", "--expect", "none.yaml"], {}, "none.yaml: cannot be read: No such file"),
        (["--channel", "5", "--token", "x", "--baseline", "none.json"], {}, "none.json: cannot be read: No such file"),
        (["--channel", "5", "--token", "x", "--fail-on", "new"], {}, "give --baseline REPORT or --against URL"),
        (["--channel", "5", "--token", "x", "--baseline", "a", "--against", "http://b"], {}, "give one of them"),
        (["--channel", "5", "--token", "x", "--against", "b"], {}, "--against: 'b' is not the URL of a server"),
        (["--channel", "5", "--token", "x", "--require", "pagign"], {}, "no family pagign; did you mean paging?"),
        (
            ["--channel", "5", "--token", "x", "--require", "paging", "--rule", "auth.required"],
            {},
            "--require paging: --rule and --skip leave none of its rules",
        ),
    ],
)
def test_what_cannot_be_judged_is_one_line_and_exit_2(
    healthy_mock: MockServer, arguments: list[str], environment: dict[str, str], words: str
) -> None:
    done = run("check", healthy_mock.url, *arguments, **environment)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        ("openapi: [\n", "line 2 is not YAML: "),
        ("- 1\n", "is not an OpenAPI document of this kind: "),
        ("info: {title: A, version: 1.0}\n", "its info has a title and a version, both texts"),
        ("info: {title: A, version: '1'}\n", "one schema has x-resource, the rows that the lists hold: none"),
        (CONTRACT.replace("key: pk", "key: id"), "x-resource has the key 'id', which must be a field of type integer"),
        (
            CONTRACT.replace("schemas/ProductImageStatus'", "schemas/Nothing'"),
            "'/components/schemas/Nothing' does not exist",
        ),
        (
            CONTRACT.replace("past the end holds no rows, or is 404.\n      schema:", "past the end.\n      x-schema:"),
            "it lacks 'schema'",
        ),
    ],
)
def test_a_contract_that_is_none_is_one_line_and_exit_2(
    fork: Run, tmp_path: Path, text: str | None, words: str
) -> None:
    file = tmp_path / "contract.yaml"
    if text is not None:
        file.write_text(text)
    done = fork("check", "http://127.0.0.1:9", "--channel", "5", "--token", "x", "--contract", str(file))
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1, done.err
    assert done.err.startswith(f"channel-images: {file}")
    assert words in done.err


def test_the_report_names_the_contract(healthy_mock: MockServer, tmp_path: Path) -> None:
    other = tmp_path / "contract.yaml"
    other.write_text(CONTRACT.replace("title: Sales Channel Product Images", "title: Pictures"))
    arguments = ("--channel", "5", "--quick", "--rule", "paging.count", "--report", str(tmp_path / "report"))
    done = spawn(
        "check", healthy_mock.url, *arguments, "--contract", str(other), CHANNEL_IMAGES_TOKEN=healthy_mock.token
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    version = load_contract()["info"]["version"]
    assert report["contract"] == f"Pictures {version}"
    assert f"--contract={other}" in report["command"]
    assert f"<dt>Contract</dt><dd>Pictures {version}</dd>" in (tmp_path / "report" / "index.html").read_text()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:8000", "must begin with http:// or https://"),
        ("http://", "must begin with http:// or https://"),
        ("http://user:secret@host", "holds a password"),
        ("http://[bad", "is not a URL"),
    ],
)
def test_a_bad_url_is_refused_and_shows_no_password(url: str, words: str) -> None:
    done = run("check", url, "--channel", "5", "--token", "x")
    assert done.returncode == 2
    assert words in done.stderr
    assert "secret" not in done.stderr


# Signing in

PASSWORD = "sesame-7"


@pytest.fixture(scope="module")
def own_mock() -> Iterator[MockServer]:
    """A mock server whose requests are looked at."""
    with MockServer(images=30) as server:
        yield server


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--username", "mock", "--password", "mock"], {}),
        (["--username", "mock"], {"CHANNEL_IMAGES_PASSWORD": "mock"}),
        ([], {"CHANNEL_IMAGES_USERNAME": "mock", "CHANNEL_IMAGES_PASSWORD": "mock"}),
        ([], {"OMNITRON_USERNAME": "mock", "OMNITRON_PASSWORD": "mock"}),
        (["--username", "mock", "--password", "mock"], {"CHANNEL_IMAGES_TOKEN": "stale"}),
    ],
)
def test_a_sign_in_gives_the_token(own_mock: MockServer, arguments: list[str], environment: dict[str, str]) -> None:
    done = run("check", own_mock.url, "--channel", "5", "--rule", "paging.defaults", *arguments, **environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--token", "mock-token"], {"CHANNEL_IMAGES_USERNAME": "mock", "CHANNEL_IMAGES_PASSWORD": PASSWORD}),
        ([], {"CHANNEL_IMAGES_TOKEN": "mock-token", "OMNITRON_USERNAME": "mock"}),
    ],
)
def test_a_token_wins_over_a_sign_in(own_mock: MockServer, arguments: list[str], environment: dict[str, str]) -> None:
    own_mock.reset()
    done = run("check", own_mock.url, "--channel", "5", "--rule", "paging.defaults", *arguments, **environment)
    assert done.returncode == 0, done.stderr
    assert not [request for request in own_mock.requests if "login" in request.path]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--token", "x", "--username", "mock", "--password", PASSWORD], "contradict each other"),
        (["--token", "x", "--password", PASSWORD], "contradict each other"),
        (["--username", "mock"], "a user name alone does not sign in"),
        (["--password", PASSWORD], "a password alone does not sign in"),
        (["--username", "mock", "--password", PASSWORD], "cannot sign in: the server refuses the user name"),
    ],
)
def test_a_sign_in_that_cannot_be_is_one_line(own_mock: MockServer, arguments: list[str], words: str) -> None:
    done = run("check", own_mock.url, "--channel", "5", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert PASSWORD not in done.stdout + done.stderr


def test_no_secret_is_in_what_a_run_writes(tmp_path: Path) -> None:
    with MockServer(images=30, token="a-token-to-be-hidden") as server:
        arguments = ("--username", "mock", "--password", "mock", "--quick", "--report", str(tmp_path))
        done = run("check", server.url, "--channel", "5", *arguments)
    assert done.returncode == 0, done.stderr
    written = done.stdout + done.stderr + "".join(file.read_text() for file in tmp_path.iterdir())
    assert server.token not in written
    assert "--password" not in written


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--other-token", "mock-other"], {}),
        ([], {"CHANNEL_IMAGES_OTHER_TOKEN": "mock-other"}),
        (["--other-username", "mock-other"], {"CHANNEL_IMAGES_OTHER_PASSWORD": "mock-other"}),
    ],
)
def test_another_user_is_not_to_see_the_channel(
    arguments: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    with MockServer(images=30, bugs=["other-user-lists"]) as server:
        only = ("--rule", "isolation.token.lists", "--report", str(tmp_path))
        given = {"CHANNEL_IMAGES_TOKEN": server.token, **environment}
        done = run("check", server.url, "--channel", "5", *only, *arguments, **given)
    assert done.returncode == 1, done.stderr
    assert "$OTHER_TOKEN" in done.stdout
    assert "mock-other" not in done.stdout + "".join(file.read_text() for file in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--other-token", "mock-token"], "the other user's token is that of the first one"),
        (["--other-token", "a b"], "the token of the other user holds a space"),
        (["--other-username", "mock-other"], "give --other-username and set CHANNEL_IMAGES_OTHER_PASSWORD"),
        (["--other-password", PASSWORD], "give --other-username and set CHANNEL_IMAGES_OTHER_PASSWORD"),
        (["--other-username", "x", "--other-password", PASSWORD], "refuses the user name or the password"),
    ],
)
def test_another_user_that_cannot_be_is_one_line(own_mock: MockServer, arguments: list[str], words: str) -> None:
    done = run("check", own_mock.url, "--channel", "5", *arguments, CHANNEL_IMAGES_TOKEN="mock-token")
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert PASSWORD not in done.stdout + done.stderr


def test_how_long_answers_take_is_judged_where_that_is_asked_for(own_mock: MockServer) -> None:
    arguments = ("--rule", "protocol.response-time", "--max-response-time", "0")
    done = run("check", own_mock.url, "--channel", "5", *arguments, CHANNEL_IMAGES_TOKEN=own_mock.token)
    assert done.returncode == 1, done.stderr
    assert "expected: 95 of 100 answers within 0 s" in done.stdout


def test_the_time_of_a_run_is_bounded(own_mock: MockServer) -> None:
    bounds = ("--max-seconds", "0.001", "--concurrency", "2")
    done = run("check", own_mock.url, "--channel", "5", *bounds, CHANNEL_IMAGES_TOKEN=own_mock.token)
    assert done.returncode == 2
    assert "the time of --max-seconds is over" in done.stderr
    assert Bounds().options(own_mock.url)["at_once"] == Options().at_once


# Waivers, known answers, severities, formats


@pytest.fixture(scope="module")
def miscounting() -> Iterator[MockServer]:
    with MockServer(images=60, bugs=["count-one-short"]) as server:
        yield server


def test_waivers_are_written_hold_expire_and_are_missed(
    miscounting: MockServer, healthy_mock: MockServer, tmp_path: Path
) -> None:
    file, folder = tmp_path / "waivers.yaml", tmp_path / "report"
    shared = ("--channel", "5", "--token", miscounting.token, "--rule", "paging.count", "--waivers", str(file))

    done = run("check", miscounting.url, *shared, "--waivers-update", "--report", str(folder))
    assert done.returncode == 0, done.stderr
    assert "2 waivers, 2 of them new, 0 dropped" in done.stderr
    results = json.loads((folder / "report.json").read_text())["results"]
    assert {each["verdict"] for each in results} == {"waived"}
    assert all(each["evidence"]["requests"] for each in results)

    written = file.read_text().replace("written by --waivers-update", "ticket 7, first seen")
    file.write_text(written)
    assert run("check", miscounting.url, *shared).returncode == 0
    assert run("check", miscounting.url, *shared, "--waivers-update").returncode == 0
    assert file.read_text() == written

    expired = [line if "expires" not in line else "  expires: 2020-01-31" for line in written.splitlines()]
    file.write_text("\n".join(expired))
    done = run("check", miscounting.url, *shared)
    assert done.returncode == 1
    assert (
        "the waiver of paging.count · listProductImages · count is not the number of rows expired on 2020-01-31"
        in done.stderr
    )
    assert "its waiver expired on 2020-01-31: ticket 7" in done.stdout
    assert run("check", miscounting.url, *shared, "--waivers-update").returncode == 1
    assert file.read_text() == "\n".join(expired)

    done = run("check", healthy_mock.url, *shared)
    assert done.returncode == 0
    assert "the waiver of paging.count · listProductImages · count is not the number of rows is unused" in done.stderr
    done = run("check", healthy_mock.url, *shared, "--waivers-update")
    assert "0 waivers, 0 of them new, 2 dropped" in done.stderr
    assert file.read_text().endswith("[]\n")


def test_a_run_that_judges_nothing_leaves_the_waivers_as_they_are(healthy_mock: MockServer, tmp_path: Path) -> None:
    file = tmp_path / "waivers.yaml"
    file.write_text("- {rule: paging.count, relation: miscounted, reason: known, expires: 2999-01-31}\n")
    before = file.read_text()
    arguments = ("--channel", "5", "--token", "wrong", "--waivers", str(file), "--waivers-update")
    done = run("check", healthy_mock.url, *arguments)
    assert done.returncode == 2
    assert "waivers.yaml is as it was" in done.stderr
    assert file.read_text() == before


@pytest.mark.parametrize("option", ["--waivers", "--expect"])
def test_a_bad_file_is_refused_with_its_line(own_mock: MockServer, tmp_path: Path, option: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("# a comment\nnonsense: 1\n")
    own_mock.reset()
    done = run("check", own_mock.url, "--channel", "5", "--token", own_mock.token, option, str(file))
    assert done.returncode == 2
    assert done.stderr.startswith(f"channel-images: {file}, line 2: ")
    assert len(done.stderr.splitlines()) == 1
    assert not own_mock.requests


def test_a_known_answer_that_the_server_contradicts(tmp_path: Path) -> None:
    file = tmp_path / "expect.yaml"
    with MockServer(images=30) as server:
        image = server.add(5, is_seller_product=True)
        shared = ("--channel", "5", "--token", server.token, "--rule", "filter.partition", "--expect", str(file))
        file.write_text(f"products: [{{product: {image['product']}, is_seller_product: true}}]")
        assert run("check", server.url, *shared).returncode == 0
        file.write_text(f"products: [{{product: {image['product']}, is_seller_product: false}}]")
        done = run("check", server.url, *shared)
    assert done.returncode == 1
    assert "is_seller_product contradicts --expect" in done.stdout


def test_a_warning_counts_when_it_is_asked_to() -> None:
    with MockServer(images=30, variants=["enveloped-pending"]) as server:
        shared = ("--channel", "5", "--token", server.token, "--quick", "--rule", "schema.response")
        done = run("check", server.url, *shared)
        assert (done.returncode, "warning" in done.stdout) == (0, True), done.stdout + done.stderr
        assert run("check", server.url, *shared, "--fail-on", "warning").returncode == 1
        assert run("check", server.url, *shared, "--fail-on", "nothing").returncode == 2


def test_annotations_for_github(miscounting: MockServer) -> None:
    arguments = ("--channel", "5", "--token", miscounting.token, "--rule", "paging.count", "--format", "github")
    done = run("check", miscounting.url, *arguments)
    assert done.returncode == 1
    assert done.stdout.startswith("::error title=paging.count (listProductImages)::")
    assert all(line.startswith("::") for line in done.stdout.splitlines())


# What is required, and what has changed


def test_what_is_required_and_was_not_exercised_is_named_with_exit_1(healthy_mock: MockServer) -> None:
    shared = ("check", healthy_mock.url, "--channel", "5", "--token", healthy_mock.token, "--quick")
    rules = ("--rule", "paging.count", "--rule", "isolation.retrieve")
    done = run(*shared, *rules, "--require", "paging")
    assert done.returncode == 0, done.stdout
    assert "2 of 4 results exercised · not exercised at all: isolation" in done.stdout.splitlines()[-1]
    done = run(*shared, *rules, "--require", "all")
    assert done.returncode == 1
    assert (
        "○ isolation.retrieve · not exercised, and --require asks for it · needs a second --channel · " in done.stdout
    )
    assert "was not exercised in full" in done.stdout.splitlines()[-1]


def test_a_run_is_compared_with_an_earlier_one(
    miscounting: MockServer, healthy_mock: MockServer, tmp_path: Path
) -> None:
    report = str(tmp_path / "report.json")
    shared = ("--channel", "5", "--token", miscounting.token, "--rule", "paging.count")
    assert run("check", miscounting.url, *shared, "--report", str(tmp_path)).returncode == 1

    done = run("check", miscounting.url, *shared, "--baseline", report)
    assert (done.returncode, done.stdout.splitlines()[0].partition(": ")[2]) == (1, "0 new, 0 fixed, 2 unchanged")
    done = run("check", miscounting.url, *shared, "--baseline", report, "--fail-on", "new")
    assert done.returncode == 0
    assert "conforms, with 2 violations that the baseline has too" in done.stdout.splitlines()[-1]

    folder = tmp_path / "new"
    done = run("check", healthy_mock.url, *shared, "--baseline", report, "--report", str(folder))
    assert (done.returncode, done.stdout.splitlines()[0].partition(": ")[2]) == (0, "0 new, 2 fixed, 0 unchanged")
    done = run("check", miscounting.url, *shared, "--baseline", str(folder / "report.json"), "--fail-on", "new")
    assert (done.returncode, done.stdout.splitlines()[0].partition(": ")[2]) == (1, "2 new, 0 fixed, 0 unchanged")


def test_a_run_is_compared_with_one_on_another_server(miscounting: MockServer, tmp_path: Path) -> None:
    with MockServer(images=60, token="another-token") as other:
        shared = ("--channel", "5", "--token", miscounting.token, "--rule", "paging.count", "--against", other.url)
        done = run("check", miscounting.url, *shared)
        assert done.returncode == 2
        assert "the server of --against could not be judged: all 7 operations answer 401" in done.stderr

        own = {"CHANNEL_IMAGES_AGAINST_TOKEN": other.token}
        done = run("check", miscounting.url, *shared, "--fail-on", "new", "--report", str(tmp_path), **own)
        url = other.url
    assert done.returncode == 1
    assert done.stdout.startswith(f"compared with {url} of ")
    assert done.stdout.splitlines()[0].endswith(": 2 new, 0 fixed, 0 unchanged")
    assert "… against: paging (1 of 1)" in done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["change"]["latency"]["listProductImages"]["before"]["count"] > 0
    assert f"--against={url}" in report["command"]
    written = done.stdout + done.stderr + "".join(file.read_text() for file in tmp_path.iterdir())
    assert other.token not in written


def test_both_servers_are_signed_in_to_where_a_password_is_given(own_mock: MockServer) -> None:
    with MockServer(images=30) as other:
        other.reset()
        arguments = ("--username", "mock", "--password", "mock", "--rule", "paging.defaults", "--against", other.url)
        done = run("check", own_mock.url, "--channel", "5", *arguments)
        assert done.returncode == 0, done.stderr
        assert [request for request in other.requests if "login" in request.path]


# Progress, and its end


def test_steps_are_lines_where_there_is_no_terminal_and_symbols_survive_any_encoding(healthy_mock: MockServer) -> None:
    arguments = ("--channel", "5", "--token", healthy_mock.token, "--rule", "paging.count")
    done = spawn("check", healthy_mock.url, *arguments, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "? paging (1 of 1)" in done.stderr.splitlines()


def test_steps_replace_each_other_in_a_terminal(healthy_mock: MockServer) -> None:
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "channel_images.cli", "check", healthy_mock.url, "--channel", "5", "--quick"],
        env={**os.environ, "CHANNEL_IMAGES_TOKEN": healthy_mock.token, "TERM": "xterm"},
        stdout=subprocess.DEVNULL,
        stderr=end,
    ) as process:
        os.close(end)
        shown = b""
        while select.select([terminal], [], [], 30)[0]:
            try:
                shown += os.read(terminal, 4096)
            except OSError:  # Linux says so when the other end is closed
                break
    os.close(terminal)
    assert process.returncode == 0
    assert b"\x1b[" in shown
    assert shown.count(b"\n") == 1  # the one that it ends with, and takes back


def test_ctrl_c_in_code_given_as_a_string_ends_it_with_130_too(tmp_path: Path) -> None:
    """Importing makes named tuples that way: CPython then ends `python -m` by SIGINT, whatever the exit code."""
    (tmp_path / "interrupted.py").write_text(
        "from channel_images import cli\n"
        "from channel_images.cli import app\n"
        "app.app = lambda **_: exec('raise KeyboardInterrupt')\n"
        "cli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "interrupted"], check=False, env={**os.environ, "PYTHONPATH": str(tmp_path)}
    )
    assert done.returncode == 130


@pytest.mark.parametrize(
    ("step", "options"),
    [
        # Slow, so that the signal finds it at work; schemathesis takes its seconds anyway.
        ("first answers", ["--rate", "5"]),
        ("paging", ["--rate", "20", "--rule", "paging.partition"]),
        ("schemathesis", ["--rule", "schema.response"]),
    ],
)
def test_ctrl_c_ends_it_with_130(healthy_mock: MockServer, tmp_path: Path, step: str, options: list[str]) -> None:
    arguments = ["check", healthy_mock.url, "--channel", "5", "--report", str(tmp_path), *options]
    with subprocess.Popen(
        [sys.executable, "-m", "channel_images.cli", *arguments],
        env={**os.environ, "CHANNEL_IMAGES_TOKEN": healthy_mock.token, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        assert process.stdout
        for line in process.stderr:
            if step in line:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read() + process.stdout.read()
    assert process.returncode == 130, rest
    assert "channel-images: interrupted" in rest
    assert "Traceback" not in rest
    if step == "schemathesis":
        report = json.loads((tmp_path / "report.json").read_text())
        assert (report["verdict"], bool(report["results"])) == ("not judged", True)
        assert "interrupted" in report["not_judged"]


def test_an_error_that_ctrl_c_led_to_is_no_reason_of_its_own(
    healthy_mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Schemathesis makes errors of a Ctrl-C that comes at some moments."""
    target = conformance.Target(url=healthy_mock.url, channel=5, token=healthy_mock.token)
    found = conformance.check(target, conformance.Options(quick=True, rules=frozenset({"paging.count"})))

    def swallowing(*_: object, **__: object) -> conformance.Report:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return evolve(found, not_judged="schemathesis could not run: AssertionError: ")

    monkeypatch.setattr(conformance, "check", swallowing)
    outcome, was_interrupted = _judged(target, conformance.Options())
    assert was_interrupted
    assert outcome.not_judged.startswith("interrupted by Ctrl-C")


# The rest


def test_url_token_and_channel_come_from_the_environment(healthy_mock: MockServer) -> None:
    settings = {
        "OMNITRON_URL": healthy_mock.url,
        "OMNITRON_CHANNEL_ID": "5",
        "CHANNEL_IMAGES_TOKEN": healthy_mock.token,
    }
    done = run("check", "--rule", "paging.count", **settings)
    assert done.returncode == 0, done.stderr


def test_the_contract_is_printed_as_it_is_written() -> None:
    done = spawn("spec")
    assert (done.returncode, done.stdout) == (0, Path("openapi.yaml").read_text(encoding="utf-8"))


def test_the_version() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("channel-images ")
