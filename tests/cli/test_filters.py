"""The options that are made of filters, also of kinds that images do not have."""

import inspect
from typing import Any, get_args

import pytest
import typer
from attrs import evolve

from channel_images.cli import filters
from channel_images_api.filters import FILTERS, Filter

NUMBER = Filter("max_weight", "weight", "Only those of this weight. Or so.", "number", False, (), (), False)
TEXT = Filter("word", "word", "Only those with this: word.", "string", False, (), (), False)
UNIT = Filter("unit_type", "unit", "Only those in this unit.", "string", True, ("kg", "qty"), (), True)
LEVEL = Filter("level", "level", "Only those of this level.", "integer", False, (1, 2), ("ONE", "TWO_A"), False)
FLAGS = Filter("flags", "flag", "Only those with these flags.", "boolean", True, (), (), False)


def option(known: Filter) -> Any:
    return get_args(filters._type_of(known))[1]


@pytest.mark.parametrize(
    ("known", "metavar", "text"),
    [
        (NUMBER, "NUMBER", "Only those of this weight."),
        (TEXT, "TEXT", "Only those with this."),
        (UNIT, "TYPE,...", "Only those in this unit: kg, qty."),
        (LEVEL, "LEVEL", "Only those of this level: names, such as one, or numbers."),
        (FLAGS, "true|false,...", "Only those with these flags."),
    ],
)
def test_help(known: Filter, metavar: str, text: str) -> None:
    assert (option(known).metavar, option(known).help) == (metavar, text)


def test_every_filter_of_images_has_help_of_one_sentence() -> None:
    for known in FILTERS.values():
        text = option(known).help
        assert text.startswith("Only the images ")
        assert text.index(".") == len(text) - 1


def test_completion() -> None:
    assert option(UNIT).autocompletion("kg,") == ["kg,kg", "kg,qty"]
    assert list(inspect.signature(option(LEVEL).autocompletion).parameters) == ["incomplete"]
    assert option(TEXT).autocompletion is None


@pytest.mark.parametrize(
    ("known", "given", "value"),
    [
        (NUMBER, "-2.5", -2.5),
        (TEXT, "a,b", "a,b"),
        (UNIT, ["kg, lb", "qty"], ["kg", "lb", "qty"]),
        (UNIT, [""], []),
        (UNIT, [], None),
        (LEVEL, "two-a", 2),
        (LEVEL, "1", 1),
        (FLAGS, ["true,False"], [True, False]),
        (TEXT, None, None),
    ],
)
def test_values(known: Filter, given: Any, value: object) -> None:
    assert filters._value(known, given) == value


@pytest.mark.parametrize(
    ("known", "given", "said"),
    [
        (NUMBER, "many", "--max-weight takes a number, such as 1.5, not 'many'"),
        (NUMBER, "nan", "--max-weight takes a number, such as 1.5, not 'nan'"),
        (TEXT, "", "--word takes a text, not ''"),
        (evolve(UNIT, is_extensible=False), ["kg,lb"], "--unit-type takes kg, qty, not 'lb'"),
        (LEVEL, "3", "--level takes one, two_a, or a number, not '3'"),
        (LEVEL, "three", "--level takes one, two_a, or a number, not 'three'"),
        (FLAGS, ["1"], "--flags takes true or false, not '1'"),
    ],
)
def test_what_is_no_value_is_one_line(known: Filter, given: Any, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        filters._value(known, given)
    assert capsys.readouterr().err == f"channel-images: {said}\n"
