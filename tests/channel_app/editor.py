"""Edits a channel while a connector works on it."""

from random import Random

from tests.channel_app.worker import CHANNEL

from channel_images.mock import MockServer


class Editor:
    """Adds, modifies and removes images, as a seed chooses."""

    def __init__(self, server: MockServer, random: Random, pks: list[int]) -> None:
        self._server = server
        self._random = random
        self._pks = pks

    def edit(self, times: int) -> None:
        for _ in range(times):
            change = self._random.choice(["add", "remove", "modify", "modify", "modify"])
            pk = self._random.choice(self._pks)
            if change == "add":
                added = self._server.add(CHANNEL)["pk"]
                assert isinstance(added, int)
                self._pks.append(added)
            elif change == "remove":
                self._server.remove(CHANNEL, pk)
                self._pks.remove(pk)
            else:
                self._server.modify(CHANNEL, pk, width=self._random.randint(1, 10_000))
