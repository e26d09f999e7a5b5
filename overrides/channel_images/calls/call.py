"""Sends one request, in plain order: a token, attempts and the waits between them, redirects, and what the answer says.

A call is a generator, as `httpx.Auth.auth_flow` is one: it yields what is to be done, and is sent what came of it. It
sends nothing and sleeps nowhere, so that one algorithm serves threads and tasks. `channel_images.client.client` has the
driver for threads, `channel_images.client.async_client` that for tasks.
"""

import json
import logging
import time
from collections.abc import Callable, Generator
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote

import httpx
from attrs import field, frozen

from channel_images.calls.address import MAX_REDIRECTS, REDIRECTS, location_of, origin, redirect_target
from channel_images.calls.answers import Answer
from channel_images.calls.config import Options
from channel_images.calls.deadlines import CancelToken, Deadline
from channel_images.calls.failures import ABANDONED, as_httpx, describe, is_refusal, may_have_arrived
from channel_images.calls.outside import SAFE_METHODS, SIGN_IN, Look, OutsideRequest, is_safe, is_success
from channel_images.calls.retries import Budget, RateLimit
from channel_images.calls.secrets import NOT_SHOWN, Secret, Secrets
from channel_images.calls.tokens import Tokens, decode_key
from channel_images.exceptions import ChannelImagesError, MalformedResponse, NotAuthenticated, PermissionDenied
from channel_images_api.errors import MalformedBody
from channel_images_api.types import Request

T = TypeVar("T")
logger = logging.getLogger("channel_images")

LONG_WAIT = 5.0
"""Seconds; a retry that waits longer is a warning."""
_MAX_ERROR_BODY = 1 << 20  # bytes, of an answer that is no success


@frozen(eq=False)
class Send:
    """Send a request once, and read the answer. Sent back: a `httpx.Response`, or the error that came in its place.

    Attributes:
        request: The request.
        deadline: When the whole answer has to be there.
    """

    request: httpx.Request = field(repr=False)  # a traceback may show it, and a redirect may have a secret
    deadline: Deadline


@frozen(eq=False)
class Pause:
    """Wait, until the call is cancelled or the client is closed. Sent back: nothing.

    Attributes:
        seconds: How long.
    """

    seconds: float


@frozen(eq=False)
class Renew:
    """Have another token, by `Caller.renew`, one call at a time. Sent back: the token, or the error.

    Attributes:
        refused: The token that the server refused; None if there is none yet.
        failure_before: How the last sign-in before this one failed.
    """

    refused: Secret | None
    failure_before: ChannelImagesError | None


Step: TypeAlias = Send | Pause | Renew
Outcome: TypeAlias = httpx.Response | Exception
"""What came of an attempt."""
Steps: TypeAlias = Generator[Step, Any, T]


class Caller:
    """Makes the calls of one client.

    Args:
        options: Those of the client.
        secrets: What no error shows.
        http: Sends the requests.
        check_usable: Raises where the client is closed.
    """

    def __init__(
        self,
        options: Options,
        secrets: Secrets,
        http: httpx.Client | httpx.AsyncClient,
        check_usable: Callable[[], None],
    ) -> None:
        self._options = options
        self._secrets = secrets
        self._http = http
        self._check_usable = check_usable
        self._tokens = Tokens(options.token)
        self._rate = None if options.rate_limit is None else RateLimit(options.rate_limit)
        self._timeouts = options.timeouts

    def with_options(self, options: Options, check_usable: Callable[[], None]) -> "Caller":
        """Another caller with the same connections, token and rate."""
        other = Caller(options, self._secrets, self._http, check_usable)
        other._tokens, other._rate = self._tokens, self._rate
        return other

    def call(
        self, wanted: Request, decode: Callable[[bytes], T], *, after: float, cancel: CancelToken
    ) -> Steps[Answer[T]]:
        """One call.

        Args:
            wanted: The request.
            decode: Makes the value of the body of a success.
            after: Seconds to wait before it.
            cancel: Ends it.

        Raises:
            ChannelImagesError: There was no answer, or it is no good.
        """
        self._check_usable()
        if after > 0:
            yield Pause(after)
            self._check_usable()
        before = self._tokens.current
        token = yield from self._token(None)
        budget = Budget(self._options.retries)  # a sign-in has a budget of its own
        try:
            return (yield from self._attempts(wanted, decode, token, budget, cancel))
        except (NotAuthenticated, PermissionDenied) as error:
            is_new = token is not before
            if self._options.credentials is None or not self._tokens.may_have_expired(error, is_new=is_new):
                raise
        token = yield from self._token(token)
        try:
            return (yield from self._attempts(wanted, decode, token, budget, cancel))
        except PermissionDenied as error:
            self._tokens.may_have_expired(error, is_new=True)
            raise

    def renew(self, step: Renew, cancel: CancelToken) -> Steps[Secret]:
        """Sign in for another token, unless another call has done so."""
        return self._tokens.renew(step.refused, step.failure_before, self._sign_in(cancel), cancel)

    def room_for(self, response: httpx.Response) -> tuple[int, str]:
        """How long the body of an answer may be, in bytes, and what an error calls that."""
        if response.is_success:
            return self._options.max_body, "max_body="
        return min(self._options.max_body, _MAX_ERROR_BODY), ""

    def _token(self, refused: Secret | None) -> Steps[Secret]:
        if (token := self._tokens.other_than(refused)) is not None:
            return token
        outcome = yield Renew(refused, self._tokens.failure)
        if isinstance(outcome, Secret):
            return outcome
        raise outcome

    def _sign_in(self, cancel: CancelToken) -> Steps[Secret]:
        answer = yield from self._attempts(SIGN_IN, decode_key, None, Budget(self._options.retries), cancel)
        self._secrets.add_token(answer.value)
        return answer.value

    def _attempts(
        self,
        wanted: Request,
        decode: Callable[[bytes], T],
        token: Secret | None,
        budget: Budget,
        cancel: CancelToken,
    ) -> Steps[Answer[T]]:
        look: Look[T] | None = wanted.look if isinstance(wanted, OutsideRequest) else None
        in_doubt = budget.retries > 0  # a renewal of the token came between
        while True:
            if look is not None and in_doubt:
                found = yield from self._attempts(look.request, look.decode, token, budget, cancel)
                if found.value is not None:
                    return Answer(found.value, found.response, budget.retries)
            request = self._build(wanted, token)
            outcome: Outcome = yield from self._attempt(request, budget, cancel)
            if isinstance(outcome, httpx.Response) and is_success(wanted, outcome.status_code):
                value = self._decoded(outcome, decode)
                if not isinstance(value, MalformedBody):
                    return Answer(value, outcome, budget.retries)
                outcome = value
            in_doubt = not is_safe(wanted) and may_have_arrived(outcome)
            wait = budget.wait_after(outcome) if look is not None or not in_doubt else None
            if look is not None and budget.retries and is_refusal(outcome):
                look_again = yield from self._attempts(look.request, look.decode, token, budget, cancel)
                if look_again.value is not None:  # an earlier one has arrived after it was looked for
                    return Answer(look_again.value, look_again.response, budget.retries)
            if wait is None or cancel.is_set():
                break
            self._log_retry(request, outcome, budget, wait)
            yield Pause(wait)
            if cancel.is_set():
                break
            budget.retries += 1
        self._check_usable()  # what fails because the client was closed meanwhile is that
        self._secrets.scrubbed(request)
        from channel_images.calls.explain import explain  # not before it is needed: most programs meet no error

        error_of_ours = explain(
            outcome, request, self._options, self._secrets, retries=budget.retries, in_doubt=in_doubt
        )
        if error_of_ours is not None:
            raise error_of_ours from (outcome if isinstance(outcome, Exception) else None)
        assert isinstance(outcome, Exception)  # noqa: S101 - an answer is always explained
        raise outcome  # of the caller's own hooks

    def _attempt(self, request: httpx.Request, budget: Budget, cancel: CancelToken) -> Steps[Outcome]:
        """Send a request once, and follow the redirects within its origin."""
        hops = 0
        while True:
            if self._rate is not None:
                yield from self._turn(self._rate, budget, cancel)
            self._check_usable()
            if cancel.is_set():
                return httpx.ReadError(ABANDONED, request=self._secrets.scrubbed(request))
            deadline = budget.deadline(self._options.call_timeout, cancel)
            started = time.perf_counter()
            outcome = self._as_told(request, deadline, (yield Send(request, deadline)))
            self._log(request, outcome, budget, time.perf_counter() - started)
            if isinstance(outcome, Exception):
                self._check_usable()
                return outcome
            further = _redirected(outcome, request)
            self._secrets.scrub(outcome)
            if further is None or hops == MAX_REDIRECTS:
                return outcome
            request, hops = further, hops + 1

    def _turn(self, rate: RateLimit, budget: Budget, cancel: CancelToken) -> Steps[None]:
        """Wait for a place, which is not counted for the budget."""
        place = rate.reserve()
        seconds = max(0.0, place - time.monotonic())
        try:
            yield Pause(seconds)
        except GeneratorExit:  # the task was cancelled
            rate.give_back(place)
            raise
        budget.extend(seconds)
        if cancel.is_set():
            rate.give_back(place)

    def _build(self, wanted: Request, token: Secret | None) -> httpx.Request:
        """The request, with what the client adds to each.

        httpx would write the commas of lists as `%2C`, and takes a third of the time of a request to merge URLs.
        """
        url = self._options.base_url + wanted.url
        if own := self._http.params:
            named = httpx.URL(url).params
            url += "".join(
                f"{'&' if '?' in url else '?'}{quote(name, safe='')}={quote(value, safe='')}"
                for name, value in own.multi_items()
                if name not in named
            )
        headers: Any = self._http.headers
        extensions = {"timeout": self._timeouts}
        # What changes something brings no session of before: a server that finds one asks for a CSRF token too.
        cookies = self._http.cookies if wanted.method in SAFE_METHODS else self._options.httpx.get("cookies")
        content = wanted.content if isinstance(wanted, OutsideRequest) else None
        if wanted is SIGN_IN:
            content = self._credentials()
        request = httpx.Request(
            wanted.method, url, headers=headers, cookies=cookies, content=content, extensions=extensions
        )
        if content is not None:
            request.headers["Content-Type"] = "application/json"
        request.headers.update(self._options.headers)
        if token is not None:
            request.headers["Authorization"] = f"Token {token.reveal()}"
        return request

    def _credentials(self) -> bytes:
        username, password = (secret.reveal() for secret in self._options.credentials or ())
        return json.dumps({"username": username, "password": password}).encode()

    def _as_told(self, request: httpx.Request, deadline: Deadline, outcome: Outcome) -> Outcome:
        """What came of an attempt: an error as httpx has it, without secrets in what it comes from."""
        if isinstance(outcome, httpx.Response):
            return outcome
        if isinstance(outcome, MalformedResponse) and not outcome.response.is_success:
            # An answer that is no success says enough by its status.
            outcome.response.extensions["unread"] = f"It has no body here: {outcome}"
            return outcome.response
        from channel_images.calls.network import sorted_out  # not before it is needed: it takes long to import

        failure = sorted_out(as_httpx(outcome, request), request, deadline, self._http)
        self._secrets.clean_causes(failure)
        return failure

    def _decoded(self, response: httpx.Response, decode: Callable[[bytes], T]) -> T | MalformedBody:
        """The value of a body; or why there is none, without the secrets that the server put into it."""
        try:
            return decode(response.content)
        except MalformedBody as error:
            failure = error
        cleaned = self._secrets.cleaned(response)
        if cleaned is not response and decode is not decode_key:  # which shows nothing of the body
            failure = _decoded_again(cleaned.content, decode, failure)
        failure.set_response(cleaned)
        self._secrets.clean_causes(failure)
        return failure

    def _log(self, request: httpx.Request, outcome: Outcome, budget: Budget, seconds: float) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            fields = self._fields(request, outcome, budget)
            said = self._secrets.hide(describe(outcome))
            logger.debug("%s %s: %s, in %.1f ms", request.method, fields["url"], said, seconds * 1_000, extra=fields)

    def _log_retry(self, request: httpx.Request, outcome: Outcome, budget: Budget, wait: float) -> None:
        level = logging.WARNING if wait > LONG_WAIT else logging.INFO
        if logger.isEnabledFor(level):
            fields = self._fields(request, outcome, budget)
            said = f"{request.method} {fields['url']}: {self._secrets.hide(describe(outcome))}"
            number, most = budget.retries + 1, self._options.retries.attempts
            logger.log(level, "retry %d of %d in %.2f s: %s", number, most, wait, said, extra={**fields, "wait": wait})

    def _fields(self, request: httpx.Request, outcome: Outcome, budget: Budget) -> dict[str, object]:
        """What a record of the log says beside its words."""
        response = outcome if isinstance(outcome, httpx.Response) else getattr(outcome, "response", None)
        return {
            "method": request.method,
            "url": self._secrets.hide(str(request.url)),
            "status": None if response is None else response.status_code,
            "attempt": budget.retries + 1,
        }


def _redirected(response: httpx.Response, request: httpx.Request) -> httpx.Request | None:
    """The request that a redirect within the origin asks for; None for an answer that is no such redirect."""
    location = location_of(response)
    if response.status_code not in REDIRECTS or request.method not in SAFE_METHODS or not location:
        return None
    target = redirect_target(request.url, location)
    if target is None or origin(target) != origin(request.url):
        return None
    return httpx.Request(request.method, target, headers=request.headers, extensions=request.extensions)


def _decoded_again(content: bytes, decode: Callable[[bytes], object], failure: MalformedBody) -> MalformedBody:
    """The failure as it is without the secrets that the body had, in a frame without them."""
    expected, path, is_no_json = failure.expected, failure.path, isinstance(failure.value, bytes)
    del failure
    try:
        decode(content)
    except MalformedBody as error:
        if (error.expected, error.path) == (expected, path):
            return error
    return MalformedBody(expected, NOT_SHOWN if is_no_json else NOT_SHOWN.decode(), path)
