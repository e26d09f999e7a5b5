"""Known answers: the file, and the faults that nothing else shows."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from channel_images.conformance import Options, Report, Target, check
from channel_images.conformance.asking.expect import Expectations, read_expectations
from channel_images.conformance.files import BadFile
from channel_images.mock import MockServer
from channel_images.mock.behaviour import Behaviour
from channel_images.mock.data.channel import Query
from channel_images.mock.operations import Operation
from channel_images.mock.parameters import Argument

GOOD = """\
products:
  - product: 12
    is_seller_product: true
    product_type: 2
  - product: 13
    product_type: 0
images:
  - pk: 101
    pending: insert
  - pk: 102
    pending: none
"""


def read(folder: Path, text: str, name: str = "expect.yaml") -> Expectations:
    (folder / name).write_text(text)
    return read_expectations(folder / name)


def test_a_file_in_yaml_and_in_json(tmp_path: Path) -> None:
    expected = Expectations(
        {"is_seller_product": {12: True}, "product_type": {12: 2, 13: 0}}, {101: "insert", 102: "none"}
    )
    assert read(tmp_path, GOOD) == expected
    said = '{"products": [{"product": 12, "is_seller_product": true}], "images": [{"pk": 1, "pending": "update"}]}'
    assert read(tmp_path, said, "expect.json") == Expectations({"is_seller_product": {12: True}}, {1: "update"})
    assert read(tmp_path, "") == Expectations()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (GOOD.replace("products", "product", 1), 1, "unknown 'product'; did you mean products?"),
        (GOOD.replace("is_seller_product: true", "is_seller_product: maybe"), 3, "is_seller_product: "),
        (GOOD.replace("product_type: 2", "product_type: bundle"), 4, 'product_type: "bundle" is not of type "integer"'),
        (GOOD.replace("    product_type: 0\n", ""), 5, "give at least one of is_seller_product, product_type"),
        (GOOD.replace("product: 13", "product: 12"), 5, "product 12 is there already, in line 2"),
        (GOOD.replace("pk: 102", "pk: 101"), 10, "pk 101 is there already, in line 8"),
        (GOOD.replace("insert", "inserts"), 9, 'pending: "inserts" is not one of'),
        (GOOD.replace("    pending: none\n", ""), 10, "'pending' is missing"),
        ("- product: 12\n", 1, "is not of type"),
        ("images:\n  101: insert\n", 1, "images: "),
        ("products: [{product: .nan, product_type: 1}]", 1, "product: "),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(BadFile) as refused:
        read(tmp_path, text)
    assert str(refused.value).startswith(f"{tmp_path / 'expect.yaml'}, line {line}: ")
    assert words in str(refused.value)


class SellerInverted(Behaviour):
    """is_seller_product finds the others: consistent with itself, and wrong."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        asked = arguments.get("is_seller_product")
        inverted = {"is_seller_product": not asked} if isinstance(asked, bool) else {}
        return super().query(operation, {**arguments, **inverted})


@pytest.fixture(scope="module")
def inverted() -> Iterator[MockServer]:
    with MockServer(images=60, behaviour=SellerInverted) as server:
        yield server


def judged(server: MockServer, expectations: Expectations, rule: str) -> Report:
    target = Target(server.url, 5, token=server.token)
    return check(target, Options(quick=True, rules=frozenset({rule}), expectations=expectations))


def test_an_inverted_filter_shows_by_a_known_answer_alone(inverted: MockServer) -> None:
    image = inverted.add(5, is_seller_product=True)
    assert judged(inverted, Expectations(), "filter.partition").verdict == "conforms"
    report = judged(inverted, Expectations({"is_seller_product": {image["product"]: True}}), "filter.partition")
    (violation,) = report.violations()
    assert violation.reason == "is_seller_product contradicts --expect"


@pytest.mark.parametrize(("product_type", "verdict"), [(2, "conforms"), (3, "violates")])
def test_a_known_product_type(inverted: MockServer, product_type: int, verdict: str) -> None:
    image = inverted.add(5, product_type=2)
    known = Expectations({"product_type": {image["product"]: product_type}})
    assert judged(inverted, known, "filter.partition").verdict == verdict


@pytest.mark.parametrize(("state", "verdict"), [("insert", "conforms"), ("update", "violates"), ("none", "violates")])
def test_a_known_pending_state(inverted: MockServer, state: str, verdict: str) -> None:
    image = inverted.add(5)
    assert judged(inverted, Expectations(pending={image["pk"]: state}), "pending.disjoint").verdict == verdict
