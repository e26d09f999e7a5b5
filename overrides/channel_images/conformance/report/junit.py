"""Writes `junit.xml`: the report for CI systems, one test case for each rule and operation."""

from xml.etree import ElementTree

from channel_images.conformance.report.summary import following, sentence
from channel_images.conformance.report.text import evidence_text, visible, visible_line
from channel_images.conformance.results import Report, Result, Verdict

MAX_TEXT = 4_000
"""Characters of one text that may quote what a server sent."""
MAX_REASON = 500

Cases = dict[tuple[str, str], list[Result]]


def render_junit(report: Report) -> str:
    """The report as JUnit's XML.

    Violations that count are failures. All that is neither passed nor failed (a warning, unless `--fail-on warning`,
    unstable, waived, not exercised) is skipped, with its reason. A run that could not be judged is one error more.
    """
    suites: dict[str, Cases] = {}
    for result in report.results:
        suites.setdefault(result.family, {}).setdefault((result.rule, result.operation), []).append(result)
    root = ElementTree.Element("testsuites", name="channel-images check", time=str(report.seconds))
    if report.not_judged:
        suite = ElementTree.SubElement(root, "testsuite", name="run", timestamp=report.started)
        case = ElementTree.SubElement(suite, "testcase", classname="run", name="judged", time="0")
        ElementTree.SubElement(case, "error", type="not judged", message=sentence(report))
        _count(suite)
    for family, cases in suites.items():
        suite = ElementTree.SubElement(root, "testsuite", name=family, timestamp=report.started)
        for (rule, operation), results in cases.items():
            case = ElementTree.SubElement(suite, "testcase", classname=family, name=f"{rule}[{operation}]", time="0")
            _settle(case, report, results)
        _count(suite)
    _count(root)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _settle(case: ElementTree.Element, report: Report, results: list[Result]) -> None:
    failures = [result for result in results if report.counts(result)]
    others = [result for result in results if result.verdict is not Verdict.PASS]
    if failures:
        # More than one failure in a case is valid, but readers of JUnit show the first alone.
        failure = ElementTree.SubElement(case, "failure", type=failures[0].severity, message=_reasons(failures))
        texts = [[evidence_text(result, MAX_TEXT), following(report, result)] for result in failures]
        failure.text = "\n\n".join("\n".join(filter(None, lines)) for lines in texts)
    elif others:
        verdict = others[0].verdict
        word = f"{verdict}, {others[0].severity}" if verdict is Verdict.VIOLATED else str(verdict)
        ElementTree.SubElement(case, "skipped", type=verdict, message=f"{word}: {_reasons(others)}")
        if evidence := "\n\n".join(evidence_text(result, MAX_TEXT) for result in others if result.evidence):
            ElementTree.SubElement(case, "system-out").text = evidence
    elif reasons := _reasons(results):
        ElementTree.SubElement(case, "system-out").text = visible(reasons, MAX_TEXT)


def _reasons(results: list[Result]) -> str:
    return visible_line("; ".join(dict.fromkeys(result.reason for result in results if result.reason)), MAX_REASON)


def _count(element: ElementTree.Element) -> None:
    for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(attribute, str(len(list(element.iter(tag)))))
