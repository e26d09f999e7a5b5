"""Names what the mock serves beside the contract: nothing of this is in `openapi.yaml`.

Signing in is what existing clients do. The rest is how a connector reports what it sent, as sibling pages of the same
reference describe it (SalesChannelBatchRequests, IntegrationActions, SalesChannelErrorReports), and as the vendor's own
client asks for it. This module imports nothing of the mock.
"""

LOGIN = "login"
ACTIVE_USER = "active_user"
BATCH_REQUESTS = "batch_requests"
INTEGRATION_ACTIONS = "integration_actions"
ERROR_REPORTS = "error_reports"
OPERATIONAL_EVENTS = "operational_events"
PRODUCTS = "products"
CHANNELS = "channels"
CONTENT_TYPES = "content_types"

_API = "/api/v1"
_CHANNEL = f"{_API}/channel/{{channel_id}}"

LOGIN_PATH = f"{_API}/auth/login/"
ACTIVE_USER_PATH = f"{_API}/active_user/"
BATCH_REQUESTS_PATH = f"{_CHANNEL}/batch_requests/"
BATCH_REQUEST_PATH = f"{BATCH_REQUESTS_PATH}{{pk}}/"
INTEGRATION_ACTIONS_PATH = f"{_CHANNEL}/integration_actions/"
ERROR_REPORTS_PATH = f"{_CHANNEL}/error_reports/"
OPERATIONAL_EVENTS_PATH = f"{_CHANNEL}/operational_events/"
PRODUCTS_PATH = f"{_CHANNEL}/products/"
CHANNEL_PATH = f"{_API}/channels/{{channel_id}}/"
CONTENT_TYPES_PATH = f"{_API}/content_types/"

OPERATIONS = {
    LOGIN_PATH: LOGIN,
    ACTIVE_USER_PATH: ACTIVE_USER,
    BATCH_REQUESTS_PATH: BATCH_REQUESTS,
    BATCH_REQUEST_PATH: BATCH_REQUESTS,
    INTEGRATION_ACTIONS_PATH: INTEGRATION_ACTIONS,
    ERROR_REPORTS_PATH: ERROR_REPORTS,
    OPERATIONAL_EVENTS_PATH: OPERATIONAL_EVENTS,
    PRODUCTS_PATH: PRODUCTS,
    CHANNEL_PATH: CHANNELS,
    CONTENT_TYPES_PATH: CONTENT_TYPES,
}
"""By path, the operation's name, for the journal and for faults. Faults leave these alone unless they name them."""

BESIDE = tuple(dict.fromkeys(OPERATIONS.values()))
"""The names of all of them."""
