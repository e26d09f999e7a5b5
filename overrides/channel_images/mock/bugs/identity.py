"""Tells the same image differently by different operations."""

from datetime import datetime, timedelta

from channel_images.mock.behaviour import Behaviour
from channel_images.mock.bugs.common import DETAILED_LIST, DETAILED_RETRIEVE, RETRIEVE, json_error
from channel_images.mock.bugs.shared import Shared
from channel_images.mock.data.channel import Query
from channel_images.mock.data.listing import Chosen, Listing
from channel_images.mock.data.made import format_date
from channel_images.mock.data.subject import subject
from channel_images.mock.http.answers import Answer, Refused
from channel_images.mock.http.call import Call
from channel_images.mock.naming import about
from channel_images.mock.operations import Operation
from channel_images.mock.variants import every, html
from channel_images.resource import resource

_LONG = 100
"""Rows at which a list that is cut off ends."""


def _moment(value: object) -> datetime:
    return datetime.fromisoformat(str(value).removesuffix("Z"))


class RetrievesNeighbour(Behaviour, rule="identity.retrieve"):
    """The retrieval of a row whose {state} is {unusual} finds the next one."""

    def rendered(self, operation: Operation, channel: int, pk: int) -> bytes:
        if operation.meaning == RETRIEVE and self.stored(channel, pk)[about("state")] == about("unusual"):
            pk = next((each for each in range(pk + 1, pk + 3) if self.store.has(channel, each)), pk)
        return super().rendered(operation, channel, pk)


class RetrievesSeconds(Behaviour, rule="identity.retrieve"):
    """The retrieval cuts the microseconds off {version}."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        if operation.meaning == RETRIEVE:
            row[about("version")] = f"{str(row[about('version')])[:19]}Z"
        return row


class RetrievesLocalTime(Behaviour, rule="identity.retrieve"):
    """The retrieval shows {created} in local time, and calls it UTC."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        if operation.meaning == RETRIEVE:
            row[about("created")] = format_date(_moment(row[about("created")]) + timedelta(hours=3))
        return row


class RetrievesStale(Behaviour, rule="identity.retrieve"):
    """The retrieval comes from a cache: every row is as it was created, with {created} for {version}."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, about("version"): row[about("created")]} if operation.meaning == RETRIEVE else row


class RetrievesUnifiedForNull(Behaviour, rule="identity.retrieve"):
    """The retrieval gives an unknown {origin} as the first that the contract lists."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        origin = subject().fields[about("origin")]
        return {**row, origin.name: row.get(origin.name) or origin.values[0]} if operation.meaning == RETRIEVE else row


class ParallelRetrievalsMixed(Shared, rule="identity.retrieve"):
    """The view of the retrieval keeps the request on itself: requests at the same time get each other's row."""

    def is_shared(self, operation: Operation, call: Call) -> bool:
        return operation.meaning == RETRIEVE or super().is_shared(operation, call)


class DetailedLosesInactive(Behaviour, rule="identity.detailed-list"):
    """The detailed list leaves out the rows whose {state} is {unusual}."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        if operation.meaning != DETAILED_LIST:
            return listing
        return Chosen([pk for pk in every(listing) if self.stored(channel, pk)[about("state")] != about("unusual")])


class DetailedCutOff(Behaviour, rule="identity.detailed-list"):
    """The detailed list ends after 100 rows."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        return Chosen(listing.slice(0, _LONG)) if operation.meaning == DETAILED_LIST else listing


class DetailedByProduct(Behaviour, rule="identity.detailed-list"):
    """A join shows one row of each product in the detailed list."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        if operation.meaning != DETAILED_LIST:
            return listing
        firsts: dict[object, int] = {}
        for pk in every(listing):
            firsts.setdefault(self.stored(channel, pk)[subject().group], pk)
        return Chosen([*firsts.values()])


class DetailedZeroForNull(Behaviour, rule="identity.detailed-list"):
    """The detailed list shows {measure} as 0 where it is null."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, about("measure"): row.get(about("measure")) or 0} if operation.meaning == DETAILED_LIST else row


class DetailedMilliseconds(Behaviour, rule="identity.detailed-list"):
    """The detailed list cuts {version} to milliseconds."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        if operation.meaning == DETAILED_LIST:
            row[about("version")] = f"{str(row[about('version')])[:-4]}Z"
        return row


class DetailedActiveAlways(Behaviour, rule="identity.detailed-list"):
    """The detailed list has {flag} from the product, which is."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, about("flag"): True} if operation.meaning == DETAILED_LIST else row


class SizesSwapped(Behaviour, rule="identity.detailed"):
    """The detailed retrieval swaps {other} and {measure}."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        if operation.meaning == DETAILED_RETRIEVE:
            one, other = about("measure"), about("other")
            row[one], row[other] = row.get(other), row.get(one)
        return row


class RankFromOne(Behaviour, rule="identity.detailed"):
    """The detailed retrieval counts {rank} from 1."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        if operation.meaning == DETAILED_RETRIEVE and isinstance(rank := row[about("rank")], int | float):
            row[about("rank")] = rank + 1
        return row


class ObjectIsProduct(Behaviour, rule="identity.detailed"):
    """The detailed retrieval gives the product's id as {object}, whatever the row is attached to."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, about("object"): row[subject().group]} if operation.meaning == DETAILED_RETRIEVE else row


class BlankForNull(Behaviour, rule="identity.detailed"):
    """The detailed retrieval shows {blob} as an empty text where it is null."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, about("blob"): row.get(about("blob")) or ""} if operation.meaning == DETAILED_RETRIEVE else row


class ParallelDetailsMixed(Shared, rule="identity.detailed"):
    """The view of the detailed retrieval keeps the request on itself: requests at the same time get each other's row."""

    def is_shared(self, operation: Operation, call: Call) -> bool:
        return operation.meaning == DETAILED_RETRIEVE or super().is_shared(operation, call)


class MissingIsEmpty(Behaviour, rule="identity.missing"):
    """A row that does not exist is 200 with an empty object."""

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        raise Refused(Answer.of_json({}))


class MissingIsNull(Behaviour, rule="identity.missing"):
    """A row that does not exist is 200 with null: .first() for .get()."""

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        raise Refused(Answer.of_json(None))


class MissingIs400(Behaviour, rule="identity.missing"):
    """A row that does not exist is 400."""

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        raise json_error(400, f"{resource().noun.capitalize()} does not exist.")


class MissingIsHtml(Behaviour, rule="identity.missing"):
    """A row that does not exist is the site's 404 page, on the detailed retrieval."""

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        if operation.meaning == DETAILED_RETRIEVE:
            raise Refused(html(404, "Not Found"))
        return super().missing_image(operation, channel, pk)


class IdWrapsAt32Bits(Behaviour, rule="identity.missing"):
    """The id is read into 32 bits: 4294967297 finds row 1."""

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        wrapped = pk % 2**32
        return wrapped if self.store.has(channel, wrapped) else super().missing_image(operation, channel, pk)


class MissingIsNearest(Behaviour, rule="identity.missing"):
    """The retrieval finds the last row whose id is not above the one that is asked for."""

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        pks = [each for each in every(self.store.listing(channel, Query())) if each <= pk]
        return pks[-1] if operation.meaning == RETRIEVE and pks else super().missing_image(operation, channel, pk)
