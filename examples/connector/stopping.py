"""Stops a connector within a second at SIGTERM and SIGINT, whatever it is doing.

A signal breaks off waits and uploads: an upload may be done again. It breaks off no request to the platform, since the batch
is to be reported. After GRACE the process ends, whatever it waits for. That is as safe as `kill -9`: the next run finds the
batch that was left open, and has its images again.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

GRACE = 0.8  # seconds
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """For a synchronous connector. Make it in the main thread, which has the signals."""

    def __init__(self) -> None:
        self.asked = False
        self._interrupts = False
        for number in SIGNALS:
            signal.signal(number, self._on_signal)

    def _on_signal(self, *_: object) -> None:
        self.asked, interrupts, self._interrupts = True, self._interrupts, False
        end = threading.Timer(GRACE, os._exit, [0])
        end.daemon = True  # a process that has ended sooner does not wait for it
        end.start()
        if interrupts:
            raise KeyboardInterrupt

    @contextmanager
    def interrupts(self) -> Iterator[None]:
        """A signal raises `KeyboardInterrupt` in this block, and nowhere else. One that came before does so too."""
        self._interrupts = True
        try:
            if self.asked:
                raise KeyboardInterrupt
            yield
        finally:
            self._interrupts = False


class AsyncStop:
    """For an asynchronous connector. Make it in the event loop."""

    def __init__(self) -> None:
        self.asked = False
        self._work: asyncio.Task[None] | None = None
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        self.asked = True
        asyncio.get_running_loop().call_later(GRACE, os._exit, 0)
        if self._work is not None:
            self._work.cancel()

    async def interrupts(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what a signal breaks off, also one that came before. Whether it was broken off, `asked` says.

        Raises:
            Exception: What the work raises.
        """
        self._work = asyncio.create_task(work)
        if self.asked:
            self._work.cancel()
        await asyncio.wait([self._work])
        if not self._work.cancelled():
            self._work.result()
