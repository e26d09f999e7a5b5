"""Works a pending list off while it shrinks.

The drain reads the list from its front again and again, because images that the caller reports as sent leave it, and the
rest moves up. It passes over an image that it has handed out and that is still listed: the report may be on its way. Only
a whole pass that `channel_images.walks.consistent.ConsistentWalk` proves complete says what has left. The drain is done
when the list is empty.
"""

import datetime
from collections.abc import Iterable, Sequence

from channel_images.exceptions import ConfigurationError, DrainStalled
from channel_images.settings import check_number
from channel_images.walks.consistent import ConsistentWalk
from channel_images.walks.rows import Rows
from channel_images.window import Window
from channel_images_api.models import ProductImage

MAX_WAIT = 30.0
"""Seconds; the longest wait between two passes."""
_DOUBLINGS = 30
_SHOWN = 5


class Drain:
    """What to ask for next, what to hand out, and when to wait. It sends nothing and sleeps nowhere.

    Args:
        limit: Rows on a page, and so the most images in a batch.
        max_passes: How many passes in a row may show no progress.
        wait: Seconds before a pass is repeated; twice as long each time. None for no such wait: the drain is done when a
            pass finds nothing to hand out, whatever is pending still.
        skip: Images that are not handed out: by their `pk`, or as they were, until their `modified_date` rises.

    Raises:
        ConfigurationError: A number makes no sense.
        TypeError: `skip` has something else.

    Attributes:
        done: Whether a whole pass found nothing pending; without `wait`, whether it found nothing to hand out.
        pause: Seconds to wait before the next window.
    """

    def __init__(
        self, limit: int, max_passes: int, wait: float | None, skip: Iterable[ProductImage | int] = ()
    ) -> None:
        if not isinstance(max_passes, int) or isinstance(max_passes, bool) or max_passes < 0:
            raise ConfigurationError(f"max_passes is a number of passes, 0 or more: {max_passes!r}")
        if wait is not None:
            check_number("wait", wait, or_zero=True)
        self.done = False
        self.pause = 0.0
        self._limit = limit
        self._max_passes = max_passes
        self._wait = wait
        self._handed_out: dict[int, datetime.datetime | None] = {}
        self._skipped = dict(map(_pk_and_version, skip))
        self._passes_without_progress = 0
        self._begin()

    def _begin(self) -> None:
        self._walk = ConsistentWalk(self._limit)
        self._listed: set[int] = set()
        self._found = False
        self._at_front = True

    def upcoming(self, most: int = 1) -> Sequence[Window]:
        """The windows to ask for next, at most so many: the first is needed, the others are foreseen, all in this pass.

        None is foreseen at the front of the list, where what the caller reports as sent makes the rest move up.
        """
        return () if self.done else self._walk.upcoming(most)

    def feed(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        """Take the answer; returns the images that are to be handed out as a batch.

        Raises:
            DrainStalled: Images stay pending although they were handed out.
            IncompleteListing: Images have no `pk`; or they stay pending, and the list cannot be read to its end.
        """
        return self._sort_out(self._walk.feed(window, rows))

    def failed(self, window: Window, error: Exception) -> Sequence[ProductImage]:
        """Take an error in place of an answer, as `Walk.failed` does."""
        before = self._walk.limit
        listed = self._walk.failed(window, error)
        if self._walk.limit < before:
            self._limit = self._walk.limit  # what was too much in this pass is so in the next one
        return self._sort_out(listed)

    def give_back(self, images: Iterable[ProductImage]) -> None:
        """Take back what was handed out and could not be worked on: it is handed out again, if it is pending still."""
        for image in images:
            assert isinstance(image.pk, int)  # noqa: S101 - no others were handed out
            self._handed_out.pop(image.pk, None)
        self.done = False
        self._begin()

    def _sort_out(self, listed: Sequence[ProductImage]) -> Sequence[ProductImage]:
        self.pause = 0.0
        at_front = self._at_front
        self._at_front = at_front and not listed
        batch: list[ProductImage] = []
        for image in listed:
            assert isinstance(image.pk, int)  # noqa: S101 - the walk takes no others
            if self._is_skipped(image.pk, image):
                continue
            self._listed.add(image.pk)
            if self._is_due(image.pk, image):
                self._handed_out[image.pk] = _modified(image)
                batch.append(image)
        if batch:
            self._passes_without_progress = 0
            self._found = True
        if batch and at_front:
            self._begin()  # what moves up comes to the front
        elif self._walk.done:
            self._end_pass()
        return batch

    def _is_due(self, pk: int, image: ProductImage) -> bool:
        if pk not in self._handed_out:
            return True
        before, now = self._handed_out[pk], _modified(image)
        return before is not None and now is not None and now > before

    def _is_skipped(self, pk: int, image: ProductImage) -> bool:
        if pk not in self._skipped:
            return False
        given_up, now = self._skipped[pk], _modified(image)
        return given_up is None or now is None or now <= given_up

    def _end_pass(self) -> None:
        waiting = {pk: date for pk, date in self._handed_out.items() if pk in self._listed}
        progress = self._found
        if not self._walk.doubts:
            self.done = not self._listed
            progress = progress or len(waiting) < len(self._handed_out)
            self._handed_out = waiting  # what has left may come back, and is then handed out again
        if not self._found and not self.done and self._wait is None:
            self._walk.check()
            self.done = True
        elif not self._found and not self.done:
            self._wait_for(sorted(waiting), progress)
        self._begin()

    def _wait_for(self, pks: Sequence[int], progress: bool) -> None:
        """A pass found nothing to hand out: these were handed out, and are listed still."""
        self._passes_without_progress = 0 if progress else self._passes_without_progress + 1
        if self._passes_without_progress > self._max_passes:
            self._walk.check()
            named = ", ".join(map(str, pks[:_SHOWN])) + (", ..." if len(pks) > _SHOWN else "")
            raise DrainStalled(
                f"{len(pks)} images were handed out and stay pending (pk {named}); passes in a row without progress: "
                f"{self._passes_without_progress}. Are they reported as sent?",
                pks=pks,
                passes=self._passes_without_progress,
            )
        assert self._wait is not None  # noqa: S101 - a drain without waits is done by now
        self.pause = min(self._wait * 2.0 ** min(max(0, self._passes_without_progress - 1), _DOUBLINGS), MAX_WAIT)


def _pk_and_version(skipped: ProductImage | int) -> tuple[int, datetime.datetime | None]:
    pk = skipped.pk if isinstance(skipped, ProductImage) else skipped
    if not isinstance(pk, int) or isinstance(pk, bool):
        raise TypeError(f"skip takes images, or the pk of each, not {skipped!r}")
    return pk, _modified(skipped) if isinstance(skipped, ProductImage) else None


def _modified(image: ProductImage) -> datetime.datetime | None:
    return image.modified_date if isinstance(image.modified_date, datetime.datetime) else None
