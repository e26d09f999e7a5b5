"""What the words of a finding have to be, whatever the fault: the tests that run every bug look at them, too."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from channel_images.conformance import Report
from channel_images.conformance.results import Evidence

CLUMSY = {
    "a Python word": re.compile(r"(?<![\w-])None(?![\w-])"),
    "a plural of one": re.compile(r"(?<![\d,.])1 (?:rows|pages|bytes|operations|violations|times)\b"),
    "a singular of several": re.compile(r"(?<![\d,.])(?:0|[2-9]|[1-9]\d+) (?:row|page|byte)\b"),
    "no key": re.compile(r"\bpk none\b|\bpk None\b"),
    "an article without its noun": re.compile(r"\ban? (?:where|that is due|and)\b"),
    "two spaces": re.compile(r"\S  +\S"),
    "an empty part": re.compile(r"; ;|, ,|: ;|:\s*$|^\s*$|\bof \s*$"),
    "a full stop": re.compile(r"\.$"),
}
SERVERS = ("schema.response", "schema.no-server-error")
"""Rules whose findings quote what the server sent."""


def badly_worded(report: Report) -> list[str]:
    """What is wrong with the words of a report's violations; a sentence each."""
    address = urlsplit(report.url)
    bare = re.compile(rf"//{re.escape(address.hostname or '')}(?!:{address.port})")
    return [
        f"{each.rule} · {each.operation}: {fault}"
        for each in report.violations()
        if each.evidence
        for fault in _faults(each.evidence, bare, is_quoted=each.rule in SERVERS)
    ]


def _faults(evidence: Evidence, bare: re.Pattern[str], *, is_quoted: bool) -> Iterator[str]:
    for name in ("relation", "expected", "seen"):
        text = getattr(evidence, name)
        if is_quoted and name == "seen":
            continue
        yield from (f"{name} has {what}: {text!r}" for what, clumsy in CLUMSY.items() if clumsy.search(text))
        if bare.search(text):
            yield f"{name} names a host without its port: {text!r}"
    if evidence.expected == evidence.seen or _keys(evidence.expected) & _keys(evidence.seen):
        yield f"expected and seen look alike: {evidence.expected!r}, {evidence.seen!r}"


def _keys(text: str) -> set[str]:
    """Lists of keys that are cut off: the same one on both sides shows no difference."""
    return set(re.findall(r"pk [^:;]*? and \d+ more", text))
