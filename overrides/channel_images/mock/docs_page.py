"""Serves the page at `/`: the contract as an interactive reference, in which requests to this mock can be made.

It is Swagger UI, from the installed package `swagger-ui-py`, in a page whose files are in the folder `docs`. The page
asks no other host for anything, and its content security policy would not let it.
"""

from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from importlib.util import find_spec, module_from_spec

from starlette.types import ASGIApp

from channel_images.contract import NAME, contract_text, load_contract
from channel_images.mock.endpoints import Body, JsonEndpoint
from channel_images.mock.http.answers import Answer, not_found
from channel_images.mock.http.call import Call
from channel_images.mock.settings import DEFAULT_TOKEN, Settings

DOCS_PATH = "/"
CONTRACT_PATH = f"/{NAME}"
_ASSETS_PATH = "/_docs/"

_OWN = ("docs.css", "docs.js")
_PACKAGE = "swagger_ui"
_FROM_PACKAGE = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")
"""All that is read of the two folders: a name that a client makes up is compared, not opened."""

_HEADERS = {
    # Swagger UI sets style attributes in what it renders, and its style sheet holds its icons as data: URLs.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "png": "image/png",
    # RFC 9512.
    "yaml": "application/yaml",
}
_REVALIDATED = "no-cache"
"""Asked for again each time, and answered by 304: another version of the mock may serve the same port soon."""
_KEPT = "max-age=3600"
"""For the assets of the package, which are large and change with its version only."""


def docs_endpoints(settings: Settings) -> Mapping[str, ASGIApp]:
    """The endpoints of the page and of what it loads, by path. All are open: they tell what the repository tells."""
    title = escape(load_contract()["info"]["title"])
    page = _own("index.html").decode().format(title=title, hint=_hint(settings.token), channels=_channels(settings))

    def asset(call: Call, _body: Body) -> Answer:
        name = call.path_parameter("name")
        if name in _OWN:
            return _answer(name, _own(name))
        if name in _FROM_PACKAGE:
            return _answer(name, _packaged(name), _KEPT)
        raise not_found()

    return {
        DOCS_PATH: _serves("index.html", page.encode()),
        CONTRACT_PATH: _serves(NAME, contract_text().encode()),
        f"{_ASSETS_PATH}{{name}}": JsonEndpoint({"GET": asset}),
    }


def _serves(name: str, body: bytes) -> JsonEndpoint:
    return JsonEndpoint({"GET": lambda _call, _body: _answer(name, body)})


def _answer(name: str, body: bytes, cache_control: str = _REVALIDATED) -> Answer:
    content_type = _TYPES[name.rpartition(".")[2]]
    return Answer(200, body, {"content-type": content_type, "cache-control": cache_control, **_HEADERS})


def _hint(token: str) -> str:
    """How to authorise, in HTML. Only the published token is shown: another was chosen to keep others out."""
    value = (
        f"<code>Token {DEFAULT_TOKEN}</code>" if token == DEFAULT_TOKEN else "<code>Token</code>, a space and its token"
    )
    return f"To sign in, press <b>Authorize</b> and give {value} as the value."


def _channels(settings: Settings) -> str:
    return ", ".join(escape(f"{channel} ({count:,} images)") for channel, count in settings.channels.items())


@cache
def _own(name: str) -> bytes:
    """A file of the folder `docs`."""
    return (files("channel_images.mock") / "docs" / name).read_bytes()


@cache
def _packaged(name: str) -> bytes:
    """A file of Swagger UI, read when it is first asked for."""
    spec = find_spec(_PACKAGE)
    if spec is None:
        raise ModuleNotFoundError(f"no {_PACKAGE}: install channel-images[mock] again")
    # A module that is not executed is enough to find its files; executing it would import Jinja and more.
    return (files(module_from_spec(spec)) / "static" / name).read_bytes()
