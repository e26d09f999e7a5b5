"""What the tests do with a connector: let it work everything off, and ask whether both sides hold the same."""

from tests.channel_app.platform import Platform
from tests.channel_app.shop import Shop
from tests.channel_app.worker import Worker

TASKS = ("insert_product_images", "update_product_images")
ROUNDS = 30
"""After so many rounds a connector is not going to be ready."""


def run_tasks(worker: Worker, *, is_sync: bool = True) -> list[str]:
    """One round of tasks, as a scheduler starts them; gives the errors that they ended with."""
    errors = [worker.run(task, is_sync=is_sync, add_product_objects=True) for task in TASKS]
    errors.append(worker.run("get_image_batch_requests"))
    return [error for error in errors if error is not None]


def work_off(worker: Worker, platform: Platform, *, is_sync: bool = True) -> list[str]:
    """Rounds of tasks until nothing is pending and the shop owes no answer; gives the errors that tasks ended with."""
    errors = []
    for _ in range(ROUNDS):
        errors += run_tasks(worker, is_sync=is_sync)
        if not platform.pending() and not platform.batches("sent_to_remote"):
            return errors
    raise AssertionError(f"after {ROUNDS} rounds {len(platform.pending())} images are pending: {errors}")


def agree(platform: Platform, shop: Shop) -> bool:
    """Whether nothing is pending, and the shop has every image of the platform, in its present version.

    A shop keeps what the platform has removed: the image flow tells it nothing of that.
    """
    images = platform.images()
    return not platform.pending() and images == {pk: version for pk, version in shop.images.items() if pk in images}


def settle(worker: Worker, platform: Platform, *, is_sync: bool = True) -> None:
    """Work everything off, with an operator who fails the batches that nobody works on any more."""
    work_off(worker, platform, is_sync=is_sync)
    while platform.fail_batches("initialized", "commit"):
        work_off(worker, platform, is_sync=is_sync)
