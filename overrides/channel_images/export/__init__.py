"""Writes every image of one or more channels to files, with nothing lost and nothing twice, and resumes after a break.

`Export` writes files. Use `plan` and `read` to read a channel in parts, on several machines, as the Spark data source
does.

May import: `listings`, `formats`, and what these may. Start with `run`.
"""

from channel_images.choices import What
from channel_images.exceptions import ChannelsFailed, ExportError
from channel_images.export.plan import Partition, plan, read
from channel_images.export.results import ChannelResult, ExportResult, Progress, Status
from channel_images.export.run import Export, ExportOptions, may_pass

__all__ = (
    "ChannelResult",
    "ChannelsFailed",
    "Export",
    "ExportError",
    "ExportOptions",
    "ExportResult",
    "Partition",
    "Progress",
    "Status",
    "What",
    "may_pass",
    "plan",
    "read",
)
