"""The two names that channel_app 0.0.161 imports from omnisdk, and that no published omnisdk has (0.0.103 is the newest)."""

from typing import Any

from omnisdk.omnitron import endpoints, models  # type: ignore[import-untyped]


class OperationalEvent(models.BaseModel):
    """An event, with the fields that it is given."""


class ChannelOperationalEventEndpoint(endpoints.OmnitronApiEndpoint):
    """Where events of a channel are written, beside its error reports."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, endpoint="channel/{channel_id}/operational_events", model=OperationalEvent, **kwargs)


def add() -> None:
    """Put them where channel_app looks for them."""
    models.OperationalEvent = OperationalEvent
    endpoints.ChannelOperationalEventEndpoint = ChannelOperationalEventEndpoint
