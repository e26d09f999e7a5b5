"""Shows a violation in a shell: lines for people to paste, and a test for `replay.sh` to run.

The lines need bash, curl and, where they name it, jq. A test is a command that succeeds while the fault shows. It may use the
functions of `replay.sh`: `get` prints an answer's body, `code` its status, `head_of` its head.
"""

import json
import re
from collections.abc import Callable, Sequence
from hashlib import sha256
from shlex import quote
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve, frozen

from channel_images.conformance.asking.parsing import NotJson, parsed
from channel_images.conformance.asking.wire import Answer
from channel_images.resource import resource

FEW = 5
"""Rows that a line speaks of."""
MOST = 6
"""Answers that are shown as they are."""
MOST_PAGES = 100
"""Pages that a line asks for."""
MOST_OUTPUT = 500
"""Characters of what a line prints."""
CURL = "curl -gsS --path-as-is"
PLAIN_NAME = re.compile(r"[A-Za-z_]\w*")


@frozen
class Proof:
    """How a violation shows."""

    lines: tuple[str, ...]
    test: str
    """The command that succeeds while it does; empty if none can tell."""
    outputs: tuple[str, ...] = ()
    """What each line printed when the violation was found, cut; empty for a line of which that is not known."""


# Answers as they are


def as_seen(*answers: Answer) -> Proof:
    """The answers are again what they were, byte for byte."""
    return _shown(answers, " && ".join(map(_is_again, answers)))


def by_status(*answers: Answer) -> Proof:
    """The last answer has again the status that it had; those before it are asked for first."""
    *before, last = answers
    return _shown(answers, "; ".join([*(f"get {each.arguments} >/dev/null" for each in before), _has_status(last)]))


def by_type(answer: Answer) -> Proof:
    """The answer has again the content type that it had."""
    told = quote(answer.headers.get("content-type", ""))
    return _shown((answer,), f'[ "$(head_of {answer.arguments} | value content-type)" = {told} ]')


def lacks_header(answer: Answer, name: str) -> Proof:
    """The answer has again the status that it had, and not this header."""
    return _shown((answer,), f'{_has_status(answer)} && [ -z "$(head_of {answer.arguments} | value {name})" ]')


def by_header(answer: Answer, name: str) -> Proof:
    """The header has again the value that it had."""
    told = quote(answer.headers.get(name, ""))
    return _shown((answer,), f'[ "$(head_of {answer.arguments} | value {name})" = {told} ]')


def late(answer: Answer, limit: float) -> Proof:
    """The answer takes longer than so many seconds."""
    line = f"{CURL} -o /dev/null -w '%{{time_total}}\\n' {answer.arguments}"
    test = f"awk \"BEGIN {{ exit !($({CURL} -o /dev/null -w '%{{time_total}}' {answer.arguments}) > {limit:g}) }}\""
    return Proof((line,), test, (f"{answer.seconds:.3f}",))


def followed(answer: Answer) -> Proof:
    """Bytes follow the answer: they come too where its length is not regarded."""
    to_end = "--ignore-content-length -H 'Connection: close'"
    # curl reads no body for its own HEAD.
    arguments = answer.arguments.replace("-I ", "-X HEAD ", 1) if answer.request.method == "HEAD" else answer.arguments
    size = "0" if answer.request.method == "HEAD" else f'"$(get {arguments} | wc -c)"'
    line = f"curl -gsSi --path-as-is {to_end} {arguments} | tail -c 200"
    return Proof((line,), f'[ "$(get {to_end} {arguments} | wc -c)" -gt {size} ]')


def breaks(answer: Answer, number: int) -> Proof:
    """One of so many requests has no answer, or none of the server: the line counts the statuses."""
    line = f"for n in $(seq {number}); do {CURL} -o /dev/null -w '%{{http_code}}\\n' {answer.arguments}; done | sort | uniq -c"
    return Proof((line,), f"! again {number} {quote(f'answers {answer.arguments}')}")


def _shown(answers: Sequence[Answer], test: str) -> Proof:
    alone = {each.curl: each for each in answers}
    outputs = tuple(map(_cut, map(_text, alone.values())))
    return Proof(tuple(alone)[:MOST], test, outputs[:MOST])


def _is_again(answer: Answer) -> str:
    if answer.broke or answer.unread or not answer.body:
        return _has_status(answer)
    return f'[ "$(get {answer.arguments} | sha256sum)" = "{sha256(answer.body).hexdigest()}  -" ]'


def _has_status(answer: Answer) -> str:
    return f'[ "$(code {answer.arguments})" = {answer.status:03} ]'


# What is in a body


def part(answer: Answer, shown: str, test: str, output: object = "") -> Proof:
    """A part of a body, by a program of jq; another one is true while the fault shows."""
    line = f"{CURL} {answer.arguments} | jq -c {quote(shown)}"
    return Proof((line,), f"get {answer.arguments} | jq -e {quote(test)} >/dev/null", (_cut(output),))


def at(answer: Answer, path: Sequence[str | int]) -> Proof:
    """The value at a path is again what it was, or of the type that it was of where it is no single value."""
    program = _program(path)
    try:
        value = parsed(answer.body)
        for step in path:
            value = value[step]
    except (NotJson, LookupError, TypeError):
        return as_seen(answer)
    if isinstance(value, dict | list):
        return evolve(part(answer, program, "true", json.dumps(value)), test=_is_again(answer))
    return part(answer, program, f"{program} == {json.dumps(value)}", json.dumps(value, ensure_ascii=False))


def leaks(answer: Answer) -> Proof:
    """The answer has a traceback in it."""
    return _shown((answer,), f"get {answer.arguments} | grep -q Traceback")


def unkeyed(answer: Answer) -> Proof:
    """A row has no key: the line prints what it has."""
    program = f"[{_rows(answer)} | select(has({json.dumps(resource().key)}) | not) | keys]"
    return part(answer, f"{program}[0]", f"{program} | length > 0")


def holds(pks: Sequence[object], *answers: Answer) -> Proof:
    """Rows are in answers that should not be; of several answers, those are shown that have them."""
    few = list(pks)[:FEW]
    having = {each.arguments: each for each in answers if set(few) & set(_keys(each))}
    if not having:
        return as_seen(*answers)
    source = tuple(having.values())
    wanted = " or ".join(f"{_name(resource().key)} == {json.dumps(pk)}" for pk in few)
    line = f"{_bodies(CURL, source)} | jq -c {quote(f'{_rows(source[0])} | select({wanted})')}"
    rows = [row for each in source for row in _found(each) if row.get(resource().key) in few]
    return Proof((line,), f'[ -n "$({_bare(line)})" ]', (_cut("\n".join(map(json.dumps, rows))),))


def lacks(pks: Sequence[object], *answers: Answer) -> Proof:
    """Rows are in none of the answers that should be there: the line prints their keys."""
    few = list(pks)[:FEW]
    if not answers or not few:
        return as_seen(*answers)
    program = f"{json.dumps(few)} - [.[] | {_rows(answers[0])}? | {_name(resource().key)}]"
    line = f"{_bodies(CURL, answers)} | jq -sc {quote(program)}"
    return Proof((line,), _true(answers, f"{program} | length > 0"), (json.dumps(few),))


def misplaced(missing: Sequence[object], extra: Sequence[object], *answers: Answer) -> Proof:
    """Rows are missing in answers, or there that should not be."""
    return holds(extra, *answers) if extra and not missing else lacks(missing, *answers)


def shared(pks: Sequence[object], *lists: Sequence[Answer]) -> Proof:
    """Rows are in each of the lists, and should be in one."""
    return all_hold([pks[0]] * len(lists), lists)


def all_hold(pks: Sequence[object], lists: Sequence[Sequence[Answer]]) -> Proof:
    """Each list has the row that is named for it."""
    found = [holds([pk], *answers) for pk, answers in zip(pks, lists, strict=True)]
    return _both(*found)


def only_in_first(pks: Sequence[object], first: Sequence[Answer], second: Sequence[Answer]) -> Proof:
    """Rows are in one list, and not in another: the first line shows them, the second one prints the keys that lack."""
    few = [pk for pk in pks if any(pk in _keys(each) for each in first)][:FEW]
    return _both(holds(few, *first), lacks(few, *second))


def summed(whole: Answer, parts: Sequence[Answer], *, exactly: bool) -> Proof:
    """The counts of parts do not add up to that of the whole, or are more."""
    counts = "[.[].count]"
    test = f".[0].count {'!=' if exactly else '<'} ([.[1:][].count] | add)"
    answers = (whole, *parts)
    return Proof((f"{_bodies(CURL, answers)} | jq -sc {quote(counts)}",), _true(answers, test))


def _both(*proofs: Proof) -> Proof:
    lines = tuple(line for each in proofs for line in each.lines)
    outputs = tuple(output for each in proofs for output in each.outputs)
    return Proof(lines, " && ".join(f"{{ {each.test}; }}" for each in proofs), outputs)


def repeats(*answers: Answer) -> Proof:
    """Rows come more than once in the answers: the line prints their keys."""
    key = _name(resource().key)
    program = f"[.[] | {_rows(answers[0])} | {key}] | group_by(.) | map(select(length > 1)[0])"
    return Proof((f"{_bodies(CURL, answers)} | jq -sc {quote(program)}",), _true(answers, f"{program} | length > 0"))


def counted(*answers: Answer) -> Proof:
    """`count` is not the number of rows of all the pages, as many as there are by `count`."""
    rows = f"([.[] | {_rows(answers[0])}?] | length)"
    pages = _pages(answers)
    line = f"{pages(CURL)} | jq -sc {quote(f'{{count: .[0].count, rows: {rows}}}')}"
    return Proof((line,), f"{pages('get')} | jq -se {quote(f'.[0].count != {rows}')} >/dev/null")


def through(pages: Sequence[Answer]) -> tuple[Answer, ...]:
    """All pages, and the one after the last: where a list ended early, a server without the fault has more rows on it."""
    number = rf"(?<=[?&]{re.escape(resource().roles['page'])}=)\d+"
    url = re.sub(number, lambda match: str(int(match[0]) + 1), pages[-1].url)
    return (*pages, evolve(pages[-1], url=url, body=b""))


def sized(answer: Answer, due: int) -> Proof:
    """A page has not as many rows as it should."""
    program = f"[{_rows(answer)}] | length"
    return part(answer, program, f"{program} != {due}", len(_keys(answer)))


def only_otherwise(empty: Answer, found: Answer) -> Proof:
    """One answer has no rows, and another one has."""
    rows = f"[{_rows(empty)}] | length"
    first = by_status(empty) if empty.status != 200 else part(empty, rows, f"{rows} == 0", 0)
    return _both(first, sized(found, 0))


def shrinks(limit: int, fewer: Answer, more: Answer) -> Proof:
    """An answer has fewer rows than its limit says, and than another answer has."""
    counts = [f"{CURL} {each.arguments} | jq {quote(f'[{_rows(each)}] | length')}" for each in (fewer, more)]
    lines = (f"one=$({counts[0]})", f"other=$({counts[1]})", 'echo "$one rows, $other rows"')
    test = f'{"; ".join(map(_bare, lines[:-1]))}; [ "$one" -lt "$other" ] && [ "$one" -lt {limit} ]'
    return Proof(lines, test, (str(len(_keys(fewer))), str(len(_keys(more))), ""))


# Two answers


def differ(one: Answer, other: Answer, *, program: str = "") -> Proof:
    """Two answers differ in the keys of their rows, or in what a program of jq gives: `diff` shows where.

    Args:
        one: What is asked for first.
        other: What is asked for last.
        program: What to compare of both; the keys of their rows, in order, where nothing is said.
    """
    key = _name(resource().key)
    asked = [f"{CURL} {each.arguments} | jq -c {quote(program or f'{_rows(each)} | {key}')}" for each in (one, other)]
    outputs = [_printed(each, program) for each in (one, other)]
    return _compared((asked[0], asked[1]), (outputs[0], outputs[1]))


def alike(one: Answer, other: Answer) -> Proof:
    """Two answers have the same rows, and should not: `diff` prints nothing."""
    found = differ(one, other)
    return evolve(found, test=f'{"; ".join(map(_bare, found.lines[:-1]))}; [ -n "$one" ] && [ "$one" = "$other" ]')


def _printed(answer: Answer, program: str) -> str:
    """What a line prints of an answer, by a program that is the name of a member or, where it is empty, by the keys."""
    document = _document(answer)
    if program and isinstance(document, dict):
        return json.dumps(document.get(program.removeprefix(".")))
    return json.dumps(_keys(answer)) if _keys(answer) else _text(answer)


def _compared(commands: tuple[str, str], outputs: tuple[str, str]) -> Proof:
    lines = (f"one=$({commands[0]})", f"other=$({commands[1]})", 'diff <(echo "$one") <(echo "$other")')
    test = f'{"; ".join(map(_bare, lines[:-1]))}; [ -n "$one$other" ] && [ "$one" != "$other" ]'
    return Proof(lines, test, (*map(_cut, outputs), ""))


def takes(listed: Answer, place: int, pk: int, read: Answer) -> Proof:
    """Reading the row in a place of a list, from 1, takes it from the list."""
    key = _name(resource().key)
    command = f"{CURL} {listed.arguments} | jq {quote(f'{_rows(listed)} | {key}')}"
    row = "'\"$row\"'" if "'" in read.arguments else '"$row"'
    arguments = re.sub(rf"(?<=[/=]){pk}(?=[/&']|$)", lambda match: row, read.arguments)
    lines = (
        f"one=$({command})",
        f'row=$(sed -n {place}p <<<"$one")',
        f"{CURL} {arguments} >/dev/null",
        f"other=$({command})",
        'diff <(echo "$one") <(echo "$other")',
    )
    test = f'{"; ".join(map(_bare, lines[:-1]))}; [ -n "$row" ] && ! grep -qx "$row" <<<"$other"'
    return Proof(lines, test, (_cut(json.dumps(_keys(listed))), str(pk), "", "", ""))


def row_differs(pk: int, fields: Sequence[str], one: Answer, other: Answer) -> Proof:
    """A row has other values in some fields in one answer than in another."""
    names = tuple(dict.fromkeys((resource().key, *fields[:FEW])))
    values = f"{{{', '.join(map(json.dumps, names))}}}"
    asked, outputs = [], []
    for each in (one, other):
        # What is retrieved is the row, whatever key it says that it has.
        is_alone = _rows(each) == "."
        program = values if is_alone else f"{_rows(each)} | select({_name(resource().key)} == {pk}) | {values}"
        row = next((row for row in _found(each) if is_alone or row.get(resource().key) == pk), {})
        asked.append(f"{CURL} {each.arguments} | jq -cS {quote(program)}")
        outputs.append(json.dumps({name: row.get(name) for name in names}))
    found = _compared((asked[0], asked[1]), (outputs[0], outputs[1]))
    return evolve(found, test=f'{found.test} && [ -n "$one" ] && [ -n "$other" ]')


def placed(page: Answer, start: int, due: int, pages: Sequence[Answer]) -> Proof:
    """A page has not the rows, or not in the order, that all pages at another limit have from a place on.

    Args:
        page: The page.
        start: The place in the list, from 0, of the row that the page should begin with.
        due: How many rows it should have.
        pages: All pages at the other limit.
    """
    if not pages:
        return as_seen(page)
    key = _name(resource().key)
    whole = f"[.[] | {_rows(pages[0])}? | {key}][{start}:{start + due}][]"
    return _compared(
        (
            f"{_bodies(CURL, through(pages))} | jq -s {quote(whole)}",
            f"{CURL} {page.arguments} | jq {quote(f'{_rows(page)} | {key}')}",
        ),
        ("", json.dumps(_keys(page))),
    )


def ends_early(answer: Answer, first: Answer, before: int) -> Proof:
    """A page is not there although the first one says that there are more rows than so many pages as it have."""
    rows = f"([{_rows(first)}] | length)"
    is_page = _rows(first) == ".results[]"
    test = f".count > {before} * {rows}" if is_page else f"{rows} > 0"
    told = part(first, f"{{count, rows: {rows}}}" if is_page else rows, test)
    found = by_status(answer)
    return Proof((*told.lines, *found.lines), f"{told.test} && {found.test}", (*told.outputs, *found.outputs))


def leads_away(name: str, link: str, page: Answer, path: str) -> Proof:
    """A link of a page does not lead to the list that it belongs to."""
    return part(page, f".{name}", f".{name} | contains({json.dumps(path.rstrip('/'))}) | not", link)


def leads_astray(name: str, link: str, page: Answer, led: Answer, due: Answer | None = None) -> Proof:
    """A link of a page leads again where it led, and what is there is not what is due there."""
    parts = urlsplit(link)
    where = parts.path + (f"?{parts.query}" if parts.query else "")
    told = part(page, f".{name}", "true", json.dumps(link))
    leads = f'[ "$(get {page.arguments} | jq -r .{name} | sed "s#^[a-z]*://[^/]*##")" = {quote(where)} ]'
    found = by_status(led) if due is None else differ(due, led, program=".count" if _keys(due) == _keys(led) else "")
    return Proof((*told.lines, *found.lines), f"{leads} && {{ {found.test}; }}", (*told.outputs, *found.outputs))


def mixed(*answers: Answer) -> Proof:
    """Answers are others where they are asked for at the same time than where they are asked for one after the other."""
    first, urls = answers[0], [each.arguments.rpartition(" ")[2] for each in answers]
    head = first.arguments.rpartition(" ")[0]
    program = quote(f"[{_rows(first)} | {_name(resource().key)}]")
    ask = f'echo "$url $({CURL} {head} "$url" | jq -c {program})"'
    loop = f"for url in {' '.join(urls)}; do {ask}"
    line = f"diff <({loop} & done | sort) <({loop}; done | sort)"
    return Proof((line,), f"! again 5 {quote(line)} >/dev/null")


# Words of a shell and of jq


def _bodies(command: str, answers: Sequence[Answer]) -> str:
    """The command that prints the bodies of all the answers, one after the other."""
    asked = list(dict.fromkeys(each.arguments for each in answers))
    if len(asked) == 1:
        return f"{command} {asked[0]}"
    first = _page_1().sub("'\"$page\"'", asked[0])
    if asked == [first.replace("'\"$page\"'", str(number)) for number in range(1, len(asked) + 1)]:
        return f"for page in $(seq {len(asked)}); do {command} {first}; done"
    return "{ " + " ".join(f"{command} {each};" for each in asked) + " }"


def _pages(answers: Sequence[Answer]) -> Callable[[str], str]:
    """What makes the command that prints all pages of a list, by its first pages."""
    first, document = answers[0], _document(answers[0])
    count, size = (document.get("count"), len(_keys(first))) if isinstance(document, dict) else (None, 0)
    asked = _page_1().sub("'\"$page\"'", first.arguments)
    if not isinstance(count, int) or not 0 < size < count <= MOST_PAGES * size or asked == first.arguments:
        return lambda command: _bodies(command, answers)
    number = max(len(answers), -(-count // size))
    return lambda command: f"for page in $(seq {number}); do {command} {asked}; done"


def _bare(line: str) -> str:
    """A line as the script has it."""
    return line.replace(CURL, "get")


def _true(answers: Sequence[Answer], program: str) -> str:
    """The command that succeeds where a program of jq is true of all bodies."""
    return f"{_bodies('get', answers)} | jq -se {quote(program)} >/dev/null"


def _page_1() -> re.Pattern[str]:
    """The number of the first page in a quoted URL."""
    return re.compile(rf"(?<=[?&]{re.escape(resource().roles['page'])}=)1(?=[&'])")


def _document(answer: Answer) -> Any:
    """The JSON of an answer; `None` if it is none."""
    try:
        return parsed(answer.body)
    except NotJson:
        return None


def _rows(answer: Answer) -> str:
    """The rows of an answer, for jq."""
    document = _document(answer)
    if isinstance(document, dict) and isinstance(document.get("results"), list):
        return ".results[]"
    # An error in its stead is no array, and has no rows.
    return "arrays[]" if isinstance(document, list) else "."


def _found(answer: Answer) -> list[dict[str, Any]]:
    """The rows of an answer; none where it has none."""
    document = _document(answer)
    rows = document.get("results", [document]) if isinstance(document, dict) else document
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _text(answer: Answer) -> str:
    """The beginning of a body: no more than what is shown of it, however long it is."""
    return answer.body[: 4 * (MOST_OUTPUT + 1)].decode("utf-8", "replace")


def _keys(answer: Answer) -> list[int]:
    return [pk for row in _found(answer) if type(pk := row.get(resource().key)) is int]


def _name(name: str) -> str:
    return f".{name}" if PLAIN_NAME.fullmatch(name) else f"[{json.dumps(name)}]"


def _program(path: Sequence[str | int]) -> str:
    return "." + "".join(f"[{json.dumps(step)}]" for step in path)


def _cut(text: object) -> str:
    said = str(text)
    return said if len(said) <= MOST_OUTPUT else f"{said[:MOST_OUTPUT]}…"
