"""An export of product stocks, by the package that is generated from their contract: what the API says is in the file."""

import csv
import datetime
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import environment_for, invoke
from tests.wire import Asked, RawServer, Reply, http

from channel_images import ChannelImages, MalformedResponse, Retries
from channel_images.export import Export, ExportError, ExportOptions

ROOT = Path(__file__).parents[2]
CONTRACT = Path(__file__).with_name("openapi.yaml")
API = "stocks_api"
STOCKS = 230
Row = Mapping[str, Any]


def stock(pk: int) -> Row:
    """A row of channel 5; every kind of value is in one of the first twelve."""
    return {
        "pk": pk,
        "product": pk // 2,
        "stock": pk if pk % 3 else pk + 0.25,
        "unit_type": ("qty", "kg", "crate")[pk % 3],
        "sold_quantity_unreported": None if pk % 4 else 1.5,
        "stock_list": 7,
        "modified_date": f"2026-01-02T03:04:05.{pk:06}Z",
        "created_date": "2025-01-02T03:04:05.000000Z",
        "extra_field": None if pk % 2 else {"shelf": f"A{pk}", "weights": [1.50, {"ü": None}]},
    }


class Stocks(RawServer):
    """A server with stocks alone, whose pages from `broken_from` on are an error."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.rows: list[Row] = [stock(pk) for pk in range(1, STOCKS + 1)]
        self.broken_from = STOCKS

    def _answer(self, asked: Asked) -> Reply:
        path, _, query = asked.target.partition("/product_stocks/")[2].partition("?")
        if path == "inserts/":
            return http(200, self._page(self.rows[:3], query)["results"])
        if path not in ("", "detailed/"):
            return http(200, {**self.rows[int(path.split("/")[0]) - 1], "color": "red"})
        given = {name: values[0].split(",") for name, values in parse_qs(query).items()}
        if int(given["page"][0]) >= self.broken_from:
            return http(503, {"detail": "Not now."})
        wanted = {name: set(map(json_of, values)) for name, values in given.items() if name not in ("page", "limit")}
        rows = [
            row for row in self.rows if all(row[name.removesuffix("__in")] in values for name, values in wanted.items())
        ]
        return http(200, self._page(rows, query))

    def _page(self, rows: Sequence[Row], query: str) -> dict[str, Any]:
        page, limit = (int(parse_qs(query)[name][0]) for name in ("page", "limit"))
        following = "http://host/next" if page * limit < len(rows) else None
        part = rows[(page - 1) * limit : page * limit]
        return {"count": len(rows), "next": following, "previous": None, "results": part}


def json_of(text: str) -> Any:
    """The number, or the text."""
    return json.loads(text) if text[0].isdigit() else text


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the package that is generated from the contract of stocks."""
    folder = tmp_path_factory.mktemp("packages")
    generate(CONTRACT, folder / API)
    return folder


def generate(contract: Path, package: Path) -> None:
    command = [sys.executable, str(ROOT / "overrides/codegen/generate.py")]
    subprocess.run([*command, "--contract", str(contract), "--package", str(package)], check=True)


@pytest.fixture
def server() -> Iterator[Stocks]:
    with Stocks() as server:
        yield server


@pytest.fixture
def client(server: Stocks, packages: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChannelImages]:
    monkeypatch.syspath_prepend(packages)
    with ChannelImages(server.url, token="t", retries=Retries(attempts=1)) as client:
        yield client


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """The URL of a mock server of the contract."""
    command = [
        sys.executable,
        "-m",
        "channel_images",
        "mock",
        "--contract",
        str(CONTRACT),
        "--port",
        "0",
        "--images",
        "130",
    ]
    with subprocess.Popen([*command, "--token", "t"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield next(line.split()[1] for line in process.stdout if line.startswith("URL"))
        process.terminate()


def environment(server_url: str, packages: Path) -> dict[str, str]:
    more = {"CHANNEL_IMAGES_URL": server_url, "CHANNEL_IMAGES_TOKEN": "t", "PYTHONPATH": str(packages)}
    return environment_for(None, more)


def spawn(server_url: str, packages: Path, *arguments: str) -> tuple[int, str]:
    """The exit code of `channel-images export 5`, and what it says, in a process of its own."""
    command = [sys.executable, "-m", "channel_images", "export", "5", *arguments, "--retries", "0"]
    done = subprocess.run(command, env=environment(server_url, packages), capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def run(server_url: str, packages: Path, *arguments: str) -> tuple[int, str]:
    """The same, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(packages)
        done = invoke(["export", "5", *arguments, "--retries", "0"], environment(server_url, packages))
    assert "Traceback" not in done.err
    return done.code, done.err


def rows_of(path: Path) -> list[Row]:
    """The rows of an export of any format, as the API says them."""
    if path.suffix == ".ndjson":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if path.suffix == ".csv":
        lines = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
        rows = [
            {name: cell or None for name, cell in line.items() if name != "additional_properties"} for line in lines
        ]
        texts = ("unit_type", "modified_date", "created_date")
        return [
            {name: cell if name in texts or cell is None else json.loads(cell) for name, cell in row.items()}
            for row in rows
        ]
    table = pq.read_table(path)
    assert [table.schema.field(name).type for name in ("stock", "sold_quantity_unreported")] == [pa.float64()] * 2
    assert table.schema.field("extra_field").type == pa.string()
    return [
        {
            name: json.loads(value)
            if name == "extra_field" and value is not None
            else value.isoformat(timespec="microseconds").replace("+00:00", "Z")
            if isinstance(value, datetime.datetime)
            else value
            for name, value in row.items()
            if name != "additional_properties"
        }
        for row in table.to_pylist()
    ]


@pytest.mark.parametrize("suffix", ["ndjson", "csv", "parquet"])
def test_the_file_has_what_the_api_says(server: Stocks, packages: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"stocks.{suffix}"
    code, said = run(server.url, packages, str(path), "--api", API, "--page-size", "50")
    assert (code, said.splitlines()[-1].partition(" in ")[0]) == (0, f"channel-images: complete: {STOCKS} stocks")
    assert rows_of(path) == server.rows


@pytest.mark.parametrize(("suffix", "export"), [("ndjson", run), ("csv", run), ("parquet", spawn)])
def test_the_file_has_what_the_mock_says(
    mock: str, packages: Path, tmp_path: Path, suffix: str, export: Callable[..., tuple[int, str]]
) -> None:
    path = tmp_path / f"stocks.{suffix}"
    code, said = export(mock, packages, str(path), "--api", API)
    assert code == 0, said
    url = f"{mock}/api/v1/channel/5/product_stocks/"
    sent = httpx.get(url, params={"limit": 1000}, headers={"Authorization": "Token t"}).json()
    assert sent["count"] == 130
    assert rows_of(path) == sent["results"]


def test_a_key_may_have_another_name(server: Stocks, tmp_path: Path) -> None:
    text = CONTRACT.read_text(encoding="utf-8").replace("key: pk\n", "key: stock_no\n")
    text = text.replace("        pk:\n", "        stock_no:\n").replace("field: pk}", "field: stock_no}")
    (tmp_path / "renamed.yaml").write_text(text, encoding="utf-8")
    generate(tmp_path / "renamed.yaml", tmp_path / "numbered_api")
    server.rows = [{"stock_no": pk, "stock": 0.5} for pk in range(1, 31)]
    for suffix in ("ndjson", "parquet"):
        path = tmp_path / f"stocks.{suffix}"
        assert run(server.url, tmp_path, str(path), "--api", "numbered_api", "--page-size", "10")[0] == 0
        assert [(row["stock_no"], row["stock"]) for row in rows_of(path)] == [(pk, 0.5) for pk in range(1, 31)]


@pytest.mark.parametrize("suffix", ["ndjson", "csv", "parquet"])
def test_a_run_that_broke_off_is_continued(server: Stocks, packages: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"stocks.{suffix}"
    server.broken_from = 3
    arguments = (str(path), "--api", API, "--page-size", "50")
    assert run(server.url, packages, *arguments)[0] == 2
    assert not path.exists()
    server.broken_from = STOCKS
    assert run(server.url, packages, str(path), "--page-size", "50")[0] == 2, "of images, it is another export"
    asked = len(server.asked)
    code, said = run(server.url, packages, *arguments)
    assert code == 0, said
    assert "begun by an earlier run" in said
    assert [target for target in server.asked[asked:] if "page=1&" in target.target] == []
    assert rows_of(path) == server.rows


def test_details_and_pending_rows(client: ChannelImages, server: Stocks, tmp_path: Path) -> None:
    path = tmp_path / "inserts.ndjson"
    assert client.channel(5).export(path, api=API, what="inserts", detailed=True).rows == 3
    assert rows_of(path) == [{**row, "color": "red"} for row in server.rows[:3]]


def test_a_folder_names_the_rows(client: ChannelImages, server: Stocks, tmp_path: Path) -> None:
    Export(client, [5], f"{tmp_path}/", api=API).run()
    assert rows_of(tmp_path / "channel_id=5" / "stocks.parquet") == server.rows


@pytest.mark.parametrize(
    ("filters", "sent"),
    [
        ({"product": 3}, "product=3"),
        ({"stock": 9.25}, "stock=9.25"),
        ({"stock": 4}, "stock=4"),
        ({"unit_type": "kg"}, "unit_type=kg"),
        ({"unit_type": "crate", "product": 1}, "unit_type=crate"),
        ({"pk_in": range(1, 5), "stock_list": 7, "product": None}, "pk__in=1,2,3,4"),
    ],
)
def test_filters(client: ChannelImages, server: Stocks, tmp_path: Path, filters: Mapping[str, Any], sent: str) -> None:
    path = tmp_path / "stocks.ndjson"
    Export(client, [5], path, api=API, filters=filters).run()
    assert all(sent in urlsplit(asked.target).query.split("&") for asked in server.asked)
    expected = {name.removesuffix("_in"): wanted for name, wanted in filters.items() if wanted is not None}
    assert rows_of(path) == [
        row
        for row in server.rows
        if all(row[name] in (wanted if isinstance(wanted, range) else [wanted]) for name, wanted in expected.items())
    ]


@pytest.mark.parametrize(
    ("filters", "error", "said"),
    [
        ({"id_in": [1]}, TypeError, "there is no filter id_in; there are product, stock, unit_type, stock_list, pk_in"),
        ({"stock": "9"}, TypeError, "stock takes numbers, not '9'"),
        ({"stock": True}, TypeError, "stock takes numbers, not True"),
        ({"stock": float("nan")}, ValueError, "stock takes finite numbers, not nan"),
        ({"unit_type": 1}, TypeError, "unit_type takes texts, not 1"),
        ({"unit_type": ""}, ValueError, "unit_type takes texts that are not empty, not ''"),
        ({"pk_in": "1"}, TypeError, r"pk_in takes several integers, such as \[1, 2\], not '1'"),
    ],
)
def test_a_filter_that_no_server_takes_is_refused(
    client: ChannelImages, server: Stocks, tmp_path: Path, filters: Any, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        Export(client, [5], tmp_path / "stocks.csv", api=API, filters=filters)
    assert server.asked == []


@pytest.mark.parametrize("suffix", ["ndjson", "parquet"])
@pytest.mark.parametrize(("field", "value"), [("stock", "many"), ("extra_field", []), ("pk", "1")])
def test_a_row_that_is_none_is_named(
    client: ChannelImages, server: Stocks, tmp_path: Path, suffix: str, field: str, value: object
) -> None:
    server.rows[7] = {**server.rows[7], field: value}
    options: ExportOptions = {"api": API}
    with pytest.raises(MalformedResponse, match=rf"results\[7\]\.{field} is not an?"):
        client.channel(5).export(tmp_path / f"stocks.{suffix}", **options)


@pytest.mark.parametrize("package", ["no_such_api", "json", "", ".", "channel_images"])
def test_another_package_is_refused_in_one_line(server: Stocks, packages: Path, tmp_path: Path, package: str) -> None:
    code, said = run(server.url, packages, str(tmp_path / "stocks.csv"), "--api", package)
    assert code == 2
    assert said.startswith(f"channel-images: there is no package {package!r} of an API")
    assert len(said.splitlines()) == 1


def test_a_filter_of_images_is_refused_in_one_line(server: Stocks, packages: Path, tmp_path: Path) -> None:
    code, said = run(server.url, packages, str(tmp_path / "stocks.csv"), "--api", API, "--product-type", "simple")
    assert (code, len(said.splitlines())) == (2, 1)
    assert "there is no filter product_type; there are product, stock" in said


def test_a_number_that_a_column_cannot_hold_is_named(client: ChannelImages, server: Stocks, tmp_path: Path) -> None:
    server.rows[3] = {**server.rows[3], "stock": 2**70}
    with pytest.raises(ExportError, match="stock 4: stock does not fit its column of double"):
        client.channel(5).export(tmp_path / "stocks.parquet", api=API)
