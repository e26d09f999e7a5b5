"""What a healthy server may do, in whatever framework: none of it is a fault."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from attrs import define
from tests.conformance.tiny import FULL, KEY, NOT_FOUND, Reply, Tiny, ask, faults, reply, row, told

from channel_images.conformance.asking.wire import Request
from channel_images.conformance.judging.allowances import with_open_enums
from channel_images.resource import resource


def wrong(found: list[tuple[str, str, str, str]]) -> set[tuple[str, str]]:
    return {(rule, what) for rule, _, what, _ in found}


@pytest.mark.parametrize("value", ["archived", "", "aktiv", "disabled_by_seller", "Seller"])
def test_a_new_value_of_an_open_enum_is_no_fault(value: str) -> None:
    rows = [row(pk, status=value, source=value) for pk in range(1, 30)]
    assert not faults(Tiny(channels={5: rows, 6: [row(9001)]}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "ACTIVE"),
        ("status", "Active"),
        ("status", " active"),
        ("status", "dis-abled"),
        ("source", "seller-center"),
        ("source", "Seller Center"),
        ("source", "sellerCenter"),
    ],
)
def test_a_listed_value_in_another_spelling_is_one(name: str, value: str) -> None:
    rows = [row(pk, **{name: value}) for pk in range(1, 30)]
    found = wrong(faults(Tiny(channels={5: rows, 6: [row(9001)]})))
    assert {rule for rule, _ in found} == {"schema.response"}
    assert all(f".{name} is not what the contract says" in what for _, what in found)


def test_what_is_no_text_is_no_value_of_an_open_enum_of_texts() -> None:
    rows = [row(pk, status=pk) for pk in range(1, 30)]
    assert faults(Tiny(channels={5: rows, 6: [row(9001)]}))


def test_only_open_enums_of_texts_are_opened() -> None:
    closed = {"type": "string", "enum": ["a", "b"]}
    numbers = {"type": "integer", "enum": [0, 1], "x-extensible-enum": [0, 1]}
    assert with_open_enums({"properties": {"one": closed, "two": numbers}}) == {
        "properties": {"one": closed, "two": numbers}
    }
    assert "$ref" in resource().fields["status"]


@pytest.mark.parametrize("status", [403, 410])
def test_an_image_that_does_not_exist_may_be_403_or_410(status: int) -> None:
    @define
    class Refusing(Tiny):
        def retrieve(self, channel: int, pk: int) -> Reply:
            answer = Tiny.retrieve(self, channel, pk)
            return reply(status, NOT_FOUND) if answer[0] == 404 else answer

    assert not faults(Refusing())


def test_everything_that_is_404_may_be_410() -> None:
    @define
    class Gone(Tiny):
        def answer(self, request: Request, authorization: str | None) -> Reply:
            status, headers, body = Tiny.answer(self, request, authorization)
            return (410 if status == 404 else status), headers, body

    assert not faults(Gone())


def test_errors_may_be_problem_json() -> None:
    @define
    class Problems(Tiny):
        def answer(self, request: Request, authorization: str | None) -> Reply:
            status, headers, body = Tiny.answer(self, request, authorization)
            if status < 400:
                return status, headers, body
            problem = json.dumps({"type": "about:blank", "title": "No", "status": status}).encode()
            return status, {**headers, "content-type": "application/problem+json"}, problem

    assert not faults(Problems())


def test_an_undocumented_status_stays_one_in_problem_json() -> None:
    @define
    class Teapot(Tiny):
        def retrieve(self, channel: int, pk: int) -> Reply:
            status, headers, body = Tiny.retrieve(self, channel, pk)
            return (
                (status, headers, body) if status == 200 else (418, {"content-type": "application/problem+json"}, b"{}")
            )

    assert ("schema.response", "status 418 is not documented") in wrong(faults(Teapot()))


@define
class Linking(Tiny):
    """Writes links in another way."""

    form: str = ""

    def link(self, channel: int, which: str, params: Mapping[str, str], limit: int, number: int) -> str:
        link = urlsplit(Tiny.link(self, channel, which, params, limit, number))
        return {
            "from the root": f"{link.path}?{link.query}",
            "relative": f"?{link.query}",
            "up and down": f"../product_images/{f'{which}/' if which else ''}?{link.query}"
            if not which
            else f"?{link.query}",
            "no slash": f"http://tiny.example{link.path.rstrip('/')}?{link.query}",
            "from the root, no slash": f"{link.path.rstrip('/')}?{link.query}",
            "a proxy's": f"HTTPS://shop.example.com/omnitron{link.path}?{link.query}",
            "without a scheme": f"//shop.example.com{link.path}?{link.query}",
        }[self.form]

    def answer(self, request: Request, authorization: str | None) -> Reply:
        if "no slash" in self.form and request.path.endswith(("product_images", "/detailed")):
            query = request.target.partition("?")[2]
            return 301, {"location": f"{request.path}/?{query}"}, b""
        return Tiny.answer(self, request, authorization)


FORMS = [
    "from the root",
    "relative",
    "up and down",
    "no slash",
    "from the root, no slash",
    "a proxy's",
    "without a scheme",
]


@pytest.mark.parametrize("form", FORMS)
def test_a_link_that_leads_to_its_page_is_a_link(form: str) -> None:
    assert not ask(Linking(form=form), "paging.links")


@pytest.mark.parametrize(
    ("link", "relation"),
    [
        ("http://[::1/x", "next is not a URL"),
        ("", "next is not a URL"),
        ("javascript:alert(1)", "next is not a URL"),
        ("page two", "next leads to another resource"),
        ("/api/v1/channel/5/other/?page=2", "next leads to another resource"),
        ("?page=999", "next leads nowhere"),
        ("?page=1&limit=7", "next does not lead to its page, or loses the limit or a filter"),
        ("http://tiny.example/api/v1/channel/5/product_images?page=2&limit=7", "next leads nowhere"),
    ],
)
def test_a_link_that_does_not_is_told(link: str, relation: str) -> None:
    @define
    class Lost(Tiny):
        def link(self, channel: int, which: str, params: Mapping[str, str], limit: int, number: int) -> str:
            return link

    assert relation in told(Lost(), "paging.links", FULL)


def test_a_redirect_elsewhere_is_not_followed() -> None:
    class Elsewhere(Linking):
        def answer(self, request: Request, authorization: str | None) -> Reply:
            status, headers, body = Linking.answer(self, request, authorization)
            if status == 301:
                headers = {"location": headers["location"].replace("/api", "https://evil.example/api", 1)}
            return status, headers, body

    server = Elsewhere(form="no slash")
    assert "next leads nowhere" in told(server, "paging.links", FULL)


# Frameworks


def test_422_of_fastapi_is_one_fault_of_each_operation_and_of_nothing_else() -> None:
    @define
    class FastApi(Tiny):
        def answer(self, request: Request, authorization: str | None) -> Reply:
            status, headers, body = Tiny.answer(self, request, authorization)
            is_bad = status == 400 or (
                status == 404 and b"Invalid page" in body and b"page=0" in request.target.encode()
            )
            if authorization == f"Token {KEY}" and is_bad:
                return reply(422, {"detail": [{"loc": ["query"], "msg": "?", "type": "int_parsing"}]})
            return status, headers, body

    found = faults(FastApi())
    assert wrong(found) == {("schema.response", "status 422 is not documented")}
    assert len(found) == len({operation for _, operation, _, _ in found})


def test_pages_past_the_end_may_be_empty_and_ids_may_come_in_any_order() -> None:
    @define
    class Other(Tiny):
        def rows(self, channel: int, which: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
            return Tiny.rows(self, channel, which, params)[::-1]

    assert not faults(Other())
