"""HTTPS: the certificate, whom a client has to trust, what faults do to a connection, and what is left behind."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import requests
import trustme

from channel_images import ChannelImages, Timeout
from channel_images.mock import MockServer

PathOf = Callable[..., str]
FULL = "listProductImages"


@pytest.fixture(scope="module")
def secure() -> Iterator[MockServer]:
    with MockServer(tls=True) as server:
        yield server


@pytest.fixture
def server(secure: MockServer) -> Iterator[MockServer]:
    yield secure
    secure.reset()


@pytest.fixture
def client(server: MockServer) -> Iterator[httpx.Client]:
    with client_of(server) as client:
        yield client


def trusting(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


def client_of(server: MockServer, ca_file: str | None = None) -> httpx.Client:
    headers = {"Authorization": f"Token {server.token}", "Accept-Encoding": "identity"}
    return httpx.Client(base_url=server.url, headers=headers, verify=trusting(ca_file or server.ca_file))


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return written(tmp_path, "own", "127.0.0.1")


def written(folder: Path, name: str, *hosts: str) -> tuple[Path, Path]:
    """The files of a certificate and of its key, with that of its authority beside them."""
    authority = trustme.CA()
    certificate = authority.issue_cert(*hosts)
    files = folder / f"{name}.pem", folder / f"{name}.key"
    authority.cert_pem.write_to_path(folder / f"{name}-ca.pem")
    for number, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(files[0], append=bool(number))
    certificate.private_key_pem.write_to_path(files[1])
    return files


# Who it is


def test_a_client_that_trusts_its_authority_is_served(
    server: MockServer, client: httpx.Client, path_of: PathOf
) -> None:
    assert server.url.startswith("https://127.0.0.1:")
    assert client.get(path_of(FULL)).json()["count"] == 1000
    with ChannelImages(server.url, token=server.token, verify=server.ca_file) as api:
        assert sum(1 for _ in api.channel(5).images()) == 1000


def test_the_environment_is_enough(server: MockServer, monkeypatch: pytest.MonkeyPatch, path_of: PathOf) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    for name, value in server.environ(channel=6).items():
        monkeypatch.setenv(name, value)
    with ChannelImages.from_env() as api:
        assert sum(1 for _ in api.channel(int(os.environ["CHANNEL_IMAGES_CHANNEL"])).images()) == 23
    answer = requests.get(server.url + path_of(FULL), headers={"Authorization": "Token mock-token"}, timeout=20)
    assert answer.json()["count"] == 1000
    script = "import urllib.request as u; print(u.urlopen(__import__('sys').argv[1]).status)"
    done = subprocess.run([sys.executable, "-c", script, server.url], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("200\n", "")


def test_nobody_else_trusts_it(server: MockServer) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(server.url)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "localhost"),
        ("127.0.0.2", "127.0.0.2"),
        ("localhost", "localhost"),
        ("::1", "::1"),
        ("::1", "localhost"),
        ("0.0.0.0", "127.0.0.1"),
    ],
)
def test_the_certificate_is_good_for(host: str, name: str) -> None:
    with MockServer(host=host, tls=True) as server:
        port = urlsplit(server.url).port
        assert port is not None
        address = "127.0.0.1" if host == "0.0.0.0" else host
        with (
            socket.create_connection((address, port), timeout=20) as plain,
            trusting(server.ca_file).wrap_socket(plain, server_hostname=name) as connection,
        ):
            assert connection.version() == "TLSv1.3"
        with (
            pytest.raises(ssl.SSLCertVerificationError),
            socket.create_connection((address, port), timeout=20) as plain,
        ):
            trusting(server.ca_file).wrap_socket(plain, server_hostname="elsewhere.example")


def test_a_host_that_no_certificate_can_name() -> None:
    with pytest.raises(ValueError, match=r"^no certificate can name the host 'no such host': give another"):
        MockServer(host="no such host", tls=True)


def test_another_port_for_http_is_not_there(server: MockServer, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(server.url.replace("https:", "http:"))
    assert caplog.records == []
    assert httpx.get(server.url, verify=trusting(server.ca_file)).status_code == 200


def test_ones_own_certificate(pair: tuple[Path, Path], path_of: PathOf) -> None:
    with MockServer(tls=pair) as server:
        with client_of(server, str(pair[0].with_name("own-ca.pem"))) as client:
            assert client.get(path_of(FULL)).json()["count"] == 1000
        with pytest.raises(RuntimeError, match="no authority of its own: start it with tls=True"):
            _ = server.ca_file
        assert "SSL_CERT_FILE" not in server.environ()


def test_no_tls_no_authority(running: MockServer) -> None:
    with pytest.raises(RuntimeError, match="start it with tls=True"):
        _ = running.ca_file
    with pytest.raises(RuntimeError, match="not running"):
        _ = MockServer(tls=True).ca_file


# Links


def test_links_the_docs_page_and_the_redirect(server: MockServer, client: httpx.Client, path_of: PathOf) -> None:
    page = client.get(path_of(FULL), params={"page": 2}).json()
    for name, number in (("next", "?page=3"), ("previous", "")):
        assert page[name] == f"{server.url}{path_of(FULL)}{number}"
        assert client.get(page[name]).status_code == 200
    moved = client.get(path_of(FULL).rstrip("/"), follow_redirects=True)
    assert (moved.history[0].status_code, str(moved.url)) == (301, server.url + path_of(FULL))
    page_of_docs = client.get("/")
    assert (page_of_docs.status_code, "http://" in page_of_docs.text) == (200, False)


# Faults


def raw_answer(server: MockServer, path: str) -> tuple[bytes, OSError | None]:
    """What the server sends, decrypted, and the error that the TCP connection ends in.

    Not by an `SSLSocket`, which takes a reset for an end before Python 3.13.
    """
    parts = urlsplit(server.url)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusting(server.ca_file).wrap_bio(incoming, outgoing, server_hostname=parts.hostname)
    request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Token {server.token}\r\n\r\n".encode()
    answer, is_greeted = b"", False
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=20) as connection:
        while True:
            try:
                if not is_greeted:
                    tls.do_handshake()
                    tls.write(request)
                    is_greeted = True
                while part := tls.read(65_536):
                    answer += part
                return answer, None
            except ssl.SSLWantReadError:
                pass
            try:
                if outgoing.pending:  # to send nothing would be an error after a reset, which may have come already
                    connection.sendall(outgoing.read())
                arrived = connection.recv(65_536)
            except OSError as error:
                return answer, error
            assert arrived, "the connection ended without a good-bye"
            incoming.write(arrived)


@pytest.mark.parametrize(("spec", "end"), [("reset:body", ConnectionResetError), ("truncate", type(None))])
@pytest.mark.parametrize("limit", ["", ":bytes=100", ":bytes=0", ":bytes=999999999"])
def test_a_body_is_cut_off(
    server: MockServer,
    client: httpx.Client,
    path_of: PathOf,
    caplog: pytest.LogCaptureFixture,
    spec: str,
    end: type,
    limit: str,
) -> None:
    path = f"{path_of(FULL)}?limit=100"
    whole = client.get(path).content
    server.fault(spec + limit)
    received, error = raw_answer(server, path)
    expected = {"": len(whole) // 2, ":bytes=100": 100, ":bytes=0": 0}.get(limit, len(whole) - 1)
    assert received.partition(b"\r\n\r\n")[2] == whole[:expected]
    assert type(error) is end
    assert caplog.records == []


def test_a_reset_is_one_of_tcp(server: MockServer, path_of: PathOf, caplog: pytest.LogCaptureFixture) -> None:
    server.fault("reset")
    received, error = raw_answer(server, path_of(FULL))
    assert (received, type(error)) == (b"", ConnectionResetError)
    assert caplog.records == []


@pytest.mark.parametrize("spec", ["reset", "reset:body", "truncate", "truncate:bytes=0"])
def test_a_client_sees_an_error_and_goes_on(
    server: MockServer, client: httpx.Client, path_of: PathOf, spec: str
) -> None:
    server.fault(f"{spec}:first=1")
    with pytest.raises(httpx.TransportError):
        client.get(path_of(FULL))
    assert client.get(path_of(FULL)).status_code == 200


@pytest.mark.parametrize(
    ("spec", "status", "is_json"),
    [
        ("503", 503, False),
        ("429:retry-after=7", 429, True),
        ("latency:seconds=0.01", 200, True),
        ("latency:lognormal=0.001,0.1", 200, True),
        ("drip:bytes=500:seconds=0", 200, True),
        ("garbage", 200, False),
        ("garbage:tail", 200, False),
        ("content-type=text/html", 200, True),
    ],
)
def test_other_faults(
    server: MockServer, client: httpx.Client, path_of: PathOf, spec: str, status: int, is_json: bool
) -> None:
    server.fault(f"{spec}:first=1")
    answer = client.get(path_of(FULL))
    assert answer.status_code == status
    assert is_json is (answer.content.startswith(b"{") and answer.content.endswith(b"}"))
    assert client.get(path_of(FULL)).json()["count"] == 1000


def test_a_client_that_gives_up_is_forgotten(server: MockServer, caplog: pytest.LogCaptureFixture) -> None:
    server.fault("latency:seconds=3600")
    with (
        ChannelImages(server.url, token=server.token, verify=server.ca_file, timeout=0.05, retries=0) as api,
        pytest.raises(Timeout),
    ):
        api.channel(5).image(1)
    assert caplog.records == []


# The end


def test_it_stops_without_waiting_for_idle_clients(path_of: PathOf, caplog: pytest.LogCaptureFixture) -> None:
    with MockServer(tls=True) as server, client_of(server) as client:
        client.get(path_of(FULL))
        server.stop()
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []


def test_it_leaves_nothing_behind_and_can_be_started_again(path_of: PathOf) -> None:
    server = MockServer(tls=True)
    for _ in range(2):
        with server, client_of(server) as client:
            assert client.get(path_of(FULL)).status_code == 200
            folder = Path(server.ca_file).parent
            # The authority alone, and nobody else can put another in its place.
            assert [file.name for file in folder.iterdir()] == ["ca.pem"]
            assert "PRIVATE" not in Path(server.ca_file).read_text()
            assert folder.stat().st_mode & 0o777 == 0o700
        assert not folder.exists()


SERVE = """
from channel_images.mock import MockServer
server = MockServer(tls=True)
server.serve(lambda: print(server.ca_file, flush=True))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ca_file = Path(process.stdout.readline().strip())
        assert ca_file.is_relative_to(tmp_path)
        assert ca_file.exists()
        process.send_signal(number)
        assert process.communicate(timeout=30) == ("", "")
    assert list(tmp_path.iterdir()) == []


# What cannot be


def test_files_that_cannot_be_used(pair: tuple[Path, Path], tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    cert, key = pair
    other = written(tmp_path, "other", "localhost")[1]
    nothing, gone, locked, broken = (
        tmp_path / name for name in ("nothing.txt", "gone.pem", "locked.key", "broken.pem")
    )
    nothing.write_text("nothing")
    loaded = load_pem_private_key(key.read_bytes(), None)
    locked.write_bytes(loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")))
    broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    table = [
        ((gone, key), f"cannot read {gone}: No such file or directory"),
        ((cert, gone), f"cannot read {gone}: No such file or directory"),
        ((tmp_path, key), f"cannot read {tmp_path}: Is a directory"),
        ((nothing, key), f"{nothing} holds no certificate in PEM"),
        ((key, cert), f"{key} holds no certificate in PEM"),
        ((cert, nothing), f"{nothing} holds no private key in PEM"),
        ((cert, other), f"the certificate in {cert} and the private key in {other} do not belong together"),
        ((cert, locked), f"the private key in {locked} needs a password: give it without one"),
        ((broken, key), f"{broken} and {key} cannot be used for TLS: "),
    ]
    for files, message in table:
        with pytest.raises(ValueError, match=f"^{re.escape(message)}[^\n]*$"):
            MockServer(tls=files)
