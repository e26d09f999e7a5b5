"""The page at ``/``: the contract as an interactive reference, in which requests to this mock can be made.

It is Swagger UI, served from the installed package ``swagger-ui-py``. The page asks no other host for anything, and its
content security policy would not let it.
"""

from collections.abc import Callable, Mapping
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

_PACKAGE = "swagger_ui"
_FROM_PACKAGE = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")
"""All that is ever read from the package's folder: a name that a client makes up is compared, not opened."""

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

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: mock server</title>
<link rel="icon" type="image/png" href="/_docs/favicon-32x32.png">
<link rel="stylesheet" href="/_docs/swagger-ui.css">
<link rel="stylesheet" href="/_docs/docs.css">
</head>
<body>
<header>
<p><strong>This is a mock server</strong>: its images are invented. Channels: {channels}.</p>
<p>{hint} Then open an operation, press <b>Try it out</b> and <b>Execute</b>.</p>
</header>
<noscript><p>The reference needs JavaScript. The contract itself: <a href="/openapi.yaml">openapi.yaml</a></p></noscript>
<main id="swagger-ui"></main>
<script src="/_docs/swagger-ui-bundle.js"></script>
<script src="/_docs/docs.js"></script>
</body>
</html>
"""

_SCRIPT = """\
// Swagger UI fills the examples of all filters in at once, and hardly an image satisfies all of them.
const withoutExamples = (contract) => {
  for (const parameter of Object.values(contract.components.parameters)) {
    if (!parameter.required) delete parameter.example;
  }
  return contract;
};

SwaggerUIBundle({
  url: "/openapi.yaml",
  dom_id: "#swagger-ui",
  // The operations themselves, without the bar that loads other contracts.
  layout: "BaseLayout",
  plugins: [{
    statePlugins: {
      spec: { wrapActions: { updateJsonSpec: (update) => (contract) => update(withoutExamples(contract)) } },
    },
  }],
  // The badge would send the contract's URL to a validator on another host.
  validatorUrl: null,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
});
"""

_STYLE = """\
body { margin: 0; background: #fafafa; }
header { padding: 0.75rem 0; background: #1b1b1b; color: #f5f5f5; font: 15px/1.5 system-ui, sans-serif; }
header p { box-sizing: border-box; max-width: 1460px; margin: 0 auto; padding: 0 20px; }
header code { padding: 0.1em 0.4em; border-radius: 3px; background: #3b3b3b; user-select: all; }
noscript p { margin: 2rem 20px; font: 15px/1.5 system-ui, sans-serif; }
"""


def docs_endpoints(settings: Settings) -> Mapping[str, ASGIApp]:
    """The endpoints of the page and of what it loads, by path. All are open: they tell what the repository tells."""
    title = escape(load_contract()["info"]["title"])
    page = _PAGE.format(title=title, hint=_hint(settings.token), channels=_channels(settings))

    def asset(call: Call, _body: Body) -> Answer:
        name = call.path_parameter("name")
        if name not in _FROM_PACKAGE:
            raise not_found()
        return _answer(name, _packaged(name), _KEPT)

    return {
        DOCS_PATH: _serves(lambda: _answer("index.html", page.encode())),
        CONTRACT_PATH: _serves(lambda: _answer(NAME, contract_text().encode())),
        f"{_ASSETS_PATH}docs.css": _serves(lambda: _answer("docs.css", _STYLE.encode())),
        f"{_ASSETS_PATH}docs.js": _serves(lambda: _answer("docs.js", _SCRIPT.encode())),
        f"{_ASSETS_PATH}{{name}}": JsonEndpoint({"GET": asset}),
    }


def _serves(answer: Callable[[], Answer]) -> JsonEndpoint:
    return JsonEndpoint({"GET": lambda _call, _body: answer()})


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
def _packaged(name: str) -> bytes:
    """A file of Swagger UI, read when it is first asked for."""
    spec = find_spec(_PACKAGE)
    if spec is None:
        raise ModuleNotFoundError(f"no {_PACKAGE}: install channel-images[mock] again")
    # A module that is not executed is enough to find its files; executing it would import Jinja and more.
    return (files(module_from_spec(spec)) / "static" / name).read_bytes()
