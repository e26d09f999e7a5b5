"""A mock server on a real socket, a client for it, and the contract's judgement of its answers."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import httpx
import jsonschema_rs
import pytest

from channel_images.contract import load_contract, resolve, standalone
from channel_images.mock import MockServer
from channel_images.mock.operations import operations


@pytest.fixture(scope="session")
def running() -> Iterator[MockServer]:
    """One server for the session, whose state tests leave as they found it (see `server`)."""
    with MockServer() as server:
        yield server


@pytest.fixture
def server(running: MockServer) -> Iterator[MockServer]:
    """The server, with its state reset afterwards."""
    yield running
    running.reset()


@pytest.fixture(scope="session")
def connection(running: MockServer) -> Iterator[httpx.Client]:
    """A client with the token, over a socket; asks for no compression."""
    headers = {"Authorization": f"Token {running.token}", "Accept-Encoding": "identity"}
    with httpx.Client(base_url=running.url, headers=headers) as client:
        yield client


@pytest.fixture
def client(server: MockServer, connection: httpx.Client) -> httpx.Client:
    """The same, for tests that change the server's state: it is reset afterwards."""
    return connection


@cache
def _validator(operation_id: str, status: int) -> jsonschema_rs.Validator:
    node: Any = next(
        item["get"] for item in load_contract()["paths"].values() if item["get"]["operationId"] == operation_id
    )
    response = resolve(node["responses"][str(status)])
    return jsonschema_rs.validator_for(
        standalone(response["content"]["application/json"]["schema"]), validate_formats=True
    )


@pytest.fixture(scope="session")
def judge() -> Callable[[str, httpx.Response], None]:
    """Holds the answer of an operation to the contract: its status, its content type, and its body."""

    def hold(operation_id: str, response: httpx.Response) -> None:
        assert response.headers["content-type"] == "application/json"
        _validator(operation_id, response.status_code).validate(response.json())

    return hold


@pytest.fixture(scope="session")
def path_of() -> Callable[..., str]:
    """The path of an operation, by its id, in channel 5 and for image 1 unless others are given."""

    def path(operation_id: str, channel: object = 5, pk: object = 1) -> str:
        return operations()[operation_id].path.format(channel_id=channel, id=pk)

    return path
