"""Serves the page at `/`: an interactive reference, in which requests to this mock can be made.

It is Swagger UI, from the installed package `swagger-ui-py`, in a page whose files are in the folder `docs`. It shows the
contract, and `docs/beside.yaml`: what the mock serves beside it. The page asks no other host for anything, and its content
security policy would not let it.
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from html import escape
from importlib.resources import files
from importlib.util import find_spec, module_from_spec
from typing import Any

from starlette.types import ASGIApp

from channel_images.contract import NAME, contract_text, load_contract
from channel_images.mock.as_json import to_json
from channel_images.mock.data.pattern import values_of
from channel_images.mock.data.subject import subject
from channel_images.mock.endpoints import Body, JsonEndpoint
from channel_images.mock.http.answers import JSON_TYPE, Answer, not_found
from channel_images.mock.http.call import Call
from channel_images.mock.http.journal import ADMIN_PREFIX
from channel_images.mock.operations import page_name, size_name
from channel_images.mock.reporting.batches import row_type
from channel_images.mock.settings import DEFAULT_TOKEN, Settings
from channel_images.resource import resource

DOCS_PATH = "/"
CONTRACT_PATH = f"/{NAME}"
REFERENCE_PATH = "/_docs/reference.json"
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
    "json": JSON_TYPE,
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
_CHANNELS_NAMED = 20


def docs_endpoints(settings: Settings) -> Mapping[str, ASGIApp]:
    """The endpoints of the page and of what it loads, by path. All are open: they tell what the repository tells."""
    title = escape(load_contract()["info"]["title"])
    token = f"Token {DEFAULT_TOKEN}" if settings.token == DEFAULT_TOKEN else ""
    page = (
        _own("index.html")
        .decode()
        .format(title=title, hint=_hint(token), token=token, channels=_channels(settings), types=_types())
    )

    # Put together when it is first asked for.
    shown = cache(lambda: reference(settings))

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
        REFERENCE_PATH: JsonEndpoint({"GET": lambda _call, _body: _answer("reference.json", shown())}),
        f"{_ASSETS_PATH}{{name}}": JsonEndpoint({"GET": asset}),
    }


def _serves(name: str, body: bytes) -> JsonEndpoint:
    return JsonEndpoint({"GET": lambda _call, _body: _answer(name, body)})


def _answer(name: str, body: bytes, cache_control: str = _REVALIDATED) -> Answer:
    content_type = _TYPES[name.rpartition(".")[2]]
    return Answer(200, body, {"content-type": content_type, "cache-control": cache_control, **_HEADERS})


def reference(settings: Settings) -> bytes:
    """What the page shows: the contract and what is served beside it, in one OpenAPI document."""
    import yaml

    contract: Any = deepcopy(load_contract())
    more: Any = yaml.safe_load(_beside())
    contract.pop("servers", None)  # there is but this one
    parameters = contract["components"].setdefault("parameters", {})
    for parameter in parameters.values():
        # Swagger UI fills the examples of all filters in at once, and hardly an image satisfies all of them.
        if not parameter.get("required"):
            parameter.pop("example", None)
        if values := _named_values(parameter.get("name")):
            parameter["description"] = f"{parameter.get('description', '')} {values}."
    paging = {each["name"]: dict(each) for each in resource().operation(is_list=True).parameters}
    parameters |= more["components"]["parameters"]
    parameters |= {"PageNumber": paging[page_name()], "PageSize": paging[size_name()]}
    contract["tags"] = [*contract.get("tags", []), *more["tags"]]
    contract["paths"] |= more["paths"]
    if settings.admin_token is not None:
        contract["components"]["securitySchemes"]["AdminToken"] = {
            **contract["components"]["securitySchemes"]["Token"],
            "description": "The word `Token`, one space, and the admin token of this mock.",
        }
        for path, item in more["paths"].items():
            if path.startswith(ADMIN_PREFIX):
                for operation in item.values():
                    if isinstance(operation, dict):
                        operation["security"] = [{"AdminToken": []}]
    return to_json(contract)


def _hint(token: str) -> str:
    """How to authorise, in HTML. Only the published token is shown: another was chosen to keep others out."""
    if token:
        return f"The token is filled in: <code>{token}</code>."
    return "To sign in, press <b>Authorize</b> and give <code>Token</code>, a space and its token as the value."


def _channels(settings: Settings) -> str:
    named = [escape(f"{channel} ({count:,} {resource().noun}s)") for channel, count in settings.channels.items()]
    more = len(named) - _CHANNELS_NAMED
    return ", ".join([*named[:_CHANNELS_NAMED], *([f"and {more:,} more"] if more > 0 else [])])


def _named_values(name: str | None) -> str:
    """The values of a filter that the contract has names for, such as `0 simple, 1 product meta`."""
    one = resource().filters.get(name or "")
    pairs = zip(one.values, one.names, strict=True) if one and one.names else ()
    return ", ".join(f"{value} {name.lower().replace('_', ' ')}" for value, name in pairs)


def _types() -> str:
    """The values of all such filters, in sentences."""
    named = {name: _named_values(name) for name in resource().filters}
    return "".join(f"{name.replace('_', ' ').capitalize()}s: {values}. " for name, values in named.items() if values)


def _beside() -> str:
    """`beside.yaml`, with examples of what the contract knows."""
    measures, attributes = subject().measures, subject().attributes
    measured = dict.fromkeys(measures[-1:], 640)
    kinds = {each.name: values_of(each)[-1] for each in attributes if each.type != "boolean"}
    said = {
        "ROW_TYPE": row_type(),
        "ADDED": to_json({resource().key: 80, **measured, **kinds}).decode(),
        "EDITED": to_json({name: size + 1 for name, size in measured.items()}).decode(),
    }
    return re.sub("|".join(said), lambda found: said[found[0]], _own("beside.yaml").decode())


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
