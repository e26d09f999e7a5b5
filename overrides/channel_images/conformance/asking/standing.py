"""Knows whether what answers is still the API that is judged, and whether it still takes our token.

Around a server stand gateways, sign-on pages, proxies, quotas and tokens that expire. What they answer in the server's
place says nothing about the server. So one request that was answered as the API does is asked again whenever an answer
may come from elsewhere; where it fails, the run ends there.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from html import unescape
from urllib.parse import urljoin, urlsplit

from attrs import Factory, define, evolve, field

from channel_images.conformance.asking.operations import LISTS, OPERATIONS, Operation
from channel_images.conformance.asking.parsing import said
from channel_images.conformance.asking.signin import SignInFailed
from channel_images.conformance.asking.wire import (
    OTHER,
    PROXY_STATUSES,
    VALID,
    Answer,
    Credentials,
    Params,
    Request,
    RunEnds,
    ServerGone,
    Wire,
)
from channel_images.resource import resource

REFUSALS = frozenset({401, 403})
LIKE_A_ROW = 3
"""Documented fields that an object without a key needs, to be taken for a row."""
SHORTEST_LIFE = 20
"""Requests that a token has to live for, or signing in again is given up."""
MOST_TITLE = 60
"""Characters of a page's title that are quoted."""


class NotJudged(RunEnds):
    """Nothing answers, or nothing that belongs to this API; the message says what does."""


@define
class Standing:
    """Our standing with the server.

    Args:
        wire: the way to it.
        sign_in: gives a new token; `None` if a token alone was given.
    """

    wire: Wire
    sign_in: Callable[[], str] | None = None
    wrong_tokens: int = 0
    """Requests so far with a token that is not valid."""
    tokens: set[str] = field(factory=set, repr=False)
    """Every token that was used, to be kept out of what is shown."""
    on_sure: Callable[[], None] = lambda: None
    """Called when all answers so far are known to be the API's."""
    valid: Credentials = field(init=False)
    _anchor: Request | None = field(init=False, default=None)
    _operation: Operation = field(init=False, default=LISTS[0])
    _turn: int = field(init=False, default=0)
    _doubtful: Answer | None = field(init=False, default=None)
    """The first answer since the last sure one that may come from elsewhere."""
    _signed_in_at: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._take(self.wire.token)

    def _take(self, token: str) -> None:
        self.wire.token = token
        self.valid = Credentials(VALID, f"Token {token}", "Token $TOKEN") if token else Credentials(VALID)
        if token:
            self.tokens.add(token)

    def begin(self, channel: int) -> list[Answer]:
        """Ask each operation once, and return the answers.

        Raises `NotJudged` if nothing that belongs to this API answers.
        """
        requests = [Request(operation.path_for(channel)) for operation in OPERATIONS]
        url = self.wire.target.url
        try:
            # Each once: where nothing belongs to the API, the run ends without waiting for it.
            answers = [self.wire.send(request, self.valid, tries=1) for request in requests]
            if any(map(is_of_api, OPERATIONS, answers)):
                answers = [
                    self.wire.send(answer.request, self.valid) if _may_pass(answer) else answer for answer in answers
                ]
            elif all(map(_may_pass, answers)):
                # All seven at a moment of absence: once more.
                self.wire.sleep(1.0)
                answers = [self.wire.send(request, self.valid, tries=1) for request in requests]
        except ServerGone as error:
            raise NotJudged(f"nothing answers at {url}: {error}") from None
        found = [pair for pair in zip(OPERATIONS, answers, strict=True) if is_of_api(*pair)]
        if not found:
            raise NotJudged(_nothing_of_ours(url, channel, answers, has_token=bool(self.wire.token)))
        # The first list if there is one: its pages can be asked for in several ways, so that no cache answers.
        self._operation, first = min(found, key=lambda pair: not pair[0].is_list)
        self._anchor = first.request
        return answers

    def hear(self, answer: Answer) -> None:
        """Take note of an answer to a request with the valid token."""
        if self._doubtful is None and may_come_from_elsewhere(answer):
            self._doubtful = answer

    def is_in_doubt(self) -> bool:
        """Whether an answer since the last sure one may come from elsewhere."""
        return self._doubtful is not None

    def assure(self) -> None:
        """Ask whether the API still answers, and takes the token; signs in again where it does not and that is possible.

        Raises `NotJudged`.
        """
        answer = self._ask()
        if self._is_refused(answer) and self.renew():
            answer = self._ask()
        if is_of_api(self._operation, answer):
            self._doubtful = None
            self.on_sure()
            return
        raise NotJudged(self._turned(answer))

    def renew_where_refused(self) -> bool:
        """Sign in again, where the token is refused and that is possible; returns whether there is a new token."""
        return self.sign_in is not None and self._is_refused(self._ask()) and self.renew()

    def renew(self) -> bool:
        """Sign in again, where that is possible; returns whether there is a new token. Raises `NotJudged`."""
        if self.sign_in is None:
            return False
        if self._signed_in_at and self.wire.requests - self._signed_in_at < SHORTEST_LIFE:
            raise NotJudged(f"a token lasts for fewer than {SHORTEST_LIFE} requests")
        try:
            self._take(self.sign_in())
        except SignInFailed as reason:
            raise NotJudged(f"the token was refused from request {self.wire.requests} on, and {reason}") from None
        self._signed_in_at = self.wire.requests
        return True

    def _ask(self) -> Answer:
        assert self._anchor is not None  # noqa: S101 - a run begins with it
        self._turn += 1
        request = self._anchor
        if self._operation.is_list:
            roles = resource().roles
            request = evolve(request, params=((roles["page"], "1"), (roles["size"], str(1 + self._turn % 9))))
        return self.wire.send(request, self.valid)

    def _is_refused(self, answer: Answer) -> bool:
        return answer.status in REFUSALS

    def _turned(self, answer: Answer) -> str:
        """What became of the server, in words."""
        since = (self._doubtful or answer).number
        if answer.status not in REFUSALS:
            return f"from request {since} on, nothing at {self.wire.target.url} answers as this API: {came(answer)}"
        words = f"the token was refused from request {since} on ({came(answer)}): it expired or was revoked"
        if self.wrong_tokens:
            words += (
                f", or the server locks out who sends wrong tokens ({self.wrong_tokens} were sent;"
                " --skip auth.required --skip auth.challenge leaves them out)"
            )
        return words


# What answers


def is_of_api(operation: Operation, answer: Answer) -> bool:
    """Whether an answer is one that only this API gives: rows, however faulty."""
    if answer.status != 200 or answer.broke:
        return False
    document = said(answer.body)
    if not operation.is_list:
        # Some deployments wrap a single row in a list, which is a fault, and the API all the same.
        return _is_like_a_row(document) or (_are_rows(document) and bool(document))
    if isinstance(document, Mapping):
        return _are_rows(document.get("results")) or isinstance(document.get("results"), Mapping)
    return _are_rows(document) and (bool(document) or not operation.is_enveloped)


def _are_rows(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and (not value or _is_like_a_row(value[0]))


def _is_like_a_row(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    documented = resource().fields.keys() & value.keys()
    return resource().key in documented or len(documented) >= LIKE_A_ROW


def may_come_from_elsewhere(answer: Answer) -> bool:
    """Whether something in front of the server may have given an answer, in its place."""
    status = answer.status
    if answer.broke or status >= 500 or status in REFUSALS or status in (407, 429, 511):
        return True
    if 300 <= status < 400 and status != 304:
        return leads_elsewhere(answer)
    if answer.request.method != "GET" or status in (204, 304):
        return False
    return said(answer.body) is None and answer.body.strip() != b"null"


def leads_elsewhere(answer: Answer) -> bool:
    try:
        there, here = urlsplit(urljoin(answer.url, answer.headers.get("location", ""))), urlsplit(answer.url)
        return (there.scheme, there.netloc) != (here.scheme, here.netloc) or not there.path.startswith(here.path)
    except ValueError:
        return True


def _may_pass(answer: Answer) -> bool:
    """Whether an answer may be another one in a moment."""
    return bool(answer.broke) or answer.status in PROXY_STATUSES


def came(answer: Answer) -> str:
    """What came, in a few words: status, kind, and what it says of itself."""
    if answer.broke:
        return answer.describe()
    words = answer.describe()
    if location := answer.headers.get("location"):
        return f"{words}, which leads to {_whither(answer.url, location)}"
    if wait := answer.headers.get("retry-after"):
        words += f" with Retry-After {wait[:MOST_TITLE]}"
    if title := re.search(rb"<title[^>]*>(.{1,200}?)</title>", answer.body, re.IGNORECASE | re.DOTALL):
        text = " ".join(unescape(title[1].decode("utf-8", "replace")).split())
        return f"{words} titled {text[:MOST_TITLE]!r}"
    document = said(answer.body)
    if isinstance(document, Mapping) and document:
        return f"{words} with {', '.join(map(str, list(document)[:4]))}"
    return words


def _whither(url: str, location: str) -> str:
    """Where a redirect leads: another server, or a path of the same."""
    try:
        there, here = urlsplit(urljoin(url, location)), urlsplit(url)
    except ValueError:
        return "no URL"
    origin = f"{there.scheme}://{there.netloc.rpartition('@')[2]}"
    return there.path if (there.scheme, there.netloc) == (here.scheme, here.netloc) else origin


def _nothing_of_ours(url: str, channel: int, answers: Sequence[Answer], *, has_token: bool) -> str:
    """Why a server cannot be judged of which no answer belongs to the API."""
    statuses = {answer.status for answer in answers}
    every = f"all {len(answers)} operations answer"
    if all(answer.broke for answer in answers):
        return f"nothing answers at {url}: {answers[0].broke}"
    if statuses <= REFUSALS:
        given = "the token was refused" if has_token else "no token was given (--token, CHANNEL_IMAGES_TOKEN)"
        scheme = answers[0].headers.get("www-authenticate", "").partition(" ")[0]
        asks = f"; it asks for {scheme[:MOST_TITLE]}" if scheme and scheme.lower() != "token" else ""
        return f"{every} {' or '.join(map(str, sorted(statuses)))}: {given}{asks}"
    if statuses <= {404, 410}:
        return f"{every} {' or '.join(map(str, sorted(statuses)))}: no channel {channel} at {url}, or the URL lacks a path prefix"
    kinds = Counter(came(answer) for answer in answers)
    what = "; ".join(f"{kind} ({number} of {len(answers)} operations)" for kind, number in kinds.most_common(3))
    if len(kinds) == 1:
        what = f"{every} {what.rpartition(' (')[0]}"
    secure = url.replace("http://", "https://", 1)
    leads_to = [answer.headers.get("location", "") for answer in answers]
    hint = f"; give {secure}" if all(location.startswith(secure) for location in leads_to) and url != secure else ""
    return f"nothing at {url} answers as this API: {what}{hint}"


# Sessions


@define
class Session:
    """Requests with memory: what was read once in a reading is not asked for again in it."""

    wire: Wire
    standing: Standing
    on_answer: Callable[[Answer], None] = lambda answer: None
    answers: dict[Request, Answer] = Factory(dict)
    touched: set[Request] | None = None
    """The requests that the rule at work has looked at."""

    def again(self) -> "Session":
        """A new reading, which remembers nothing."""
        return Session(self.wire, self.standing, self.on_answer)

    @property
    def token(self) -> str:
        """The valid token, as it is now."""
        return self.wire.token

    def get(
        self,
        path: str,
        params: Params = (),
        *,
        method: str = "GET",
        credentials: Credentials | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        fresh: bool = False,
    ) -> Answer:
        """The answer to a request, from memory where it is there and `fresh` is not set.

        It is asked with the valid token unless `credentials` says otherwise. `$TOKEN` in a parameter or a header
        stands for the token. Raises `RunEnds` if the run cannot go on.
        """
        request = Request(
            path,
            tuple(params),
            method,
            credentials.name if credentials else VALID,
            tuple((headers or {}).items()),
            body,
        )
        if self.touched is not None:
            self.touched.add(request)
        if fresh or request not in self.answers:
            answer = self._asked(request, credentials)
            if fresh:
                return answer
            self.answers[request] = answer
        return self.answers[request]

    def together(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers to several requests that are under way at the same time, in their order.

        Those that broke or were turned away are left as they are. Raises `RunEnds`.
        """
        answers = self.wire.send_together(requests, self.standing.valid)
        for answer in answers:
            self._heard(answer, None)
        return answers

    def bare(self, path: str, *, method: str = "GET") -> tuple[Answer, bytes]:
        """The answer to a request over a bare socket, and the bytes that came behind its end; none where a proxy is used.

        Raises `RunEnds`.
        """
        request = Request(path, method=method)
        if self.wire.target.proxy is not None:
            return self.get(path, method=method), b""
        answer, surplus = self.wire.send_bare(request, self.standing.valid)
        # What breaks here is our own reading: clients are asked to judge that.
        return answer if answer.broke else self._heard(answer, None), surplus

    def replayed(self, answer: Answer) -> Answer:
        """The answer to the same request, sent by itself over a connection of its own. Raises `RunEnds`."""
        return self._asked(answer.request, None if answer.sender.name == VALID else answer.sender, apart=True)

    def assure(self) -> None:
        """Ask whether the API still answers and takes the valid token. Raises `NotJudged`."""
        self.standing.assure()

    def _asked(self, request: Request, credentials: Credentials | None, *, apart: bool = False) -> Answer:
        if credentials is not None and credentials.header and credentials.name != OTHER:
            self.standing.wrong_tokens += 1
        answer = self.wire.send(request, credentials or self.standing.valid, apart=apart)
        if credentials is None and answer.status in REFUSALS and self.standing.renew_where_refused():
            answer = self.wire.send(request, self.standing.valid)
        return self._heard(answer, credentials)

    def _heard(self, answer: Answer, credentials: Credentials | None) -> Answer:
        if credentials is None:
            self.standing.hear(answer)
        self.on_answer(answer)
        return answer
