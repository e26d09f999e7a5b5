"""Parameters and operations come from the contract; what the mock could not serve is refused at start-up."""

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, strategies as st

from channel_images.mock.operations import Operation, operations
from channel_images.mock.parameters import Invalid, Parameter, read_boolean, read_integer, read_number
from channel_images.resource import resource

FULL = "/api/v1/channel/{channel_id}/product_images/"


def parameter(name: str) -> Parameter:
    return Parameter.from_contract({"$ref": f"#/components/parameters/{name}"})


@given(st.integers(0, 10**30))
def test_numbers_are_read(number: int) -> None:
    assert read_integer(str(number)) == number
    assert read_integer(f" 00{number}\t") == number
    assert read_integer(f"-{number}") == -number


@given(st.text().filter(lambda text: not text.strip(" \t").removeprefix("-").isdigit()))
def test_other_texts_are_no_numbers(text: str) -> None:
    with pytest.raises(Invalid, match="Enter a number"):
        read_integer(text)


@pytest.mark.parametrize(
    "text", ["²", "\N{ARABIC-INDIC DIGIT ONE}", "1_000", "+1", "--1", "-", "0x1", "1e3", "1\n", "1\x00"]
)
def test_what_python_would_take_for_a_number_is_none(text: str) -> None:
    with pytest.raises(Invalid):
        read_integer(text)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("TRUE", True), (" 1", True), ("False", False), ("0", False)]
)
def test_booleans_are_read(text: str, value: bool) -> None:
    assert read_boolean(text) is value


def test_the_contracts_defaults_and_bounds_are_used() -> None:
    page = parameter("Page")
    assert (page.default, page.location, page.type, page.is_list) == (1, "query", "integer", False)
    with pytest.raises(Invalid, match="greater than or equal to 1"):
        page.decode("0")
    assert parameter("IdIn").decode("3,1") == [3, 1]


def test_each_mistake_is_told_once() -> None:
    with pytest.raises(Invalid) as caught:
        parameter("ProductType").decode("7,8,7")
    assert caught.value.messages == tuple(
        f"Select a valid choice. {value} is not one of the available choices." for value in (7, 8)
    )


def test_lists_that_are_repeated_parameters_cannot_be_served() -> None:
    node: dict[str, Any] = {"name": "id__in", "in": "query", "schema": {"type": "array", "items": {"type": "integer"}}}
    with pytest.raises(ValueError, match="separated by commas only"):
        Parameter.from_contract(node)
    assert Parameter.from_contract({**node, "explode": False}).decode("1,2") == [1, 2]


def test_words_are_taken_as_they_are() -> None:
    node = {"name": "colour", "in": "query", "schema": {"type": "string", "maxLength": 3}}
    assert Parameter.from_contract(node).decode("red") == "red"
    with pytest.raises(Invalid, match="longer than 3"):
        Parameter.from_contract(node).decode("green")


def test_a_path_whose_parameter_no_route_can_hold_cannot_be_served() -> None:
    declared = resource().operation(is_list=False)
    odd = evolve(declared, parameters=({**declared.parameters[0], "name": "channel-id"},))
    with pytest.raises(ValueError, match="retrieveProductImage: the mock's routes know no parameter 'channel-id'"):
        Operation.of(odd)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        (" 12.5\t", 12.5),
        ("-0.10", -0.1),
        ("1e3", 1000),
        ("0.12345678901234567890", Decimal("0.1234567890123456789")),
    ],
)
def test_numbers_with_a_fraction_are_read(text: str, value: float | Decimal) -> None:
    assert read_number(text) == value


@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "1e999", "0x1", "1_0", "1.", ".5", "+1", "1\n", "\N{ARABIC-INDIC DIGIT ONE}"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="Enter a number"):
        read_number(text)


def test_fixed_paths_come_before_the_open_one() -> None:
    paths = [operation.path for operation in operations().values()]
    assert all(paths.index(FULL + "{id}/") > paths.index(FULL + each) for each in ("detailed/", "inserts/"))


def test_the_answers_of_lists_are_told_by_their_schemas() -> None:
    enveloped = {operation.id for operation in operations().values() if operation.is_enveloped}
    assert enveloped == {"listProductImages", "listDetailedProductImages"}
    assert {operation.id for operation in operations().values() if not operation.is_list} == {
        "retrieveProductImage",
        "retrieveDetailedProductImage",
    }
