"""Has the options of a check that say how much it may ask, how fast, and how long it may wait."""

from typing import Annotated, Any

import typer
from attrs import frozen

_AT_ONCE = 4  # a test holds it to the check's own


@frozen
class Bounds:
    """How much a run may take."""

    rate: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="At most so many requests a second.  [default: 10; on loopback, no limit]",
            show_default=False,
        ),
    ] = None
    concurrency: Annotated[
        int,
        typer.Option(min=1, max=32, help="Send up to so many requests at the same time, where a rule is about that."),
    ] = _AT_ONCE
    max_requests: Annotated[int | None, typer.Option(min=1, help="End the run after so many requests.")] = None
    max_seconds: Annotated[
        float | None, typer.Option(min=0.001, metavar="S", help="End the run after so many seconds.")
    ] = None
    max_response_time: Annotated[
        float | None,
        typer.Option(
            min=0.0, metavar="S", help="95 of 100 answers of each operation must come within so many seconds."
        ),
    ] = None
    timeout: Annotated[float, typer.Option(min=0.001, help="Wait at most so many seconds for a whole answer.")] = 30.0

    def options(self, url: str) -> dict[str, Any]:
        """The options of a run, by their names in `Options`, for the server at a URL."""
        from channel_images.conformance.asking.target import default_rate

        return {
            "rate": self.rate or default_rate(url),
            "at_once": self.concurrency,
            "max_requests": self.max_requests,
            "max_seconds": self.max_seconds,
            "max_response_time": self.max_response_time,
        }

    def words(self) -> list[str]:
        """The options as a command line has them that say what is judged."""
        given = [] if self.max_response_time is None else [f"--max-response-time={self.max_response_time:g}"]
        return given + [f"--concurrency={self.concurrency}"] * (self.concurrency != _AT_ONCE)
