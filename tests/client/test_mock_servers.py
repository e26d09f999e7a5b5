"""Both walks against every healthy variant of the mock server, and against every bug in how it pages."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from channel_images import Channel, ChannelImages, ChannelImagesError, Retries
from channel_images.mock import MockServer
from channel_images.mock.bugs import BUGS
from channel_images.mock.variants import VARIANTS

IMAGES = 130
LIMIT = 20
LISTS = ("images", "images_detailed", "inserts", "updates", "inserts_or_updates")
BUGGY = [bug.name for bug in BUGS.values() if bug.rule and bug.rule.startswith(("paging.", "pending."))]

ON_NO_PAGE = {
    "union-without-updates",
    "union-active-only",
    "updates-hold-inserts",
    "inserts-hold-disabled-updates",
    "union-with-sent",
    "list-hides-disabled",
    "pending-pages-from-zero",
    "inserts-pages-from-zero",
}
"""Bugs that list other images than they should on every page from 1 on, and at all times: no client can see that."""


@contextmanager
def serving(*, variant: str = "", bug: str = "") -> Iterator[tuple[MockServer, Channel]]:
    with (
        MockServer(images=IMAGES, variants=[variant] if variant else [], bugs=[bug] if bug else []) as server,
        ChannelImages(server.url, token=server.token, transport=server.transport, retries=Retries(max_wait=0)) as api,
    ):
        yield server, api.channel(5)


def listed(channel: Channel, name: str, *, consistent: bool) -> list[object]:
    return [image.pk for image in getattr(channel, name)(page_size=LIMIT, consistent=consistent)]


@pytest.fixture(scope="module")
def there() -> dict[str, set[object]]:
    """The images that are in each list."""
    with serving() as (_, channel):
        return {name: set(listed(channel, name, consistent=False)) for name in LISTS}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_read_whole(there: dict[str, set[object]], variant: str) -> None:
    with serving(variant=variant) as (server, channel):
        for name in LISTS:
            for consistent in (False, True):
                server.reset()
                images = listed(channel, name, consistent=consistent)
                assert len(images) == len(set(images)), (name, consistent)
                assert set(images) == there[name], (name, consistent)
                assert len(server.requests) < 3 * IMAGES / 10, (name, consistent)


@pytest.mark.parametrize("bug", BUGGY)
def test_no_bug_makes_a_walk_endless_or_a_consistent_one_lose_images(there: dict[str, set[object]], bug: str) -> None:
    with serving(bug=bug) as (server, channel):
        for name in LISTS:
            for consistent in (False, True):
                server.reset()
                try:
                    images = listed(channel, name, consistent=consistent)
                except ChannelImagesError:
                    continue
                finally:
                    assert len(server.requests) <= 100, (name, consistent)
                if consistent:
                    assert len(images) == len(set(images)), name
                    assert set(images) == there[name] or bug in ON_NO_PAGE, name
