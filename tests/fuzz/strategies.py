"""Makes bytes that are nearly what a reader expects: a valid document, changed in its structure, and then as bytes."""

import copy
import functools
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from attrs import frozen
from hypothesis import HealthCheck, given, note, settings, strategies as st

T = TypeVar("T")

ROUND = int(os.environ.get("FUZZ_ROUND", "0"))
"""How many times as many cases `make fuzz` wants, from a new seed; 0 elsewhere."""
LONGEST = 1_000
"""Characters of an error, beside what it quotes of a person's own words."""


class Cases:
    """How many there were."""

    count = 0


def fuzz(cases: int = 100, **given_: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Hypothesis' `given`. The cases are the same in every run, but for `make fuzz`: no change fails for another one's fault."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def counted(*args: Any, **kwargs: Any) -> None:
            Cases.count += 1
            for name in given_:  # schemathesis keeps Hypothesis from printing them
                note(f"{name} = {kwargs[name]!r}")
            test(*args, **kwargs)

        return settings(
            max_examples=cases * (ROUND or 1),
            derandomize=not ROUND,
            print_blob=True,
            # Servers and folders are shared by the cases of a test, and a slow one is no fault.
            suppress_health_check=[
                HealthCheck.function_scoped_fixture,
                HealthCheck.too_slow,
                HealthCheck.data_too_large,
            ],
        )(given(**given_)(counted))

    return decorate


def hold_to_one_line(error: BaseException | str, given: str = "") -> None:
    """Hold a message to what a terminal, a log and a person can take. It may repeat what somebody gave who reads it."""
    text = str(error)
    assert text
    assert len(text.splitlines()) == 1, text
    assert len(text) <= LONGEST + 10 * len(given)
    text.encode()


# JSON


@frozen
class Raw:
    """What stands in a JSON text as it is, and may be none."""

    text: str


DEEP = (
    # Around the interpreter's limit there are values that one function takes and the next one does not.
    st.integers(1, 120) | st.integers(sys.getrecursionlimit() - 200, sys.getrecursionlimit() + 10) | st.just(100_000)
).flatmap(
    lambda depth: st.sampled_from(
        [Raw("[" * depth + "]" * depth), Raw('{"a":' * depth + "1" + "}" * depth), Raw("[" * depth)]
    )
)
NUMBERS = st.sampled_from(
    [
        *("NaN", "Infinity", "-Infinity", "-0", "-0.0", "0.0", "1.0", "1e3", "1E+3", "12.5", "01", "1.", ".5", "+1", "0x10", "1_0"),
        *("1e400", "-1e400", "1e-400", "1e999999999", "1e99999999999999999999", "0.1234567890123456789", "1e308"),
        *("9" * 19, "9" * 100, "9" * 4_300, "9" * 5_000, str(2**63 - 1), str(2**63), str(-(2**63)), str(2**70), "4294967296"),
    ]
).map(Raw)  # fmt: skip
TEXTS = st.sampled_from(
    [
        *("", " ", "0", "1", "true", "null", "\0", "\n", "a\nb", "\x1b[31m", "\x7f", "\x85", "\u2028", "\ufeff", "\uffff", "\u202e"),
        *("\ud800", "x\udfff", "\U0001f600", "\u0663", "²", "é", "e\u0301", "x" * 3_000, "%s%n", "{0}", "<script>", "=1+1", "$TOKEN"),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0000-01-01T00:00:00Z", "2022-02-30T00:00:00Z"),
        *("2022-11-25T12:06:42.954200123456789Z", "2022-11-25T24:00:00Z", "2022-11-25 12:06", "2026-01-31", "0000-01-01", "2026-02-30"),
        *("http://[::1/x", "http://user:pw@host/", "//", "javascript:alert(1)", "http://host:99999999/", "?page=2"),
    ]
)  # fmt: skip
WRITTEN = st.sampled_from(
    ['"\\ud83d\\ude00"', '"\\ud83d"', '"\\u0000"', '"\\/"', "'a'", "tru", "", "1, 2", '"a": 1', "//", '"\t"', '"']
)
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
SHALLOW: st.SearchStrategy[Any] = st.one_of(
    NUMBERS,
    TEXTS,
    WRITTEN.map(Raw),
    st.sampled_from([None, True, False, 0, 1, -1, 200, [], {}, [[]], {"": {}}, [None], [1, "a"]]).map(copy.deepcopy),
    st.integers(),
    st.floats(),
    ANY_TEXT,
)
"""Values, and what looks like one, of which a reader may not have thought."""
ODD = SHALLOW | SHALLOW | SHALLOW | DEEP
"""The same, and values that are nested deep, over which some parsers take long."""


def text_of(value: Any) -> str:
    """The JSON of a value, with what is raw in it."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {text_of(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(text_of, value)) + "]"
    return json.dumps(value)


@st.composite
def changed(draw: st.DrawFn, document: Any, odd: st.SearchStrategy[Any] = ODD, most: int = 3) -> Any:
    """A document in which values are replaced, gone, there twice, or new."""
    whole = [copy.deepcopy(document)]
    for _ in range(draw(st.integers(0, most))):
        places = list(_places(whole))
        place, key = places[draw(st.integers(0, len(places) - 1))]
        edit = draw(st.sampled_from(["replace", "remove", "repeat", "add"]))
        if edit == "remove" and place is not whole:
            del place[key]
        elif edit == "repeat" and isinstance(place, dict):  # the last of two with the same name counts
            place[key] = Raw(f"{text_of(draw(odd))}, {json.dumps(key)}: {text_of(place[key])}")
        elif edit == "repeat" and place is not whole:
            place.insert(key, place[key])
        elif edit == "add" and isinstance(place[key], dict):
            place[key][draw(TEXTS | ANY_TEXT)] = draw(odd)
        elif edit == "add" and isinstance(place[key], list):
            place[key].append(draw(odd))
        else:
            place[key] = draw(odd)
    return whole[0]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each value in a document, as what holds it and under what."""
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


# Bytes

ENCODINGS = st.sampled_from(["utf-8"] * 8 + ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
PIECES = st.binary(max_size=4) | st.sampled_from(
    [b"\0", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\x80", b"\r\n", b"\x1f\x8b", b"\x1b["]
)


@st.composite
def spoiled(draw: st.DrawFn, content: bytes, most: int = 2) -> bytes:
    """Bytes of which some are gone, others, there twice or new; mostly none."""
    for _ in range(max(0, draw(st.integers(-3, most)))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 20)))
        match draw(st.sampled_from(["end", "flip", "insert", "replace", "repeat"])):
            case "end":
                content = content[:start]
            case "flip" if start < len(content):
                flipped = content[start] ^ 1 << draw(st.integers(0, 7))
                content = content[:start] + bytes([flipped]) + content[start + 1 :]
            case "insert":
                content = content[:start] + draw(PIECES) + content[start:]
            case "replace":
                content = content[:start] + draw(PIECES) + content[end:]
            case "repeat":
                content = content[:end] + content[start:]
    return content


def encoded(text: str) -> st.SearchStrategy[bytes]:
    """A text as bytes, mostly in UTF-8 and whole."""
    return ENCODINGS.map(lambda name: text.encode(name, "surrogatepass")).flatmap(spoiled)


def documents(document: Any, odd: st.SearchStrategy[Any] = ODD, most: int = 3) -> st.SearchStrategy[bytes]:
    """The JSON of a document, with changes; or any bytes."""
    return changed(document, odd, most).map(text_of).flatmap(encoded) | st.binary(max_size=60)
