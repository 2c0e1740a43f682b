"""The lock of a store's writers: one at a time, everybody in the end, and nobody long after the others."""

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
def test_one_holds_it_at_a_time_and_everybody_gets_it(patience: float) -> None:
    turns, inside, most, done = FairLock(patience), 0, 0, 0

    def work(_: int) -> None:
        nonlocal inside, most, done
        for _ in range(300):
            with turns:
                inside += 1
                most = max(most, inside)
                before = done
                if before % 50 == 0:
                    time.sleep(0.0005)  # so that some lose their patience
                done = before + 1
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert (most, done) == (1, 8 * 300)
    assert not turns._next
    with turns:
        pass


def test_who_has_waited_is_next_whoever_else_comes() -> None:
    turns, order = FairLock(patience=0), []
    turns.acquire()
    waiting = threading.Thread(target=lambda: [turns.acquire(), order.append("waited"), turns.release()])
    waiting.start()
    while not turns._next:
        time.sleep(0.001)
    turns.release()
    with turns:
        order.append("came")
    waiting.join()
    assert order == ["waited", "came"]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that interrupts")
def test_who_is_interrupted_while_waiting_leaves_nothing_behind() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    turns = FairLock(patience=0)
    turns.acquire()
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            turns.acquire()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not turns._next
    turns.release()
    with turns:
        pass


@pytest.mark.parametrize("is_held", [False, True], ids=["nobody has it", "another has it"])
def test_wherever_an_interrupt_comes_who_was_not_given_the_lock_does_not_have_it(is_held: bool) -> None:
    for line in range(1, 40):
        turns = FairLock(patience=0)
        another = threading.Timer(0.02, turns.release)
        if is_held:
            turns.acquire()
            another.start()
        was_interrupted = interrupted_at(line, turns)
        if is_held:
            another.join()
        assert turns.locked() is not was_interrupted
        assert not turns._next
        if not was_interrupted:
            assert line > 3
            return


def interrupted_at(line: int, turns: FairLock) -> bool:
    """Acquire a lock, interrupted before so many lines of that were passed; return whether it has more lines."""
    passed = 0

    def trace(frame: Any, event: str, _: object) -> Any:
        nonlocal passed
        if frame.f_code is not FairLock.acquire.__code__:
            return None
        passed += event == "line"
        if event == "line" and passed == line:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        turns.acquire()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False
