"""Keeps what connectors write down about their runs: error reports and operational events."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from attrs import frozen

from channel_images.mock.as_json import Json, to_json
from channel_images.mock.bounded import Bounded
from channel_images.mock.data.listing import Chosen
from channel_images.mock.data.store import Store
from channel_images.mock.endpoints import Body
from channel_images.mock.http.answers import Answer, bad_request
from channel_images.mock.http.call import Call
from channel_images.mock.reporting.content_types import CONTENT_TYPES
from channel_images.mock.reporting.ledger import Ledger, now
from channel_images.mock.reporting.lists import page
from channel_images.mock.reporting.paths import channel_of
from channel_images.mock.settings import Settings

Check = Callable[[object], str | None]
"""What is wrong with a value, if anything."""


def _of(kind: type, message: str, value: object) -> str | None:
    # A bool is an int, but no number.
    return None if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) else message


_text: Check = partial(_of, str, "Not a valid string.")
_integer: Check = partial(_of, int, "A valid integer is required.")
_boolean: Check = partial(_of, bool, "Must be a valid boolean.")
_object: Check = partial(_of, dict, "Expected an object.")


def _content_type(value: object) -> str | None:
    if _integer(value):
        return f"Incorrect type. Expected pk value, received {type(value).__name__}."
    return None if value in CONTENT_TYPES else f'Invalid pk "{value}" - object does not exist.'


def _id(value: object) -> str | None:
    """The vendor's client has the channel from the environment, as text."""
    return None if isinstance(value, str) and value.isdigit() else _integer(value)


def _date(value: object) -> str | None:
    """The vendor's client writes the time of an error without a time zone."""
    try:
        datetime.fromisoformat(value)  # type: ignore[arg-type] # what is no text is a TypeError
    except (TypeError, ValueError):
        return "Enter a valid date/time."
    return None


@frozen
class Kind:
    """A kind of note: what its fields must be."""

    required: Mapping[str, Check]
    optional: Mapping[str, Check]

    def errors(self, body: Body) -> dict[str, list[str]]:
        """What is wrong with the fields of a note, by their names."""
        errors = {name: ["This field is required."] for name in self.required if name not in body}
        for name, check in {**self.required, **self.optional}.items():
            value = body.get(name)
            if value is not None and (complaint := check(value)):
                errors[name] = [complaint]
            elif value is None and name in body and name in self.required:
                errors[name] = ["This field may not be null."]
        return errors


ERROR_REPORT = Kind(
    required={
        "action_content_type": _content_type,
        "action_object_id": _id,
        "error_code": _text,
        "error_desc": _text,
    },
    optional={
        "target_content_type": _content_type,
        "target_object_id": _id,
        "obj_modified_date": _date,
        "raw_request": _text,
        "raw_response": _text,
        "is_ok": _boolean,
    },
)
OPERATIONAL_EVENT = Kind(
    required={"event_type": _text, "level": _text, "source": _text, "message": _text},
    optional={
        "context": _object,
        "tags": _object,
        "action_content_type": _text,
        "action_object_id": _id,
        "trace_id": _text,
        "span_id": _text,
        "parent_span_id": _text,
        "raw_data": _object,
    },
)


@frozen(eq=False)
class Notes:
    """The handlers of one kind."""

    _kind: Kind
    _kept: Bounded[Mapping[str, Json]]
    _settings: Settings
    _store: Store
    _ledger: Ledger

    def create(self, call: Call, body: Body) -> Answer:
        """Keep a note."""
        channel = channel_of(call, self._store, self._settings)
        if errors := self._kind.errors(body):
            raise bad_request(errors)
        self._ledger.notes += 1
        date = now()
        row = {**body, "pk": self._ledger.notes, "channel": channel, "created_date": date, "modified_date": date}
        self._kept.append(row, len(to_json(row)))
        return Answer.of_json(row, 201)

    def list(self, call: Call, _body: Body) -> Answer:
        """The newest notes about the channel that are kept, oldest first."""
        channel = channel_of(call, self._store, self._settings)
        rows = [row for row in self._kept.items if row["channel"] == channel]
        return page(call, Chosen(range(len(rows))), lambda place: rows[place], self._settings)
