"""``channel-images mock``: the mock server."""

import ipaddress
from typing import TYPE_CHECKING, Annotated

import typer

from channel_images.cli.errors import fail, needs_extra

if TYPE_CHECKING:
    from channel_images.mock import MockServer


def mock(
    host: Annotated[
        str, typer.Option(help="The address to listen on; loopback unless you say otherwise.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8000,
    token: Annotated[str, typer.Option(help="The token that the server accepts.")] = "mock-token",  # noqa: S107 - published on purpose
    images: Annotated[int, typer.Option(min=0, help="The number of images of channel 5.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives other images.")] = 0,
    trust_proxy: Annotated[
        bool,
        typer.Option("--trust-proxy", help="Let X-Forwarded-Proto and X-Forwarded-Host decide what links look like."),
    ] = False,
) -> None:
    """Run a server that behaves like the real service, until Ctrl-C.

    Example: channel-images mock --port 8000 --images 100000
    """
    with needs_extra("mock"):
        from channel_images.mock import MockServer, PortInUse

    try:
        server = MockServer(images=images, token=token, seed=seed, trust_proxy=trust_proxy, host=host, port=port)
        server.serve(ready=lambda: _announce(server, host))
    except PortInUse as error:
        fail(f"{error}; give another --port, or --port 0 for a free one")
    except ValueError as error:
        fail(str(error))


def _announce(server: "MockServer", host: str) -> None:
    if not _is_loopback(host):
        typer.echo(f"{host} is open to other machines: the token is all that protects it", err=True)
    typer.echo(f"URL       {server.url}")
    typer.echo(f"token     {server.token}")
    typer.echo(
        f"channels  {', '.join(f'{number} ({count:,} images)' for number, count in server.settings.channels.items())}"
    )
    typer.echo("Ctrl-C ends it.", err=True)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
