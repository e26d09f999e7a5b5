"""Remembers, in little memory, which images were handed out."""

import operator
from collections.abc import Iterable, Sequence

from channel_images.walks.rows import keys_of
from channel_images_api.models import ProductImage

_WORD = 64


class PkSet:
    """A set of integers that takes little memory where they lie close together, as the keys of a table do."""

    def __init__(self) -> None:
        self._words: dict[int, int] = {}

    def add(self, pk: int) -> None:
        word, bit = divmod(pk, _WORD)
        self._words[word] = self._words.get(word, 0) | 1 << bit

    def __contains__(self, pk: int) -> bool:
        word, bit = divmod(pk, _WORD)
        return bool(self._words.get(word, 0) >> bit & 1)


class SeenImages:
    """The images that were handed out, as far as they are still needed: the last ones, to be recognized in a window.

    While the `pk` only rise, or only fall, and the last one is met again each time, no more is kept, so that memory
    stays flat. Else all are kept from then on, a few bits each, so that none of them is handed out again wherever it is met.

    Args:
        keep: How many of the last ones to keep.

    Attributes:
        keep: How many of the last ones to keep; there may be twice as many.
        is_bounded: Whether the last ones are enough, since something else ends the list.
        forgets: Whether images were handed out that are not known any more.
    """

    def __init__(self, keep: int) -> None:
        self.keep = keep
        self.is_bounded = False
        self.forgets = False
        self._recent: dict[int, None] = {}
        self._all: PkSet | None = None
        self._last: int | None = None
        self._rising: bool | None = None
        self._horizon = 0  # the last one that was forgotten; all others lie on one side of it

    def __contains__(self, pk: object) -> bool:
        """Whether the image is one of the last ones."""
        return pk in self._recent

    def without_handed_out(
        self, images: Sequence[ProductImage], pks: Iterable[int] | None = None
    ) -> Sequence[ProductImage]:
        """Those of the images that were not handed out, as far as that is known.

        Args:
            images: The images.
            pks: Their `pk`, where you have them.
        """
        recent, everything = self._recent, self._all
        if everything is None and recent.keys().isdisjoint(keys_of(images) if pks is None else pks):
            return images
        new = [image for image in images if image.pk not in recent]
        if everything is not None:
            new = [image for image in new if type(image.pk) is not int or image.pk not in everything]
        return new

    def may_have_forgotten(self, pk: object) -> bool:
        """Whether the image may have been handed out although it is not known."""
        return self.forgets and type(pk) is int and (pk <= self._horizon if self._rising else pk >= self._horizon)

    def certainly_new(self, images: Sequence[ProductImage]) -> list[ProductImage]:
        """Those of the images that were certainly not handed out."""
        return [image for image in self.without_handed_out(images) if not self.may_have_forgotten(image.pk)]

    def ends_with(self, images: Sequence[ProductImage]) -> bool:
        """Whether the last one that was handed out, if any, is the last one of these."""
        return self._last is None or bool(images and images[-1].pk == self._last)

    @property
    def keeps_all(self) -> bool:
        """Whether all are kept."""
        return self._all is not None

    def keep_all(self) -> None:
        """Forget nothing from now on."""
        if self._all is None:
            self._all = PkSet()
            for pk in self._recent:
                self._all.add(pk)

    def extend(self, added: Sequence[int]) -> None:
        """Take in the `pk` of the images that are being handed out."""
        if not added:
            return
        if self._all is None and not self.is_bounded and not self._goes_on_with(added):
            self.keep_all()
        self._last = added[-1]
        self._recent.update(dict.fromkeys(added))
        if self._all is not None:
            for pk in added:
                self._all.add(pk)
        if (surplus := len(self._recent) - self.keep) > self.keep:
            known = list(self._recent)
            self._recent = dict.fromkeys(known[surplus:])
            if self._all is None and not self.is_bounded:
                self.forgets, self._horizon = True, known[surplus - 1]

    def _goes_on_with(self, pks: Sequence[int]) -> bool:
        """Whether the `pk` keep rising, or keep falling."""
        row = pks if self._last is None else [self._last, *pks]
        if len(row) > 1 and self._rising is None:
            self._rising = row[1] > row[0]
        return all(map(operator.lt if self._rising else operator.gt, row, row[1:]))
