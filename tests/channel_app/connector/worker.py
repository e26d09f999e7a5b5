"""A worker of the connector: it runs the image flow of channel_app, as a Celery worker would its tasks.

Each line of its input is a task in JSON, and gets one line of output: the error that the task ended with, or null.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from typing import Any

import requests
from fakeredis import TcpFakeServer
from tests.channel_app.connector import omnisdk_names

send = requests.Session.send


def send_or_die(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
    """Send a request, unless the process has to kill itself: `events` counts the moments before and after each of them."""
    die_if_it_is_time()
    response = send(self, request, **options)
    die_if_it_is_time()
    return response


def die_if_it_is_time() -> None:
    global events  # noqa: PLW0603 - one count for the process
    events += 1
    if events == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)


events = 0
kill_at = int(os.environ["KILL_AT"])
requests.Session.send = send_or_die  # type: ignore[method-assign]

# omnisdk waits ten seconds and more before each of its nine retries.
time.sleep = lambda seconds: None

# channel_app keeps its token in a Redis.
redis = TcpFakeServer(("127.0.0.1", 0))
redis.daemon_threads = True
threading.Thread(target=redis.serve_forever, daemon=True).start()
os.environ["CACHE_PORT"] = str(redis.server_address[1])

omnisdk_names.add()
# It reads its settings when it is imported.
from channel_app.app.product_image.service import ImageService  # noqa: E402

for line in sys.stdin:
    task, arguments = json.loads(line)
    error = None
    try:
        getattr(ImageService(), task)(**arguments)
    except Exception as caught:  # noqa: BLE001 - Celery goes on to the next task too
        traceback.print_exc()
        error = f"{type(caught).__name__}: {caught}"
    print(json.dumps(error), flush=True)  # noqa: T201 - what this program is for
