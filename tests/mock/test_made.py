"""Values that are made up are what their schema allows, and the same wherever they are made."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings, strategies as st

from channel_images.mock.data.made import drawn, made

GOLDEN = [None, 5182.0, "e2ab179853faa40d", "67bd6ece55c7e7dc"]

NUMBERS = st.sampled_from([-(2**63), -50, -1.5, -1, 0, 0.25, 1, 7, 7.5, 100, 10_001, 2**63 - 1])


@st.composite
def bounded(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """A schema of a number with some of the four bounds, and room between them."""
    low, high = sorted(draw(st.tuples(NUMBERS, NUMBERS)))
    if kind == "integer" and high - low < 3:
        high = low + 3
    schema: dict[str, Any] = {"type": kind}
    if draw(st.booleans()):
        schema["exclusiveMinimum" if draw(st.booleans()) and high - low >= 3 else "minimum"] = low
    if draw(st.booleans()):
        schema["exclusiveMaximum" if draw(st.booleans()) and high - low >= 3 else "maximum"] = high
    return schema


@st.composite
def texts(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.integers(0, 40))
    return {"type": "string", "minLength": low, "maxLength": low + draw(st.integers(0, 40))}


FLAT = st.one_of(
    bounded("integer"),
    bounded("number"),
    texts(),
    st.builds(
        lambda each: {"type": "string", "format": each},
        st.sampled_from(["date-time", "date", "time", "uuid", "uri", "email"]),
    ),
    st.just({"type": "boolean"}),
    st.just({"enum": [None, "a", 2, True], "type": ["null", "string", "integer", "boolean"]}),
    st.just({"const": 4}),
    st.just({"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["ABC", "XYZ"]}),
    st.just({"type": ["integer", "null"]}),
    st.just({}),
)
SCHEMAS = st.recursive(
    FLAT,
    lambda inner: st.one_of(
        st.builds(lambda each: {"anyOf": [each, {"type": "null"}]}, inner),
        st.builds(lambda one, other: {"oneOf": [one, other]}, st.just({"type": "boolean"}), texts()),
        st.builds(lambda each, least: {"type": "array", "items": each, "minItems": least}, inner, st.integers(0, 3)),
        st.builds(
            lambda each, more, needed: {
                "type": "object",
                "properties": each,
                "required": [*needed, *([] if more is False else ["unheard"])],
                "additionalProperties": more,
            },
            st.dictionaries(st.sampled_from("abc"), inner),
            st.one_of(st.booleans(), inner),
            st.just([]),
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(schema=SCHEMAS, seed=st.integers(0, 1000))
def test_a_value_is_one_that_the_schema_allows(schema: dict[str, Any], seed: int) -> None:
    noise = drawn(b"", seed)
    value = made(schema, noise)
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(value)
    assert made(schema, noise) == value


@pytest.mark.parametrize(
    ("schema", "kinds"),
    [
        ({"type": ["number", "null"]}, {int, float, type(None)}),
        ({"type": ["object", "null"], "additionalProperties": True}, {dict, type(None)}),
        ({"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]}, {str, type(None)}),
        ({"type": "boolean"}, {bool}),
    ],
)
def test_each_kind_of_value_occurs(schema: dict[str, Any], kinds: set[type]) -> None:
    assert {type(made(schema, drawn(b"", number))) for number in range(100)} == kinds


def test_the_bytes_never_change() -> None:
    # They change only when data that people may rely on changes: say so in the changelog.
    schema = {"type": "array", "minItems": 4, "maxItems": 4, "items": {"type": ["string", "number", "null"]}}
    assert made(schema, drawn(b"", 2)) == GOLDEN
