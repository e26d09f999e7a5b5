"""Answers the contract's operations, step by step.

`Behaviour` is the strict one: Django REST Framework's habits, and a refusal for everything that the contract does not
allow. Each step is a method. A variant or a bug is a subclass that overrides the steps it changes, and calls `super()`
for the rest; several combine by inheritance (see `combined`). The steps, in the order of a request:

    arrive             before anything else, and the one step that can wait: other requests are read meanwhile
    respond            the rest of it, under the store's lock
    answer             the same before its delivery: whatever the other steps say, refusals too, passes through here
    authenticate       who may ask
    dispatch, options  the answer by the request's method
    channel, image_id  the path's parameters; `missing_channel`, `missing_image`: the 404 of those not there;
                       `hidden_channel`: that of another user's
    arguments, decode  the query's parameters, and the refusal of those that cannot be read
    query, listing     which images a list holds, and in which order; `count`: how many it says they are
    window, page_size  which slice of them is the page; `past_the_end`: the 404 of a page beyond the last
    pks                the rows of the page
    stored, row        what one image looks like; `image`: the same as JSON
    links, page        the neighbours' URLs, and the envelope around the rows
    deliver            ETag, 304, compression, HEAD

Beside them, `unrouted` and `redirect` answer paths that are no operation's, and the steps of a report are inherited
(`reporting.steps`).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from attrs import frozen

from channel_images.mock.as_json import to_json
from channel_images.mock.data.channel import Query, comparable
from channel_images.mock.data.details import details
from channel_images.mock.data.listing import Listing
from channel_images.mock.data.made import Row
from channel_images.mock.data.pattern import Criteria
from channel_images.mock.data.store import Store
from channel_images.mock.data.subject import subject
from channel_images.mock.http.answers import JSON_TYPE, Answer, Refused, bad_request, method_not_allowed, not_found
from channel_images.mock.http.auth import may_see, require_token
from channel_images.mock.http.call import Call
from channel_images.mock.http.delivery import deliver
from channel_images.mock.http.links import page_link
from channel_images.mock.http.preferences import refuse_as_preferred
from channel_images.mock.operations import Operation, page_name, size_name
from channel_images.mock.parameters import Argument, Invalid, Parameter
from channel_images.mock.reporting.steps import ReportingSteps
from channel_images.mock.settings import Settings
from channel_images.resource import resource

ALLOW = "GET, HEAD, OPTIONS"

_IMAGES_CACHED = 16_384
"""Rendered images kept, of some 400 bytes each."""


@frozen
class Window:
    """Which slice of a list a page is."""

    number: int
    """The page's number, from 1."""
    start: int
    """The position of its first row in the list, from 0."""
    size: int
    """The number of rows that a full page holds."""


@frozen
class Links:
    """The URLs of the neighbouring pages, `None` if there is none."""

    next: str | None
    previous: str | None


class Behaviour(ReportingSteps):
    """The strict behaviour, and the base of every other.

    Any step that `answer` leads to may raise `Refused`, with the answer that is sent instead.
    """

    rule: ClassVar[str | None] = None
    """Of a bug, the conformance rule that sees it; it is not a part of what another class inherits."""

    def __init_subclass__(cls, rule: str | None = None) -> None:
        cls.rule = rule

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        # An image's version is part of the key, so that a change of the image is a miss.
        self._image_cached = lru_cache(_IMAGES_CACHED)(self._image)

    # The whole

    async def arrive(self, operation: Operation, call: Call) -> Call:
        """The request to answer, once this may begin."""
        return call

    def respond(self, operation: Operation, call: Call) -> Answer:
        """The answer to a request, ready to be sent."""
        # One lock for the request, so that a change from another thread falls between requests, not into one.
        with self.store.lock:
            answer = self.answer(operation, call)
        answer.headers.setdefault("allow", ALLOW)
        return self.deliver(call, answer)

    def answer(self, operation: Operation, call: Call) -> Answer:
        """The answer to a request, a refusal too, before it is delivered."""
        try:
            self.authenticate(operation, call)
            refuse_as_preferred(call)
            return self.dispatch(operation, call)
        except Refused as refused:
            return refused.answer

    def authenticate(self, operation: Operation, call: Call) -> None:
        """Raise `Refused` with 401 for a request without a valid token."""
        require_token(call, self.settings.token, self.settings.other_token)

    def dispatch(self, operation: Operation, call: Call) -> Answer:
        """Answer an authenticated request by its method."""
        if call.method == "OPTIONS":
            return self.options(operation)
        if call.method not in {"GET", "HEAD"}:
            raise method_not_allowed(call.method, ALLOW)
        return self.list(operation, call) if operation.is_list else self.retrieve(operation, call)

    def options(self, operation: Operation) -> Answer:
        """What Django REST Framework says about a view."""
        return Answer.of_json(
            {
                "name": operation.summary,
                "description": operation.description,
                "renders": [JSON_TYPE],
                "parses": [JSON_TYPE],
            }
        )

    def retrieve(self, operation: Operation, call: Call) -> Answer:
        """One image."""
        channel = self.channel(operation, call)
        pk = self.image_id(operation, call, channel)
        return Answer(200, self.rendered(operation, channel, pk), {"content-type": JSON_TYPE})

    def list(self, operation: Operation, call: Call) -> Answer:
        """One page of a list."""
        channel = self.channel(operation, call)
        arguments = self.arguments(operation, call)
        listing = self.listing(operation, channel, self.query(operation, arguments))
        window = self.window(operation, arguments, listing)
        rows = [self.rendered(operation, channel, pk) for pk in self.pks(operation, listing, window)]
        count = self.count(operation, channel, listing)
        body = self.page(operation, rows, count, self.links(call, window, listing))
        return Answer(200, body, {"content-type": JSON_TYPE}, rows=len(rows))

    # Paths of no operation

    def unrouted(self, call: Call) -> Answer:
        """The answer to a path that leads nowhere."""
        return not_found().answer

    def redirect(self, call: Call, location: str) -> Answer:
        """The answer to a path of an operation that lacks its closing slash; `location` is the path with it."""
        return Answer(301, headers={"location": location})

    # The path

    def channel(self, operation: Operation, call: Call) -> int:
        """The channel that the path names.

        Raises:
            Refused: With 404; there is none.
        """
        channel = self.path_argument(operation, call, "scope")
        if channel not in self.store:
            return self.missing_channel(channel)
        if may_see(call, self.settings, channel):
            return channel
        return self.hidden_channel(operation, call, channel)

    def hidden_channel(self, operation: Operation, call: Call, channel: int) -> int:
        """The channel to take where the one that is named is another user's.

        Raises:
            Refused: With 404; there is none.
        """
        raise not_found()

    def missing_channel(self, channel: int) -> int:
        """The channel to take where the one that is named does not exist.

        Raises:
            Refused: With 404; there is none.
        """
        raise not_found()

    def image_id(self, operation: Operation, call: Call, channel: int) -> int:
        """The pk that the path names.

        Raises:
            Refused: With 404; the channel has no such image.
        """
        pk = self.path_argument(operation, call, "key")
        return pk if self.store.has(channel, pk) else self.missing_image(operation, channel, pk)

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        """The image to take where the channel has none with this pk.

        Raises:
            Refused: With 404; there is none.
        """
        raise not_found()

    def path_argument(self, operation: Operation, call: Call, role: str) -> int:
        """An id in the path: `scope` is that of the channel, `key` that of an image.

        Raises:
            Refused: With 404; the text is no id.
        """
        name = resource().roles[role]
        parameter = next(each for each in operation.path_parameters if each.name == name)
        text = call.path_parameter(name)
        # Django's routes know no sign and no spaces.
        if not (text.isascii() and text.isdigit()):
            raise not_found()
        try:
            value = parameter.decode(text)
        except Invalid:
            raise not_found() from None
        assert isinstance(value, int)  # noqa: S101 - the contract's ids are integers
        return value

    # The query

    def arguments(self, operation: Operation, call: Call) -> dict[str, Argument]:
        """The operation's query parameters by name, with the contract's defaults.

        Parameters that the operation does not have are passed over, as Django does.

        Raises:
            Refused: With 404 for a page that is not a number, with 400 and a message by parameter for the rest.
        """
        values: dict[str, Argument] = {}
        errors: dict[str, Sequence[str]] = {}
        for parameter in operation.query_parameters:
            text = call.query.get(parameter.name)
            try:
                value = None if text is None else self.decode(parameter, text)
            except Invalid as invalid:
                errors[parameter.name] = invalid.messages
                continue
            value = parameter.default if value is None else value
            if value is not None:
                values[parameter.name] = value
        # Django filters first and paginates what is left: a bad page shows only where the filters are good.
        bad_page = errors.pop(page_name(), None)
        if errors:
            raise bad_request(errors)
        if bad_page:
            raise not_found("Invalid page.")
        return values

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        """The value of a query parameter; `None` passes it over, and to raise `Invalid` refuses it."""
        return parameter.decode(text)

    # The rows

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        """Which images the operation lists for these arguments."""
        asked: dict[str, frozenset[Any]] = {}
        hidden: dict[str, frozenset[Any]] = {}
        for name, each in resource().filters.items():
            if name not in arguments:
                continue
            values = _values(arguments[name])
            if each.is_shown:
                # Several filters on a field narrow the list together.
                asked[each.field] = asked.get(each.field, values) & values
            else:
                hidden[name] = values
        return Query(
            Criteria(operation.meaning.pending, frozenset(hidden.items())),
            pks=asked.pop(resource().key, None),
            products=asked.pop(subject().group, None),
            others=frozenset(asked.items()),
        )

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        """The list itself: its rows, their order, and their count."""
        return self.store.listing(channel, query)

    def count(self, operation: Operation, channel: int, listing: Listing) -> int:
        """How many rows the envelope says the list has."""
        return listing.count

    def window(self, operation: Operation, arguments: Mapping[str, Argument], listing: Listing) -> Window:
        """The slice of `listing` that is asked for.

        Raises:
            Refused: With 404; it lies past the end.
        """
        number, limit = arguments[page_name()], arguments[size_name()]
        assert isinstance(number, int)  # noqa: S101 - the contract's page and limit are integers
        assert isinstance(limit, int)  # noqa: S101
        size = self.page_size(limit)
        window = Window(number, (number - 1) * size, size)
        is_past = number > 1 and window.start >= listing.count
        return self.past_the_end(operation, window, listing) if is_past else window

    def page_size(self, limit: int) -> int:
        """How many rows a full page holds where `limit` are asked for."""
        return min(limit, self.settings.max_limit)

    def past_the_end(self, operation: Operation, window: Window, listing: Listing) -> Window:
        """The slice to take where the one that is asked for holds no row.

        Raises:
            Refused: With 404; there is none.
        """
        raise not_found("Invalid page.")

    def pks(self, operation: Operation, listing: Listing, window: Window) -> Sequence[int]:
        """The images on the page."""
        return listing.slice(window.start, window.start + window.size)

    # What is shown

    def stored(self, channel: int, pk: int) -> Row:
        """An image as it is stored, whatever operation shows it."""
        return self.store.row(channel, pk)

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        """An image's fields, with details where the operation shows them.

        What is rendered of them is cached: they may depend on nothing but the arguments and the image.
        """
        row = self.stored(channel, pk)
        if not operation.meaning.detailed:
            return {**row}
        # The row once more: of one that was loaded, the details that it has are the better ones.
        return {**row, **details(row, self.store.traits(channel, row[subject().group])), **row}

    def image(self, operation: Operation, channel: int, pk: int) -> bytes:
        """An image as JSON. Cached, under the same condition as `row`."""
        return to_json(self.row(operation, channel, pk))

    def rendered(self, operation: Operation, channel: int, pk: int) -> bytes:
        """An image as JSON, from the cache where it is there."""
        return self._image_cached(operation, channel, pk, self.store.version(channel, pk))

    def _image(self, operation: Operation, channel: int, pk: int, _version: int) -> bytes:
        return self.image(operation, channel, pk)

    def links(self, call: Call, window: Window, listing: Listing) -> Links:
        """The URLs of the neighbouring pages."""
        is_last = window.start + window.size >= listing.count
        return Links(
            next=None if is_last else self.link(call, window.number + 1),
            previous=None if window.number == 1 else self.link(call, window.number - 1),
        )

    def link(self, call: Call, number: int) -> str:
        """The URL of a page of the same list."""
        return page_link(call, page_name(), number, trust_proxy=self.settings.trust_proxy)

    def page(self, operation: Operation, rows: Sequence[bytes], count: int, links: Links) -> bytes:
        """The body of a list's answer: its rows, each rendered already, in an envelope where the contract says so."""
        array = b"[" + b",".join(rows) + b"]"
        if not operation.is_enveloped:
            return array
        envelope = to_json({"count": count, "next": links.next, "previous": links.previous})
        return envelope[:-1] + b',"results":' + array + b"}"

    # The way out

    def deliver(self, call: Call, answer: Answer) -> Answer:
        """The answer as the client's headers ask for it."""
        return deliver(call, answer)


def combined(changes: Sequence[type[Behaviour]]) -> type[Behaviour]:
    """One behaviour of several changes; where two override the same step, the first is asked first."""
    return type("Combined", (*changes, Behaviour), {}) if changes else Behaviour


def _values(argument: Argument) -> frozenset[Any]:
    """A value, or a list of them, as a set."""
    return frozenset(map(comparable, argument if isinstance(argument, list) else [argument]))
