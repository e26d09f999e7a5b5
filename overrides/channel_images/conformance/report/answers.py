"""Compares two answers, for a page that shows them side by side."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from attrs import frozen

# A string of JSON, which may be cut off; white space; a word; any other character.
_PARTS = re.compile(r'"(?:[^"\\]|\\.)*"?|\s+|\w+|.', re.DOTALL)
ALIKE = 0.3
"""Two texts that have less in common are different altogether: marks on nearly everything would show nothing."""

LONGEST_NOTE = 40


@frozen
class Piece:
    """A part of an answer, and whether the other one lacks it."""

    text: str
    differs: bool = False


def compare(one: str, other: str) -> tuple[Sequence[Piece], Sequence[Piece]] | None:
    """The two texts in pieces, with what differs marked; `None` if they have little in common."""
    (one, one_end), (other, other_end) = _cut(one), _cut(other)
    left, right = _PARTS.findall(one), _PARTS.findall(other)
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    if matcher.ratio() < ALIKE:
        return None
    changes = [(kind != "equal", "".join(left[a:b]), "".join(right[c:d])) for kind, a, b, c, d in matcher.get_opcodes()]
    if changes:
        _, last, other_last = changes[-1]
        # Where one text was cut a little before the other, the rest is no difference.
        if (one_end and other_last.startswith(last)) or (other_end and last.startswith(other_last)):
            changes[-1] = (False, last, other_last)
    changes.append((False, one_end, other_end))
    return (
        [Piece(text, differs) for differs, text, _ in changes if text],
        [Piece(text, differs) for differs, _, text in changes if text],
    )


def _cut(text: str) -> tuple[str, str]:
    """The text, and the note in which it ends where it was cut: `… (1,234 characters in all)`."""
    kept, mark, note = text.rpartition("…")
    return (kept, mark + note) if mark and len(note) <= LONGEST_NOTE else (text, "")
