"""A server with many small channels, of which some fail as they are told to."""

import re
import threading
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, urlsplit

from tests.wire import Asked, RawServer, Reply, http

Fails = Callable[[Asked], Reply]


class Shop(RawServer):
    """Channels with images whose `pk` says which they are of: 7000001, 7000002, ... of channel 7.

    Args:
        channels: The size of each.

    Attributes:
        fails: What is answered for a channel instead.
        meet: What a thread goes through that answers a request, before it does.
    """

    def __init__(self, channels: Mapping[int, int]) -> None:
        super().__init__(self._answer)
        self.channels = dict(channels)
        self.fails: dict[int, Fails] = {}
        self.meet: Callable[[int], object] = lambda channel: None
        self.in_flight = self.most_in_flight = 0
        self._counting = threading.Lock()

    def asked_for(self) -> set[int]:
        """The channels that were asked for."""
        return {channel_of(asked) for asked in self.asked}

    def _answer(self, asked: Asked) -> Reply:
        channel = channel_of(asked)
        with self._counting:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            self.meet(channel)
            if channel in self.fails:
                return self.fails[channel](asked)
            return self._page(channel, asked) if channel in self.channels else http(404, {"detail": "Not found."})
        finally:
            with self._counting:
                self.in_flight -= 1

    def _page(self, channel: int, asked: Asked) -> bytes:
        size = self.channels[channel]
        query = parse_qs(urlsplit(asked.target).query)
        page, limit = int(query["page"][0]), int(query["limit"][0])
        pks = range(1, size + 1)[(page - 1) * limit : page * limit]
        rows = [{"pk": channel * 1_000_000 + pk, "width": pk, "status": "active"} for pk in pks]
        more = "http://host/next" if page * limit < size else None
        return http(200, {"count": size, "next": more, "previous": None, "results": rows})


def channel_of(asked: Asked) -> int:
    found = re.search(r"/channel/(\d+)/", asked.target)
    assert found is not None
    return int(found[1])


def status(code: int) -> Fails:
    """An answer of that status."""
    return lambda _: http(code, {"detail": f"This is {code}."})


def breaks_off(_: Asked) -> Reply:
    """Half an answer."""
    return lambda connection: connection.sendall(http(200, b'{"count": 3, "results": [', length=9_000))
