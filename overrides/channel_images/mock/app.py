"""The mock as an ASGI application."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from channel_images.mock.admin import Admin
from channel_images.mock.answers import Answer, not_found
from channel_images.mock.auth import require_token
from channel_images.mock.behaviour import Behaviour
from channel_images.mock.call import Call
from channel_images.mock.delivery import deliver
from channel_images.mock.endpoints import JsonEndpoint, OperationEndpoint, send_answer
from channel_images.mock.journal import Journal, JournalMiddleware
from channel_images.mock.links import escaped, quoted
from channel_images.mock.operations import Operation, operations
from channel_images.mock.settings import Settings
from channel_images.mock.signin import ACTIVE_USER_PATH, LOGIN_PATH, SignIn
from channel_images.mock.store import Store

Around = Callable[[Operation, ASGIApp], ASGIApp]


def create_app(
    settings: Settings | None = None,
    *,
    store: Store | None = None,
    journal: Journal | None = None,
    behaviour: type[Behaviour] = Behaviour,
    around: Around = lambda _operation, endpoint: endpoint,
) -> Starlette:
    """Build the application; ``store`` and ``journal`` are made from the settings unless they are given.

    ``behaviour`` decides what the contract's operations answer. ``around`` may wrap the endpoint of each, below HTTP:
    to delay an answer, to cut it off. Raises ``ContractNotFound``, and ``ValueError`` for settings that cannot be.
    """
    settings = settings or Settings()
    store = store or Store(settings.seed, settings.channels)
    journal = journal or Journal(settings.requests_kept)
    answering = behaviour(settings, store)

    def guard(call: Call) -> None:
        require_token(call, settings.token)

    signin = SignIn(settings)
    contract = [
        Route(operation.path, _Around(operation, around(operation, OperationEndpoint(operation, answering))))
        for operation in operations()
    ]
    own = {
        LOGIN_PATH: JsonEndpoint({"POST": signin.login}),
        ACTIVE_USER_PATH: JsonEndpoint({"GET": signin.active_user}, guard=guard),
        **Admin(store, journal).endpoints(guard),
    }
    app = Starlette(
        routes=[*contract, *(Route(path, endpoint) for path, endpoint in own.items())],
        middleware=[Middleware(JournalMiddleware, journal=journal)],
        exception_handlers={Exception: _server_error},
    )
    # Starlette redirects by 307 to an absolute URL; Django by 301, and a path alone cannot lead to another host.
    app.router.redirect_slashes = False
    app.router.default = _Unrouted(app)
    return app


class _Around:
    """The endpoint of an operation, which says whose it is."""

    def __init__(self, operation: Operation, endpoint: ASGIApp) -> None:
        self.operation = operation
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._endpoint(scope, receive, send)


class _Unrouted:
    """For paths that lead nowhere: a redirect where only the closing slash is missing (Django's APPEND_SLASH), or 404."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope)
        await send_answer(deliver(call, self._answer(call)), send)

    def _answer(self, call: Call) -> Answer:
        slashed = call.path + "/"
        known = not call.path.endswith("/") and any(
            route.matches({**call.scope, "path": slashed})[0] is Match.FULL for route in self._app.routes
        )
        if not known:
            return not_found().answer
        query = f"?{escaped(call.query_string)}" if call.query_string else ""
        return Answer(301, headers={"location": quoted(slashed) + query})


async def _server_error(_request: Request, _error: Exception) -> Response:
    """The contract's 500, for a fault of the mock itself; the error is raised again and logged."""
    body = Answer.of_json({"detail": "A server error occurred."}, 500)
    return Response(body.body, body.status, body.headers)
