"""Stops a connector at SIGTERM and SIGINT, within a second and whatever it is doing.

`watch` ends when its event is set: it waits, reads and sends again no longer, and has 0.7 seconds for a last report. What is left
is the upload that is under way. A signal breaks it off, which does no harm, since an upload may be done again.
"""

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stop(threading.Event):
    """For a synchronous connector. Make it in the main thread, which has the signals."""

    def __init__(self) -> None:
        super().__init__()
        self._interrupts = False
        for number in SIGNALS:
            signal.signal(number, self._on_signal)

    def _on_signal(self, *_: object) -> None:
        self.set()
        if self._interrupts:
            self._interrupts = False  # a second signal does not break off what the first one has led to
            raise KeyboardInterrupt

    @contextmanager
    def interrupts(self) -> Iterator[None]:
        """A signal raises `KeyboardInterrupt` in this block, and nowhere else. One that came before does so too."""
        self._interrupts = True
        try:
            if self.is_set():
                raise KeyboardInterrupt
            yield
        finally:
            self._interrupts = False


class AsyncStop(asyncio.Event):
    """For an asynchronous connector. Make it in the event loop."""

    def __init__(self) -> None:
        super().__init__()
        self._work: asyncio.Task[None] | None = None
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        self.set()
        if self._work is not None:
            self._work.cancel()

    async def interrupts(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what a signal breaks off, also one that came before.

        Raises:
            Exception: What the work raises.
        """
        self._work = asyncio.create_task(work)
        if self.is_set():
            self._work.cancel()
        await asyncio.wait([self._work])
        if not self._work.cancelled():
            self._work.result()
