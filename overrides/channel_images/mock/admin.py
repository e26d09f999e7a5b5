"""Does over HTTP what `MockServer` does in Python: the admin API.

It lies beside the contract, and needs the admin token; where the server has none, the token.

    POST /_mock/images/5         add an image to channel 5. Body: any of its fields; its key for one of your own;
                                 attributes of its product that no field shows, where that is new. 201 with the image
    PATCH /_mock/images/5/17     modify image 17. Body: the fields that change. 200 with the image
    DELETE /_mock/images/5/17    remove it. 204
    POST /_mock/images/5/sent    report images as sent, at their versions. Body: `{"versions": {"17": "2022-11-…Z"}}`, or,
                                 at their present ones, `{"pks": [17, 18]}`. 200 with `{"sent": 1}`
    POST /_mock/reset            undo all changes, forget the requests, and go back to the faults of the start. 204
    GET /_mock/requests          the newest requests received, oldest first, and the faults that struck them:
                                 `{"requests": [...], "dropped": 0}`, with how many older ones were dropped to make
                                 room
    GET /_mock/faults            the faults: `{"faults": [{"spec": "429:first=1", "requests": 7, "struck": 1}]}`, with
                                 how many requests each has met, and struck
    POST /_mock/faults           add faults. Body: `{"specs": ["429:first=1"]}`, written as for `--fault`. 201 with all
                                 faults
    DELETE /_mock/faults         take all faults away. 204

Errors are those of the service: 400 with messages by field, 401, 404, 405.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from channel_images.mock.as_json import Json
from channel_images.mock.data.channel import UnknownImage
from channel_images.mock.data.fields import InvalidFields
from channel_images.mock.data.store import UnknownChannel
from channel_images.mock.data.versions import Sent, versions_of
from channel_images.mock.endpoints import Body, Handler, JsonEndpoint
from channel_images.mock.faults.spec import BadFault
from channel_images.mock.http.answers import Answer, bad_request, not_found
from channel_images.mock.http.call import Call
from channel_images.mock.http.journal import ADMIN_PREFIX, RecordedRequest
from channel_images.mock.parameters import NUMBER, Invalid, read_integer
from channel_images.mock.state import State
from channel_images.resource import resource


class Admin:
    """The handlers of the admin API."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._store = state.store

    def endpoints(self, guard: Callable[[Call], None]) -> dict[str, JsonEndpoint]:
        """The endpoints by path, each behind `guard`."""
        handlers: dict[str, dict[str, Handler]] = {
            "images/{channel}": {"POST": self.add},
            "images/{channel}/sent": {"POST": self.mark_sent},
            "images/{channel}/{pk}": {"PATCH": self.modify, "DELETE": self.remove},
            "reset": {"POST": self.reset},
            "requests": {"GET": self.requests},
            "faults": {"GET": self.faults, "POST": self.add_faults, "DELETE": self.clear_faults},
        }
        return {ADMIN_PREFIX + path: JsonEndpoint(methods, guard=guard) for path, methods in handlers.items()}

    def add(self, call: Call, body: Body) -> Answer:
        with _refusals():
            row = self._store.add(_number(call, "channel"), body, pk=_integer(body, resource().key))
        return Answer.of_json(row, 201)

    def modify(self, call: Call, body: Body) -> Answer:
        with _refusals():
            return Answer.of_json(self._store.modify(_number(call, "channel"), _number(call, "pk"), body))

    def remove(self, call: Call, _body: Body) -> Answer:
        with _refusals():
            self._store.remove(_number(call, "channel"), _number(call, "pk"))
        return Answer(204)

    def mark_sent(self, call: Call, body: Body) -> Answer:
        with _refusals():
            versions = versions_of(_sent(body))
            self._store.mark_sent(_number(call, "channel"), versions)
        return Answer.of_json({"sent": len(versions)})

    def reset(self, _call: Call, _body: Body) -> Answer:
        self._state.reset()
        return Answer(204)

    def requests(self, _call: Call, _body: Body) -> Answer:
        journal = self._state.journal
        return Answer.of_json(
            {"requests": [_as_json(request) for request in journal.items], "dropped": journal.dropped}
        )

    def faults(self, _call: Call, _body: Body) -> Answer:
        return self._faults(200)

    def add_faults(self, _call: Call, body: Body) -> Answer:
        specs = body.get("specs")
        if not isinstance(specs, list) or not all(isinstance(spec, str) for spec in specs):
            raise bad_request({"specs": ["Enter a list of texts."]})
        try:
            self._state.faults.add(*specs)
        except BadFault as bad:
            raise bad_request({"specs": [str(bad)]}) from None
        return self._faults(201)

    def clear_faults(self, _call: Call, _body: Body) -> Answer:
        self._state.faults.clear()
        return Answer(204)

    def _faults(self, status: int) -> Answer:
        standings: list[Json] = [
            {"spec": each.fault.spec, "requests": each.requests, "struck": each.struck}
            for each in self._state.faults.standings
        ]
        return Answer.of_json({"faults": standings}, status)


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn the store's errors into answers."""
    try:
        yield
    except InvalidFields as invalid:
        raise bad_request(invalid.errors) from None
    except (UnknownChannel, UnknownImage) as unknown:
        raise not_found(f"{unknown}.".capitalize()) from None


def _sent(body: Body) -> Sent:
    """The images that were sent, by pk."""
    if set(body) == {"versions"}:
        versions = body["versions"]
        if not isinstance(versions, dict):
            raise bad_request({"versions": ["Enter an object: the version of each image, by its pk."]})
        try:
            return {read_integer(pk): version for pk, version in versions.items()}
        except Invalid as invalid:
            raise bad_request({"versions": invalid.messages}) from None
    pks = body.get("pks")
    if set(body) != {"pks"} or not isinstance(pks, list) or not all(type(pk) is int for pk in pks):
        raise bad_request({"pks": ["Enter a list of numbers, or give versions instead."]})
    return pks


def _number(call: Call, name: str) -> int:
    try:
        return read_integer(call.path_parameter(name))
    except Invalid:
        raise not_found() from None


def _integer(body: Body, name: str) -> int | None:
    """Take a number out of the body, if it is there."""
    value = body.pop(name, None)
    if value is None or type(value) is int:
        return value
    raise bad_request({name: [NUMBER]})


def _as_json(request: RecordedRequest) -> dict[str, Json]:
    return {
        "method": request.method,
        "path": request.path,
        "query": request.query_string,
        "operation": request.operation,
        "status": request.status,
        "faults": request.faults,
        "headers": request.headers,
    }
