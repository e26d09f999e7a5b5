"""Places the marks of the chart of latencies; the template draws them."""

import math
from collections.abc import Mapping, Sequence

from attrs import frozen

from channel_images.conformance.results import Latency

WIDTH = 440
"""Narrow, and with the names above the lines, so that a phone shows it whole in letters that can be read."""
LEFT = 24
RIGHT = 30
ROW = 42
TOP = 8
MOST_TICKS = 6
SHORTEST = 1e-4
"""Seconds that the axis can tell from zero, which a logarithm has not."""


@frozen
class Tick:
    x: float
    label: str


@frozen
class Bar:
    """One operation: a line from the median over the 95th percentile to the longest."""

    operation: str
    latency: Latency
    y: int
    median: float
    p95: float
    max: float


@frozen
class Chart:
    width: int
    height: int
    left: int
    bars: Sequence[Bar]
    ticks: Sequence[Tick]


def chart(latency: Mapping[str, Latency]) -> Chart | None:
    """The chart, or `None` where nothing was timed.

    The axis is logarithmic: one request that hung would squeeze all else to nothing on a linear one.
    """
    if not latency:
        return None
    least = min(max(each.median, SHORTEST) for each in latency.values())
    most = max(max(each.max, SHORTEST) for each in latency.values())
    marks = _marks(least, most)
    low, high = math.log10(marks[0]), math.log10(marks[-1])

    def across(seconds: float) -> float:
        share = (math.log10(max(seconds, SHORTEST)) - low) / (high - low)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    bars = [
        Bar(operation, each, TOP + ROW * row + 28, across(each.median), across(each.p95), across(each.max))
        for row, (operation, each) in enumerate(latency.items())
    ]
    ticks = [Tick(across(mark), duration(mark)) for mark in marks]
    return Chart(WIDTH, TOP + ROW * len(bars) + 30, LEFT, bars, ticks)


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them: `0.4 ms`, `12 ms`, `1.5 s`."""
    if seconds < 0.9995:
        milliseconds = seconds * 1000
        return f"{milliseconds:.2g} ms" if milliseconds < 9.95 else f"{milliseconds:.0f} ms"
    return f"{seconds:.3g} s" if seconds < 1000 else f"{seconds:.0f} s"


def _marks(least: float, most: float) -> list[float]:
    """Round numbers from below `least` to above `most`: 1, 2 and 5 of each decade, or 1 alone where they are many."""
    decades = range(math.floor(math.log10(least)) - 1, math.ceil(math.log10(most)) + 2)
    for steps in ((1, 2, 5), (1,)):
        every = [step * 10.0**decade for decade in decades for step in steps]
        first = max(index for index, mark in enumerate(every) if mark <= least)
        last = min(index for index, mark in enumerate(every) if mark >= most and index > first)
        marks = every[first : last + 1]
        if len(marks) <= MOST_TICKS:
            break
    return marks
