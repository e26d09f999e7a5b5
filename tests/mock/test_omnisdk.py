"""The incumbent client, unchanged, works against the mock: it signs in, walks a channel and reads its pending work.

It runs in a process of its own: it is global by design, and leaves its connections open.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from channel_images import ChannelImages
from channel_images.mock import MockServer

SCRIPT = """
import json, sys
from omnisdk.omnitron.client import OmnitronApiClient
from omnisdk.omnitron.endpoints import ChannelProductImageEndpoint

with OmnitronApiClient(sys.argv[1] + "/", "mock", "mock") as client:
    assert client.token == "Token mock-token", client.token
    client.validate_token(client.token)
    endpoint = ChannelProductImageEndpoint(channel_id=int(sys.argv[2]))
    pages = [endpoint.list(params={"limit": int(sys.argv[3])}), *endpoint.iterator]
    read = {"images": [image for page in pages for image in page]}
    for path in ("inserts", "updates", "inserts_or_updates"):
        read[path] = endpoint(path=path).list(params={"limit": 1000})
    fields = {name: [image.get_parameters() for image in images] for name, images in read.items()}
    print(json.dumps({"pages": len(pages), **fields}))
"""


@pytest.mark.parametrize("walk", [(6, 10, 3), (5, 100, 10)])
def test_the_incumbent_reads_a_whole_channel(
    server: MockServer, client: httpx.Client, path_of: Callable[..., str], walk: tuple[int, int, int]
) -> None:
    channel, limit, pages = walk
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, server.url, str(channel), str(limit)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)

    def everything(operation: str) -> Any:
        return client.get(path_of(operation, channel), params={"limit": 1000}).json()

    assert seen["pages"] == pages
    assert seen["images"] == everything("listProductImages")["results"]
    assert seen["inserts"] == everything("listProductImageInserts")
    assert seen["updates"] == everything("listProductImageUpdates")
    assert seen["inserts_or_updates"] == everything("listProductImageInsertsOrUpdates")


LIMITS = """
import json, sys
from omnisdk.omnitron.client import OmnitronApiClient
from omnisdk.omnitron.endpoints import ChannelProductImageEndpoint

with OmnitronApiClient(sys.argv[1] + "/", "mock", "mock") as client:
    endpoint = ChannelProductImageEndpoint(channel_id=5)
    pending = endpoint(path="inserts")
    rows = [pending.list(), *pending.iterator]
    filtered = ChannelProductImageEndpoint(channel_id=5).list(params={"id__in": [1, 2, 3]})
    print(json.dumps([sum(map(len, rows)), [image.pk for image in filtered]]))
"""


def test_the_incumbent_reads_one_page_of_a_pending_list_and_the_last_id_of_a_filter(server: MockServer) -> None:
    # What the README says of it.
    done = subprocess.run(
        [sys.executable, "-c", LIMITS, server.url], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [10, [3]]
    with ChannelImages(server.url, token=server.token) as api:
        channel = api.channel(5)
        assert channel.inserts().count() == 270
        assert [image.pk for image in channel.images(id_in=[1, 2, 3])] == [1, 2, 3]
