"""The conformance check: what a server does that its contract does not allow."""

from channel_images.conformance.asking.target import Target
from channel_images.conformance.results import Evidence, Report, Result, Severity, Verdict
from channel_images.conformance.run import Options, check

__all__ = ("Evidence", "Options", "Report", "Result", "Severity", "Target", "Verdict", "check")
