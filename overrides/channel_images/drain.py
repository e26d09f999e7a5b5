"""Working a pending list off while it shrinks.

The list is read from its front again and again, since what the caller reports as sent leaves it and the rest moves up.
An image that was handed out and is still listed is passed over: the report may be on its way. Only a whole pass in
which nothing new came says what has left, and whether anything is left.
"""

import datetime
from collections.abc import Sequence

from channel_images.consistency import ConsistentWalk
from channel_images.exceptions import DrainStalled
from channel_images.paging import Rows, Window
from channel_images_api.models import ProductImage

MAX_WAIT = 30.0
"""Seconds; the longest wait between two passes."""
_SHOWN = 5


class Drain:
    """What to ask for next, what to hand out, and when to wait. It sends nothing and sleeps nowhere.

    Args:
        limit: Rows on a page, and so the most images in a batch.
        max_passes: How many passes in a row may show no progress.
        wait: Seconds before a pass is repeated; twice as long each time.

    Attributes:
        done: Whether a whole pass found nothing pending.
        pause: Seconds to wait before the next window.
    """

    def __init__(self, limit: int, max_passes: int, wait: float) -> None:
        self.done = False
        self.pause = 0.0
        self._limit = limit
        self._max_passes = max_passes
        self._wait = wait
        self._handed_out: dict[int, datetime.datetime | None] = {}
        self._passes_without_progress = 0
        self._begin()

    def _begin(self) -> None:
        self._walk = ConsistentWalk(self._limit)
        self._listed: set[int] = set()
        self._found = False

    def upcoming(self) -> Window:
        """The window to ask for."""
        return self._walk.upcoming(1)[0]

    def feed(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        """Take the answer; returns the images that are to be handed out as a batch.

        Raises:
            DrainStalled: Images stay pending although they were handed out.
        """
        return self._sort_out(self._walk.feed(window, rows))

    def failed(self, window: Window, error: Exception) -> Sequence[ProductImage]:
        """Take an error in place of an answer, as `Walk.failed` does."""
        return self._sort_out(self._walk.failed(window, error))

    def _sort_out(self, listed: Sequence[ProductImage]) -> Sequence[ProductImage]:
        self.pause = 0.0
        at_front = not self._listed
        self._listed.update(image.pk for image in listed if type(image.pk) is int)
        batch = [image for image in listed if self._is_due(image)]
        for image in batch:
            if type(image.pk) is int:
                self._handed_out[image.pk] = _modified(image)
        if batch:
            self._passes_without_progress = 0
            self._found = True
        if batch and at_front:
            self._begin()  # what moves up comes to the front
        elif self._walk.done:
            self._end_pass()
        return batch

    def _is_due(self, image: ProductImage) -> bool:
        if type(image.pk) is not int or image.pk not in self._handed_out:
            return True
        before, now = self._handed_out[image.pk], _modified(image)
        return before is not None and now is not None and now > before

    def _end_pass(self) -> None:
        if not self._found:
            self._judge()
        if not self.done:
            self._begin()

    def _judge(self) -> None:
        """A pass found nothing to hand out."""
        waiting, progress = self._handed_out, False
        if not self._walk.doubts:
            if not self._listed:
                self.done = True
                return
            waiting = {pk: date for pk, date in self._handed_out.items() if pk in self._listed}
            progress = len(waiting) < len(self._handed_out)
            self._handed_out = waiting  # what has left may come back, and is then handed out again
        self._passes_without_progress = 0 if progress else self._passes_without_progress + 1
        if self._passes_without_progress > self._max_passes:
            pks = sorted(waiting)
            named = ", ".join(map(str, pks[:_SHOWN])) + (", ..." if len(pks) > _SHOWN else "")
            raise DrainStalled(
                f"{len(pks)} images were handed out and stay pending (pk {named}): {self._passes_without_progress} passes "
                "showed no progress. Are they reported as sent?",
                pks=pks,
                passes=self._passes_without_progress,
            )
        self.pause = min(self._wait * 2**self._passes_without_progress, MAX_WAIT)


def _modified(image: ProductImage) -> datetime.datetime | None:
    return image.modified_date if isinstance(image.modified_date, datetime.datetime) else None
