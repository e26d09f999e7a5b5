"""Sends requests: at the agreed rate, waiting where the server asks for it, and keeping account of what came back."""

import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from urllib.parse import quote, urlencode, urlsplit

import httpx
from attrs import Factory, define, evolve, field, frozen

from channel_images.calls.bodies import read_bounded
from channel_images.calls.retries import retry_after
from channel_images.conformance.asking.raw import NoAnswer, exchange
from channel_images.conformance.asking.target import TOKEN, Target, curl_arguments
from channel_images.exceptions import MalformedResponse

Params = Sequence[tuple[str, str]]

MOST_REQUESTS = 3_000
"""Requests that a run sends at the most, whatever the server answers."""
MOST_BYTES = 2_000_000
"""Bytes of one answer's body, decoded, beyond which it is not read."""
LONGEST_WAIT = 120.0
"""Seconds that one request waits for a server that turns it away (429)."""
PROXY_STATUSES = frozenset({502, 503, 504})
TRIES = 3
"""Times that a request is sent when its connection breaks, or a proxy answers in the server's place."""
PAUSE = 0.5
"""Seconds before such a request is sent again."""
GONE_AFTER = 3
"""Failures to connect, in a row, after which the server counts as gone."""
AT_ONCE = 4
"""Requests that are under way at the same time, where a rule asks for that, unless the user says otherwise."""
TIME_IS_OVER = "the time of --max-seconds is over; what had been found by then is in the report"


class RunEnds(Exception):
    """The run cannot go on; the message says why."""


class ServerGone(RunEnds):
    """The server takes no more connections."""


class OutOfRequests(RunEnds):
    """The run has sent as many requests as it may."""


class OutOfTime(RunEnds):
    """The run has taken as long as it may."""


class TurnedAway(RunEnds):
    """The server asks for a longer wait than a run can have, for example because a quota is spent."""


@frozen
class Credentials:
    """What a request says about who sends it."""

    name: str
    header: str | None = field(default=None, repr=False)
    """The value of `Authorization`; `None` leaves the header out."""
    shown: str | None = None
    """The value as evidence shows it, with `$TOKEN` for the token."""


VALID = "valid"
OTHER = "the other user"
"""Who sends a request with the token of a user who may not see the channels."""


@frozen
class Request:
    """A request, as it can be sent again. `$TOKEN` in it stands for the token."""

    path: str
    """The path below the target's URL, escaped."""
    params: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    credentials: str = VALID
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None

    @property
    def target(self) -> str:
        """Path and query. A comma stays a comma, as the contract's `explode: false` has it."""
        return f"{self.path}?{urlencode(self.params, safe=',$', errors='surrogatepass')}" if self.params else self.path


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
    """How the connection broke; empty if it did not."""
    sender: Credentials = Credentials(VALID)
    unread: str = ""
    """Why the body was not read: it is longer than `MOST_BYTES`, or coded more than once. Empty where it was."""
    target: Target | None = field(default=None, repr=False)
    number: int = 0
    """Which request of the run it answers, from 1."""
    began: datetime | None = None
    """When the request was sent; `None` if nobody knows."""
    is_unreached: bool = False
    """Whether no connection came about."""

    @property
    def arguments(self) -> str:
        """What curl has to be told to send the request again, for a shell; the URL comes last."""
        request = self.request
        return curl_arguments(
            self.url,
            request.method,
            self.sender.shown,
            request.headers,
            self.target.headers if self.target else (),
            request.body,
            compressed="content-encoding" in self.headers,
        )

    @property
    def curl(self) -> str:
        """The line that sends the request again, and prints the answer with its head."""
        # -g and --path-as-is: brackets and dots go out as they are written.
        return f"curl -gsSi --path-as-is {self.arguments}"

    @property
    def is_server_error(self) -> bool:
        return bool(self.broke) or self.status >= 500

    def describe(self) -> str:
        """Status and content type, in a few words."""
        if self.broke:
            return f"no answer ({self.broke})"
        if self.unread:
            return f"{self.status}, of which {self.unread}"
        return f"{self.status} {self.headers.get('content-type', 'without content type').partition(';')[0]}"


@define
class Wire:
    """The way to the server. One is shared by everything that a run does.

    It sends what it is asked to send and nothing else: no cookie, no password of a `.netrc`, and through no proxy that
    was not named. What carries the valid token never shares a connection with what does not.
    """

    target: Target
    rate: float | None = None
    """Requests a second; `None` for as fast as they go."""
    most: int = MOST_REQUESTS
    """How many requests may be sent."""
    until: float | None = None
    """When the run ends, on `clock`; `None` for no such end."""
    at_once: int = AT_ONCE
    """Requests that `send_together` has under way at the same time, at the most."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    token: str = field(default="", repr=False)
    """What `$TOKEN` stands for in a request."""
    agent: str = f"channel-images/{version('channel-images')} (conformance check)"
    """What requests name as their sender, for the server's log."""
    requests: int = 0
    turned_away: list[Answer] = Factory(list)
    """Answers of 429."""
    blips: list[Answer] = Factory(list)
    """Broken connections, and answers of a proxy (502, 503, 504), that were gone when the request was sent again."""
    on_exchange: Callable[[Answer], None] = lambda answer: None
    """Called with each answer as it came, those too that are asked for again."""
    _clients: dict[bool, httpx.Client] = field(init=False, factory=dict)
    _verify: ssl.SSLContext = field(init=False)
    _next: float = field(init=False, default=0.0)
    _failures: int = field(init=False, default=0)
    _taken: deque[float] = field(init=False, factory=lambda: deque(maxlen=200))
    """When the last requests were sent that were not turned away."""

    def __attrs_post_init__(self) -> None:
        self._verify = self.target.tls()
        self.token = self.target.token

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def send(self, request: Request, sender: Credentials, *, apart: bool = False, tries: int = TRIES) -> Answer:
        """Send one request; throttling, a broken connection and a proxy's short absence are waited for.

        Args:
            request: what to send.
            sender: who sends it.
            apart: whether to send it by itself, over a connection of its own.
            tries: times that it is sent when its connection breaks, or a proxy answers 502, 503 or 504.

        Raises:
            ServerGone: the server no longer takes connections.
            OutOfRequests: the budget is spent.
            OutOfTime: the time is over.
            TurnedAway: the server asks for too long a wait.
        """
        with ExitStack() as stack:
            client = stack.enter_context(self.target.client(self._verify)) if apart else self._client(sender)
            failed: list[Answer] = []
            waited = 0.0
            while True:
                answer = self._account(self._exchange(client, self._admit(request), sender))
                self._count_failure(answer)
                if answer.status == 429:
                    waited += self._wait(answer, waited)
                elif (answer.broke or answer.status in PROXY_STATUSES) and len(failed) + 1 < tries:
                    if not failed and not apart:
                        # Other connections of the pool may be as bad: bytes behind an answer spoil each of them.
                        client = stack.enter_context(self.target.client(self._verify))
                    # What broke with its connection may be asked again at once.
                    self._pause(PAUSE if failed or not answer.broke else 0.0)
                    failed.append(answer)
                else:
                    break
            if not answer.is_server_error:
                self.blips += failed
            return answer

    def send_together(self, requests: Sequence[Request], sender: Credentials) -> list[Answer]:
        """Send several requests at the same time, no more than the rate allows in a second, each over its own connection.

        Returns the answers in the order of the requests; those without one, and those turned away, as they are. Raises
        what `send` raises.
        """
        client = self._client(sender)
        most = max(1, min(self.at_once, int(self.rate or self.at_once)))
        answers: list[Answer] = []
        with ThreadPoolExecutor(most) as pool:
            for first in range(0, len(requests), most):
                admitted = [self._admit(request) for request in requests[first : first + most]]
                if self.rate:
                    # They go out at the end of the time that they have waited for, and count for the time behind it too.
                    self._next += (len(admitted) - 1) / self.rate
                came = pool.map(lambda request: self._exchange(client, request, sender), admitted)
                answers += [self._account(answer) for answer in came]
        return answers

    def send_bare(self, request: Request, sender: Credentials) -> tuple[Answer, bytes]:
        """Send one request over a bare socket; returns the answer, and the bytes that came behind its end.

        Not through the target's proxy. Raises `OutOfRequests` and `OutOfTime`.
        """
        request = self._admit(request)
        url = self.target.url + request.target
        nothing = Answer(request, url, 0, sender=sender, target=self.target, began=datetime.now(UTC))
        headers = [("Authorization", sender.header)] if sender.header is not None else []
        try:
            bare = exchange(self.target, url, request.method, headers)
        except NoAnswer as error:
            return self._account(evolve(nothing, broke=str(error))), b""
        answer = evolve(nothing, status=bare.status, headers=httpx.Headers(bare.headers), body=bare.body)
        return self._account(answer), bare.surplus

    # Waiting

    def _admit(self, request: Request) -> Request:
        """Wait for the request's turn, and count it."""
        if self.requests >= self.most:
            raise OutOfRequests
        if self.rate:
            now = self.clock()
            if now < self._next:
                self._pause(self._next - now)
            self._next = max(now, self._next) + 1 / self.rate
        self._left()
        self.requests += 1
        return request

    def _count_failure(self, answer: Answer) -> None:
        """Raise `ServerGone` where no connection has come about several times in a row. Connections that were refused at
        the same time are no such row: a server may take few at once."""
        if answer.is_unreached:
            self._failures += 1
            if self._failures >= GONE_AFTER:
                raise ServerGone(answer.broke)
        elif not answer.broke:
            self._failures = 0

    def _account(self, answer: Answer) -> Answer:
        if answer.status == 429:
            self.turned_away.append(answer)
        elif not answer.broke:
            self._taken.append(self.clock())
        answer = evolve(answer, number=self.requests)
        self.on_exchange(answer)
        return answer

    def _wait(self, answer: Answer, waited: float) -> float:
        """Wait as an answer of 429 asks for, and ask more slowly from then on; returns the seconds."""
        stated = answer.headers.get("retry-after")
        # Without a word from the server, twice as long each time.
        pause = max(wait_asked_for(stated), 0.05) if stated is not None else max(waited, 1.0)
        if waited + pause > LONGEST_WAIT:
            asks = f"asks to wait {pause:,.0f} s (Retry-After)" if stated is not None else "goes on to answer so"
            raise TurnedAway(
                f"{answer.request.target} answers 429 from request {answer.number or self.requests} on and {asks}"
            )
        now = self.clock()
        within_a_second = sum(1 for moment in self._taken if now - moment <= 1.0)
        if within_a_second and (self.rate is None or within_a_second < self.rate):
            self.rate = max(1.0, 0.9 * within_a_second)
        self._pause(pause)
        return pause

    def _pause(self, seconds: float) -> None:
        """Wait, unless the time is over before. Raises `OutOfTime`."""
        if seconds >= self._left():
            raise OutOfTime(TIME_IS_OVER)
        self.sleep(seconds)

    def _in_time(self) -> Target:
        """The target, to answer within what is left."""
        left = self._left()
        return self.target if left > self.target.timeout else evolve(self.target, timeout=left)

    def _left(self) -> float:
        """Seconds that are left. Raises `OutOfTime` if none are."""
        left = float("inf") if self.until is None else self.until - self.clock()
        if left <= 0:
            raise OutOfTime(TIME_IS_OVER)
        return left

    # The network

    def _client(self, sender: Credentials) -> httpx.Client:
        is_valid = sender.name == VALID
        if is_valid not in self._clients:
            self._clients[is_valid] = self.target.client(self._verify)
        return self._clients[is_valid]

    def _exchange(self, client: httpx.Client, request: Request, sender: Credentials) -> Answer:
        headers = [("User-Agent", self.agent)]
        headers += [(name, value.replace(TOKEN, self.token)) for name, value in request.headers]
        if sender.header is not None:
            headers.append(("Authorization", sender.header))
        url = self.target.url + request.target
        nothing = Answer(request, url, 0, sender=sender, target=self.target, began=datetime.now(UTC))
        began = self.clock()
        try:
            sent = url.replace(TOKEN, quote(self.token, safe="")) if TOKEN in url else url
            with self._in_time().stream(
                client, request.method, sent, headers=headers, content=request.body
            ) as response:
                body = read_bounded(response, MOST_BYTES)
        except MalformedResponse as refusal:
            return evolve(nothing, status=response.status_code, headers=response.headers, unread=str(refusal))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            self._left()
            return evolve(nothing, broke=str(error) or type(error).__name__, is_unreached=True)
        except httpx.TimeoutException:
            self._left()
            return evolve(nothing, broke=f"no whole answer within {self.target.timeout:g} s")
        except (httpx.TransportError, httpx.DecodingError, httpx.InvalidURL) as error:
            return evolve(nothing, broke=str(error) or type(error).__name__)
        return evolve(
            nothing, status=response.status_code, headers=response.headers, body=body,
            seconds=self.clock() - began,
        )  # fmt: skip


def wait_asked_for(header: str | None) -> float:
    """Seconds to wait, from a `Retry-After`; 1 where it says none that can be read."""
    seconds = retry_after(header)
    return 1.0 if seconds is None else seconds


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL. Raises `ValueError` for one that cannot be read."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or default
