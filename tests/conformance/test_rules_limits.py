"""What a server takes is found out once, and kept to: limits, ids in a filter, bytes in an answer; a sample is no whole."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from attrs import define
from tests.conformance.tiny import INSERTS, PENDING, Reply, Tiny, ask, faults, reading, reply, row, told

from channel_images.conformance.asking.survey import WHOLE, Sample, Whole


def many(products: int, each: int, *, in_rounds: bool) -> list[dict[str, Any]]:
    """Products of several images each, whose pks are neighbours, or which were added in rounds."""
    return [
        row(pk, product=1000 + ((pk - 1) % products if in_rounds else (pk - 1) // each))
        for pk in range(1, products * each + 1)
    ]


@pytest.mark.parametrize("in_rounds", [True, False])
@pytest.mark.parametrize(("products", "each"), [(100, 20), (3, 600)])
def test_a_sample_is_compared_with_nothing_as_if_it_were_whole(products: int, each: int, in_rounds: bool) -> None:
    channels = {5: many(products, each, in_rounds=in_rounds), 6: [row(9001), row(9002)]}
    server = Tiny(channels=channels, largest=10)
    survey = reading(server)
    assert isinstance(survey.full(), Sample)
    assert not faults(server)


def test_a_long_list_that_lacks_rows_of_a_product_is_told_by_its_length() -> None:
    @define
    class Short(Tiny):
        def rows(self, channel: int, which: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
            rows = Tiny.rows(self, channel, which, params)
            return rows[: len(rows) - 3] if "product" in params else rows

    server = Short(channels={5: many(3, 600, in_rounds=True), 6: [row(9001)]}, largest=10)
    assert isinstance(reading(server).full(), Sample)
    server = Short(channels={5: many(3, 600, in_rounds=True), 6: [row(9001)]})
    assert isinstance(reading(server).full(), Whole)
    assert told(server, "filter.complete") == {"product does not return all rows that satisfy it"}


@define
class Refusing(Tiny):
    """Refuses limits that it does not take."""

    status: int = 400
    taken: Sequence[int] = range(1, 51)

    def cut(
        self, channel: int, which: str, params: Mapping[str, str], rows: Sequence[Any], number: int, limit: int
    ) -> Reply:
        if "limit" in params and limit not in self.taken:
            return reply(self.status, {"limit": ["Ensure this value is less."]})
        return Tiny.cut(self, channel, which, params, rows, number, limit)


def test_a_large_limit_that_is_refused_with_400_is_no_fault() -> None:
    assert not faults(Refusing())


def test_a_large_limit_that_is_refused_with_422_is_one_fault_of_each_list() -> None:
    found = faults(Refusing(status=422))
    assert {(rule, what) for rule, _, what, _ in found} == {("schema.response", "status 422 is not documented")}
    assert len({operation for _, operation, _, _ in found}) == 5


def test_where_any_limit_is_refused_one_rule_says_so_and_the_others_go_on_without() -> None:
    server = Refusing(taken=())
    found = faults(server)
    assert {rule for rule, _, _, _ in found} == {"paging.size"}
    assert {what.partition(": ")[2] or what for _, _, what, _ in found} == {
        "a limit is refused that is no larger than 10, or than one that is taken"
    }
    assert isinstance(reading(server).full(), Whole)


def test_a_refusal_of_a_large_limit_is_asked_for_once() -> None:
    server = Refusing()
    survey = reading(server)
    for limit in (1000, 500, 60):
        assert not survey.takes(survey.full().of, limit) or limit == 60
    again = survey.again()
    before = len(server.requests)
    assert not again.takes(survey.full().of, 2000)
    assert len(server.requests) == before


@pytest.mark.parametrize(("most", "status"), [(50, 400), (23, 422), (10, 414)])
def test_a_largest_number_of_ids_is_found_out_and_kept_to(most: int, status: int) -> None:
    @define
    class Few(Tiny):
        def answer(self, request: Any, authorization: str | None) -> Reply:
            values = dict(request.params).get("id__in", "") or dict(request.params).get("product__pk__in", "")
            if authorization and values.count(",") >= most:
                return reply(status, {"id__in": ["Too many."]})
            return Tiny.answer(self, request, authorization)

    found = [each for each in faults(Few()) if each[0] != "schema.response"]
    assert not found
    assert not ask(Few(), "filter.multi")


def test_fewer_ids_than_a_client_may_count_on_are_a_fault() -> None:
    @define
    class Single(Tiny):
        def integers(self, name: str, text: str) -> set[int]:
            if text.count(",") > 3:
                raise ValueError(name)
            return Tiny.integers(self, name, text)

    assert told(Single(), "filter.multi") == {"id__in does not take 10 values"}


def test_a_server_without_a_largest_page_gives_one_large_answer_at_most() -> None:
    sizes: list[int] = []

    @define
    class Unbounded(Tiny):
        largest: int = 10**30

        def handle(self, request: Any, authorization: str | None) -> Reply:
            status, headers, body = Tiny.handle(self, request, authorization)
            sizes.append(body.count(b'"pk"'))
            return status, headers, body

    server = Unbounded(channels={5: many(50, 60, in_rounds=True), 6: [row(9001), row(9002)]})
    survey = reading(server)
    assert survey.affordable(WHOLE)
    assert not survey.affordable(WHOLE + 1)
    assert not survey.affordable("1e30")
    assert survey.affordable("abc")
    assert not faults(server)
    assert sorted(sizes)[-3] <= WHOLE + 1
    assert sum(1 for size in sizes if size > WHOLE) <= 2  # one for each of the two runs here


def test_fat_rows_are_asked_for_in_pages_that_stay_small() -> None:
    longest = 0

    @define
    class Fat(Tiny):
        largest: int = 10**30

        def handle(self, request: Any, authorization: str | None) -> Reply:
            nonlocal longest
            answer = Tiny.handle(self, request, authorization)
            longest = max(longest, len(answer[2]))
            return answer

    rows = [row(pk, hash="f" * 50_000) for pk in range(1, 61)]
    assert not faults(Fat(channels={5: rows, 6: [row(9001)]}))
    assert longest < 3_000_000


# An empty list is believed when it is empty in every way of asking.


@define
class FromZero(Tiny):
    """Counts the pages of the pending lists from zero."""

    def cut(
        self, channel: int, which: str, params: Mapping[str, str], rows: Sequence[Any], number: int, limit: int
    ) -> Reply:
        if which not in PENDING:
            return Tiny.cut(self, channel, which, params, rows, number, limit)
        number = int(params.get("page", 0))
        part = rows[number * limit : (number + 1) * limit]
        return reply(200, part)

    def page(self, channel: int, which: str, params: Mapping[str, str]) -> Reply:
        if params.get("page") == "0" and which in PENDING:
            return self.cut(channel, which, params, self.rows(channel, which, params), 0, int(params.get("limit", 10)))
        return Tiny.page(self, channel, which, params)


@pytest.mark.parametrize("rows", [9, 137])
def test_pages_that_are_counted_from_zero_are_told(rows: int) -> None:
    server = FromZero(channels={5: [row(3 * pk) for pk in range(1, rows + 1)], 6: [row(9001)]})
    relation = (
        "page 1 holds no rows, and the list does when it is asked for otherwise"
        if rows == 9
        else "page 0 holds rows that no other page holds"
    )
    assert relation in told(server, "paging.defaults", INSERTS)
    assert any(relation in each for each in told(server, "pending.paging", INSERTS))


def test_nothing_is_called_pending_nothing_where_that_is_not_known() -> None:
    server = FromZero(channels={5: [row(3 * pk) for pk in range(1, 10)], 6: [row(9001)]})
    found = faults(server)
    assert {rule for rule, *_ in found} <= {"paging.defaults", "pending.paging"}
