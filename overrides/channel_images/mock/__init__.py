"""The mock server: a stand-in for the real service that connectors can be built and tested against.

:class:`MockServer` is all that most users need. The service's habits are in :mod:`channel_images.mock.behaviour`, the
data in :mod:`channel_images.mock.data.dataset`, changes to it in :mod:`channel_images.mock.data.store`, and the admin API is
described in :mod:`channel_images.mock.admin`. What else a server may do is in :mod:`channel_images.mock.variants` and
:mod:`channel_images.mock.bugs`, what may go wrong on the way in :mod:`channel_images.mock.faults.faults`.
"""

from channel_images.mock.churn import Churn
from channel_images.mock.data.channel import UnknownImage
from channel_images.mock.data.fields import InvalidFields
from channel_images.mock.data.store import UnknownChannel
from channel_images.mock.faults.faults import Faults
from channel_images.mock.faults.spec import BadFault
from channel_images.mock.http.journal import RecordedRequest
from channel_images.mock.server import MockServer, PortInUse
from channel_images.mock.settings import Settings

__all__ = (
    "BadFault",
    "Churn",
    "Faults",
    "InvalidFields",
    "MockServer",
    "PortInUse",
    "RecordedRequest",
    "Settings",
    "UnknownChannel",
    "UnknownImage",
)
