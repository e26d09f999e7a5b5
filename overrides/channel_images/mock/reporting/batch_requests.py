"""Answers requests about batches: makes them, moves them on, lists them."""

from attrs import asdict, evolve, frozen

from channel_images.mock.as_json import Json
from channel_images.mock.data.listing import Chosen
from channel_images.mock.data.store import Store
from channel_images.mock.endpoints import Body
from channel_images.mock.http.answers import Answer, bad_request, not_found
from channel_images.mock.http.call import Call
from channel_images.mock.parameters import Invalid
from channel_images.mock.reporting.actions import begun, ended, remote_id_of
from channel_images.mock.reporting.batches import MOVES, BatchObject, BatchRequest, Status, row_type
from channel_images.mock.reporting.ledger import Ledger, now
from channel_images.mock.reporting.lists import Filters, choice, page
from channel_images.mock.reporting.objects import LONGEST_ID, read_objects, refuse
from channel_images.mock.reporting.paths import channel_of, number_in
from channel_images.mock.reporting.steps import ReportingSteps
from channel_images.mock.settings import Settings


@frozen(eq=False)
class BatchRequests:
    """The handlers. What a request asks for happens as a whole or, where it is refused, not at all."""

    _settings: Settings
    _store: Store
    _ledger: Ledger
    _steps: ReportingSteps

    def create(self, call: Call, body: Body) -> Answer:
        """Make a batch, which has taken nothing yet."""
        channel = channel_of(call, self._store, self._settings)
        if body.get("status", Status.INITIALIZED) != Status.INITIALIZED:
            raise bad_request({"status": [f"A batch begins as {Status.INITIALIZED}."]})
        if body.get("objects"):
            raise bad_request({"objects": [f"A batch takes its objects at {Status.COMMIT}."]})
        batch = _filled(self._ledger.new_batch(channel, now()), channel, body)
        self._ledger.batches[batch.pk] = batch
        return Answer.of_json(_row(batch), 201)

    def list(self, call: Call, _body: Body) -> Answer:
        """The batches of the channel, the newest last."""
        channel = channel_of(call, self._store, self._settings)
        filters = Filters(call)
        statuses, content_type = filters.choices("status", Status), filters.text("content_type")
        wanted, local_batch_id = filters.integer("channel"), filters.uuid("local_batch_id")
        pks = [
            batch.pk
            for batch in self._ledger.batches.values()
            if self._steps.reachable(batch, channel)
            and (statuses is None or batch.status in statuses)
            and content_type in {None, batch.content_type}
            and wanted in {None, batch.channel}
            and local_batch_id in {None, batch.local_batch_id}
        ]
        return page(call, Chosen(pks), lambda pk: _row(self._ledger.batches[pk]), self._settings)

    def retrieve(self, call: Call, _body: Body) -> Answer:
        """One batch."""
        return Answer.of_json(_row(self._batch(call)))

    def update(self, call: Call, body: Body) -> Answer:
        """Move a batch on, or note the marketplace's id of one that has not ended."""
        batch = self._batch(call)
        changed = _filled(batch, channel_of(call, self._store, self._settings), body)
        changed = self._moved(changed, body) if "status" in body else _renamed(batch, changed, body)
        self._ledger.batches[batch.pk] = evolve(changed, modified_date=now())
        return Answer.of_json(_row(self._ledger.batches[batch.pk]))

    def _batch(self, call: Call) -> BatchRequest:
        channel = channel_of(call, self._store, self._settings)
        batch = self._ledger.batches.get(number_in(call, "pk"))
        if batch is None or not self._steps.reachable(batch, channel):
            raise not_found()
        return batch

    def _moved(self, batch: BatchRequest, body: Body) -> BatchRequest:
        status = _status(body["status"])
        if status not in MOVES[batch.status]:
            raise bad_request({"status": [f"A batch that is {batch.status} cannot become {status}."]})
        if status is Status.COMMIT:
            batch = self._commit(batch, body.get("objects"))
        elif status is Status.DONE:
            batch = self._done(batch, body.get("objects"))
        elif status is Status.FAIL:
            self._fail(batch)
        return evolve(batch, status=status)

    def _commit(self, batch: BatchRequest, objects: object) -> BatchRequest:
        if objects is None:
            raise bad_request({"objects": ["This field is required."]})
        named = read_objects(objects).values()
        refuse([complaint for each in named if (complaint := self._steps.complaint(batch, each))])
        taken = tuple(
            BatchObject(each.pk, each.version_date or "", row_type(), each.remote_id, each.failed_reason_type)
            for each in named
        )
        batch = evolve(batch, objects=taken, content_type=row_type())
        actions = self._ledger.actions_of(batch.channel)
        for each in taken:
            remote_id = None
            if self._store.sent(batch.channel, each.pk) is not None:
                known = actions.get(each.pk)
                remote_id = (known and known.remote_id) or remote_id_of(row_type(), each.pk)
            actions[each.pk] = begun(batch, each, remote_id)
        self._steps.take(batch)
        return batch

    def _done(self, batch: BatchRequest, objects: object) -> BatchRequest:
        outcomes = read_objects(objects)
        taken = {each.pk for each in batch.objects}
        refuse([f"Image {pk} was not committed in this batch." for pk in outcomes if pk not in taken])
        self._steps.done(batch, outcomes)
        actions = self._ledger.actions_of(batch.channel)
        shown = []
        for each in batch.objects:
            outcome = outcomes.get(each.pk)
            remote_id = self._steps.remote_id(outcome)
            action = actions[each.pk]
            if action.local_batch_id == batch.local_batch_id:
                actions[each.pk] = ended(action, is_sent=self._steps.is_sent(outcome), remote_id=remote_id)
            reason = outcome.failed_reason_type if outcome else None
            shown.append(evolve(each, remote_id=remote_id or each.remote_id, failed_reason_type=reason))
        return evolve(batch, objects=tuple(shown))

    def _fail(self, batch: BatchRequest) -> None:
        self._steps.fail(batch)
        actions = self._ledger.actions_of(batch.channel)
        for each in batch.objects:
            action = actions[each.pk]
            if action.local_batch_id == batch.local_batch_id:
                actions[each.pk] = ended(action, is_sent=False)


def _filled(batch: BatchRequest, channel: int, body: Body) -> BatchRequest:
    """The batch with the fields that a request may set beside the status; what the server sets itself is passed over.

    Raises:
        Refused: With 400; one cannot be, and there is a message for each.
    """
    errors: dict[str, list[str]] = {}
    # The vendor's client has it from the environment, as text.
    if str(body.get("channel", channel)) != str(channel):
        errors["channel"] = [f"This must be the path's channel, {channel}."]
    content_type = body.get("content_type")
    if content_type not in (None, row_type()):
        errors["content_type"] = [f"The mock's batches are of {row_type()}."]
    remote = body.get("remote_batch_id", batch.remote_batch_id)
    if remote is not None and not (isinstance(remote, str) and len(remote) <= LONGEST_ID):
        errors["remote_batch_id"] = [f"Enter text of up to {LONGEST_ID} characters."]
    if errors:
        raise bad_request(errors)
    return evolve(
        batch,
        content_type=row_type() if content_type else batch.content_type,
        remote_batch_id=remote if isinstance(remote, str) else None,
    )


def _renamed(batch: BatchRequest, changed: BatchRequest, body: Body) -> BatchRequest:
    """The batch after a request without a status, which may change the marketplace's id and nothing else."""
    if body.get("objects") is not None:
        raise bad_request({"objects": ["Objects are reported along with a status."]})
    if changed.content_type != batch.content_type:
        raise bad_request({"content_type": ["This is set along with a status."]})
    if batch.has_ended and changed != batch:
        raise bad_request({"remote_batch_id": [f"A batch that is {batch.status} does not change."]})
    return changed


def _status(value: object) -> Status:
    try:
        return Status(choice(str(value), Status))
    except Invalid as invalid:
        raise bad_request({"status": invalid.messages}) from None


def _row(batch: BatchRequest) -> Json:
    return asdict(batch)
