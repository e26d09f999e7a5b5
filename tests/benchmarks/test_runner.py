"""The runner of the benchmarks, fed with measurements: nothing here measures time."""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from benchmarks import __main__ as runner, claims, page
from benchmarks.measuring import Measurement, NotMeasured, in_turns, process
from tests.browser import chromium_page

ROOT = Path(__file__).parents[2]
CLAIM = claims.Claim("README.md", "twice as fast", "demo.speed", of="theirs", kind="at_least", bound=2, over="ours")


def measurement(**values: Sequence[float]) -> Measurement:
    return Measurement("demo.speed", "Speed", "s", values)


@pytest.mark.parametrize(
    ("kind", "bound", "values", "holds", "margin"),
    [
        ("at_least", 2, [3, 3, 3], True, 0.5),
        ("at_least", 2, [2, 2, 2], True, 0),
        ("at_least", 2, [1, 1, 9], False, -0.5),
        ("at_most", 2, [1, 1, 9], True, 1),
        ("at_most", 2, [4, 4, 4], False, -0.5),
        ("equals", 2, [2, 2, 2], True, None),
        ("equals", 2, [2, 3, 2], False, None),
    ],
)
def test_a_claim_is_judged_by_its_median(
    kind: str, bound: float, values: list[float], holds: bool, margin: float | None
) -> None:
    claim = claims.Claim("README.md", "", "demo.speed", of="ours", kind=kind, bound=bound)

    verdict = claims.judge(claim, {"demo.speed": measurement(ours=values)})

    assert (verdict.holds, verdict.margin) == (holds, margin)
    assert (verdict.low, verdict.high) == (min(values), max(values))


def test_a_ratio_is_taken_round_by_round() -> None:
    # The machine was four times slower in the second round; both had to live with it.
    slower = measurement(ours=[1, 4, 1], theirs=[3, 12, 3])

    verdict = claims.judge(CLAIM, {"demo.speed": slower})

    assert (verdict.measured, verdict.low, verdict.high) == (3, 3, 3)


@pytest.mark.parametrize("measured", [{}, {"demo.speed": measurement(ours=[1])}], ids=["nothing", "not the peer"])
def test_a_claim_without_its_measurement_is_not_measured(measured: dict[str, Measurement]) -> None:
    assert claims.judge(CLAIM, measured).holds is None


def test_contenders_take_turns_in_alternating_order() -> None:
    turns = itertools.count(1)

    results = in_turns({"a": lambda: next(turns), "b": lambda: next(turns)}, rounds=3)

    assert results == {"a": [1, 4, 5], "b": [2, 3, 6]}


def test_a_process_that_fails_is_not_measured() -> None:
    with pytest.raises(NotMeasured, match="ended with 3: no disk"):
        process("sh", "-c", "echo no disk >&2; exit 3")


# The whole runner, with parts of its own


def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measure: Callable[[], Iterator[Measurement]], *arguments: str
) -> int:
    monkeypatch.setattr(claims, "load", lambda: [CLAIM])
    return runner.main(["--report", str(tmp_path), *arguments], {"demo": measure, "other": lambda: iter([])})


def fast() -> Iterator[Measurement]:
    yield measurement(ours=[1, 1], theirs=[3, 3])


def slow() -> Iterator[Measurement]:
    yield measurement(ours=[1, 1], theirs=[1, 1])


def offline() -> Iterator[Measurement]:
    yield Measurement("demo.alone", "Without a peer", "s", {"ours": [1]})
    raise NotMeasured("the peer needs <npm>")


@pytest.mark.parametrize(
    ("measure", "code", "said"),
    [(fast, 0, "holds by 50%"), (slow, 1, "missed by 50%"), (offline, 2, "not measured")],
)
def test_the_exit_code_says_whether_the_claims_hold(
    measure: Callable[[], Iterator[Measurement]],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(tmp_path, monkeypatch, measure) == code
    assert f"{said}" in capsys.readouterr().out
    assert said in (tmp_path / "bench.html").read_text(encoding="utf-8")


def test_what_is_left_out_is_said_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, monkeypatch, offline)

    report = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert report["parts"]["demo"]["left_out"] == "the peer needs <npm>"
    assert [each["name"] for each in report["parts"]["demo"]["measurements"]] == ["demo.alone"]
    assert "the peer needs <npm>" in capsys.readouterr().err
    assert "the peer needs &lt;npm&gt;" in (tmp_path / "bench.html").read_text(encoding="utf-8")


def test_one_part_is_judged_by_its_own_claims_and_leaves_the_others_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(tmp_path, monkeypatch, slow) == 1
    before = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))["parts"]["demo"]

    assert run(tmp_path, monkeypatch, fast, "other") == 0

    report = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert (list(report["parts"]), report["parts"]["demo"]) == (["demo", "other"], before)


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        runner.main(["speed"])

    assert "no part is named speed; there are decode, listing, mock, check, export, import" in capsys.readouterr().err


def test_the_tables_of_the_docs_need_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["--docs", "--report", str(tmp_path)]) == 2
    assert "run `make bench` first" in capsys.readouterr().err


# The page


def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    run(tmp_path, monkeypatch, fast)
    return json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))


def test_bars_are_as_long_as_their_medians(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = page.bars(report(tmp_path, monkeypatch)["parts"]["demo"]["measurements"][0])

    assert theirs["median_x"] == page.WIDTH - 2
    assert ours["median_x"] == pytest.approx(theirs["median_x"] / 3, abs=0.1)
    assert (ours["is_ours"], theirs["is_ours"]) == (True, False)


@pytest.mark.parametrize("width", [390, 1300])
def test_the_page_fits_and_calls_no_host(width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, monkeypatch, fast)

    with chromium_page("about:blank", scripts=False) as shown:
        requests: list[str] = []
        shown.on("request", lambda request: requests.append(request.url))
        shown.set_viewport_size({"width": width, "height": 800})
        shown.goto((tmp_path / "bench.html").as_uri())
        assert shown.locator("svg").count() == 1
        assert shown.locator("html").evaluate("each => each.scrollWidth") <= width
        assert requests == [(tmp_path / "bench.html").as_uri()]
