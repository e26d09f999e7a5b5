"""The options of `channel-images check` that keep what was sent and answered, or judge what was recorded."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from attrs import frozen

from channel_images.cli.connection import is_explicit
from channel_images.cli.errors import fail

if TYPE_CHECKING:
    from channel_images.conformance.asking.recording import Recording
    from channel_images.conformance.har import Har


@frozen
class Traffic:
    """Recorded traffic."""

    har: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", dir_okay=False, help="Write the requests and answers as HAR 1.2, without secrets."
        ),
    ] = None
    from_har: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Judge the recorded answers of a HAR file, and send nothing; URL is then optional."
        ),
    ] = None

    def recording(self, context: typer.Context, url: str | None, channels: Sequence[int] | None) -> "Recording | None":
        """What --from-har names, or nothing. A URL and channels of the environment are those of another server."""
        if self.from_har is None:
            return None
        if self.har is not None:
            fail("--har writes what is sent, and --from-har sends nothing: give one of them")
        from channel_images.conformance.asking.recording import read_recording
        from channel_images.conformance.asking.target import base_url

        try:
            return read_recording(
                self.from_har,
                base_url(url) if url and is_explicit(context, "url") else None,
                channels if channels and is_explicit(context, "channel") else (),
            )
        except ValueError as error:
            fail(str(error))

    def kept(self, context: typer.Context, about: Mapping[str, Any]) -> "Har | None":
        """The file of --har, to be written until the command ends; `None` if there is none."""
        return context.with_resource(_writing(self.har, about)) if self.har is not None else None


@contextmanager
def _writing(path: Path, about: Mapping[str, Any]) -> "Iterator[Har]":
    from channel_images.conformance.har import writing

    try:
        with writing(path, about) as har:
            yield har
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror}")
