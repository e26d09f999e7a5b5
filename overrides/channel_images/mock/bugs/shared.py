"""Keeps requests on a view, for the bugs that mix up those that come at the same time."""

import asyncio

from starlette.types import Scope

from channel_images.mock.behaviour import Behaviour
from channel_images.mock.data.store import Store
from channel_images.mock.http.call import Call
from channel_images.mock.operations import Operation
from channel_images.mock.settings import Settings

PAUSE = 0.01
"""Seconds that such a view waits for its database, in which the next request comes."""
_KEPT = ("path", "raw_path", "path_params", "query_string")


class Shared(Behaviour):
    """Answers a request by what the view keeps of the one that came last: its own, unless another came meanwhile."""

    def __init__(self, settings: Settings, store: Store) -> None:
        super().__init__(settings, store)
        self._kept: dict[str, Scope] = {}

    def is_shared(self, operation: Operation, call: Call) -> bool:
        """Whether the view of the operation keeps the request."""
        return False

    def mixed(self, own: Scope, last: Scope) -> Scope:
        """The request that is answered: what is kept of the one that came last, and what is not of its own."""
        return {**own, **{name: last[name] for name in _KEPT}}

    async def arrive(self, operation: Operation, call: Call) -> Call:
        call = await super().arrive(operation, call)
        if not self.is_shared(operation, call):
            return call
        self._kept[operation.id] = call.scope
        await asyncio.sleep(PAUSE)
        return Call(self.mixed(call.scope, self._kept[operation.id]))
