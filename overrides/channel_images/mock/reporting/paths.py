"""Reads the ids in the paths of reports."""

from channel_images.mock.data.store import Store
from channel_images.mock.http.answers import not_found
from channel_images.mock.http.call import Call
from channel_images.mock.parameters import read_integer


def number_in(call: Call, name: str) -> int:
    """An id in the path.

    Raises:
        Refused: With 404; the text is no id.
    """
    text = call.path_parameter(name)
    # Django's routes know no sign and no spaces.
    if not (text.isascii() and text.isdigit()):
        raise not_found()
    return read_integer(text)


def channel_of(call: Call, store: Store) -> int:
    """The channel that the path names.

    Raises:
        Refused: With 404; there is none.
    """
    channel = number_in(call, "channel_id")
    if channel not in store:
        raise not_found()
    return channel
