"""Bodies of answers: rows, pages, errors and tokens, as any server may send them."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import httpx
from hypothesis import strategies as st
from tests.fuzz.strategies import TEXTS, documents, fuzz, hold_to_one_line

from channel_images.calls.tokens import decode_key
from channel_images.exceptions import StatusError, kind_of
from channel_images.listings.bodies import decode_image, decode_rows
from channel_images.mock.data.dataset import Dataset
from channel_images.reporting.requests import read_batch, read_batches, read_members
from channel_images_api.errors import MalformedBody

ROWS: list[dict[str, Any]] = [{**Dataset(0, 5, 3).row(index)} for index in range(3)]
PAGE = {"count": 3, "next": "https://host/?page=2", "previous": None, "results": ROWS}
BATCH = {
    "pk": 7,
    "local_batch_id": "5c1d5b8e-9c0a-4a86-a2a1-62d4f2f5b3a1",
    "remote_batch_id": None,
    "status": "commit",
    "modified_date": "2026-01-31T12:00:00.000001Z",
}
MEMBER = {"object_id": 17, "version_date": "2026-01-31T12:00:00Z", "content_type": "productimage"}


def read_json(content: bytes) -> Any:
    """What a plain reader makes of a body."""
    return json.loads(content)


def place(document: Any, path: str) -> Any:
    """What an error speaks of; `None` where that is missing."""
    for name, index in re.findall(r"(\w+)|\[(\d+)\]", path):
        try:
            document = document[name or int(index)]
        except (KeyError, TypeError):
            return None
    return document


def check_refusal(error: MalformedBody, content: bytes) -> None:
    hold_to_one_line(error)
    if error.path:
        sent = place(read_json(content), error.path)
        assert error.value == sent or repr(error.value) == repr(sent)  # 1e21 is the same integer


def same(given: Any, sent: Any, name: str) -> bool:
    """Whether a field of a model, written again, says what was sent."""
    if name.endswith("_date") and isinstance(sent, str):
        return datetime.fromisoformat(given) == datetime.fromisoformat(sent.upper())
    return bool(given == sent) and isinstance(given, bool) is isinstance(sent, bool)


@fuzz(300, content=documents(PAGE) | documents(ROWS))
def test_rows_are_what_json_says(content: bytes) -> None:
    try:
        rows = decode_rows(content)
    except MalformedBody as error:
        check_refusal(error, content)
        return
    page = read_json(content)
    sent = page if isinstance(page, list) else page["results"]
    for image, row in zip(rows.images, sent, strict=True):
        made = image.to_dict()
        assert made.keys() == row.keys()
        assert all(same(made[name], value, name) for name, value in row.items())
    assert list(rows.pks) == [row["pk"] for row in sent if row.get("pk") is not None]
    if isinstance(page, dict):
        assert rows.count in (None, page.get("count"))
        assert rows.more is (page["next"] is not None if "next" in page else None)


@fuzz(100, content=documents(ROWS[0]))
def test_an_image_is_what_json_says(content: bytes) -> None:
    try:
        made = decode_image(content).to_dict()
    except MalformedBody as error:
        check_refusal(error, content) if error.path != "pk" else hold_to_one_line(error)
        return
    row = read_json(content)
    assert made.keys() == row.keys()
    assert all(same(made[name], value, name) for name, value in row.items())


ERRORS = documents({"detail": "Not found."}) | documents({"page": ["Enter a number."], "limit": ["No.", "Never."]})
TYPES = st.sampled_from(
    ["application/json", "text/html", "text/html; charset=latin-1", "text/plain; charset=hex", "x; charset=\x00", ""]
)


@fuzz(150, content=ERRORS, kind=TYPES, status=st.sampled_from([400, 401, 403, 404, 410, 418, 429, 500, 503]))
def test_an_error_says_what_its_body_says_in_one_line(content: bytes, kind: str, status: int) -> None:
    error = kind_of(status)("", response=httpx.Response(status, headers={"content-type": kind}, content=content))
    assert isinstance(error, StatusError)
    assert len(error.detail.splitlines()) <= 1
    assert len(error.detail) <= 300
    try:
        body = read_json(content)
    except (ValueError, RecursionError):
        assert isinstance(error.body, str)
        return
    assert repr(error.body) == repr(body)
    if isinstance(body, dict) and isinstance(body.get("detail"), str) and len(body["detail"]) < 100:
        assert error.detail == " ".join(body["detail"].split())
    fields = getattr(error, "fields", {})
    assert fields.keys() <= (body.keys() if isinstance(body, dict) else set())
    assert all(isinstance(message, str) for messages in fields.values() for message in messages)


@fuzz(50, content=documents({"key": "a-token-that-nobody-sees"}))
def test_the_answer_to_a_sign_in_is_a_token_or_refused_without_it(content: bytes) -> None:
    try:
        token = decode_key(content)
    except MalformedBody as error:
        hold_to_one_line(error)
        assert "nobody" not in f"{error!r}{error.args}{error.value!r}"
        return
    assert token.reveal() == read_json(content)["key"]
    assert "nobody" not in repr(token)
    httpx.Headers({"Authorization": f"Token {token.reveal()}"}).raw[0][1].decode("ascii")


def pages_of(row: dict[str, Any]) -> st.SearchStrategy[bytes]:
    return documents({"count": 2, "next": None, "results": [row, row]}) | documents([row])


@fuzz(50, content=pages_of(BATCH))
def test_a_page_of_batches_is_what_json_says(content: bytes) -> None:
    check_page(read_batches, content)


@fuzz(50, content=pages_of(MEMBER))
def test_a_page_of_members_is_what_json_says(content: bytes) -> None:
    check_page(read_members, content)


def check_page(read: Callable[[bytes], tuple[Sequence[Any], bool]], content: bytes) -> None:
    try:
        records, follows = read(content)
    except MalformedBody as error:
        check_refusal(error, content)
        return
    page = read_json(content)
    assert len(records) == len(page if isinstance(page, list) else page["results"])
    assert follows is (isinstance(page, dict) and page.get("next") is not None)


@fuzz(100, content=documents(BATCH), date=st.none() | TEXTS)
def test_a_batch_is_what_json_says(content: bytes, date: str | None) -> None:
    if date is not None:
        content = json.dumps({**BATCH, "modified_date": date}).encode()
    try:
        batch = read_batch(content)
    except MalformedBody as error:
        check_refusal(error, content)
        return
    row = read_json(content)
    assert (batch.pk, batch.local_batch_id, batch.status) == (row["pk"], row["local_batch_id"], row["status"])
    assert batch.remote_batch_id in (None, row.get("remote_batch_id"))
    assert batch.modified_date is None or batch.modified_date == datetime.fromisoformat(row["modified_date"].upper())
