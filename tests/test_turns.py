"""The lock of a store's writers: one at a time, everybody in the end, and nobody long after the others."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sagemaker_registry.backends.local.turns import Turns


@pytest.mark.parametrize("patience", [0, 0.0001, 0.025])
def test_one_holds_it_at_a_time_and_everybody_gets_it(patience: float) -> None:
    turns, inside, most, done = Turns(patience), 0, 0, 0

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
    turns, order = Turns(patience=0), []
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

    turns = Turns(patience=0)
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
