"""A lock between threads that hands over to a waiter after `patience` seconds, at the speed of a plain lock.

A running thread takes a plain lock again and again, past those that wait for it. Handing it to each in turn would be
fair, but halves the throughput of eight writers, as every turn then waits for a switch of threads.
"""

from __future__ import annotations

import threading
from collections import deque
from operator import call, methodcaller
from typing import Final

PATIENCE_SECONDS: Final = 0.025
"""Of eight writers, this had the shortest p99 without a longer median: 10 and 50 ms were tried."""


class FairLock:
    """A lock, held inside `with`, or from `acquire` to `release`; after `patience` seconds a waiting thread is next."""

    def __init__(self, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._next: deque[threading.Lock] = deque()

    def acquire(self) -> None:
        """Wait for the lock. Whoever is interrupted meanwhile, as by Ctrl-C, does not have it.

        An interrupt comes between two steps of Python: behind a lock that was acquired, before anybody knows. Hence
        what was done, and what came of it, is noted in one step: that of `extend`.
        """
        done: list[bool | None] = []
        waiter = threading.Lock()
        try:
            done.extend(map(self._lock.acquire, (True,), (self._patience,)))
            if not done[0]:
                waiter.acquire()
                done.extend(map(self._next.append, (waiter,)))
                done.extend(map(self._lock.acquire, (False,)))
                if done[-1]:  # it was released before anybody could see who waits
                    self._next.remove(waiter)
                else:
                    done.extend(map(waiter.acquire, (True,)))
        except BaseException:
            is_held = any(done)
            if len(done) > 1:  # it was queued
                try:
                    self._next.remove(waiter)
                except ValueError:
                    is_held = True  # the lock was handed to it
            if is_held:
                self.release()
            raise

    def release(self, *_: object) -> None:
        """Hand the lock to who is next, as it is; without anybody, let it go.

        Short, and without functions of its own: each of their beginnings is a place where an interrupt can come.
        """
        while True:
            try:
                if self._next:
                    deque(map(_RELEASE, map(call, (self._next.popleft,))), 0)  # in one step, again
                    return
            except IndexError:
                pass  # who was next was interrupted just now
            self._lock.release()
            if not (self._next and self._lock.acquire(blocking=False)):
                return  # nobody waits, or whoever has taken it will see who does

    def locked(self) -> bool:
        return self._lock.locked()

    def __enter__(self) -> None:
        self.acquire()

    __exit__ = release


_RELEASE = methodcaller("release")
