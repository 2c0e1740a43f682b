"""The lock of a store's writers: exclusive, and fair to waiting threads."""

from __future__ import annotations

import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sagemaker_registry.backends.store.sqlite.writer_lock import FairLock


@pytest.mark.parametrize("patience", [0, 0.0001, 0.025])
def test_the_lock_is_exclusive_and_every_thread_gets_it(patience: float) -> None:
    lock, inside, most, done = FairLock(patience), 0, 0, 0

    def work(_: int) -> None:
        nonlocal inside, most, done
        for _ in range(300):
            with lock:
                inside += 1
                most = max(most, inside)
                before = done
                if before % 50 == 0:
                    time.sleep(0.0005)  # so that some waiting threads exceed `patience`
                done = before + 1
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert (most, done) == (1, 8 * 300)
    assert not lock._next
    with lock:
        pass


def test_a_waiting_thread_gets_the_lock_before_a_new_one() -> None:
    lock, order = FairLock(patience=0), []
    lock.acquire()
    waiting = threading.Thread(target=lambda: [lock.acquire(), order.append("waited"), lock.release()])
    waiting.start()
    while not lock._next:
        time.sleep(0.001)
    lock.release()
    with lock:
        order.append("came")
    waiting.join()
    assert order == ["waited", "came"]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that interrupts")
def test_an_interrupted_waiter_leaves_the_queue() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    lock = FairLock(patience=0)
    lock.acquire()
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            lock.acquire()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not lock._next
    lock.release()
    with lock:
        pass


@pytest.mark.parametrize("is_held", [False, True], ids=["free", "held"])
def test_an_interrupt_at_any_line_of_acquire_leaves_the_lock_consistent(is_held: bool) -> None:
    for line in range(1, 40):
        lock = FairLock(patience=0)
        release = threading.Timer(0.02, lock.release)
        if is_held:
            lock.acquire()
            release.start()
        was_interrupted = interrupted_at(line, lock)
        if is_held:
            release.join()
        assert lock.locked() is not was_interrupted
        assert not lock._next
        if not was_interrupted:
            assert line > 3
            return


def interrupted_at(line: int, lock: FairLock) -> bool:
    """Acquire a lock with an interrupt before the given line; return whether the interrupt occurred."""
    lines = 0

    def trace(frame: Any, event: str, _: object) -> Any:
        nonlocal lines
        if frame.f_code is not FairLock.acquire.__code__:
            return None
        lines += event == "line"
        if event == "line" and lines == line:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        lock.acquire()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False
