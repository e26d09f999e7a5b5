"""Sending requests: at the agreed rate, waiting where the server asks for it, and keeping account of what came back."""

import email.utils
import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode, urlsplit

import httpx
from attrs import Factory, define, field, frozen

from channel_images.conformance.target import Target, curl

Params = Sequence[tuple[str, str]]

MAX_WAIT = 120.0
"""Seconds that a single ``Retry-After`` is obeyed for."""
PROXY_STATUSES = frozenset({502, 503, 504})
GONE_AFTER = 3
"""Failures to connect, in a row, after which the server counts as gone."""


class ServerGone(Exception):
    """The server stopped answering half-way."""


class OutOfRequests(Exception):
    """The run has sent as many requests as ``--max-requests`` allows."""


@frozen
class Credentials:
    """What a request says about who sends it."""

    name: str
    header: str | None = field(default=None, repr=False)
    """The value of ``Authorization``; ``None`` leaves the header out."""
    shown: str | None = None
    """The value as evidence shows it, with ``$TOKEN`` for the token."""


@frozen
class Request:
    """A request, as it can be sent again."""

    path: str
    """The path below the target's URL, escaped."""
    params: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    credentials: str = "valid"
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def target(self) -> str:
        """Path and query. A comma stays a comma, as the contract's ``explode: false`` has it."""
        return f"{self.path}?{urlencode(self.params, safe=',', errors='surrogatepass')}" if self.params else self.path


@frozen
class Answer:
    """What came back, or what went wrong instead."""

    request: Request
    url: str
    status: int
    """The HTTP status; 0 where the connection broke."""
    headers: httpx.Headers = field(factory=httpx.Headers, repr=False)
    body: bytes = field(default=b"", repr=False)
    seconds: float = 0.0
    broke: str = ""
    """How the connection broke; empty where it did not."""
    authorization: str | None = None
    """``Authorization`` as evidence shows it."""

    @property
    def curl(self) -> str:
        """The line that sends the request again."""
        return curl(self.url, self.request.method, self.authorization, self.request.headers)

    @property
    def is_server_error(self) -> bool:
        return bool(self.broke) or self.status >= 500

    def describe(self) -> str:
        """Status and content type, in a few words."""
        if self.broke:
            return f"no answer ({self.broke})"
        return f"{self.status} {self.headers.get('content-type', 'without content type').partition(';')[0]}"


@define
class Wire:
    """The way to the server. One is shared by everything that a run does."""

    target: Target
    rate: float | None = None
    """Requests a second; ``None`` for as fast as they go."""
    max_requests: int | None = None
    on_answer: Callable[[Answer], None] = lambda answer: None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    requests: int = 0
    blips: list[Answer] = Factory(list)
    """Answers of a proxy (502, 503, 504) that were gone when the request was sent again."""
    _client: httpx.Client = field(init=False)
    _next: float = field(init=False, default=0.0)
    _failures: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._client = self.target.client()

    def close(self) -> None:
        self._client.close()

    def send(self, request: Request, credentials: Credentials) -> Answer:
        """Send one request; throttling and a proxy's short absence are waited for.

        Raises:
            ServerGone: the server no longer takes connections.
            OutOfRequests: the budget is spent.
        """
        answer = self._once(request, credentials)
        waited = 0.0
        while answer.status == 429 and "retry-after" in answer.headers and waited < MAX_WAIT:
            pause = min(retry_after(answer.headers["retry-after"], time.time()), MAX_WAIT - waited)
            waited += max(pause, 0.05)
            self.sleep(max(pause, 0.05))
            answer = self._once(request, credentials)
        if answer.status in PROXY_STATUSES or answer.broke:
            first = answer
            self.sleep(1.0)
            answer = self._once(request, credentials)
            if not answer.is_server_error and first.status in PROXY_STATUSES:
                self.blips.append(first)
        self.on_answer(answer)
        return answer

    def _once(self, request: Request, credentials: Credentials) -> Answer:
        if self.max_requests is not None and self.requests >= self.max_requests:
            raise OutOfRequests
        if self.rate:
            now = self.clock()
            if now < self._next:
                self.sleep(self._next - now)
            self._next = max(now, self._next) + 1 / self.rate
        self.requests += 1
        headers = dict(request.headers)
        if credentials.header is not None:
            headers["Authorization"] = credentials.header
        url = self.target.url + request.target
        began = self.clock()
        try:
            response = self._client.request(request.method, url, headers=headers)
        except httpx.TransportError as error:
            self._failures = self._failures + 1 if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout) else 0
            if self._failures >= GONE_AFTER:
                raise ServerGone(str(error)) from error
            return Answer(request, url, 0, broke=str(error) or type(error).__name__, authorization=credentials.shown)
        except httpx.DecodingError as error:
            return Answer(request, url, 0, broke=f"undecodable body: {error}", authorization=credentials.shown)
        self._failures = 0
        seconds = self.clock() - began
        return Answer(
            request, url, response.status_code, response.headers, response.content, seconds,
            authorization=credentials.shown,
        )  # fmt: skip


def retry_after(value: str, now: float) -> float:
    """Seconds to wait, from a ``Retry-After`` in seconds or as a date (RFC 9110, section 10.2.3); 1 where it is neither."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except ValueError:
        return 1.0


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or default


@define
class Session:
    """Requests with memory: what was read once in a reading is not asked for again in it."""

    wire: Wire
    valid: Credentials
    answers: dict[Request, Answer] = Factory(dict)
    touched: set[Request] | None = None
    """The requests that the rule at work has looked at."""

    def again(self) -> "Session":
        """A new reading, which remembers nothing."""
        return Session(self.wire, self.valid)

    def get(
        self,
        path: str,
        params: Params = (),
        *,
        method: str = "GET",
        credentials: Credentials | None = None,
        headers: Mapping[str, str] | None = None,
        fresh: bool = False,
    ) -> Answer:
        """The answer to a request, from memory where it is there and ``fresh`` is not set."""
        sender = credentials or self.valid
        request = Request(path, tuple(params), method, sender.name, tuple((headers or {}).items()))
        if self.touched is not None:
            self.touched.add(request)
        if fresh:
            return self.wire.send(request, sender)
        if request not in self.answers:
            self.answers[request] = self.wire.send(request, sender)
        return self.answers[request]
