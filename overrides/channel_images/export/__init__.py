"""Exports: every image of one or more channels into files, resumable, with nothing lost and nothing twice.

:class:`Export` writes files. :func:`plan` and :func:`read` are for those who read a channel in parts, on several
machines: the Spark data source does.
"""

from channel_images.choices import What
from channel_images.exceptions import ExportError
from channel_images.export.plan import Partition, plan, read
from channel_images.export.run import ChannelResult, Export, ExportOptions, ExportResult, Progress, Status

__all__ = (
    "ChannelResult",
    "Export",
    "ExportError",
    "ExportOptions",
    "ExportResult",
    "Partition",
    "Progress",
    "Status",
    "What",
    "plan",
    "read",
)
