"""Has the options of a check that compares: with the report of an earlier run, or with another server."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from attrs import evolve, field, frozen

from channel_images.cli.connection import Credentials
from channel_images.cli.errors import fail

if TYPE_CHECKING:
    from channel_images.conformance.baseline import Baseline

AGAINST_TOKEN_VARIABLE = "CHANNEL_IMAGES_AGAINST_TOKEN"  # noqa: S105  # the name of a variable


@frozen
class Comparison:
    """What to compare the run with, if anything."""

    baseline: Annotated[
        Path | None,
        typer.Option(metavar="REPORT", help="Say what has changed since an earlier run, from its report.json."),
    ] = None
    against: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Judge this server too, and say what is different here."),
    ] = None
    against_token: Annotated[
        str | None,
        typer.Option(
            envvar=AGAINST_TOKEN_VARIABLE,
            metavar="TOKEN",
            help="The token for the server of --against, if it needs another. Prefer the environment variable.",
        ),
    ] = field(default=None, repr=False)

    def settled(self, *, is_needed: bool) -> "Comparison":
        """The same, with a URL that can be used. Ends the command if the options contradict each other, and where
        there is nothing to compare with although `is_needed`."""
        from channel_images.conformance.asking.target import base_url

        if self.baseline and self.against:
            fail("--baseline and --against are two things to compare with: give one of them")
        if is_needed and not (self.baseline or self.against):
            fail("--fail-on new needs something to compare with: give --baseline REPORT or --against URL")
        try:
            return evolve(self, against=base_url(self.against)) if self.against else self
        except ValueError as error:
            fail(f"--against: {error}")

    def read(self) -> "Baseline | None":
        """The baseline of the file, where one is named. Ends the command if it cannot be used."""
        from channel_images.conformance.baseline import read_baseline

        try:
            return read_baseline(self.baseline) if self.baseline else None
        except ValueError as error:
            fail(str(error))

    def credentials(self, own: Credentials) -> Credentials:
        """Those for the other server: its own token, or the same as for the first."""
        return Credentials(self.against_token) if self.against_token else own

    def words(self) -> list[str]:
        """The options as a command line has them, without the token."""
        return [f"--baseline={self.baseline}"] * bool(self.baseline) + [f"--against={self.against}"] * bool(
            self.against
        )
