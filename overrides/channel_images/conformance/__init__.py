"""Finds what a server does that its contract does not allow.

A run asks (`asking`), judges by the rules (`judging`, `rules`, listed in `catalogue`), and writes what it found (`results`,
`report`). May import `calls`, `contract` and `exceptions`, and nothing that knows a client, a listing or a walk. Start with
`run`, which does all of it in order.
"""

from channel_images.conformance.asking.target import Target
from channel_images.conformance.results import Evidence, Report, Result, Severity, Verdict
from channel_images.conformance.run import Options, check

__all__ = ("Evidence", "Options", "Report", "Result", "Severity", "Target", "Verdict", "check")
