"""A process that has imported all that `serve` needs, and forks the real command whenever it is asked to.

A registry that is killed again and again spends most of its life importing. What is born here is the same command in a
process of its own, with its own standard output, that begins where the imports end; run as a program, this is the
process that forks.
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
"""What `serve` imports, or imports that."""

_LONGEST = 64 * 1024


@dataclass(frozen=True)
class Born:
    """A served registry that was forked."""

    pid: int
    said: IO[str]
    nursery: Nursery

    def stop(self) -> int:
        """Ask it to stop, as a container runtime does; return its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would, without a chance to finish anything."""
        if not self.said.closed:
            assert self._end(signal.SIGKILL) == -signal.SIGKILL

    def _end(self, number: signal.Signals) -> int:
        os.kill(self.pid, number)
        code = self.nursery.wait(self.pid)
        self.said.close()
        return code


class Nursery:
    """The process that forks, seen from the tests."""

    def __init__(self, asked: socket.socket) -> None:
        self._asked = asked

    def serve(self, *options: str) -> Born:
        """Have `serve` with these options forked; return when it listens."""
        outlet, inlet = os.pipe()
        said = open(outlet, encoding="utf-8")  # noqa: SIM115 - Born closes it
        try:
            socket.send_fds(self._asked, [json.dumps(["serve", *options]).encode()], [inlet])
        finally:
            os.close(inlet)
        born = Born(self._answer(), said, self)
        line = said.readline()
        assert line.startswith("listening on http://"), line
        return born

    def wait(self, pid: int) -> int:
        """Return the exit code of one that was born here, when all it had open is closed."""
        self._asked.send(json.dumps(pid).encode())
        return self._answer()

    def _answer(self) -> int:
        answer = self._asked.recv(_LONGEST)
        assert answer, "the nursery is gone"
        return int(json.loads(answer))


@contextmanager
def nursery() -> Iterator[Nursery]:
    """Have a nursery for the length of the block."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = subprocess.Popen([sys.executable, __file__], stdin=theirs)
        ours.settimeout(60)
        try:
            yield Nursery(ours)
        finally:
            ours.close()
            assert process.wait(timeout=60) == 0


def main() -> None:
    """Fork for each list of arguments, with the pipe that came with it; wait for each process that is named.

    Messages are short, and nobody sends another before the answer to the last: each comes whole.
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
    for pid in alive:  # of a test that was broken off
        os.kill(pid, signal.SIGKILL)


def _fork(arguments: list[str], pipe: int, asked: socket.socket) -> int:
    assert threading.active_count() == 1, "only who has one thread can fork"
    pid = os.fork()
    if pid == 0:
        asked.close()
        _run(arguments, pipe)
    os.close(pipe)
    return pid


def _run(arguments: list[str], pipe: int) -> NoReturn:
    """Be the command."""
    from sagemaker_registry.client.cli import main as command

    os.dup2(pipe, 1)
    os.close(pipe)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    random.seed()  # or all would draw the same
    sys.exit(command(arguments, prog_name="sagemaker-registry"))


if __name__ == "__main__":
    main()
