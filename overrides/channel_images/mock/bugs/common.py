"""Serves the bugs of several families: what operations are for, and ways to change arguments and answers."""

from collections.abc import Callable, Mapping

from attrs import frozen

from channel_images.mock.behaviour import Behaviour
from channel_images.mock.data.pattern import Pending
from channel_images.mock.http.answers import Answer, Refused
from channel_images.mock.http.call import Call
from channel_images.mock.operations import Meaning
from channel_images.mock.parameters import Argument, Invalid
from channel_images.mock.variants import html
from channel_images.resource import Filter, resource

LIST = Meaning(is_list=True)
DETAILED_LIST = Meaning(is_list=True, detailed=True)
INSERTS = Meaning(is_list=True, pending=frozenset({Pending.INSERT}))
UPDATES = Meaning(is_list=True, pending=frozenset({Pending.UPDATE}))
UNION = Meaning(is_list=True, pending=frozenset({Pending.INSERT, Pending.UPDATE}))
RETRIEVE = Meaning(is_list=False)
DETAILED_RETRIEVE = Meaning(is_list=False, detailed=True)


@frozen
class PerFilter:
    """A bug that each filter of some kind can have. Its class speaks of the filter as `{filter}`."""

    has: Callable[[Filter], bool]
    make: Callable[[Filter], type[Behaviour]]


def per_filter(has: Callable[[Filter], bool]) -> Callable[[Callable[[Filter], type[Behaviour]]], PerFilter]:
    """Makes a bug of each filter that has something, by the function that makes it for one."""
    return lambda make: PerFilter(has, make)


def filters(arguments: Mapping[str, Argument]) -> dict[str, Argument]:
    """The arguments that narrow a list."""
    return {name: value for name, value in arguments.items() if name in resource().filters}


def without(arguments: Mapping[str, Argument], *names: str) -> dict[str, Argument]:
    """The arguments but for some."""
    return {name: value for name, value in arguments.items() if name not in names}


def without_parameters(call: Call, *names: str) -> Call:
    """The request as if it had not given some parameters."""
    parts = [part for part in call.query_string.split("&") if part.partition("=")[0] not in names]
    return Call({**call.scope, "query_string": "&".join(parts).encode("latin-1")})


def server_error() -> Refused:
    """What Django says where the application raised an exception."""
    return Refused(html(500, "Server Error (500)"))


def json_error(status: int, detail: str) -> Refused:
    """A refusal in JSON."""
    return Refused(Answer.of_json({"detail": detail}, status))


def is_readable(read: Callable[[str], object], text: str) -> bool:
    """Whether a text is a value of the type that `read` reads."""
    try:
        read(text)
    except Invalid:
        return False
    return True
