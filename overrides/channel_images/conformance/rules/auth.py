"""Auth: who gets an answer."""

from collections.abc import Iterator

from channel_images.conformance.operations import Operation
from channel_images.conformance.rule import Finding, NotExercised, Pattern, rule
from channel_images.conformance.survey import Survey
from channel_images.conformance.wire import Answer, Credentials, Params

REFUSALS = frozenset({401, 403})
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
    ]
    if swapped != token:
        near.append(Credentials("the key in another case", f"Token {swapped}", "Token ${TOKEN~~}"))
    return near


@rule("auth.required", Pattern.DIFFERENCE)
def required(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """No request without a valid token is answered: by GET, HEAD or conditional GET, and however near the token is."""
    path = operation.path_for(survey.channel, survey.some_pk())
    valid = survey.session.get(path)
    if valid.status != 200:
        raise NotExercised(f"with a valid token it answers {valid.describe()}")
    # A token that is given in another way (a header of --header, a client certificate) can't be left out.
    everybody = [MISSING, WRONG] if survey.quick else impostors(survey.token)
    asked = [survey.session.get(path, credentials=who) for who in everybody]
    for who in () if survey.quick else (MISSING, WRONG):
        asked.append(survey.session.get(path, method="HEAD", credentials=who))
        asked += [survey.session.get(path, credentials=who, headers=each) for each in _conditions(valid)]
        asked += [survey.session.get(path, each, credentials=who) for each in _branches(survey, operation)]
    for answer in asked:
        if answer.status in REFUSALS or answer.is_server_error:
            continue
        if answer.request.method == "HEAD" and answer.status == 405:
            continue
        yield Finding(
            f"{_how(answer)} with {answer.request.credentials} is answered", "401", answer.describe(), (answer,)
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
        (("page", "2"), ("limit", "1")),
        *(((name, _A_VALUE.get(name, str(survey.some_pk()))),) for name in sorted(operation.filters)),
    ]


_A_VALUE = {"is_seller_product": "true", "product_type": "0"}


def _how(answer: Answer) -> str:
    if answer.request.headers:
        return "a conditional GET"
    with_parameters = " ".join(name for name, _ in answer.request.params)
    return f"{answer.request.method} {with_parameters}".strip()


@rule("auth.challenge", Pattern.EQUALITY)
def challenge(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Missing and wrong credentials get 401 with WWW-Authenticate."""
    path = operation.path_for(survey.channel, survey.some_pk())
    for who in (MISSING, WRONG):
        answer = survey.session.get(path, credentials=who)
        if answer.status == 403:
            yield Finding(f"{who.name} gets 403", "401 with WWW-Authenticate", answer.describe(), (answer,))
        elif answer.status == 401 and "www-authenticate" not in answer.headers:
            yield Finding(
                f"{who.name} gets 401 without WWW-Authenticate",
                "401 with WWW-Authenticate",
                answer.describe(),
                (answer,),
            )
