"""Answers requests about integration actions: what is known of images and products towards a channel."""

from attrs import asdict, frozen

from channel_images.mock.data.listing import Chosen, Listing
from channel_images.mock.data.store import Store
from channel_images.mock.endpoints import Body
from channel_images.mock.http.answers import Answer
from channel_images.mock.http.call import Call
from channel_images.mock.reporting.actions import (
    PRODUCT,
    ActionStatus,
    IntegrationAction,
    action_pk,
    of_product,
)
from channel_images.mock.reporting.batches import row_type
from channel_images.mock.reporting.ledger import Ledger
from channel_images.mock.reporting.lists import Filters, page
from channel_images.mock.reporting.paths import channel_of
from channel_images.mock.settings import Settings

_OBJECT = "object_id"
_SORTED_BY = ("id", "pk", _OBJECT)


@frozen(eq=False)
class IntegrationActions:
    """The handlers."""

    _settings: Settings
    _store: Store
    _ledger: Ledger

    def list(self, call: Call, _body: Body) -> Answer:
        """The actions that the filters find.

        That of an image is there once a batch has taken it. Those of products are found by the ids of the products, or
        by `content_type_name=product`.
        """
        channel = channel_of(call, self._store, self._settings)
        filters = Filters(call)
        found = self._found(channel, filters)
        is_descending = filters.is_descending("sort", _SORTED_BY)
        return page(
            call, found, lambda pk: asdict(self._action(channel, pk)), self._settings, is_descending=is_descending
        )

    def _found(self, channel: int, filters: Filters) -> Listing:
        """The pks of the actions, ascending."""
        statuses, local_batch_id = filters.choices("status", ActionStatus), filters.uuid("local_batch_id")
        ids, one = filters.integers(f"{_OBJECT}__in"), filters.integer(_OBJECT)
        if one is not None:
            ids = frozenset({one}) if ids is None else ids & {one}
        model, wanted_channel = filters.text("content_type_name"), filters.integer("channel_id")
        if wanted_channel not in {None, channel}:
            return Chosen(())
        pks: list[int] = []
        if model in {None, row_type()}:
            actions = self._ledger.actions_of(channel)
            known = actions.values() if ids is None else [actions[pk] for pk in ids if pk in actions]
            pks += [
                each.pk
                for each in known
                if (statuses is None or each.status in statuses) and local_batch_id in {None, each.local_batch_id}
            ]
        # Each product was sent once, and by no batch.
        if local_batch_id is None and (statuses is None or ActionStatus.SUCCESS in statuses):
            if model == PRODUCT:
                return _OfProducts(self._store.products(channel, ids))
            if model is None and ids is not None:
                products = self._store.products(channel, ids)
                pks += [action_pk(PRODUCT, each) for each in products.slice(0, products.count)]
        return Chosen(sorted(pks))

    def _action(self, channel: int, pk: int) -> IntegrationAction:
        object_id, is_image = divmod(pk, 2)
        return self._ledger.actions_of(channel)[object_id] if is_image else of_product(channel, object_id)


@frozen
class _OfProducts:
    """The pks of the actions of products."""

    _products: Listing

    @property
    def count(self) -> int:
        return self._products.count

    def slice(self, start: int, stop: int) -> list[int]:
        return [action_pk(PRODUCT, each) for each in self._products.slice(start, stop)]
