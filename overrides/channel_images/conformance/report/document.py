"""Writes `report.json`: the report itself. The other views show the same. Its schema is published."""

import json
import re
from typing import Any

from channel_images.conformance.report.text import remainder
from channel_images.conformance.results import Report

MAX_TEXT = 20_000
"""Characters kept of a text that may quote what a server sent; requests are kept whole, or they would not repeat."""

# What json.dumps leaves as it is and a terminal obeys or an editor hides: DEL, C1 controls, bidirectional marks and
# overrides, invisible characters. Written as JSON's own escapes, a reader gets the same text back.
_UNSEEN = re.compile(
    "[\x7f-\xa0\xad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\uffff\U000e0000-\U000e0fff]"
)


def render_json(report: Report) -> str:
    """`report.json`, as text that any JSON parser, and any encoding of Unicode, takes."""
    text = json.dumps(_plain(report.as_json()), indent=2, ensure_ascii=False)
    return _UNSEEN.sub(lambda match: json.dumps(match[0])[1:-1], text) + "\n"


def _plain(value: Any, name: str = "") -> Any:
    match value:
        case dict():
            return {key: _plain(entry, key) for key, entry in value.items()}
        case list() | tuple():
            return [_plain(entry, name) for entry in value]
        case str():
            most = len(value) if name == "requests" else MAX_TEXT
            # A lone surrogate is no Unicode: strict parsers refuse even its escape. It becomes the words "\\udc80".
            kept = value[:most].encode("utf-8", "backslashreplace").decode()
            return kept + remainder(len(value), most)
    return value
