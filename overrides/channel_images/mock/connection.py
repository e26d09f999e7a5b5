"""What a fault or a bug needs to do to a connection, and ASGI has no words for."""

from typing import Protocol

from starlette.types import Scope

EXTENSION = "channel_images.connection"
"""The key of a request's connection among the extensions of its ASGI scope."""


class Connection(Protocol):
    """The connection that a request came by. After ``reset`` or ``close`` the application may end without an answer."""

    def write(self, data: bytes) -> None:
        """Send bytes as they are, behind what was sent so far and whatever was announced."""
        ...

    def reset(self) -> None:
        """End it at once, by a TCP reset: the client's next read fails."""
        ...

    def close(self) -> None:
        """End it in good order once everything written so far was sent, however much was announced."""
        ...


def connection_of(scope: Scope) -> Connection:
    """The connection of a request. Raises ``RuntimeError`` under a server that gives no access to it."""
    connection: Connection | None = scope.get("extensions", {}).get(EXTENSION)
    if connection is None:
        raise RuntimeError("this server does not let the mock end connections: serve it with MockServer")
    return connection
