"""Puts the handlers of reports behind their paths."""

from collections.abc import Callable

from attrs import frozen

from channel_images.mock.beside import (
    BATCH_REQUEST_PATH,
    BATCH_REQUESTS_PATH,
    CHANNEL_PATH,
    CONTENT_TYPES_PATH,
    ERROR_REPORTS_PATH,
    INTEGRATION_ACTIONS_PATH,
    OPERATIONAL_EVENTS_PATH,
    PRODUCTS_PATH,
)
from channel_images.mock.data.store import Store
from channel_images.mock.endpoints import Body, Handler, JsonEndpoint
from channel_images.mock.http.answers import Answer
from channel_images.mock.http.call import Call
from channel_images.mock.reporting.batch_requests import BatchRequests
from channel_images.mock.reporting.integration_actions import IntegrationActions
from channel_images.mock.reporting.ledger import Ledger
from channel_images.mock.reporting.lookups import Lookups
from channel_images.mock.reporting.notes import ERROR_REPORT, OPERATIONAL_EVENT, Notes
from channel_images.mock.reporting.steps import ReportingSteps
from channel_images.mock.settings import Settings


def reporting_endpoints(
    settings: Settings, store: Store, ledger: Ledger, steps: ReportingSteps, guard: Callable[[Call], None]
) -> dict[str, JsonEndpoint]:
    """The endpoints by path, each behind `guard`."""
    batches = BatchRequests(settings, store, ledger, steps)
    actions = IntegrationActions(settings, store, ledger)
    errors = Notes(ERROR_REPORT, ledger.error_reports, settings, store, ledger)
    events = Notes(OPERATIONAL_EVENT, ledger.operational_events, settings, store, ledger)
    lookups = Lookups(settings, store)
    handlers: dict[str, dict[str, Handler]] = {
        BATCH_REQUESTS_PATH: {"GET": batches.list, "POST": batches.create},
        BATCH_REQUEST_PATH: {"GET": batches.retrieve, "PATCH": batches.update},
        INTEGRATION_ACTIONS_PATH: {"GET": actions.list},
        ERROR_REPORTS_PATH: {"GET": errors.list, "POST": errors.create},
        OPERATIONAL_EVENTS_PATH: {"GET": events.list, "POST": events.create},
        PRODUCTS_PATH: {"GET": lookups.products},
        CHANNEL_PATH: {"GET": lookups.channel},
        CONTENT_TYPES_PATH: {"GET": lookups.content_types},
    }
    return {
        path: JsonEndpoint({name: _Locked(handler, store) for name, handler in methods.items()}, guard=guard)
        for path, methods in handlers.items()
    }


@frozen
class _Locked:
    """A handler under the store's lock: a change from another thread falls between requests, not into one."""

    _handler: Handler
    _store: Store

    def __call__(self, call: Call, body: Body) -> Answer:
        with self._store.lock:
            return self._handler(call, body)
