"""Runs programs in forks of one process that has imported what they need, at a fraction of what a start of Python costs.

For what a process has to show but not its start: that it works by another contract, or prints to a terminal.
"""

import gc
import json
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile


class Warm:
    """That process, until `end`. It runs one program at a time.

    Args:
        modules: What to import.
    """

    def __init__(self, *modules: str) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen([sys.executable, "-P", __file__, *modules], stdin=theirs.fileno())

    def begin(
        self,
        program: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        streams: Sequence[int],
        folder: Path | None = None,
    ) -> None:
        """Run a script, or a module, with these descriptors as its stdin, stdout and stderr."""
        message = json.dumps([program, list(arguments), dict(environment), str(folder or Path.cwd())]) + "\n"
        socket.send_fds(self._socket, [message.encode()], streams)

    def code(self) -> int:
        """The exit code of the program, once it is at its end."""
        return int(self._socket.recv(100))

    def run(
        self, program: str, arguments: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
    ) -> tuple[int, str, str]:
        """Run it to its end, as if in a pipe; gives its exit code, and what it printed."""
        with TemporaryFile() as out, TemporaryFile() as err, Path(os.devnull).open() as nothing:
            streams = [nothing.fileno(), out.fileno(), err.fileno()]
            self.begin(program, arguments, environment, streams, folder)
            code = self.code()
            for file in (out, err):
                file.seek(0)
            return code, out.read().decode(), err.read().decode()

    def end(self) -> None:
        self._socket.close()
        self._process.wait(60)


def _become_a_program() -> str:
    """Wait for programs. Returns in a fork for each of them, whose arguments, folder and streams are its own."""
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
    program, arguments, environment, folder = json.loads(message)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [program, *arguments]
    sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115 - open to the end, as the next two
    sys.stdout = open(1, "w", encoding="utf-8", buffering=1 if os.isatty(1) else -1)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115
    return str(program)


if __name__ == "__main__":
    for _name in sys.argv[1:]:
        import_module(_name)
    gc.freeze()  # or each fork would look through all of it at its end
    _program = _become_a_program()
    if _program.endswith(".py"):
        sys.path.insert(0, str(Path(_program).parent))
        runpy.run_path(_program, run_name="__main__")
    else:
        runpy.run_module(_program, run_name="__main__", alter_sys=True)
