"""Reads README.md and docs/ for plain English: forbidden openings, long sentences, words that have a plainer one.

    python docs/prose.py [FILE ...]

Prints a line for each finding, and exits with 1 where there is one. Code, tables and links' addresses are not read.
Vale would do this, but its package fetches a program from another host when it runs first.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Derived pages say what the code and the contract say.
NOT_READ = {"rules.md", "contract-changes.md", "navigation.md"}
MAX_WORDS = 40
RULES = {
    # A clause is no subject: "Who breaks off a listing waits ..." is "If you break off a listing, it ...".
    r"^(Who|Whoever|Whose|Whom) \w+ [^?]*\.$": "begin with the subject, or with `If you`",
    r"^That (there|it|they|this|the|a) \w+ [^.]*\b(is|are|was) \w+": "begin with the subject, not with a clause",
    r"^Where(from|to|upon) ": "begin with the subject",
    r"\b(whereof|whereby|thereof|therein|heretofore|notwithstanding|hence|thus)\b": "use a plainer word",
    r"\b([Uu]tili[sz]e|[Ll]everage|[Ff]acilitate|[Ii]n order to|[Pp]rior to|[Ss]imply|[Oo]bviously)\b": "use a plainer word, or none",
    r", (the \w+ |each |some )?of which\b": "make two sentences",
    # One term for one thing: docs/glossary.md.
    r"\b([Aa]ccess key|[Aa]uth key)\b": "say token",
    r"\b([Ff]ake|[Ss]tub) server\b": "say mock server",
}


def main() -> int:
    """Print what is found; the exit code."""
    given = [Path(name).resolve() for name in sys.argv[1:]]
    pages = given or [
        ROOT / "README.md",
        *sorted(page for page in (ROOT / "docs").glob("*.md") if page.name not in NOT_READ),
    ]
    found = [f"{page.name}: {finding}" for page in pages for finding in findings(page.read_text("utf-8"))]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


def findings(markdown: str) -> Iterator[str]:
    """What is wrong with the sentences of a page, each with its beginning."""
    for sentence in sentences(markdown):
        beginning = " ".join(sentence.split()[:8])
        if (words := len(sentence.split())) > MAX_WORDS:
            yield f"{beginning} ...: {words} words; at most {MAX_WORDS} are read well"
        for pattern, advice in RULES.items():
            if match := re.search(pattern, sentence):
                yield f"{beginning} ...: {match[0][:40]!r}: {advice}"


def sentences(markdown: str) -> Iterator[str]:
    """The sentences of a page, without code, tables, headings, HTML and addresses."""
    text = re.sub(r"^```.*?^```", "", markdown, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^(#|\||<| {4}| *<).*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"`[^`]*`", "code", text)
    text = re.sub(r"\]\([^)]*\)", "", text).replace("[", "").replace("**", "")
    for paragraph in re.split(r"\n\s*\n|^\s*(?:[-*]|\d+\.) ", text, flags=re.MULTILINE):
        yield from (part for part in re.split(r"(?<=[.!?:;])\s+", " ".join(paragraph.split())) if part)


if __name__ == "__main__":
    sys.exit(main())
