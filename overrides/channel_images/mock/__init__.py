"""The mock server stands in for Omnitron, so that you can build and test connectors against it.

Most users need only `MockServer`. If you are new to the code, start with `behaviour`, which answers the contract's
operations step by step. `variants` and the room `bugs` change those steps. The room `faults` makes things go wrong on the
way, and `admin` changes the data from outside. The room `data` has the images, `reporting` has the reports of
connectors, and `http` has requests and answers. The mock imports the contract, and nothing else of this package.
"""

try:
    from channel_images.mock.churn import Churn
    from channel_images.mock.data.channel import UnknownImage
    from channel_images.mock.data.fields import InvalidFields
    from channel_images.mock.data.files import BadData
    from channel_images.mock.data.store import UnknownChannel
    from channel_images.mock.faults.faults import Faults
    from channel_images.mock.faults.spec import BadFault
    from channel_images.mock.http.journal import RecordedRequest
    from channel_images.mock.reporting.actions import ActionStatus, IntegrationAction
    from channel_images.mock.reporting.batches import BatchObject, BatchRequest, Reason, Status
    from channel_images.mock.server import MockServer, PortInUse
    from channel_images.mock.settings import Settings
    from channel_images.mock.work import Pace
except ModuleNotFoundError as error:
    package = (error.name or "").partition(".")[0]
    if package == "channel_images":
        raise
    raise ModuleNotFoundError(
        f"channel_images.mock needs {package}: pip install 'channel-images[mock]'", name=package
    ) from None

__all__ = (
    "ActionStatus",
    "BadData",
    "BadFault",
    "BatchObject",
    "BatchRequest",
    "Churn",
    "Faults",
    "IntegrationAction",
    "InvalidFields",
    "MockServer",
    "Pace",
    "PortInUse",
    "Reason",
    "RecordedRequest",
    "Settings",
    "Status",
    "UnknownChannel",
    "UnknownImage",
)
