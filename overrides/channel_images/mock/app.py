"""Builds the mock as an ASGI application."""

from attrs import frozen
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from channel_images.mock.admin import Admin
from channel_images.mock.behaviour import Behaviour
from channel_images.mock.beside import ACTIVE_USER_PATH, LOGIN_PATH, OPERATIONS
from channel_images.mock.churn import ChurnedEndpoint
from channel_images.mock.docs_page import docs_endpoints
from channel_images.mock.endpoints import JsonEndpoint, OperationEndpoint, send_answer
from channel_images.mock.faults.endpoint import FaultyEndpoint
from channel_images.mock.http.answers import Answer
from channel_images.mock.http.auth import require_token
from channel_images.mock.http.call import Call
from channel_images.mock.http.journal import JournalMiddleware
from channel_images.mock.http.links import escaped, quoted
from channel_images.mock.http.preferences import refuse_as_preferred
from channel_images.mock.operations import Operation, operations
from channel_images.mock.reporting.endpoints import reporting_endpoints
from channel_images.mock.settings import Settings
from channel_images.mock.signin import SignIn
from channel_images.mock.state import State


def create_app(
    settings: Settings | None = None, *, state: State | None = None, behaviour: type[Behaviour] = Behaviour
) -> Starlette:
    """Build the application; `state` is begun from the settings unless it is given.

    `behaviour` decides what the contract's operations answer.

    Raises:
        ContractNotFound: The installation carries no contract.
        ValueError: The settings, or the contract, cannot be served.
    """
    settings = settings or Settings()
    state = state or State.begin(settings)
    answering = behaviour(settings, state.store)

    def guard(call: Call) -> None:
        require_token(call, settings.token, settings.other_token)
        refuse_as_preferred(call)

    def admin_guard(call: Call) -> None:
        require_token(call, settings.admin_token or settings.token)

    signin = SignIn(settings)
    login = JsonEndpoint({"POST": signin.login})
    active_user = JsonEndpoint({"GET": signin.active_user}, guard=guard)
    beside = {
        LOGIN_PATH: login,
        ACTIVE_USER_PATH: active_user,
        **reporting_endpoints(settings, state.store, state.ledger, answering, guard),
    }
    own: dict[str, ASGIApp] = {
        **{path: FaultyEndpoint(OPERATIONS[path], endpoint, state.faults) for path, endpoint in beside.items()},
        **Admin(state).endpoints(admin_guard),
        **docs_endpoints(settings),
    }
    contract: dict[str, ASGIApp] = {
        each.path: FaultyEndpoint(each.id, _churned(each, OperationEndpoint(each, answering), state), state.faults)
        for each in operations().values()
    }
    app = Starlette(
        routes=[Route(path, endpoint) for path, endpoint in {**contract, **own}.items()],
        middleware=[Middleware(JournalMiddleware, journal=state.journal)],
        exception_handlers={Exception: _server_error},
    )
    # Starlette redirects by 307 to an absolute URL; Django by 301, and a path alone cannot lead to another host.
    app.router.redirect_slashes = False
    app.router.default = _Unrouted(app, answering)
    return app


def _churned(operation: Operation, endpoint: ASGIApp, state: State) -> ASGIApp:
    """The endpoint of an operation, with churn in front where it is a list."""
    if state.churning is None or not operation.is_list:
        return endpoint
    return ChurnedEndpoint(endpoint, state.churning)


@frozen(eq=False)
class _Unrouted:
    """Answers paths that lead nowhere: a redirect where only the closing slash is missing (APPEND_SLASH), or 404."""

    _app: Starlette
    _behaviour: Behaviour

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope)
        await send_answer(call, self._behaviour.deliver(call, self._answer(call)), send)

    def _answer(self, call: Call) -> Answer:
        slashed = call.path + "/"
        known = not call.path.endswith("/") and any(
            route.matches({**call.scope, "path": slashed})[0] is Match.FULL for route in self._app.routes
        )
        if not known:
            return self._behaviour.unrouted(call)
        query = f"?{escaped(call.query_string)}" if call.query_string else ""
        return self._behaviour.redirect(call, quoted(slashed) + query)


async def _server_error(_request: Request, _error: Exception) -> Response:
    """The contract's 500, for a fault of the mock itself; the error is raised again and logged."""
    body = Answer.of_json({"detail": "A server error occurred."}, 500)
    return Response(body.body, body.status, body.headers)
