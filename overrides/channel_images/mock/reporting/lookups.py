"""Answers what a connector looks up on its way: its channel, the products of its images, and content types."""

from attrs import asdict, frozen

from channel_images.mock.as_json import Json
from channel_images.mock.data.listing import Chosen
from channel_images.mock.data.store import Store
from channel_images.mock.data.subject import subject
from channel_images.mock.endpoints import Body
from channel_images.mock.http.answers import Answer
from channel_images.mock.http.call import Call
from channel_images.mock.reporting.content_types import CONTENT_TYPES
from channel_images.mock.reporting.lists import Filters, page
from channel_images.mock.reporting.paths import channel_of
from channel_images.mock.settings import Settings

_DATE = "2022-01-01T00:00:00.000000Z"


@frozen(eq=False)
class Lookups:
    """The handlers. Everything they show is made up."""

    _settings: Settings
    _store: Store

    def channel(self, call: Call, _body: Body) -> Answer:
        """One channel."""
        channel = channel_of(call, self._store, self._settings)
        return Answer.of_json(
            {
                "pk": channel,
                "name": f"Channel {channel}",
                "channel_type": "sales_channel",
                "is_active": True,
                "catalog": 1,
                "category_tree": None,
                "conf": {},
                "schema": {},
                "created_date": _DATE,
                "modified_date": _DATE,
            }
        )

    def content_types(self, call: Call, _body: Body) -> Answer:
        """The content types, or the one of a model."""
        model = Filters(call).text("model")
        ids = [each.id for each in CONTENT_TYPES.values() if model in {None, each.model}]
        return page(call, Chosen(ids), lambda pk: asdict(CONTENT_TYPES[pk]), self._settings)

    def products(self, call: Call, _body: Body) -> Answer:
        """The products of the channel: those that have an image in it."""
        channel = channel_of(call, self._store, self._settings)
        found = self._store.products(channel, Filters(call).integers("pk__in"))
        return page(call, found, lambda product: self._product(channel, product), self._settings)

    def _product(self, channel: int, product: int) -> Json:
        traits = self._store.traits(channel, product)
        return {
            "pk": product,
            "sku": f"SKU-{product}",
            "base_code": f"SKU-{product}",
            "name": f"Product {product}",
            **{each.name: traits[each.name] if traits else None for each in subject().attributes if each.values},
            "is_active": True,
            "attributes": {},
            "created_date": _DATE,
            "modified_date": _DATE,
        }
