"""A process that has imported everything `serve` needs, and forks the command on request.

A registry that is killed repeatedly would spend most of its time importing. A forked server is the same command in a
separate process with its own standard output, after the imports. Run as a program, this module is the forking process.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, NoReturn

NEEDED = (
    "email.parser",
    "http.client",
    "sagemaker_registry.backends.store.postgres",
    "sagemaker_registry.backends.local.registry",
    "sagemaker_registry.backends.store.sqlite.store",
    "sagemaker_registry.client.cli",
    "sagemaker_registry.client.commands.output",
    "sagemaker_registry.client.commands.serve",
    "sagemaker_registry.emulator.serve",
    "urllib.request",
)
"""The imports of `serve`, or modules that import them."""

_LONGEST = 64 * 1024


@dataclass(frozen=True)
class ForkedServer:
    """A served registry that was forked."""

    pid: int
    said: IO[str]
    fork_server: ForkServer

    def stop(self) -> int:
        """Send SIGTERM, as a container runtime does, and return the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process, without a chance to finish anything."""
        if not self.said.closed:
            assert self._end(signal.SIGKILL) == -signal.SIGKILL

    def _end(self, number: signal.Signals) -> int:
        os.kill(self.pid, number)
        code = self.fork_server.wait(self.pid)
        self.said.close()
        return code


class ForkServer:
    """The forking process, as seen by tests."""

    def __init__(self, asked: socket.socket) -> None:
        self._asked = asked

    def serve(self, *options: str) -> ForkedServer:
        """Fork `serve` with these options, and return when it is listening."""
        outlet, inlet = os.pipe()
        said = open(outlet, encoding="utf-8")  # noqa: SIM115 - closed by ForkedServer
        try:
            socket.send_fds(self._asked, [json.dumps(["serve", *options]).encode()], [inlet])
        finally:
            os.close(inlet)
        born = ForkedServer(self._answer(), said, self)
        line = said.readline()
        assert line.startswith("listening on http://"), line
        return born

    def wait(self, pid: int) -> int:
        """Return the exit code of a forked process, once everything it had open is closed."""
        self._asked.send(json.dumps(pid).encode())
        return self._answer()

    def _answer(self) -> int:
        answer = self._asked.recv(_LONGEST)
        assert answer, "the fork server is gone"
        return int(json.loads(answer))


@contextmanager
def fork_server() -> Iterator[ForkServer]:
    """Run a fork server during the block."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = subprocess.Popen([sys.executable, __file__], stdin=theirs)
        ours.settimeout(60)
        try:
            yield ForkServer(ours)
        finally:
            ours.close()
            assert process.wait(timeout=60) == 0


def main() -> None:
    """Fork for each list of arguments and its pipe; wait for each process id received.

    Messages are short, and each request waits for its response, so each arrives complete.
    """
    for name in NEEDED:
        importlib.import_module(name)
    alive: set[int] = set()
    with socket.socket(fileno=os.dup(0)) as asked:
        while True:
            message, pipes, *_ = socket.recv_fds(asked, _LONGEST, 1)
            if not message:
                break
            wanted = json.loads(message)
            if isinstance(wanted, list):
                answer = _fork(wanted, pipes[0], asked)
                alive.add(answer)
            else:
                answer = os.waitstatus_to_exitcode(os.waitpid(wanted, 0)[1])
                alive.remove(wanted)
            asked.send(json.dumps(answer).encode())
    for pid in alive:  # left by an aborted test
        os.kill(pid, signal.SIGKILL)


def _fork(arguments: list[str], pipe: int, asked: socket.socket) -> int:
    assert threading.active_count() == 1, "only a process with one thread can fork"
    pid = os.fork()
    if pid == 0:
        asked.close()
        _run(arguments, pipe)
    os.close(pipe)
    return pid


def _run(arguments: list[str], pipe: int) -> NoReturn:
    """Run the command."""
    from sagemaker_registry.client.cli import main as command

    os.dup2(pipe, 1)
    os.close(pipe)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    random.seed()  # otherwise all processes would draw the same values
    sys.exit(command(arguments, prog_name="sagemaker-registry"))


if __name__ == "__main__":
    main()
