"""Tells the same image differently by different operations."""

from datetime import datetime, timedelta

from channel_images.mock.behaviour import Behaviour
from channel_images.mock.bugs.common import DETAILED_LIST, DETAILED_RETRIEVE, RETRIEVE, Family, json_error
from channel_images.mock.bugs.shared import Shared
from channel_images.mock.data.channel import Query
from channel_images.mock.data.dataset import format_date
from channel_images.mock.data.listing import Chosen, Listing
from channel_images.mock.http.answers import Answer, Refused
from channel_images.mock.operations import Operation
from channel_images.mock.variants import every, html

_LONG = 100
"""Rows at which a list that is cut off ends."""


def _moment(value: object) -> datetime:
    return datetime.fromisoformat(str(value).removesuffix("Z"))


# identity.retrieve


class RetrievesNeighbour(Behaviour):
    """The retrieval of an image that is not active finds the next one."""

    def rendered(self, operation: Operation, channel: int, pk: int) -> bytes:
        if operation.id == RETRIEVE and not self.stored(channel, pk)["is_active"]:
            pk = next((each for each in range(pk + 1, pk + 3) if self.store.has(channel, each)), pk)
        return super().rendered(operation, channel, pk)


class RetrievesSeconds(Behaviour):
    """The retrieval cuts the microseconds off modified_date."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        if operation.id == RETRIEVE:
            row["modified_date"] = f"{str(row['modified_date'])[:19]}Z"
        return row


class RetrievesLocalTime(Behaviour):
    """The retrieval shows created_date in local time, and calls it UTC."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        if operation.id == RETRIEVE:
            row["created_date"] = format_date(_moment(row["created_date"]) + timedelta(hours=3))
        return row


class RetrievesStale(Behaviour):
    """The retrieval comes from a cache: every image is as it was created."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, "modified_date": row["created_date"]} if operation.id == RETRIEVE else row


class RetrievesUnifiedForNull(Behaviour):
    """The retrieval gives an unknown source as unified."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, "source": row.get("source") or "unified"} if operation.id == RETRIEVE else row


class ParallelRetrievalsMixed(Shared):
    """The view of the retrieval keeps the request on itself: requests at the same time get each other's image."""

    def is_shared(self, operation: Operation) -> bool:
        return operation.id == RETRIEVE or super().is_shared(operation)


# identity.detailed-list


class DetailedLosesInactive(Behaviour):
    """The detailed list leaves out the images that are not active."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        if operation.id != DETAILED_LIST:
            return listing
        return Chosen([pk for pk in every(listing) if self.stored(channel, pk)["is_active"]])


class DetailedCutOff(Behaviour):
    """The detailed list ends after 100 rows."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        return Chosen(listing.slice(0, _LONG)) if operation.id == DETAILED_LIST else listing


class DetailedByProduct(Behaviour):
    """A join shows one image of each product in the detailed list."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        if operation.id != DETAILED_LIST:
            return listing
        return Chosen([pk for pk in every(listing) if self.stored(channel, pk)["order"] == 0])


class DetailedZeroForNull(Behaviour):
    """The detailed list shows a height that is null as 0."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, "height": row.get("height") or 0} if operation.id == DETAILED_LIST else row


class DetailedMilliseconds(Behaviour):
    """The detailed list cuts dates to milliseconds."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        if operation.id == DETAILED_LIST:
            row["modified_date"] = f"{str(row['modified_date'])[:-4]}Z"
        return row


class DetailedActiveAlways(Behaviour):
    """The detailed list has is_active from the product, which is."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, "is_active": True} if operation.id == DETAILED_LIST else row


# identity.detailed


class SizesSwapped(Behaviour):
    """The detailed retrieval swaps width and height."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        if operation.id == DETAILED_RETRIEVE:
            row["width"], row["height"] = row.get("height"), row.get("width")
        return row


class RankFromOne(Behaviour):
    """The detailed retrieval counts order from 1."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        if operation.id == DETAILED_RETRIEVE and isinstance(order := row["order"], int):
            row["order"] = order + 1
        return row


class ObjectIsProduct(Behaviour):
    """The detailed retrieval gives the product's id as object_id, whatever the image is attached to."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, "object_id": row["product"]} if operation.id == DETAILED_RETRIEVE else row


class BlankForNull(Behaviour):
    """The detailed retrieval shows a hash that is null as an empty text."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, "hash": row.get("hash") or ""} if operation.id == DETAILED_RETRIEVE else row


class ParallelDetailsMixed(Shared):
    """The view of the detailed retrieval keeps the request on itself: requests at the same time get each other's image."""

    def is_shared(self, operation: Operation) -> bool:
        return operation.id == DETAILED_RETRIEVE or super().is_shared(operation)


# identity.missing


class MissingIsEmpty(Behaviour):
    """An image that does not exist is 200 with an empty object."""

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        raise Refused(Answer.of_json({}))


class MissingIsNull(Behaviour):
    """An image that does not exist is 200 with null: .first() for .get()."""

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        raise Refused(Answer.of_json(None))


class MissingIs400(Behaviour):
    """An image that does not exist is 400."""

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        raise json_error(400, "Product image does not exist.")


class MissingIsHtml(Behaviour):
    """An image that does not exist is the site's 404 page, on the detailed retrieval."""

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        if operation.id == DETAILED_RETRIEVE:
            raise Refused(html(404, "Not Found"))
        return super().missing_image(operation, channel, pk)


class IdWrapsAt32Bits(Behaviour):
    """The id is read into 32 bits: 4294967297 finds image 1."""

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        wrapped = pk % 2**32
        return wrapped if self.store.has(channel, wrapped) else super().missing_image(operation, channel, pk)


class MissingIsNearest(Behaviour):
    """The retrieval finds the last image whose id is not above the one that is asked for."""

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        pks = [each for each in every(self.store.listing(channel, Query())) if each <= pk]
        return pks[-1] if operation.id == RETRIEVE and pks else super().missing_image(operation, channel, pk)


BUGS: Family = {
    "identity.retrieve": (
        RetrievesNeighbour,
        RetrievesSeconds,
        RetrievesLocalTime,
        RetrievesStale,
        RetrievesUnifiedForNull,
        ParallelRetrievalsMixed,
    ),
    "identity.detailed-list": (
        DetailedLosesInactive,
        DetailedCutOff,
        DetailedByProduct,
        DetailedZeroForNull,
        DetailedMilliseconds,
        DetailedActiveAlways,
    ),
    "identity.detailed": (SizesSwapped, RankFromOne, ObjectIsProduct, BlankForNull, ParallelDetailsMixed),
    "identity.missing": (MissingIsEmpty, MissingIsNull, MissingIs400, MissingIsHtml, IdWrapsAt32Bits, MissingIsNearest),
}
