"""Sends what the steps ask for, in threads and in tasks."""

from typing import TypeVar

from channel_images.calls.sender import AsyncSender, Sender
from channel_images.reporting.steps import Steps

T = TypeVar("T")


def run(steps: Steps[T], sender: Sender) -> T:
    """Send what the steps ask for."""
    try:
        ask = next(steps)
        while True:
            try:
                answer = sender.send(ask.request, ask.decode, after=ask.after)
            except BaseException as error:  # noqa: BLE001 - the steps say what becomes of it
                ask = steps.throw(error)
            else:
                ask = steps.send(answer)
    except StopIteration as end:
        value: T = end.value
        return value


async def arun(steps: Steps[T], sender: AsyncSender) -> T:
    """The same for tasks."""
    try:
        ask = next(steps)
        while True:
            try:
                answer = await sender.send(ask.request, ask.decode, after=ask.after)
            except BaseException as error:  # noqa: BLE001 - the steps say what becomes of it
                ask = steps.throw(error)
            else:
                ask = steps.send(answer)
    except StopIteration as end:
        value: T = end.value
        return value
