"""Shows images that a channel does not have, and channels to whom they do not belong."""

from channel_images.mock.behaviour import Behaviour, Links
from channel_images.mock.bugs.cache import Cached, target
from channel_images.mock.bugs.common import (
    DETAILED_LIST,
    DETAILED_RETRIEVE,
    INSERTS,
    LIST,
    RETRIEVE,
    UPDATES,
    json_error,
)
from channel_images.mock.data.channel import Query
from channel_images.mock.data.listing import Chosen, Listing
from channel_images.mock.data.made import Row
from channel_images.mock.http.answers import JSON_TYPE, Answer, Refused
from channel_images.mock.http.auth import may_see
from channel_images.mock.http.call import Call
from channel_images.mock.operations import Operation
from channel_images.mock.variants import every
from channel_images.resource import resource


class _Unscoped(Behaviour):
    """Shows images of every channel."""

    def home(self, channel: int, pk: int) -> int:
        """The channel that has the image."""
        return next(
            (each for each in (channel, *self.store.channels) if each in self.store and self.store.has(each, pk)),
            channel,
        )

    def rendered(self, operation: Operation, channel: int, pk: int) -> bytes:
        return super().rendered(operation, self.home(channel, pk), pk)

    def stored(self, channel: int, pk: int) -> Row:
        return super().stored(self.home(channel, pk), pk)

    def of_all_channels(self, query: Query) -> Listing:
        """The rows of a list, whatever their channel."""
        return Chosen([pk for each in self.store.channels for pk in every(self.store.listing(each, query))])


class _RetrieveUnscoped(_Unscoped):
    """Looks an image up without its channel."""

    def retrieves_unscoped(self, operation: Operation) -> bool:
        return False

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        if self.retrieves_unscoped(operation) and self.store.has(self.home(channel, pk), pk):
            return pk
        return super().missing_image(operation, channel, pk)


class _ListUnscoped(_Unscoped):
    """Lists images without regard to their channel."""

    def lists_unscoped(self, operation: Operation, query: Query) -> bool:
        return False

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        if self.lists_unscoped(operation, query):
            return self.of_all_channels(query)
        return super().listing(operation, channel, query)


class RetrieveUnscoped(_RetrieveUnscoped, rule="isolation.retrieve"):
    """get_object() looks the row up without its channel."""

    def retrieves_unscoped(self, operation: Operation) -> bool:
        return operation.meaning == RETRIEVE or super().retrieves_unscoped(operation)


class DetailedRetrieveUnscoped(_RetrieveUnscoped, rule="isolation.retrieve"):
    """The detailed retrieval forgets the channel that the plain one regards."""

    def retrieves_unscoped(self, operation: Operation) -> bool:
        return operation.meaning == DETAILED_RETRIEVE or super().retrieves_unscoped(operation)


class DetailedListUnscoped(_ListUnscoped, rule="isolation.lists"):
    """The detailed list shows the rows of every channel."""

    def lists_unscoped(self, operation: Operation, query: Query) -> bool:
        return operation.meaning == DETAILED_LIST or super().lists_unscoped(operation, query)


class InsertsUnscoped(_ListUnscoped, rule="isolation.lists"):
    """The inserts are those of every channel."""

    def lists_unscoped(self, operation: Operation, query: Query) -> bool:
        return operation.meaning == INSERTS or super().lists_unscoped(operation, query)


class UpdatesUnscoped(_ListUnscoped, rule="isolation.lists"):
    """The updates are those of every channel."""

    def lists_unscoped(self, operation: Operation, query: Query) -> bool:
        return operation.meaning == UPDATES or super().lists_unscoped(operation, query)


class IdInUnscoped(_ListUnscoped, rule="isolation.lists"):
    """{keys} starts from all rows, not from those of the channel."""

    def lists_unscoped(self, operation: Operation, query: Query) -> bool:
        return (operation.meaning == LIST and query.pks is not None) or super().lists_unscoped(operation, query)


class ProductUnscoped(_ListUnscoped, rule="isolation.lists"):
    """{group} starts from all rows, not from those of the channel."""

    def lists_unscoped(self, operation: Operation, query: Query) -> bool:
        return (operation.meaning == LIST and query.products is not None) or super().lists_unscoped(operation, query)


class UnknownChannelEmpty(Behaviour, rule="isolation.unknown-channel"):
    """The lists of a channel that does not exist are empty: the queryset is filtered by its id, and that is all."""

    def list(self, operation: Operation, call: Call) -> Answer:
        if self.path_argument(operation, call, "scope") in self.store:
            return super().list(operation, call)
        return Answer(200, self.page(operation, [], 0, Links(None, None)), {"content-type": JSON_TYPE})


class UnknownChannelIsFirst(Behaviour, rule="isolation.unknown-channel"):
    """A channel that does not exist is the default channel."""

    def missing_channel(self, channel: int) -> int:
        return self.store.channels[0]


class UnknownChannel400(Behaviour, rule="isolation.unknown-channel"):
    """A channel that does not exist is 400."""

    def missing_channel(self, channel: int) -> int:
        raise json_error(400, "Sales channel does not exist.")


class UnknownChannelNoContent(Behaviour, rule="isolation.unknown-channel"):
    """A channel that does not exist is 200 with an empty array."""

    def missing_channel(self, channel: int) -> int:
        raise Refused(Answer.of_json([]))


class ChannelWrapsAt32Bits(Behaviour, rule="isolation.unknown-channel"):
    """The channel is read into 32 bits: 4294967301 is channel 5."""

    def missing_channel(self, channel: int) -> int:
        wrapped = channel % 2**32
        return wrapped if wrapped in self.store else super().missing_channel(channel)


# Another user's


class _Indiscreet(Behaviour):
    """Shows some of a channel to users to whom it does not belong."""

    def shows_all(self, operation: Operation, call: Call) -> bool:
        """Whether the operation does not look at who asks."""
        return False

    def hidden_channel(self, operation: Operation, call: Call, channel: int) -> int:
        if self.shows_all(operation, call):
            return channel
        return super().hidden_channel(operation, call, channel)


class OtherUserLists(_Indiscreet, rule="isolation.token.lists"):
    """A valid token is enough for the full list: nobody checks whose channel it is."""

    def shows_all(self, operation: Operation, call: Call) -> bool:
        return operation.meaning == LIST or super().shows_all(operation, call)


class OtherUserListsDetailed(_Indiscreet, rule="isolation.token.lists"):
    """The detailed list overrides get_queryset(), and forgets the user."""

    def shows_all(self, operation: Operation, call: Call) -> bool:
        return operation.meaning == DETAILED_LIST or super().shows_all(operation, call)


class OtherUserPending(_Indiscreet, rule="isolation.token.lists"):
    """The inserts are another view, whose queryset is not that of the user."""

    def shows_all(self, operation: Operation, call: Call) -> bool:
        return operation.meaning == INSERTS or super().shows_all(operation, call)


class OtherUserFilters(_Indiscreet, rule="isolation.token.lists"):
    """A list with a filter starts from all rows; the one without looks at the user."""

    def shows_all(self, operation: Operation, call: Call) -> bool:
        is_filtered = operation.meaning == LIST and not resource().filters.keys().isdisjoint(call.query)
        return is_filtered or super().shows_all(operation, call)


class OtherUserRetrieves(_Indiscreet, rule="isolation.token.retrieve"):
    """The lists are the user's, and get_object() takes whatever id there is."""

    def shows_all(self, operation: Operation, call: Call) -> bool:
        return operation.meaning == RETRIEVE or super().shows_all(operation, call)


class OtherUserRetrievesDetailed(_Indiscreet, rule="isolation.token.retrieve"):
    """The detailed retrieval has no object permission."""

    def shows_all(self, operation: Operation, call: Call) -> bool:
        return operation.meaning == DETAILED_RETRIEVE or super().shows_all(operation, call)


class ListCachedForAll(Cached, rule="isolation.token.lists"):
    """The list is cached by its URL, for all users alike."""

    def user(self, call: Call) -> str:
        return ""

    def key(self, operation: Operation, call: Call) -> str | None:
        return target(call) if operation.meaning == LIST else super().key(operation, call)


class _Telling(Behaviour):
    """Tells users which images a channel has that is not theirs."""

    def found(self) -> Refused:
        """What a user is told of an image that is there."""
        return json_error(403, "You do not have permission to perform this action.")

    def hidden_channel(self, operation: Operation, call: Call, channel: int) -> int:
        if not operation.is_list and self.store.has(channel, self.path_argument(operation, call, "key")):
            raise self.found()
        return super().hidden_channel(operation, call, channel)


class OtherUserLearnsByStatus(_Telling, rule="isolation.token.existence"):
    """The permission is checked once the row is found: 403 for rows that exist, 404 for others."""


class OtherUserLearnsByMessage(_Telling, rule="isolation.token.existence"):
    """Both are 404, and the message is not the same."""

    def found(self) -> Refused:
        return json_error(404, "It belongs to another user.")


class OtherUserLearnsByCount(Behaviour, rule="isolation.token.existence"):
    """The rows of a filtered list are hidden from other users, and counted all the same."""

    def list(self, operation: Operation, call: Call) -> Answer:
        channel = self.path_argument(operation, call, "scope")
        is_filtered = operation.meaning == LIST and not resource().filters.keys().isdisjoint(call.query)
        if not is_filtered or channel not in self.store or may_see(call, self.settings, channel):
            return super().list(operation, call)
        count = self.listing(operation, channel, self.query(operation, self.arguments(operation, call))).count
        return Answer(200, self.page(operation, [], count, Links(None, None)), {"content-type": JSON_TYPE})
