"""Makes text that a server sent harmless to look at."""

import unicodedata

from channel_images.conformance.results import Result

MOST_MARKS = 3
"""Combining marks on one character, above which they are shown as escapes: stacks of them cover the lines around."""


def visible(text: str, most: int) -> str:
    """The first `most` characters, with whatever does not print as itself written as an escape.

    That is control characters (terminals obey them), bidirectional overrides (they reorder what stands around), invisible
    characters, lone surrogates (no encoding takes them) and what XML refuses. Line breaks and tabs stay.
    """
    shown: list[str] = []
    marks = 0
    for character in text[:most]:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        prints = character in "\n\t" or (character.isprintable() and marks <= MOST_MARKS)
        shown.append(character if prints else _escape(character))
    # GitHub's runner obeys this wherever it stands in a line of a log.
    return "".join(shown).replace("##[", "#\\x23[") + remainder(len(text), most)


def visible_line(text: str, most: int) -> str:
    """The same in one line: white space of every kind becomes one space."""
    # Cut before it is split: a body may be long.
    cut = " ".join(text[: 2 * most].split())
    return visible(cut, most) if len(text) <= 2 * most else visible(cut[:most], most) + remainder(len(text), most)


def visible_request(line: str, most: int) -> str:
    """A `curl` line that can still be pasted: in a URL a percent-escape stands for the same character.

    A line of more than `most` characters is not shown, since half of one would send another request.
    """
    if len(line) > most:
        return f"# a request of {len(line):,} characters: see report.json"
    return "".join(character if character.isprintable() else _percent(character) for character in line)


def remainder(length: int, most: int) -> str:
    """The words that stand for what is not shown."""
    return f"… ({length:,} characters in all)" if length > most else ""


def evidence_text(result: Result, most: int) -> str:
    """The evidence of a result as plain text, for views that have no markup; empty if there is none."""
    evidence = result.evidence
    if evidence is None:
        return ""
    return "\n".join(
        [
            *[f"cause: {visible(result.cause, most)}"] * (result.cause not in ("", evidence.relation)),
            f"relation: {visible(evidence.relation, most)}",
            f"contract: {visible(evidence.statement, most)} ({visible(evidence.basis, most)})",
            f"expected: {visible(evidence.expected, most)}",
            f"seen: {visible(evidence.seen, most)}",
            *(visible_request(request, most) for request in evidence.requests),
        ]
    )


def _escape(character: str) -> str:
    if character.isprintable():  # a combining mark, which repr() leaves as it is
        return f"\\u{ord(character):04x}"
    return repr(character)[1:-1]


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
