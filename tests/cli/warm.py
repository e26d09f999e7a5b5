"""Runs command lines in forks of one process that has imported what they need, at a fraction of what a start costs.

For what a process has to show but not its start: that it works by another contract, or prints to a terminal.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence

_PROGRAM = [sys.executable, "-P", __file__]


class Warm:
    """That process, until `end`. It runs one command line at a time."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(_PROGRAM, stdin=theirs.fileno())

    def begin(self, arguments: Sequence[str], environment: Mapping[str, str], streams: Sequence[int]) -> None:
        """Run a command line with these descriptors as its stdin, stdout and stderr."""
        message = json.dumps([list(arguments), dict(environment)]) + "\n"
        socket.send_fds(self._socket, [message.encode()], streams)

    def code(self) -> int:
        """The exit code of the command line, once it is at its end."""
        return int(self._socket.recv(100))

    def end(self) -> None:
        self._socket.close()
        self._process.wait(60)


def _become_a_command() -> None:
    """Wait for command lines. Returns in a fork for each of them, whose arguments, environment and streams are its own."""
    connection = socket.socket(fileno=os.dup(0))
    while True:
        message, streams, *_ = socket.recv_fds(connection, 1_000_000, 3)
        while message and not message.endswith(b"\n"):
            message += connection.recv(1_000_000)
        if not message:
            sys.exit()
        if not (child := os.fork()):
            break
        for stream in streams:
            os.close(stream)
        connection.sendall(b"%d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    arguments, environment = json.loads(message)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["channel-images", *arguments]
    sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115 - open to the end, as the next two
    sys.stdout = open(1, "w", encoding="utf-8", buffering=1 if os.isatty(1) else -1)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115


if __name__ == "__main__":
    # What the commands import when they run. None of it reads a contract.
    import channel_images.cli.app
    import channel_images.cli.check
    import channel_images.cli.image
    import channel_images.cli.images
    import channel_images.cli.mock
    import channel_images.cli.table
    import channel_images.cli.writers
    import channel_images.conformance.report  # noqa: F401
    from channel_images import ChannelImages  # noqa: F401
    from channel_images.cli import main
    from channel_images.mock import MockServer  # noqa: F401

    _become_a_command()
    main()
