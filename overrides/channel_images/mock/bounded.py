"""Keeps the newest of things that come without end."""

from collections import deque
from typing import Generic, TypeVar

from channel_images.mock.settings import KEPT_BYTES

Item = TypeVar("Item")


class Bounded(Generic[Item]):
    """The newest items, oldest first: at most `kept` of them, in about `kept_bytes` of memory."""

    def __init__(self, kept: int, kept_bytes: int = KEPT_BYTES) -> None:
        self._items: deque[tuple[Item, int]] = deque()
        self._kept = kept
        self._kept_bytes = kept_bytes
        self._memory = 0
        self.dropped = 0
        """How many older items were forgotten, to make room for these."""

    @property
    def items(self) -> list[Item]:
        """The items, oldest first."""
        return [item for item, _ in self._items.copy()]

    def append(self, item: Item, memory: int) -> None:
        """Keep an item that takes about that many bytes."""
        self._items.append((item, memory))
        self._memory += memory
        while len(self._items) > self._kept or self._memory > self._kept_bytes:
            self._memory -= self._items.popleft()[1]
            self.dropped += 1

    def clear(self) -> None:
        """Forget them all."""
        self._items.clear()
        self._memory = self.dropped = 0
