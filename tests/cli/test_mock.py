"""``channel-images mock`` as a user runs it, and its guide, docs/mock.md."""

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trustme
from tests.cli.conftest import Run, Terminal, invoke

from channel_images.mock import MockServer
from channel_images.mock.bugs import BUGS
from channel_images.mock.faults.kinds import CONDITIONS, KINDS
from channel_images.mock.settings import DEFAULT_TOKEN
from channel_images.mock.variants import VARIANTS

GUIDE = Path(__file__).parents[2] / "docs" / "mock.md"
COMMAND = [sys.executable, "-m", "channel_images.cli", "mock"]
ENVIRONMENT = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
LIST = "/api/v1/channel/5/product_images/"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in this process, as if in a pipe, where it is not to serve."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("channel_images.mock.server.Listening.serve_bound", lambda _: pytest.fail("it serves"))
        return subprocess.CompletedProcess(arguments, *invoke(["mock", *arguments], ENVIRONMENT))


class Running:
    """The command, running, and what it has printed: `docs` is the last line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.lines: dict[str, str] = {}
        while "docs" not in self.lines:
            line = process.stdout.readline()
            assert line, process.communicate()
            name, _, value = line.strip().partition(" ")
            self.lines[name] = value.strip()

    def get(self, path: str, token: str = DEFAULT_TOKEN) -> httpx.Response:
        return httpx.get(self.lines["URL"] + path, headers={"Authorization": f"Token {token}"})

    def sign_in(self, username: str, password: str) -> str | None:
        """The token that they get."""
        body = {"username": username, "password": password}
        token: str | None = httpx.post(self.lines["URL"] + "/api/v1/auth/login/", json=body).json().get("key")
        return token

    def end(self, number: int) -> tuple[int, str, str]:
        self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=30)
        return self.process.returncode, output, errors


@contextmanager
def running(*arguments: str) -> Iterator[Running]:
    options = [*COMMAND, "--port", "0", *arguments]
    with subprocess.Popen(
        options, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


def test_it_says_where_it_is_and_ends_quietly() -> None:
    with running() as mock:
        url = mock.lines["URL"]
        assert mock.lines == {
            "URL": url,
            "token": "mock-token",
            "sign-in": "mock / mock",
            "channels": "5 (1,000 images), 6 (23 images), 7 (0 images)",
            "other": "mock-other, a user who sees channel 8 (23 images)",
            "docs": f"{url}/",
        }
        assert "text/html" in mock.get("/").headers["content-type"]
        assert mock.get(LIST).json()["count"] == 1000
        assert mock.end(signal.SIGINT) == (130, "", "Ctrl-C ends it.\n")


def test_other_signals_end_it_too() -> None:
    with running() as mock:
        assert mock.end(signal.SIGTERM) == (-signal.SIGTERM, "", "Ctrl-C ends it.\n")


def test_a_request_that_waits_does_not_keep_it() -> None:
    with running("--fault", "latency:seconds=3600") as mock:
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(mock.lines["URL"] + LIST, timeout=0.1)
        assert mock.end(signal.SIGINT)[::2] == (130, "Ctrl-C ends it.\n")


def test_all_options() -> None:
    with running(
        *("--images", "30", "--seed", "3", "--token", "secret", "--trust-proxy"),
        *("--username", "me", "--password", "s3cret", "--other-token", "other", "--admin-token", "4dmin"),
        *("--variant", "limit-clamped", "--variant", "extra-fields", "--bug", "size-as-text"),
        *("--fault", "503:first=1", "--fault", "429:skip=1:first=1", "--churn-spec", "removes=3"),
    ) as mock:
        assert [mock.lines[name] for name in ("token", "sign-in", "admin")] == [
            "(as given)",
            "me / (as given)",
            "(as given)",
        ]
        assert mock.sign_in("me", "s3cret") == "secret"
        assert mock.get("/_mock/faults", "secret").status_code == 401
        assert mock.get("/_mock/faults", "4dmin").status_code == 200
        assert mock.lines["channels"].startswith("5 (30 images)")
        assert [mock.get(LIST, "secret").status_code for _ in range(2)] == [503, 429]
        page = mock.get(f"{LIST}?limit=100", "secret").json()
        assert (page["count"], len(page["results"])) == (27, 20)
        assert "alt_text" in page["results"][0]
        assert any(isinstance(row["height"], str) for row in page["results"])
        assert mock.get("/api/v1/channel/8/product_images/", "other").json()["count"] == 20
        assert list(mock.lines.items())[5:-1] == [
            ("other", "(as given), a user who sees channel 8 (23 images)"),
            ("variants", "limit-clamped, extra-fields"),
            ("bugs", "size-as-text"),
            ("faults", "503:first=1, 429:skip=1:first=1"),
            ("churn", "removes=3:seed=3"),
        ]


def test_channels_of_ones_own() -> None:
    with running("--channel", "9=12", "--channel", "6=0") as mock:
        assert mock.lines["channels"] == "9 (12 images), 6 (0 images)"
        assert mock.get("/api/v1/channel/9/product_images/").json()["count"] == 12
        assert mock.get(LIST).status_code == 404


def test_images_that_were_exported(tmp_path: Path) -> None:
    path = tmp_path / "images.ndjson.gz"
    with running() as mock:
        done = subprocess.run(
            [*COMMAND[:-1], "export", "5", "6", str(path)],
            env={**ENVIRONMENT, "CHANNEL_IMAGES_URL": mock.lines["URL"], "CHANNEL_IMAGES_TOKEN": DEFAULT_TOKEN},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        image = mock.get(f"{LIST}17/").json()
    with running("--data", str(path), "--channel", "9=1") as mock:
        assert mock.lines["channels"] == "9 (1 images), 5 (1,000 images), 6 (23 images)"
        assert mock.get(f"{LIST}17/").json() == image


def test_a_line_of_data_that_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "images.ndjson"
    path.write_text('{"pk": 1, "product": 2, "modified_date": "2026-05-01T10:00:00Z"}\n{"pk": "x"}\n')
    done = run("--port", "0", "--data", f"5={path}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        f"channel-images: {path}:2: product: This field is required.; modified_date: This field"
    )
    assert done.stderr.count("\n") == 1


def test_work_comes_by_itself() -> None:
    with running("--arrivals", "100/s", "--edits", "60/min") as mock:
        assert (mock.lines["arrivals"], mock.lines["edits"]) == ("100/s", "60/min")
        empty = "/api/v1/channel/7/product_images/inserts/"
        while not mock.get(empty).json():
            pass


def test_the_log_is_on_stderr() -> None:
    with running("--log", "--fault", "503:skip=1:first=1") as mock:
        mock.get(f"{LIST}?limit=2")
        mock.get(LIST)
        code, output, errors = mock.end(signal.SIGINT)
    assert (code, output) == (130, "")
    announced, first, second = errors.splitlines()
    assert announced == "Ctrl-C ends it."
    time = r"[0-9:]{8}\.[0-9]{3}"
    assert re.fullmatch(rf"{time} GET {re.escape(LIST)}\?limit=2 200 [0-9]+ ms 2 rows", first)
    assert re.fullmatch(rf"{time} GET {LIST} 503 [0-9]+ ms [0-9]+ bytes \[503:skip=1:first=1\]", second)


def test_a_log_that_nobody_reads_ends_nothing() -> None:
    with running("--log") as mock:
        assert mock.process.stderr is not None
        assert mock.process.stderr.readline() == "Ctrl-C ends it.\n"
        mock.process.stderr.close()
        assert [mock.get(LIST).status_code for _ in range(3)] == [200] * 3


def test_gentle_churn() -> None:
    with running("--churn", "--images", "20") as mock:
        assert {mock.get(f"{LIST}?limit=100").json()["count"] for _ in range(3)} == {20}
        assert mock.lines["churn"] == "adds=1:removes=1:modifies=1:sends=1:rate=0.1"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fault", "429:retry=2"], "fault '429:retry=2': 429 has no setting 'retry'; it takes "),
        (["--churn-spec", "deletes=1"], "churn 'deletes=1': no setting 'deletes'; there are adds, "),
        (["--variant", "limit-clampt"], "no variant limit-clampt; there is limit-clamped"),
        (["--bug", "nonsense-of-mine"], "no bug nonsense-of-mine; see --list-bugs"),
        (["--token", "two words"], "the token must be ASCII without spaces"),
        (["--admin-token", "two words"], "the admin token must be ASCII without spaces"),
        (
            ["--token", "a", "--admin-token", "a"],
            "the admin token is the token, which signing in gives: choose another",
        ),
        (["--username", "a\tb"], "the user name must be text that can be printed, and not empty"),
        (["--password", ""], "the password must be text that can be printed, and not empty"),
        (["--channel", "9"], "--channel takes the id of a channel and its number of images, such as 9=1000, not '9'"),
        (["--channel", "x=5"], "--channel takes the id of a channel"),
        (["--channel", "9=-5"], "--channel takes the id of a channel"),
        (["--channel", "9=1.5"], "--channel takes the id of a channel"),
        (["--channel", "9=1", "--channel", "9=2"], "--channel gives channel 9 two sizes: give one"),
        (["--channel", "9=1", "--images", "5"], "--channel takes the place of --images: give --channel 5=SIZE"),
        (["--channel", "9999999=1"], "channel 9999999: the mock's channels have ids from 0 to "),
        (["--channel", "9=999999999"], "999999999 images: a channel of the mock has from 0 to "),
        (["--data", "no-such-file.ndjson"], "cannot read no-such-file.ndjson: No such file or directory"),
        (["--data", "5=/dev/null", "--channel", "5=1"], "channel 5 has the images of its file: give no size for it"),
        (
            ["--data", "/dev/null"],
            "/dev/null: there is no image in it, and so no channel; say which it is of: 5=/dev/null",
        ),
        (["--arrivals", "5/day"], "pace '5/day': give a number of images a second, minute or hour, such as 5/min"),
        (["--edits", "0/s"], "pace '0/s': give a number"),
        (["--images", "999999999"], "999999999 images: a channel of the mock has from 0 to "),
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1:0: "),
        (["--host", "192.0.2.1"], "; give a --host that this machine has"),
        (["--host", "no such host"], "; give a --host that this machine has"),
        (["--port", "70000"], "70000"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(arguments: Sequence[str], words: str) -> None:
    done = run("--port", "0", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    if done.stderr.startswith("channel-images: "):
        assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("--port", str(port))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"channel-images: cannot listen on 127.0.0.1:{port}: Address already in use; "
        "give another --port, or --port 0 for a free one\n"
    )


def test_an_open_address_has_credentials_made_by_chance() -> None:
    seen = set()
    for _ in range(2):
        with running("--host", "0.0.0.0") as mock:
            assert mock.lines["URL"].startswith("http://127.0.0.1:")
            token, admin = mock.lines["token"], mock.lines["admin"]
            username, password = mock.lines["sign-in"].split(" / ")
            seen |= {token, admin, password}
            assert all(len(secret) == 32 for secret in (token, admin, password))
            assert mock.sign_in("mock", "mock") is None
            assert mock.sign_in(username, password) == token
            for secret, data, changes in ((token, 200, 401), (admin, 401, 200), (DEFAULT_TOKEN, 401, 401)):
                assert mock.get(LIST, secret).status_code == data
                assert mock.get("/_mock/requests", secret).status_code == changes
            errors = mock.end(signal.SIGINT)[2]
        assert "0.0.0.0 is open to other machines: the token and the password open the data, the admin token" in errors
        assert "everybody knows" not in errors
    assert len(seen) == 6


@pytest.mark.parametrize(
    ("options", "known"),
    [
        (["--token", DEFAULT_TOKEN], "mock-token"),
        (["--password", "mock"], "mock"),
        (["--token", DEFAULT_TOKEN, "--password", "mock"], "mock and mock-token"),
    ],
)
def test_what_everybody_knows_is_warned_of_on_an_open_address(options: list[str], known: str) -> None:
    with running("--host", "0.0.0.0", *options) as mock:
        assert mock.get("/_mock/requests").status_code == 401
        assert f"and everybody knows {known}: give others, or none\n" in mock.end(signal.SIGINT)[2]


def test_credentials_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TOKEN": "t", "USERNAME": "u", "PASSWORD": "p", "ADMIN_TOKEN": "a"}.items():
        monkeypatch.setitem(ENVIRONMENT, f"CHANNEL_IMAGES_MOCK_{name}", value)
    for name in ("TOKEN", "USERNAME", "PASSWORD"):  # those of the client are not the mock's
        monkeypatch.setitem(ENVIRONMENT, f"CHANNEL_IMAGES_{name}", "of-the-client")
    with running("--host", "0.0.0.0") as mock:
        assert (mock.lines["token"], mock.lines["sign-in"], mock.lines["admin"]) == (
            "(as given)",
            "u / (as given)",
            "(as given)",
        )
        assert mock.sign_in("u", "p") == "t"
        assert [mock.get(path, token).status_code for path, token in ((LIST, "t"), ("/_mock/faults", "a"))] == [200] * 2


def test_localhost_is_not_open() -> None:
    with running("--host", "localhost") as mock:
        assert (mock.lines["token"], mock.lines["sign-in"]) == (DEFAULT_TOKEN, "mock / mock")
        assert "open to" not in mock.end(signal.SIGINT)[2]


def test_its_token_is_the_servers_default() -> None:
    assert f"[default: {DEFAULT_TOKEN};" in " ".join(run("--help").stdout.split())


# HTTPS


def trusted(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_whom_to_trust_and_takes_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    folder = tmp_path / "with a space"
    folder.mkdir()
    monkeypatch.setitem(ENVIRONMENT, "TMPDIR", str(folder))
    with running("--tls") as mock:
        url, ca_file = mock.lines["URL"], mock.lines["CA"]
        assert url.startswith("https://127.0.0.1:")
        assert Path(ca_file).is_relative_to(folder)
        assert mock.lines["trust"] == f"export SSL_CERT_FILE='{ca_file}' REQUESTS_CA_BUNDLE='{ca_file}'"
        assert mock.lines["docs"] == f"{url}/"
        assert list(mock.lines)[:4] == ["URL", "CA", "trust", "token"]
        assert httpx.get(url, verify=trusted(ca_file)).status_code == 200
        done = subprocess.run(
            ["sh", "-c", f'{mock.lines["trust"]}; exec "$@"', "sh", *COMMAND[:-1], "image", "5", "1"],
            env={**ENVIRONMENT, "CHANNEL_IMAGES_URL": url, "CHANNEL_IMAGES_TOKEN": DEFAULT_TOKEN},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert (done.returncode, done.stderr) == (0, "")
        mock.end(number)
    assert list(folder.iterdir()) == []


def test_ones_own_certificate(tmp_path: Path) -> None:
    authority, cert, key, ca = trustme.CA(), *(tmp_path / name for name in ("cert.pem", "key.pem", "ca.pem"))
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(ca)
    with running("--host", "0.0.0.0", "--tls-cert", str(cert), "--tls-key", str(key)) as mock:
        assert "CA" not in mock.lines
        assert httpx.get(mock.lines["URL"], verify=trusted(str(ca))).status_code == 200
        assert "plain text" not in mock.end(signal.SIGINT)[2]
    other = trustme.CA().issue_cert("127.0.0.1").private_key_pem
    other.write_to_path(key)
    for options, words in (
        (["--tls-cert", cert], "--tls-cert needs --tls-key; or let --tls make both"),
        (["--tls", "--tls-key", key], "--tls-key needs --tls-cert; or let --tls make both"),
        (
            ["--tls-cert", cert, "--tls-key", key],
            f"the certificate in {cert} and the private key in {key} do not belong together",
        ),
        (["--tls-cert", cert, "--tls-key", tmp_path / "no.pem"], f"cannot read {tmp_path}/no.pem: No such file"),
        (["--tls", "--host", "no such host"], "no certificate can name the host 'no such host': give another"),
    ):
        done = run("--port", "0", *map(str, options))
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"channel-images: {words}")
        assert done.stderr.count("\n") == 1


# Another contract

SECOND = Path(__file__).parents[1] / "second_resource" / "openapi.yaml"


def changed(tmp_path: Path, old: str, new: str) -> Path:
    """A copy of the second contract with a change."""
    text = SECOND.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "changed.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"openapi: [3.1\n", ", line 2 is not YAML: "),
        (b"\x00", "is not YAML: "),
        (b"", "is not an OpenAPI document"),
        (b"- a list", "is not an OpenAPI document"),
        (b"info: {title: A, version: '1'}", "one schema has x-resource"),
        (
            b"info: {title: A, version: '1'}\npaths: 7\ncomponents: {schemas: {A: {x-resource: 7}}}",
            "A: x-resource has a key and a version",
        ),
    ],
)
def test_what_is_no_contract_is_refused_in_a_line(
    fork: Run, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "contract.yaml"
    if content is not None:
        path.write_bytes(content)
    for options in (["--contract", str(path)], ["--list-bugs", "--contract", str(path)]):
        done = fork("mock", *options)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"channel-images: {path}")
        assert reason in done.err
        assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("x-parts: [update]", "x-parts: [delete]", "listProductStockUpdates: x-parts is a list of insert and update"),
        (
            "#/components/schemas/UnitType",
            "#/components/schemas/Nothing",
            "it lacks 'Nothing'",
        ),
        (
            "x-role: page\n      description: The number of the page, counted from 1. A page past the end holds no rows, or is 404.\n      schema:",
            "x-role: page\n      x-schema:",
            "it lacks 'schema'",
        ),
        ("type: [number, 'null']", "type: 5", "is not an OpenAPI document of this kind: "),
        (
            "type: [number, 'null']",
            "type: string\n          pattern: ^[A-Z]{3}$",
            "give the schema of the field examples",
        ),
        ("{id}", "{stock-id}", "the mock's routes know no parameter 'stock-id'"),
        ("x-filter: {field: unit_type}", "x-filter: {attribute-of: unit_type}", "the mock knows one field, an integer"),
    ],
)
def test_a_contract_that_cannot_be_served_is_refused_in_a_line(
    fork: Run, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    path = changed(tmp_path, old, new)
    if "stock-id" in new:
        path.write_text(path.read_text().replace("name: id\n", "name: stock-id\n"))
    done = fork("mock", "--contract", str(path), "--port", "0")
    assert (done.code, done.out) == (2, "")
    assert reason in done.err
    assert done.err.count("\n") == 1


def test_other_names_of_the_contract_are_served(tmp_path: Path) -> None:
    path = changed(tmp_path, "name: page\n", "name: seite\n")
    text = path.read_text(encoding="utf-8")
    for old, new in (
        ("name: limit\n", "name: size\n"), ("name: channel_id\n", "name: shop\n"), ("{channel_id}", "{shop}"),
        ("name: id\n", "name: key\n"), ("{id}", "{key}"), ("key: pk", "key: number"), ("        pk:\n", "        number:\n"),
        ("{field: pk}", "{field: number}"), ("version: modified_date", "version: changed"),
        ("        modified_date:\n          description", "        changed:\n          description"),
    ):  # fmt: skip
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    with running("--contract", str(path), "--churn") as mock:
        stocks = "/api/v1/channel/5/product_stocks/"
        page = mock.get(f"{stocks}?seite=2&size=3").json()
        assert len(page["results"]) == 3
        assert page["next"].endswith("?seite=3&size=3")
        number = page["results"][0]["number"]
        assert mock.get(f"{stocks}{number}/detailed/").json()["changed"]
        assert [row["number"] for row in mock.get(f"{stocks}?pk__in={number}").json()["results"]] == [number]
        assert mock.get(f"{stocks}?seite=x").json() == {"detail": "Invalid page."}
        assert len(mock.get("/api/v1/channel/5/products/?size=4").json()["results"]) == 4
        assert mock.get("/_docs/reference.json").status_code == 200


def test_the_bugs_that_are_listed_are_those_of_the_contract(fork: Run) -> None:
    for options in (["--contract", str(SECOND), "--list-bugs"], ["--list-bugs", "--contract", str(SECOND)]):
        names = {line.split(" ")[0] for line in fork("mock", *options).out.splitlines()}
        assert {"stock-ignored", "missing-image-500"} <= names
        assert "id-in-ignored" not in names
    done = fork("mock", "--contract", str(SECOND), "--bug", "id-in-ignored")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "no bug id-in-ignored; there is pk-in-ignored" in done.err


# Tables

TABLES = {
    "--list-variants": [*VARIANTS, *(each.summary for each in VARIANTS.values())],
    "--list-bugs": [*BUGS, *(each.rule for each in BUGS.values() if each.rule)],
    "--list-faults": [each.form for each in (*KINDS, *CONDITIONS)],
}


@pytest.mark.parametrize("option", TABLES)
def test_tables_in_a_pipe_are_plain(option: str) -> None:
    done = run(option)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii() or option == "--list-bugs"
    for text in TABLES[option]:
        assert text in done.stdout
    assert not re.search(r"\s$", done.stdout.replace("\n", "|"))


@pytest.mark.parametrize("option", TABLES)
def test_tables_on_a_terminal_are_drawn(terminal: Terminal, option: str) -> None:
    done = terminal(100, "mock", option)
    assert done.code == 0
    assert "\x1b[1m" in done.out
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.out)
    assert max(map(len, text.splitlines())) <= 100
    assert TABLES[option][0] in text


# The guide


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def generated() -> dict[str, str]:
    """The tables of the guide, by their marks."""
    return {
        "faults": markdown(["fault", "what happens"], [(f"`{each.form}`", each.summary) for each in KINDS])
        + "\n"
        + markdown(["condition", "which requests"], [(f"`{each.form}`", each.summary) for each in CONDITIONS]),
        "variants": markdown(
            ["variant", "what it does"], [(f"`{each.name}`", each.summary) for each in VARIANTS.values()]
        ),
        "bugs": markdown(
            ["bug", "rule that sees it", "what is wrong"],
            [(f"`{each.name}`", f"`{each.rule}`", each.summary) for each in BUGS.values() if each.rule],
        ),
        "reporting bugs": markdown(
            ["bug", "what is wrong"], [(f"`{each.name}`", each.summary) for each in BUGS.values() if not each.rule]
        ),
    }


def current_guide() -> str:
    """The guide with its tables as they should be."""
    text = GUIDE.read_text()
    for name, table in generated().items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        text = f"{text.partition(begin)[0]}{begin}{table}{end}{text.partition(end)[2]}"
    return text


def test_the_guides_tables_are_current() -> None:
    # To write them anew: UPDATE_GUIDE=1 pytest tests/cli/test_mock.py -k tables_are_current
    if os.environ.get("UPDATE_GUIDE"):
        GUIDE.write_text(current_guide())
    assert GUIDE.read_text() == current_guide()


def test_the_guides_python_is_true() -> None:
    examples = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert examples
    for example in examples:
        # Faults at a rate of one in ten: the seed decides that these requests meet none.
        exec(compile(example, str(GUIDE), "exec"), {})


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_the_guides_curl_lines_are_true() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(blocks) == 6
    with MockServer() as server:
        script = "".join(blocks).replace("http://127.0.0.1:8000", server.url).replace("curl ", "curl -sS --fail ")
        done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    # The reports, each on a line of its own.
    before, _, committed, during, ended, action = map(json.loads, done.stdout.splitlines()[:6])
    assert [row["pk"] for row in before][:2] == [each["pk"] for each in committed["objects"]] == [2, 4]
    assert not {2, 4} & {row["pk"] for row in during}
    assert (ended["status"], action["results"][0]["remote_id"]) == ("done", "shop-17")
    assert '"pk":80,' in done.stdout
    assert '"spec":"503:first=2"' in done.stdout
    assert server.requests == []


def test_the_guide_shows_what_is_printed() -> None:
    shown = re.search(r"\$ channel-images mock\n(URL.*?)```", GUIDE.read_text(), re.DOTALL)
    assert shown
    with running() as mock:
        url = mock.lines["URL"]
        printed = "".join(f"{name:8}  {value}\n" for name, value in mock.lines.items())
        assert printed.replace(url, "http://127.0.0.1:8000") + mock.end(signal.SIGINT)[2] == shown[1]
