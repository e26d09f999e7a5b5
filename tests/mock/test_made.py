"""Values that are made up are what their schema allows, and the same wherever they are made."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, strategies as st

from channel_images.mock.data.made import drawn, made

GOLDEN = [
    "4495d823e5ddd36e",
    "12a71c6c7c23bb9b",
    2379.0,
    "e35c3cddf013e407",
    4127.0,
    4727.75,
    "5ab43eee20f610ce",
    150,
    7665.5,
    None,
]

NUMBERS = st.sampled_from([-(2**63), -50, -1.5, -1, 0, 0.25, 1, 7, 7.5, 100, 10_001, 2**63 - 1])


@st.composite
def bounded(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """A schema of a number with some of the two bounds, and a whole number between them."""
    low, high = sorted(draw(st.tuples(NUMBERS, NUMBERS)))
    bounds = {"minimum": low, "maximum": max(high, low + 1)}
    return {"type": kind} | {name: bound for name, bound in bounds.items() if draw(st.booleans())}


@st.composite
def texts(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.integers(0, 40))
    return {"type": "string", "minLength": low, "maxLength": low + draw(st.integers(0, 40))}


FLAT = st.one_of(
    bounded("integer"),
    bounded("number"),
    texts(),
    st.just({"type": "string", "format": "date-time"}),
    st.just({"type": "boolean"}),
    st.just({"type": ["array", "null"]}),
    st.just({"type": "object", "additionalProperties": True}),
    st.just({"enum": [None, "a", 2, True], "type": ["null", "string", "integer", "boolean"]}),
    st.just({"type": ["integer", "null"]}),
    st.just({}),
)
BEYOND: list[dict[str, Any]] = [
    {"const": 4, "examples": [4]},
    {"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["ABC", "XYZ"]},
    {"type": "string", "format": "uuid", "examples": ["f81d4fae-7dec-41d0-a765-00a0c91e6bf6"]},
    {"type": "number", "exclusiveMinimum": 0, "examples": [0.5, 1]},
    {"type": "array", "minItems": 2, "examples": [[1, 2], [3, 4, 5]]},
    {"type": "object", "required": ["name"], "examples": [{"name": "A"}]},
]
"""Schemas that say more than the mock makes up, each with examples."""
SCHEMAS = st.one_of(
    FLAT,
    st.sampled_from(BEYOND),
    st.builds(lambda each: {"anyOf": [each, {"type": "null"}]}, st.one_of(FLAT, st.sampled_from(BEYOND))),
    st.builds(lambda one, other: {"oneOf": [one, other]}, st.just({"type": "boolean"}), texts()),
)


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
        ({"type": ["object", "null"], "examples": [{"a": 1}]}, {dict, type(None)}),
        ({"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]}, {str, type(None)}),
        ({"type": "boolean"}, {bool}),
    ],
)
def test_each_kind_of_value_occurs(schema: dict[str, Any], kinds: set[type]) -> None:
    assert {type(made(schema, drawn(b"", number))) for number in range(100)} == kinds


def test_the_bytes_never_change() -> None:
    # They change only when data that people may rely on changes: say so in the changelog.
    schema = {"type": ["string", "number", "null"]}
    assert [made(schema, drawn(b"", number)) for number in range(len(GOLDEN))] == GOLDEN
