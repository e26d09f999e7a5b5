"""Judges who gets an answer."""

from collections.abc import Iterator, Mapping

from channel_images.conformance.asking.operations import FULL, RETRIEVE, UNKNOWN_CHANNEL, Operation, noun
from channel_images.conformance.asking.reading import NotExercised, paged, written
from channel_images.conformance.asking.standing import REFUSALS
from channel_images.conformance.asking.survey import Survey
from channel_images.conformance.asking.target import TOKEN
from channel_images.conformance.asking.wire import Answer, Credentials, Params
from channel_images.conformance.judging.proof import by_status, lacks_header
from channel_images.conformance.judging.rule import Finding, Pattern, rule
from channel_images.resource import Filter, resource

MISSING = Credentials("no token")
WRONG = Credentials(
    "a wrong token", "Token 0000000000000000000000000000000000000000", "Token 0000000000000000000000000000000000000000"
)


def impostors(token: str) -> list[Credentials]:
    """Credentials that no server may take, each near to the valid ones in another way: tokens are compared badly in
    many ways."""
    swapped = token.swapcase()
    near = [
        MISSING,
        WRONG,
        Credentials("an empty header", "", ""),
        Credentials("no key", "Token", "Token"),
        Credentials("the bare key", token, "$TOKEN"),
        Credentials("another scheme", f"Bearer {token}", "Bearer $TOKEN"),
        Credentials("a scheme that begins alike", f"Tokens {token}", "Tokens $TOKEN"),
        Credentials("three parts", f"Token {token} x", "Token $TOKEN x"),
        Credentials("the key twice", f"Token {token} {token}", "Token $TOKEN $TOKEN"),
        Credentials("a longer key", f"Token {token}x", "Token ${TOKEN}x"),
        Credentials("a key cut short", f"Token {token[:-1]}", "Token ${TOKEN%?}"),
        Credentials(
            "the key's first half", f"Token {token[: len(token) // 2]}", f"Token ${{TOKEN:0:{len(token) // 2}}}"
        ),
        Credentials("the key without its first character", f"Token {token[1:]}", "Token ${TOKEN#?}"),
        Credentials("a wildcard", "Token %", "Token %"),
        Credentials("null", "Token null", "Token null"),
        Credentials("a single quote", "Token 'OR'1'='1", "Token 'OR'1'='1"),
        Credentials("a double quote", 'Token "OR"1"="1', 'Token \\"OR\\"1\\"=\\"1'),
    ]
    if swapped != token:
        near.append(Credentials("the key in another case", f"Token {swapped}", "Token ${TOKEN~~}"))
    # Of a token of one character, nothing may be left: no client sends a header that ends in a space.
    return [each for each in near if each.header is None or each.header == each.header.strip()]


NAMES = ("token", "access_token", "auth_token", "key", "api_key", "apikey", "authorization", "Authorization")
"""What a token is called where it is no header."""
SAMPLES = (FULL, RETRIEVE)
"""The operations that meet wrong tokens of every kind."""
LOCAL = (
    "X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "X-Originating-IP", "X-Remote-IP", "X-Remote-Addr",
)  # fmt: skip
"""Headers of proxies that say where a request comes from."""


@rule("auth.required", Pattern.DIFFERENCE)
def required(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """No request without a valid token in Authorization is answered: by GET, HEAD or conditional GET, right after one that
    is, with a token elsewhere, as if from loopback, and however near a wrong token is."""
    path = operation.path_for(survey.channel, survey.some_pk())
    # A token that is given in another way (a header of --header, a client certificate) can't be left out.
    valid = survey.session.get(path, fresh=not survey.quick)
    if valid.status != 200:
        raise NotExercised(f"with a valid token it answers {valid.describe()}")
    # Right after the valid one: what a cache has of it must not be given to somebody else.
    answers = [survey.session.get(path, credentials=MISSING)]
    if not survey.quick:
        answers += _without(survey, operation, valid)
    answers += _wrong(survey, operation, valid)
    for answer in answers:
        if answer.status in REFUSALS or answer.is_server_error:
            continue
        if answer.request.method == "HEAD" and answer.status == 405:
            continue
        who = answer.request.credentials
        first = (valid,) if who == MISSING.name and answer.request.target == path else ()
        yield Finding(
            f"{_how(answer, who)} is answered",
            "401",
            _described(answer),
            (*first, answer),
            proof=by_status(*first, answer),
        )
    if not survey.quick:
        yield from _elsewhere(survey, path)
        yield from _unknown(survey, operation)


def _without(survey: Survey, operation: Operation, valid: Answer) -> list[Answer]:
    """The answers to requests without a token, in every way of asking."""
    path = valid.request.path
    return [
        survey.session.get(path, method="HEAD", credentials=MISSING),
        *(survey.session.get(path, credentials=MISSING, headers=each) for each in _conditions(valid)),
        *(survey.session.get(path, each, credentials=MISSING) for each in _branches(survey, operation)),
    ]


def _wrong(survey: Survey, operation: Operation, valid: Answer) -> Iterator[Answer]:
    """The answers to wrong tokens. Each may count as an attempt to break in: so they are few, all kinds of them on one
    list and one retrieval, and after each the valid token has to be taken still."""
    path = valid.request.path
    everybody = [WRONG]
    if not survey.quick and operation in SAMPLES:
        everybody = [who for who in impostors(survey.token) if who is not MISSING]
        yield _tried(survey, path, WRONG, method="HEAD")
        yield _tried(survey, path, WRONG, headers=_conditions(valid)[0])
    for who in everybody if operation in SAMPLES or not survey.quick else ():
        yield _tried(survey, path, who)


def _tried(
    survey: Survey, path: str, who: Credentials, *, method: str = "GET", headers: Mapping[str, str] | None = None
) -> Answer:
    """The answer to credentials that are not valid; if they were a wrong token, the valid one is asked for after it."""
    before = survey.session.standing.wrong_tokens
    answer = survey.session.get(path, method=method, credentials=who, headers=headers)
    if survey.session.standing.wrong_tokens > before:
        survey.session.assure()
    return answer


def _elsewhere(survey: Survey, path: str) -> Iterator[Finding]:
    """Requests without a token in Authorization that a lax server takes for its owner's or its own."""
    cookie = "; ".join(f"{name}={TOKEN}" for name in NAMES)
    claims = dict.fromkeys(LOCAL, "127.0.0.1") | {"Forwarded": "for=127.0.0.1", "X-Forwarded-Host": "localhost"}
    asked: tuple[tuple[str, Params, Mapping[str, str]], ...] = (
        ("the token in the query, and not in Authorization,", [(name, TOKEN) for name in NAMES], {}),
        ("the token in a cookie, and not in Authorization,", (), {"Cookie": cookie}),
        ("no token that claims to come from loopback", (), claims),
        ("no token that asks for the host localhost", (), {"Host": "localhost"}),
    )
    for what, params, headers in asked:
        answer = survey.session.get(path, params, credentials=MISSING, headers=headers)
        # What is in front of the server may refuse such requests in its own way.
        if answer.status in (200, 204, 206, 304):
            yield Finding(
                f"a request with {what} is answered", "401", answer.describe(), (answer,), proof=by_status(answer)
            )


def _unknown(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Whether an answer without a token tells a channel or a row that exists from one that does not."""
    asked = [("a channel", operation.path_for(UNKNOWN_CHANNEL, survey.some_pk()))]
    if not operation.is_list:
        asked += [(noun(article=True), operation.path_for(survey.channel, pk)) for pk in survey.absent_pk(1)]
    for what, path in asked:
        answer = survey.session.get(path, credentials=MISSING)
        if answer.status not in REFUSALS and not answer.is_server_error:
            yield Finding(
                f"{what} that does not exist is looked for before the token is asked for",
                "401, as for one that exists",
                answer.describe(),
                (answer,),
                proof=by_status(answer),
            )


def _conditions(valid: Answer) -> list[dict[str, str]]:
    """Conditions that a client which has seen the answer could send, and that one which has not could guess."""
    return [
        {"If-None-Match": valid.headers.get("etag", "*")},
        {"If-Modified-Since": valid.headers.get("last-modified", "Thu, 01 Jan 2099 00:00:00 GMT")},
    ]


def _branches(survey: Survey, operation: Operation) -> list[Params]:
    """Parameters that a view may have a branch of its own for."""
    if not operation.is_list:
        return []
    return [
        paged(2, 1),
        *(((name, _a_value(survey, resource().filters[name])),) for name in sorted(operation.filters)),
    ]


def _a_value(survey: Survey, by: Filter) -> str:
    if by.type == "boolean":
        return "true"
    return written(by.values[0]) if by.values else str(survey.some_pk())


def _how(answer: Answer, who: str) -> str:
    """The request in words: `GET with page, limit and no token`."""
    if answer.request.headers:
        return f"a conditional GET with {who}"
    names = ", ".join(name for name, _ in answer.request.params)
    return f"{answer.request.method} with {names} and {who}" if names else f"{answer.request.method} with {who}"


def _described(answer: Answer) -> str:
    """The answer, and the headers that it is an answer to."""
    told = ", ".join(name for name, _ in answer.request.headers)
    return f"{answer.describe()} to a request with {told}" if told else answer.describe()


@rule("auth.challenge", Pattern.EQUALITY)
def challenge(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Missing and wrong credentials get 401 with WWW-Authenticate."""
    path = operation.path_for(survey.channel, survey.some_pk())
    for who in (MISSING, WRONG) if operation in SAMPLES or not survey.quick else (MISSING,):
        answer = _tried(survey, path, who)  # asked before, for auth.required
        if answer.status == 403:
            yield Finding(
                f"{who.name} gets 403",
                "401 with WWW-Authenticate",
                answer.describe(),
                (answer,),
                proof=by_status(answer),
            )
        elif answer.status == 401 and "www-authenticate" not in answer.headers:
            yield Finding(
                f"{who.name} gets 401 without WWW-Authenticate",
                "401 with WWW-Authenticate",
                answer.describe(),
                (answer,),
                proof=lacks_header(answer, "www-authenticate"),
            )
