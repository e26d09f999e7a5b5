"""Reads the pages, docstrings, help and errors for plain English.

    python docs/prose.py [FILE ...]

Prints a line for each finding, and exits with 1 if there is one. It finds long sentences, clauses in the place of a subject,
and words that have a plainer one. It does not read code, tables, headings and addresses. CONTRIBUTING.md says why this is
not Vale or textlint.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["*.md", "docs/*.md", "docs/design/*.md", "examples/*/*.md"]
MODULES = ["overrides/channel_images/**/*.py", "generated/**/*.py"]
# Derived pages say what the code and the contract say. A changelog is a list of short entries.
NOT_READ = {"rules.md", "contract-changes.md", "navigation.md", "CHANGELOG.md"}
MOST_WORDS = 35
MOST_WORDS_ON_AVERAGE = 15
# Of pages. A docstring may well be such a clause: "Whether the client is closed."
SUBJECTS = {
    # A clause is no subject: "Who breaks off a listing waits ..." is "If you break off a listing, it ...".
    r"^(Who|Whoever|Whose|Whom) \w+ [^?]*\.$": "begin with the subject, or with `If you`",
    r"^(That|What|Where|Whether) (\w+ ){1,9}(is|are|was|has|takes|comes|goes|counts|does|stays) [^?]*\.$": "begin with the subject",
}
WORDS = {
    r"\b(whereof|whereby|thereof|therein|heretofore|notwithstanding|hence|thus)\b": "use a plainer word",
    r"\b([Uu]tili[sz]e|[Ll]everage|[Ff]acilitate|[Ii]n order to|[Pp]rior to|[Ss]imply|[Oo]bviously)\b": "use a plainer word",
    r", (the \w+ |each |some )?of which\b": "make two sentences",
    r"\b([Ff]or want of|[Mm]ade by chance)\b|, say[,.]| is none$": "use the usual words",
    r"(?<![Tt]here )\b(is|are) no (\w+ of|file|folder|number|text|list|URL|JSON|YAML)\b": "say `is not a`",
    # One term for one thing: docs/glossary.md.
    r"\b([Aa]ccess key|[Aa]uth key)\b": "say token",
    r"\b([Ff]ake|[Ss]tub) server\b": "say mock server",
}


def main() -> int:
    """Print what is found; the exit code."""
    given = [Path(name).resolve() for name in sys.argv[1:]]
    files = given or sorted(path for pattern in PAGES + MODULES for path in ROOT.glob(pattern))
    found = [
        f"{path.name}: {finding}"
        for path in files
        if path.name not in NOT_READ
        for finding in (of_page if path.suffix == ".md" else of_module)(path.read_text("utf-8"))
    ]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


def of_page(markdown: str) -> Iterator[str]:
    """What is wrong with a page."""
    read = list(sentences(markdown))
    for sentence in read:
        yield from findings(sentence, SUBJECTS | WORDS)
    if len(read) > 9 and (average := mean(len(each.split()) for each in read)) > MOST_WORDS_ON_AVERAGE:
        yield f"{average:.1f} words a sentence; on average at most {MOST_WORDS_ON_AVERAGE} are read well"


def of_module(code: str) -> Iterator[str]:
    """What is wrong with the texts of a module: docstrings, help and messages, which are its strings of several words."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.count(" ") > 3:
            for sentence in sentences(node.value):
                yield from (f"{node.lineno}: {finding}" for finding in findings(sentence, WORDS))


def findings(sentence: str, rules: dict[str, str]) -> Iterator[str]:
    """What is wrong with a sentence, with its beginning."""
    beginning = " ".join(sentence.split()[:8])
    if (words := len(sentence.split())) > MOST_WORDS:
        yield f"{beginning} ...: {words} words; at most {MOST_WORDS} are read well"
    for pattern, advice in rules.items():
        if match := re.search(pattern, sentence):
            yield f"{beginning} ...: {match[0][:40]!r}: {advice}"


def sentences(text: str) -> Iterator[str]:
    """The sentences of Markdown or of a docstring, without code, tables, headings, HTML and addresses."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^(#|\||<| *<|.*── ).*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"`[^`]*`", "code", text)
    text = re.sub(r"\[[^]]*\]\([^)]*\)", "link", text).replace("**", "")
    for paragraph in re.split(r"\n\s*\n|^\s*(?:[-*]|\d+\.|[\w, ]+:) ", text, flags=re.MULTILINE):
        yield from (part for part in re.split(r"(?<=[.!?:;])\s+", " ".join(paragraph.split())) if part)


if __name__ == "__main__":
    sys.exit(main())
