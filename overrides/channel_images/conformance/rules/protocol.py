"""Protocol: methods other than ``GET``, and paths without their closing slash."""

from collections.abc import Iterator
from urllib.parse import urljoin

from channel_images.conformance.operations import MAX_ID, Operation
from channel_images.conformance.rule import Finding, NotExercised, Pattern, rule
from channel_images.conformance.survey import Survey
from channel_images.conformance.wire import origin

WRITING = ("POST", "PUT", "PATCH", "DELETE")
REFUSALS = frozenset({401, 403, 405})
ABSENT = MAX_ID - 1
"""An id of 64 bits that no server has come to."""


@rule("protocol.read-only", Pattern.DIFFERENCE)
def read_only(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """POST, PUT, PATCH and DELETE, to an id that does not exist, are refused. Only with --probe-writes."""
    if not survey.probe_writes:
        raise NotExercised("needs --probe-writes")
    # Loopback may be a port-forward to production: nothing that exists is written to. A list has no id but its
    # channel's, and 404 for the channel refuses too.
    path = operation.path_for(ABSENT if operation.is_list else survey.channel, ABSENT)
    refusals = REFUSALS | {404} if operation.is_list else REFUSALS
    for method in WRITING:
        answer = survey.session.get(path, method=method)
        if answer.status not in refusals and not answer.is_server_error:
            yield Finding(f"{method} is not refused", "405, 401 or 403", answer.describe(), (answer,))


@rule("protocol.head-options", Pattern.EQUIVALENCE)
def head_options(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """HEAD and OPTIONS give no 5xx."""
    if survey.quick:
        raise NotExercised("left out by --quick")
    path = operation.path_for(survey.channel, survey.some_pk())
    for method in ("HEAD", "OPTIONS"):
        answer = survey.session.get(path, method=method)
        if answer.is_server_error:
            yield Finding(f"{method} fails", "no 5xx", answer.describe(), (answer,))


@rule("protocol.redirect", Pattern.EQUIVALENCE)
def redirect(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """A path without its closing slash leads to no other host."""
    answer = survey.session.get(operation.path_for(survey.channel, survey.some_pk()).rstrip("/"))
    location = answer.headers.get("location")
    if not 300 <= answer.status < 400 or location is None:
        return
    asked, led = origin(answer.url), origin(urljoin(answer.url, location))
    is_upgrade = asked[0] == "http" and led[0] == "https" and asked[1] == led[1]
    if asked != led and not is_upgrade:
        yield Finding(
            "a path without its slash redirects to another origin",
            f"404, or a redirect within {asked[0]}://{asked[1]}",
            f"{answer.status} to {location}",
            (answer,),
        )
