"""An export that kills itself with SIGKILL at the Nth line of the export's own code; with 0, it counts the lines.

    python killed.py PATH N CONCURRENCY

It counts the lines in the main thread, which does all but the reading of pages.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import channel_images.export
from channel_images import ChannelImages
from channel_images.export import Export

HERE = str(Path(channel_images.export.__file__).parent)


class Countdown:
    """Counts the lines of the export's code, and kills the process at one of them."""

    def __init__(self, kill_at: int) -> None:
        self.lines = 0
        self._kill_at = kill_at

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(HERE):
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


countdown = Countdown(int(sys.argv[2]))
with ChannelImages.from_env() as client:
    export = Export(client, [5, 6], sys.argv[1], page_size=50, concurrency=int(sys.argv[3]), checkpoint_seconds=0)
    sys.settrace(countdown)
    export.run()
    sys.settrace(None)
sys.stdout.write(str(countdown.lines))
