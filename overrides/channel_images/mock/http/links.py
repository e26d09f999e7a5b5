"""Writes the absolute URLs of neighbouring pages."""

import re
from string import punctuation
from urllib.parse import quote, unquote_plus

from channel_images.mock.http.call import Call

# What a Host header may hold before it is written into a link; Django is as strict.
_HOST = re.compile(rb"(?:[A-Za-z0-9.\-_]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PROTOCOLS = (b"http", b"https")


def origin(call: Call, *, trust_proxy: bool) -> str:
    """Scheme and host as the client knows them, such as `http://127.0.0.1:8000`.

    With `trust_proxy`, `X-Forwarded-Proto` and `X-Forwarded-Host` go before what the server itself sees. A host
    that could not be one is passed over.
    """
    scheme = call.scope["scheme"]
    hosts = [call.header(b"host")]
    if trust_proxy:
        forwarded = _first(call.header(b"x-forwarded-proto")).lower()
        if forwarded in _PROTOCOLS:
            scheme = forwarded.decode()
        hosts.insert(0, _first(call.header(b"x-forwarded-host")))
    for host in hosts:
        if host and _HOST.fullmatch(host):
            return f"{scheme}://{host.decode()}"
    # uvicorn says where the request arrived, ASGI allows None where nobody knows.
    name, port = call.scope.get("server") or ("localhost", None)
    return f"{scheme}://{name}" + (f":{port}" if port else "")


def _first(header: bytes | None) -> bytes:
    """The entry that the proxy nearest to the client has made."""
    return (header or b"").split(b",")[0].strip()


def page_link(call: Call, name: str, page: int, *, trust_proxy: bool) -> str:
    """The URL of another page of the same list: every parameter but `name` stays, as it was sent and in its place.

    Page 1 is the page without the parameter, as Django REST Framework writes it.
    """
    replacement = [] if page == 1 else [f"{name}={page}"]
    kept: list[str] = []
    for part in filter(None, call.query_string.split("&")):
        if unquote_plus(part.partition("=")[0]) != name:
            kept.append(part)
        else:
            kept += replacement
            replacement = []
    query = "&".join(kept + replacement)
    return origin(call, trust_proxy=trust_proxy) + quoted(call.path) + (f"?{escaped(query)}" if query else "")


def quoted(path: str) -> str:
    """A path whose escapes were resolved, escaped again."""
    return quote(path, safe="/")


def escaped(query: str) -> str:
    """A query string as it was sent, with an escape for each byte that no URL may hold."""
    return quote(query, safe=punctuation, encoding="latin-1")
