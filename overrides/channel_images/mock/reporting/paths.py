"""Reads the ids in the paths of reports."""

from channel_images.mock.data.store import Store
from channel_images.mock.http.answers import not_found
from channel_images.mock.http.auth import may_see
from channel_images.mock.http.call import Call
from channel_images.mock.parameters import read_integer
from channel_images.mock.settings import Settings


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


def channel_of(call: Call, store: Store, settings: Settings) -> int:
    """The channel that the path names.

    Raises:
        Refused: With 404; there is none, or it is another user's.
    """
    channel = number_in(call, "channel_id")
    if channel not in store or not may_see(call, settings, channel):
        raise not_found()
    return channel
