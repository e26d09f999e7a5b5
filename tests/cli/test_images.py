"""``channel-images images``, ``inserts``, ``updates``, ``pending`` and ``image``: what they print, and how they end."""

import csv
import io
import json
import re
import resource
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, strategies as st
from tests.cli.conftest import COMMAND, Run, Terminal, environment_for

from channel_images import ChannelImages
from channel_images.choices import What
from channel_images.cli.output import Format, Output, print_rows
from channel_images.exceptions import IncompleteListing
from channel_images.formats.columns import REST, columns
from channel_images.mock import MockServer
from channel_images.walks.consistent import ConsistentWalk

FIELDS = [column.name for column in columns()]


def api(server: MockServer, path: str = "", **query: str | int) -> Any:
    url = f"{server.url}/api/v1/channel/5/product_images/{path}"
    return httpx.get(url, params=query, headers={"Authorization": f"Token {server.token}"}).json()


def ndjson(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


# What is printed


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (["images", "5"], ""),
        (["images", "5", "--detailed"], "detailed/"),
        (["images", "5", "--concurrency", "4", "--page-size", "20"], ""),
        (["images", "5", "--consistent", "--page-size", "50"], ""),
        (["inserts", "5"], "inserts/"),
        (["updates", "5"], "updates/"),
        (["pending", "5"], "inserts_or_updates/"),
    ],
)
def test_a_list_in_a_pipe_is_a_line_an_image_as_the_server_has_it(
    run: Run, shop: MockServer, arguments: list[str], path: str
) -> None:
    body = api(shop, path, limit=1000)
    rows = body["results"] if isinstance(body, dict) else body
    done = run(*arguments)
    assert (done.code, done.err) == (0, "")
    assert ndjson(done.out) == rows
    assert [list(row) for row in ndjson(done.out)] == [list(row) for row in rows]


@pytest.mark.parametrize(
    ("options", "query"),
    [
        (["--product", "125"], {"product": 125}),
        (["--product-pk-in", "125,126"], {"product__pk__in": "125,126"}),
        (["--product-pk-in", "125", "--product-pk-in", " 126"], {"product__pk__in": "125,126"}),
        (["--id-in", "3,5,99999"], {"id__in": "3,5,99999"}),
        (["--is-seller-product"], {"is_seller_product": "true"}),
        (["--no-is-seller-product"], {"is_seller_product": "false"}),
        (["--product-type", "simple"], {"product_type": "0"}),
        (["--product-type", "Product-Meta,offer", "--product-type", "2"], {"product_type": "1,5,2"}),
        (["--product-type", "simple", "--is-seller-product"], {"product_type": "0", "is_seller_product": "true"}),
    ],
)
def test_filters(run: Run, shop: MockServer, options: list[str], query: dict[str, Any]) -> None:
    expected = api(shop, limit=1000, **query)["results"]
    assert 0 < len(expected) < 230
    assert ndjson(run("images", "5", *options).out) == expected


def test_a_filter_without_ids_matches_nothing_and_asks_nothing(run: Run, shop: MockServer) -> None:
    shop.reset()
    assert run("images", "5", "--id-in", "") == (0, "", "")
    assert shop.requests == []


def test_one_image(run: Run, shop: MockServer) -> None:
    assert ndjson(run("image", "5", "7").out) == [api(shop, "7/")]
    assert ndjson(run("image", "5", "7", "--detailed").out) == [api(shop, "7/detailed/")]
    assert json.loads(run("image", "5", "7", "--format", "json").out) == api(shop, "7/")
    assert run("image", "5", "7", "--format", "csv", "--fields", "pk,is_active").out.startswith("pk,is_active\r\n7,")
    assert ndjson(run("image", "7", CHANNEL_IMAGES_CHANNEL="5").out) == [api(shop, "7/")]


def test_the_channel_may_come_from_the_environment(run: Run) -> None:
    assert len(ndjson(run("images", CHANNEL_IMAGES_CHANNEL="6").out)) == 23
    assert len(ndjson(run("images", OMNITRON_CHANNEL_ID="6").out)) == 23
    assert run("images", "7", CHANNEL_IMAGES_CHANNEL="6") == (0, "", "")


def test_no_more_is_asked_for_than_is_wanted(run: Run, shop: MockServer) -> None:
    shop.reset()
    assert len(run("images", "5", "--rows", "25", "--page-size", "10").out.splitlines()) == 25
    assert [request.query for request in shop.requests] == [{"page": page, "limit": "10"} for page in "123"]
    shop.reset()
    assert len(run("images", "5", "--rows", "3").out.splitlines()) == 3
    assert [request.query for request in shop.requests] == [{"page": "1", "limit": "3"}]


def test_json_is_an_array(run: Run, shop: MockServer) -> None:
    done = run("images", "5", "--format", "json", "--page-size", "50")
    assert json.loads(done.out) == api(shop, limit=1000)["results"]
    assert run("images", "7", "--format", "json").out == "[]\n"


def test_csv(run: Run, shop: MockServer) -> None:
    header, *lines = csv.reader(io.StringIO(run("images", "5", "--format", "csv").out))
    rows = api(shop, limit=1000)["results"]
    assert header == [*FIELDS, REST]
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        cells = dict(zip(header, line, strict=True))
        assert cells["modified_date"] == row["modified_date"]
        assert cells["is_active"] == ("true" if row["is_active"] else "false")
        assert cells["width"] == ("" if row["width"] is None else str(row["width"]))
    assert run("images", "7", "--format", "csv").out == ",".join([*FIELDS, REST]) + "\r\n"
    assert run("images", "5", "--id-in", "", "--format", "csv").out == ",".join([*FIELDS, REST]) + "\r\n"


def test_chosen_fields_in_their_order(run: Run) -> None:
    done = run("images", "5", "--rows", "1", "--fields", "width, pk", "--fields", "hash")
    assert list(ndjson(done.out)[0]) == ["width", "pk", "hash"]
    assert run("images", "7", "--format", "csv", "--fields", "width,more").out == "width,more\r\n"


def test_a_field_that_no_image_has_is_named(run: Run) -> None:
    done = run("images", "5", "--rows", "2", "--fields", "pk,widht")
    assert (done.code, ndjson(done.out)) == (0, [{"pk": 1}, {"pk": 2}])
    assert done.err == "channel-images: no image has a field 'widht'; is it 'width'?\n"
    assert run("image", "5", "1", "--fields", "zzz").err == "channel-images: no image has a field 'zzz'\n"
    with MockServer(images=5, variants=["nulls-left-out"]) as server:
        done = run("images", "7", "--fields", "source", CHANNEL_IMAGES_URL=server.url)
    assert done == (0, "", "")


def test_absent_is_not_null(run: Run) -> None:
    with MockServer(images=60, variants=["nulls-left-out"]) as server:
        done = run("images", "5", "--fields", "pk,source,width", CHANNEL_IMAGES_URL=server.url)
        assert ndjson(done.out) == [
            {name: row[name] for name in ("pk", "source", "width") if name in row}
            for row in api(server, limit=100)["results"]
        ]
        assert any("source" not in row for row in ndjson(done.out))


# A server of our own, for what the mock does not say

HEAD = {"pk": 1, "product": 2}
ODD: list[dict[str, Any]] = [
    {**HEAD, "modified_date": "2022-11-25T15:06:42.1234567+03:00", "width": None, "label": "\ud800 half", "n": 2**70},
    {"pk": 2, "created_date": "2022-11-25T12:06:42.000Z", "height": 12.0, "tags": {"a": [1, None]}, "label": 'ü,\n"x"'},
    {"pk": 3, "status": "archived", "source": "\x1b[31mred\x9b", "hash": "図" * 30, "later": True},
]


@contextmanager
def serving(*pages: list[dict[str, Any]], one: dict[str, Any] | None = None, text: str | None = None) -> Iterator[str]:
    """A server whose full list has these pages, and which gives one image, whatever its pk; or a row as a text has it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = int((re.search(r"page=(\d+)", self.path) or ["", "1"])[1])
            there = number <= max(len(pages), 1)
            body = {"count": sum(map(len, pages)), "next": "x" if number < len(pages) else None, "previous": None}
            content = json.dumps(
                {**body, "results": pages[number - 1] if pages else []} if there else {"detail": "Invalid page."}
            )
            if text is not None:
                content = f'{{"count":1,"next":null,"results":[{text}]}}'
            if re.search(r"/\d+/$", self.path):
                content = text or json.dumps(one)
            self.send_response(200 if there else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_dates_numbers_and_unknown_fields_come_through_unchanged(run: Run) -> None:
    with serving(ODD) as url:
        lines = run("images", "5", CHANNEL_IMAGES_URL=url)
        array = run("images", "5", "--format", "json", CHANNEL_IMAGES_URL=url)
    assert ndjson(lines.out) == ODD
    assert [list(row) for row in ndjson(lines.out)] == [list(row) for row in ODD]
    assert '"height":12.0' in lines.out
    assert "ü" in lines.out
    assert json.loads(array.out) == ODD


def test_a_row_that_came_on_two_pages_is_printed_once_and_unchanged(run: Run) -> None:
    pages: list[list[dict[str, Any]]] = [
        [{"pk": 1, "n": 1.50}, {"pk": 2}],
        [{"pk": 2}, {"pk": 3, "created_date": "2022-11-25T12:06:42.000Z"}],
    ]
    with serving(*pages) as url:
        done = run("images", "5", "--page-size", "2", CHANNEL_IMAGES_URL=url)
    assert ndjson(done.out) == [*pages[0], pages[1][1]]


def test_csv_has_the_fields_that_the_contract_does_not_name_in_one_column(run: Run) -> None:
    with serving(ODD[:2], ODD[2:]) as url:
        arguments = ("images", "5", "--page-size", "2", "--format", "csv")
        done = run(*arguments, CHANNEL_IMAGES_URL=url)
        chosen = run(*arguments, "--fields", f"tags,later,pk,{REST}", CHANNEL_IMAGES_URL=url)
    header, *lines = csv.reader(io.StringIO(done.out, newline=""))
    assert (done.err, header) == ("", [*FIELDS, REST])
    more = [{name: value for name, value in row.items() if name not in FIELDS} for row in ODD]
    assert [json.loads(line[-1]) for line in lines] == more
    header, *lines = csv.reader(io.StringIO(chosen.out, newline=""))
    assert (chosen.err, header) == ("", ["tags", "later", "pk", REST])
    assert [line[:3] for line in lines] == [["", "", "1"], ['{"a":[1,null]}', "", "2"], ["", "true", "3"]]
    assert [json.loads(line[3]) for line in lines] == more


@pytest.mark.parametrize(
    "fields",
    [
        '"width":12.0,"price":19.90,"far":1e400,"tiny":-0.0',
        '"product":18446744073709551616,"other":123456789012345678901234567890',
        '"height":null,"created_date":"2022-11-25T15:06:42.1234567+03:00"',
        '"deep":{"a":[0.10,{"b":1E2}]}',
    ],
)
def test_what_came_is_printed_digit_by_digit(run: Run, fields: str) -> None:
    row = f'{{"pk":1,{fields}}}'
    spelled = row.replace("1e400", "1E+400").replace("1E2", "1E+2")
    with serving(text=row) as url:
        for command in (["images", "5"], ["images", "5", "--consistent"], ["image", "5", "1"]):
            assert run(*command, CHANNEL_IMAGES_URL=url).out == f"{spelled}\n"


def test_a_terminal_obeys_nothing_that_a_server_sends(terminal: Terminal, spawn: Run) -> None:
    with serving(ODD) as url:
        arguments = ("images", "5", "--fields", "pk,source,hash")
        shown = terminal(60, *arguments, CHANNEL_IMAGES_URL=url, NO_COLOR="1").out
        assert "3  ?[31mred?  " in shown
        assert "\x1b" not in shown
        assert "\x9b" not in shown
        plain = spawn(*arguments, "--format", "table", CHANNEL_IMAGES_URL=url, PYTHONIOENCODING="ascii")
    assert (plain.code, plain.err) == (0, "")
    assert "?" * 30 in plain.out


HOSTILE = {
    "hash": "esc \x1b[31m del \x7f c1 \x9b bidi \u202e\u2066 wide \u2028 tag \U000e0041 half \udc00 back\rover\ttab\x00 ü図",
    "name \x1b]0;title\x07": "a\nb",
}


@pytest.mark.parametrize("command", [["images", "5"], ["image", "5", "1"]])
@pytest.mark.parametrize("chosen", ["csv", "ndjson", "json"])
def test_a_terminal_obeys_no_format_and_a_pipe_gets_it_as_it_is(
    terminal: Terminal, run: Run, chosen: str, command: list[str]
) -> None:
    row = {"pk": 1, **HOSTILE}
    with serving([row], one=row) as url:
        arguments = [*command, "--format", chosen, "--fields", ",".join(row)]
        shown = terminal(200, *arguments, CHANNEL_IMAGES_URL=url).out
        piped = run(*arguments, CHANNEL_IMAGES_URL=url).out
    assert shown.replace("\n", "").isprintable()
    assert "esc \\u001b[31m del \\u007f c1 \\u009b bidi \\u202e\\u2066 wide \\u2028 tag \\udb40\\udc41 half" in shown
    assert "ü図" in shown
    if chosen == "csv":
        (_, header, _), (_, cell, name) = ["", *HOSTILE], list(csv.reader(io.StringIO(piped, newline="")))[1]
        assert (cell, name) == (HOSTILE["hash"].replace("\udc00", "\\udc00"), HOSTILE[list(HOSTILE)[1]])
        assert header
    else:
        for text in (shown, piped):
            found = json.loads(text)
            assert (found[0] if isinstance(found, list) else found) == row


def printed(chosen: str, rows: list[dict[str, Any]]) -> str:
    """What rows look like in a pipe, decoded strictly."""
    stream = io.TextIOWrapper(io.BytesIO())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", stream)
        print_rows([rows], Output(Format(chosen), ["pk,hash,more"]))
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


any_text = st.text(st.characters(exclude_categories=[]))  # halves of surrogate pairs too
any_value = st.none() | st.booleans() | st.integers() | any_text | st.lists(any_text)
any_row = st.fixed_dictionaries({"pk": any_value, "hash": any_value, "more": any_value})


@given(st.lists(any_row, min_size=1).map(lambda rows: json.loads(json.dumps(rows))))  # which joins halves that meet
def test_whatever_a_server_sends_is_utf8_and_comes_back(rows: list[dict[str, Any]]) -> None:
    assert json.loads(printed("json", rows)) == rows
    assert [json.loads(line) for line in printed("ndjson", rows).split("\n")[:-1]] == rows
    assert printed("table", rows).count("\n") >= len(rows)
    header, *lines = csv.reader(io.StringIO(printed("csv", rows), newline=""))
    assert header == ["pk", "hash", "more"]
    assert lines == [[cell(row[name]) for name in header] for row in rows]


def cell(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else compact(value)
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def test_formulas_are_escaped_when_that_is_asked_for(run: Run) -> None:
    row = {"pk": -1, "hash": "=1+1", "=more": "@a"}
    with serving([row], one=row) as url:
        for command in (["images", "5"], ["image", "5", "1"]):
            arguments = [*command, "--format", "csv", "--fields", "pk,hash,=more"]
            plain = run(*arguments, CHANNEL_IMAGES_URL=url).out
            assert plain == "pk,hash,=more\r\n-1,=1+1,@a\r\n"
            escaped = run(*arguments, "--escape-formulas", CHANNEL_IMAGES_URL=url).out
            assert escaped == "pk,hash,'=more\r\n-1,'=1+1,'@a\r\n"
    for command in (["images", "5"], ["pending", "5", "--format", "json"], ["image", "5", "1", "--format", "table"]):
        done = run(*command, "--escape-formulas")
        assert (done.code, done.out) == (2, "")
        assert done.err == "channel-images: --escape-formulas is for --format csv\n"


def test_what_breaks_off_is_no_whole_array(run: Run) -> None:
    with MockServer(images=50, faults=["500:skip=2"]) as server:
        done = run(
            "images", "5", "--format", "json", "--page-size", "10", "--retries", "0", CHANNEL_IMAGES_URL=server.url
        )
    assert done.code == 2
    assert len(done.out.splitlines()) == 21
    assert not done.out.rstrip().endswith("]")
    assert "answered 500" in done.err


# Tables


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_a_terminal_gets_a_table(terminal: Terminal) -> None:
    done = terminal(200, "images", "5", "--rows", "2")
    assert done.code == 0
    assert done.out.startswith("\x1b[1m")
    header, first, second = plain(done.out).splitlines()
    assert header.split() == FIELDS
    assert first.split()[:2] == ["1", "123"]
    assert len(first) <= 200 >= len(second)


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_a_table_fits_its_terminal(terminal: Terminal, shop: MockServer, width: int) -> None:
    lines = plain(terminal(width, "images", "5", "--page-size", "100").out).splitlines()
    note = lines.pop()
    assert note.startswith("channel-images: no room for ")
    assert max(map(len, lines)) <= width
    header = lines[0].split()
    assert header[0] == "pk"
    assert sorted([*header, *note.partition("no room for ")[2].partition(";")[0].split(", ")]) == sorted(FIELDS)
    rows = [line for line in lines if not line.startswith(("pk", " pk", "  pk"))]
    assert [int(row.split()[0]) for row in rows] == [row["pk"] for row in api(shop, limit=1000)["results"]]


def test_fields_that_were_asked_for_are_cut_and_not_left_out(terminal: Terminal) -> None:
    done = terminal(40, "images", "5", "--rows", "3", "--fields", "pk,hash,modified_date,created_date")
    lines = plain(done.out).splitlines()
    assert len(lines) == 4
    assert max(map(len, lines)) <= 40
    assert "…" in lines[1]
    assert lines[1].split()[0] == "1"
    done = terminal(20, "images", "5", "--rows", "1", "--fields", ",".join(FIELDS))
    assert "no room for " in done.out


def test_the_header_is_repeated_where_columns_grow(terminal: Terminal) -> None:
    done = terminal(80, "images", "5", "--fields", "pk", "--page-size", "10", "--rows", "101")
    assert [line.strip() for line in plain(done.out).splitlines()].count("pk") == 2


def test_an_image_in_a_terminal_has_a_line_a_field(terminal: Terminal, shop: MockServer) -> None:
    lines = plain(terminal(60, "image", "5", "1").out).splitlines()
    assert [line.split()[0] for line in lines] == FIELDS
    assert lines[FIELDS.index("hash")].split()[1] == api(shop, "1/")["hash"]


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colours(terminal: Terminal, environment: dict[str, str]) -> None:
    for arguments in (["images", "5"], ["image", "5", "1"], ["images", "--help"], ["mock", "--list-bugs"]):
        done = terminal(80, *arguments, **environment)
        assert done.code == 0
        assert "\x1b" not in done.out


def test_a_table_in_a_pipe_is_whole_and_plain(run: Run, spawn: Run) -> None:
    done = run("images", "5", "--format", "table", "--rows", "5", COLUMNS="30")
    assert done.out.splitlines()[0].split() == FIELDS
    assert "\x1b" not in done.out
    assert re.search(r"[0-9a-f]{32}", done.out)
    assert run("images", "7", "--format", "table") == (0, "", "channel-images: no images\n")
    assert "\x1b[1m" in spawn("images", "5", "--format", "table", FORCE_COLOR="1").out


# How many there are


@pytest.mark.parametrize(
    ("arguments", "filters"),
    [([], {}), (["--product", "123"], {"product": 123}), (["--product-type", "bundle"], {"product_type": [2]})],
)
def test_count_of_images(run: Run, shop: MockServer, arguments: list[str], filters: dict[str, Any]) -> None:
    with ChannelImages(shop.url, token=shop.token) as client:
        expected = client.channel(5).images(**filters).count()
    shop.reset()
    assert run("count", "5", *arguments) == (0, f"{expected}\n", "")
    assert len(shop.requests) == 1


@pytest.mark.parametrize("what", What)
def test_count_of_each_list(run: Run, shop: MockServer, what: What) -> None:
    command = "images" if what is What.DETAILED else what
    expected = len(run(command, "5").out.splitlines())
    assert run("count", "5", "--what", what) == (0, f"{expected}\n", "")
    assert run("count", "--what", what, CHANNEL_IMAGES_CHANNEL="5").out == f"{expected}\n"


# How it ends


UNUSED = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (
            ["images"],
            {},
            "no channel: give its number, as in `channel-images images 5 ...`, or set CHANNEL_IMAGES_CHANNEL",
        ),
        (["image", "1"], {}, "or set CHANNEL_IMAGES_CHANNEL"),
        (
            ["image", "1"],
            {"CHANNEL_IMAGES_CHANNEL": "five"},
            "CHANNEL_IMAGES_CHANNEL takes a number, such as 5, not 'five'",
        ),
        (["images"], {"OMNITRON_CHANNEL_ID": "five"}, "OMNITRON_CHANNEL_ID takes a number, such as 5, not 'five'"),
        (["image", "x"], {}, "the pk takes a number, such as 5, not 'x'"),
        (["image", "5", "1", "2"], {}, "two numbers at most"),
        (["image", "5", "x"], {}, "the pk takes a number, such as 5, not 'x'"),
        (
            ["image", "5", str(2**63)],
            {},
            "the pk takes a number, such as 5: 9223372036854775808 is too large for an id",
        ),
        (["image"], {}, "[CHANNEL] PK is missing, as in `channel-images image 5 1"),
        (["images", "x"], {}, "the channel takes a number, such as 5, not 'x'"),
        (["images", ""], {}, "the channel takes a number, such as 5, not ''"),
        (["images", "5", "6"], {}, "too many arguments: 6"),
        (["images", "9" * 5_000], {}, "is too large for an id"),
        (
            ["images", str(2**63)],
            {},
            "the channel takes a number, such as 5: 9223372036854775808 is too large for an id",
        ),
        (
            ["images"],
            {"CHANNEL_IMAGES_CHANNEL": "-5"},
            "CHANNEL_IMAGES_CHANNEL takes a number, such as 5, not '-5'",
        ),
        (
            ["images", "5"],
            {"CHANNEL_IMAGES_URL": ""},
            "no server: give --url, such as https://host, or set CHANNEL_IMAGES_URL",
        ),
        (
            ["images", "5"],
            {"CHANNEL_IMAGES_TOKEN": ""},
            "no token: give --token or set CHANNEL_IMAGES_TOKEN; or sign in",
        ),
        (["images", "5", "--username", "u"], {}, "a user name alone does not sign in: set CHANNEL_IMAGES_PASSWORD"),
        (["images", "5", "--password", "u"], {}, "a password alone does not sign in: give --username"),
        (["images", "5", "--token", "x", "--username", "u"], {}, "contradict each other"),
        (["images", "5", "--token", "two\nlines"], {}, "the token holds a line break"),
        (["images", "5", "--url", "ftp://host"], {}, "--url begins with https://"),
        (["images", "5"], {"CHANNEL_IMAGES_URL": "host"}, "CHANNEL_IMAGES_URL begins with https:// and a host"),
        (["images", "5", "--url", "http://user:secret@host"], {}, "give --username and --password instead"),
        (["images", "5", "--proxy", "foo://u:secret@host"], {}, "--proxy takes a URL such as http://proxy:3128"),
        (["images", "5", "--header", "secret"], {}, "--header takes NAME:VALUE"),
        (["images", "5", "--header", "X-A: secret\x01"], {}, "--header 'X-A': a header holds only printable ASCII"),
        (["images", "5", "--ca-file", __file__], {}, "test_images.py: no certificates in PEM form"),
        (["images", "5", "--ca-file", "none.pem"], {}, "--ca-file takes a file that exists, not 'none.pem'"),
        (["images", "5", "--ca-file", "."], {}, "--ca-file takes a file that exists, not '.'"),
        (["images", "5", "--ca-file"], {}, "--ca-file takes a value"),
        (["images", "5", "--verbose=1"], {}, "--verbose takes no value"),
        (["images", "5", "--timeout", "0"], {}, "--timeout takes a number of 0.001 or more, not '0'"),
        (["images", "5", "--timeout", "nan"], {}, "--timeout takes a number of 0.001 or more, not 'nan'"),
        (["images", "5", "--timeout", "inf"], {}, "--timeout takes a number of 0.001 or more, not 'inf'"),
        (["images", "5", "--timeout", ""], {}, "--timeout takes a number of 0.001 or more, not ''"),
        (["images", "5", "--page-size", "0"], {}, "--page-size takes a whole number of 1 or more, not '0'"),
        (["images", "5", "--page-size", "1.5"], {}, "--page-size takes a whole number of 1 or more, not '1.5'"),
        (["images", "5", "--page-size", "x"], {}, "--page-size takes a whole number of 1 or more, not 'x'"),
        (["images", "5", "--rows", "0"], {}, "--rows takes a whole number of 1 or more, not '0'"),
        (["images", "5", "-n", "x"], {}, "--rows takes a whole number of 1 or more, not 'x'"),
        (
            ["images", "5", "--limit", "9"],
            {},
            "there is no --limit: --page-size is the number of rows on a page, and -n",
        ),
        (
            ["pending", "5", "--limit-total", "9"],
            {},
            "there is no --limit-total: --page-size is the number of rows on a",
        ),
        (
            ["export", "5", "x.csv", "--limit", "9"],
            {},
            "--page-size is the number of rows on a page, and an export has",
        ),
        (["count", "5", "--limit", "9"], {}, "there is no option --limit"),
        (
            ["count", "5", "--what", "all"],
            {},
            "--what takes images, detailed, inserts, updates or pending, not 'all'",
        ),
        (
            ["count", "5", "--what", "inserts", "--product", "1"],
            {},
            "--product and the list `inserts` contradict each other",
        ),
        (["images", "5", "--concurrency", "0"], {}, "--concurrency takes a whole number of 1 or more, not '0'"),
        (["images", "5", "--retries", "-1"], {}, "--retries takes a whole number of 0 or more, not '-1'"),
        (["images", "5", "--rate", "0"], {}, "--rate takes a number of 0.01 or more, not '0'"),
        (["images", "5", "--product", "-1"], {}, "--product takes a number, such as 5, not '-1'"),
        (["images", "5", "--product", "x"], {}, "--product takes a number, such as 5, not 'x'"),
        (
            ["images", "5", "--id-in", "1,,2"],
            {},
            "--id-in takes numbers with commas between them, such as 1,2, not ''",
        ),
        (["images", "5", "--id-in", "-1"], {}, "not '-1'"),
        (["images", "5", "--product-pk-in", "1,x"], {}, "--product-pk-in takes numbers"),
        (["images", "5", "--product-type", "simpel"], {}, "--product-type takes simple, product_meta, "),
        (
            ["images", "5", "--product-type", "simple", "--detailed"],
            {},
            "--product-type and the list `detailed` contradict",
        ),
        (["images", "5", "--format", "xml"], {}, "--format takes table, ndjson, csv or json, not 'xml'"),
        (["images", "5", "--fields", "pk,,width"], {}, "--fields takes names with commas between them"),
        (["images", "5", "--colour"], {}, "there is no option --colour (see channel-images images --help)"),
        (["images", "5", "--detaild"], {}, "there is no option --detaild; is it --detailed?"),
        (["--colour"], {}, "there is no option --colour (see channel-images --help)"),
        (["imags", "5"], {}, "there is no command 'imags'; is it images?"),
        (["inserts", "5", "--product", "1"], {}, "there is no option --product (see channel-images inserts --help)"),
    ],
)
def test_bad_use_is_one_line_and_exit_2(
    run: Run, arguments: list[str], environment: dict[str, str], words: str
) -> None:
    done = run(*arguments, **environment)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert done.err.startswith("channel-images: ")
    assert done.err.count("\n") == 1
    assert "secret" not in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["images", "99"], 2, "answered 404 Not Found"),
        (["image", "5", "99999"], 1, "answered 404 Not Found"),
        (["images", "5", "--token", "wrong"], 2, "The token is wrong or has expired"),
        (["images", "5", "--product-type", "9"], 2, "answered 400 Bad Request: product_type: "),
        (["images", "5", "--url", UNUSED, "--retries", "0"], 2, "Connection refused"),
        (["image", "5", "1", "--url", UNUSED, "--retries", "0"], 2, "Connection refused"),
        (["images", "5", "--username", "mock", "--password", "wrong-secret"], 2, "answered 400"),
    ],
)
def test_a_refusal_is_one_line(run: Run, arguments: list[str], code: int, words: str) -> None:
    done = run(*arguments)
    assert (done.code, done.out) == (code, "")
    assert words in done.err
    assert done.err.count("\n") == 1
    assert "secret" not in done.err


def test_a_wrong_url_is_no_missing_image(run: Run, shop: MockServer) -> None:
    with MockServer(images=5, faults=["404:html"]) as server:
        done = run("image", "5", "1", CHANNEL_IMAGES_URL=server.url)
    assert done.code == 2
    assert "the base URL of the API?" in done.err


def test_a_timeout_names_the_option(run: Run) -> None:
    with MockServer(images=5, faults=["latency:seconds=9"]) as server:
        done = run("image", "5", "1", "--timeout", "0.1", "--retries", "0", CHANNEL_IMAGES_URL=server.url)
    assert done.code == 2
    assert "a longer --timeout may help" in done.err


def test_a_list_that_may_lack_rows_is_printed_and_exit_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(self: ConsistentWalk) -> None:
        raise IncompleteListing("the list changed\ntoo fast")

    monkeypatch.setattr(ConsistentWalk, "check", check)  # the mock would have to change for minutes
    done = run("images", "5", "--consistent", "--format", "json")
    assert (done.code, done.err) == (1, "channel-images: the list changed too fast\n")
    assert len(json.loads(done.out)) == 230


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--username", "mock", "--password", "mock"], {}),
        (["--username", "mock"], {"OMNITRON_PASSWORD": "mock", "CHANNEL_IMAGES_TOKEN": "stale"}),
        ([], {"OMNITRON_USERNAME": "mock", "OMNITRON_PASSWORD": "mock", "CHANNEL_IMAGES_TOKEN": ""}),
        ([], {"OMNITRON_USERNAME": "mock"}),
        (
            ["--token", "mock-token"],
            {"OMNITRON_USERNAME": "mock", "OMNITRON_PASSWORD": "x", "CHANNEL_IMAGES_TOKEN": "y"},
        ),
    ],
)
def test_who_one_is(run: Run, arguments: list[str], environment: dict[str, str]) -> None:
    assert run("image", "5", "1", *arguments, **environment).code == 0


def test_options_for_the_connection_reach_the_server(run: Run, shop: MockServer) -> None:
    shop.reset()
    options = ("--header", "X-Shop: 7", "--timeout", "5", "--rate", "100", "--retries", "1", "--rows", "1")
    assert run("images", "5", *options).code == 0
    assert shop.requests[0].headers["x-shop"] == "7"


def test_a_retry_is_a_line_for_people(spawn: Run, terminal: Terminal) -> None:
    with MockServer(images=5, faults=["503:first=1"]) as server:

        def line(err: str) -> bool:
            return bool(re.search(r"^channel-images: retry 1 of 6 in [\d.]+ s: .*503", err, re.MULTILINE))

        assert spawn("image", "5", "1", CHANNEL_IMAGES_URL=server.url).err == ""
        server.reset()
        assert line(terminal(200, "image", "5", "1", CHANNEL_IMAGES_URL=server.url).out)
        server.reset()
        done = spawn("image", "5", "1", "--verbose", CHANNEL_IMAGES_URL=server.url)
        assert line(done.err)
        assert "GET" in done.err
        assert server.token not in done.err
        assert len(ndjson(done.out)) == 1


def test_a_plain_connection_is_warned_of_in_one_line(run: Run) -> None:
    done = run("image", "5", "1", "--url", "http://host.invalid", "--retries", "0")
    warning, failure = done.err.splitlines()
    assert warning == "channel-images: the token for host.invalid travels in plain text: use https://"
    assert failure.startswith("channel-images: GET http://host.invalid/")


@pytest.mark.parametrize(
    "arguments",
    [["images", "5"], ["images", "5", "--format", "csv"], ["pending", "5", "--concurrency", "3"], ["spec"], ["--help"]],
)
def test_a_closed_pipe_is_no_error(shop: MockServer, arguments: list[str]) -> None:
    with subprocess.Popen(
        [*COMMAND, *arguments],
        env=environment_for(shop, {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (0, b"")


@pytest.mark.parametrize(
    ("command", "code", "printed"),
    [("images 6 >&-", 0, 0), ("images 6 2>&-", 0, 23), ("images 99 2>&-", 2, 0), ("--help >&-", 0, 0)],
)
def test_streams_that_are_closed_from_the_start(shop: MockServer, command: str, code: int, printed: int) -> None:
    line = f"{shlex.join(COMMAND)} {command}"
    done = subprocess.run(
        ["sh", "-c", line], env=environment_for(shop, {}), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (code, printed, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", [["images", "5"], ["image", "5", "1"], ["spec"], ["--version"]])
def test_a_full_disk_is_one_line(shop: MockServer, arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments],
            env=environment_for(shop, {}),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (2, "channel-images: No space left on device\n")


@pytest.mark.parametrize("options", [[], ["--concurrency", "4"]])
@pytest.mark.parametrize("fault", ["latency:seconds=3600:skip=1", "503:skip=1:retry-after=59"])
def test_ctrl_c_ends_it_at_once_with_130(options: list[str], fault: str) -> None:
    """Also while a request is under way in a thread, or the next try is far off."""
    with (
        MockServer(images=100, faults=[fault]) as server,
        subprocess.Popen(
            [*COMMAND, "images", "5", "--page-size", "10", *options],
            env=environment_for(server, {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout
        rows = [process.stdout.readline() for _ in range(10)]
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=30)
    *retries, last = errors.splitlines()
    assert (process.returncode, rest, last) == (130, "", "channel-images: interrupted by Ctrl-C")
    assert all("retry 1 of 6 in 59.00 s" in line for line in retries)  # which may be told before
    assert len(ndjson("".join(rows))) == 10  # each page is there as soon as it came


def test_a_long_list_needs_no_more_memory(spawn: Run) -> None:
    """Of the largest child so far: more images would show, since each process takes at least as much as before."""
    assert spawn("images", "5", "--format", "table").code == 0
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with MockServer(images=20_000) as server:
        done = spawn("images", "5", "--format", "table", "--page-size", "1000", CHANNEL_IMAGES_URL=server.url)
    assert len(done.out.splitlines()) >= 20_001
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert after - before < 40_000
