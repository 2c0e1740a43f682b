"""The dispatcher, which delivers events from the outbox with one thread per target."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ...backends.errors import RegistryError
from ...backends.events import DEAD, DONE, SKIPPED
from ...backends.local.history.outbox import Outbox
from ...backends.remote import moto
from ...backends.settings import Events
from ..responses import wsgi_error
from .sinks import Sink
from .webhooks import Undelivered

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""The interval of checks for events that other processes wrote."""
PRUNE_SECONDS = 3600.0
MAX_PAUSE = 3600.0
STOP_TIMEOUT = 35.0
"""Seconds to wait for attempts in progress; longer than the time limit of any attempt."""

MAKES_RULES = frozenset({"events", "cloudformation"})
"""Services whose calls can create an EventBridge rule."""


class Dispatcher:
    """Deliver the events of a registry while the context is open.

    Each target has its own thread, so a slow or unavailable target does not delay the others.
    """

    def __init__(self, outbox: Outbox, sinks: Iterable[Sink], settings: Events) -> None:
        self._outbox = outbox
        self._sinks = list(sinks)
        self._settings = settings
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        for sink in self._sinks:
            self.add(sink)
        self._start(self._prune, "events-prune")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._outbox.notifier.notify()
        deadline = time.monotonic() + STOP_TIMEOUT
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))

    def let_go(self) -> None:
        """Make requests that wait for events return at once, because the server stops. Safe in a signal handler."""
        self._outbox.notifier.is_closed = True

    def add(self, sink: Sink, *, afresh: bool = False) -> None:
        """Deliver to a target from its last position, or from now on if it is new or `afresh` is true."""
        self._outbox.register(sink.name, afresh=afresh)
        self._start(lambda: self._serve(sink), f"events-{sink.name}")

    def _start(self, work: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self, sink: Sink) -> None:
        while not self._stopping.is_set():
            seen, pause = self._outbox.notifier.count, POLL_SECONDS
            try:
                self._outbox.enqueue(sink.name, sink.is_wanted)
                pause = self._deliver(sink)
            except RegistryError as error:  # the store is busy, full or unavailable
                log.warning("delivery to %s is delayed: %s", sink.name, error.message)
                self._stopping.wait(POLL_SECONDS)
            except Exception:
                log.exception("delivery to %s is delayed", sink.name)
                self._stopping.wait(POLL_SECONDS)
            self._outbox.notifier.wait(seen, pause)

    def _deliver(self, sink: Sink) -> float:
        """Make all attempts that are due; return the seconds until the next one."""
        held_back: set[tuple[Any, ...]] = set()
        pause = POLL_SECONDS
        for delivery in self._outbox.open(sink.name):
            if self._stopping.is_set():
                break
            version = tuple(delivery[name] for name in ("account", "region", "name", "version"))
            if version in held_back:
                continue
            wait = (delivery["due"] - self._outbox.now) / 1000
            if wait > 0:
                pause = min(pause, wait)
            if wait > 0 or not self._attempt(sink, delivery):
                held_back.add(version)
                pause = min(pause, self._settings.backoff) if wait <= 0 else pause
        return pause

    def _attempt(self, sink: Sink, delivery: dict[str, Any]) -> bool:
        """Deliver one event; return whether the next event of the same version may follow."""
        envelope = self._outbox.claim(delivery, sink.lease)
        if envelope is None:
            return False
        if not sink.is_wanted(envelope):
            self._outbox.close_delivery(delivery, SKIPPED, "excluded by the settings of the target")
            return True
        attempts = delivery["attempts"] + 1
        try:
            sink.tell(envelope)
        except Undelivered as error:
            return self._failed(sink, delivery, attempts, str(error), for_good=error.for_good)
        except Exception as error:
            log.exception("delivery to %s failed", sink.name)
            return self._failed(sink, delivery, attempts, f"failed: {type(error).__name__}")
        self._outbox.close_delivery(delivery, DONE)
        return True

    def _failed(
        self, sink: Sink, delivery: dict[str, Any], attempts: int, sentence: str, *, for_good: bool = False
    ) -> bool:
        """Schedule the next attempt or give up; return whether the next event of the same version may follow."""
        what = f"{delivery['name']}/{delivery['version']} (event {delivery['id']})"
        if for_good or attempts >= self._settings.attempts:
            log.error("delivery of %s to %s abandoned after attempt %d: %s", what, sink.name, attempts, sentence)
            self._outbox.close_delivery(delivery, DEAD, sentence)
            return True
        log.warning("delivery of %s to %s failed in attempt %d: %s", what, sink.name, attempts, sentence)
        pause = min(self._settings.backoff * 2 ** (attempts - 1), MAX_PAUSE)
        self._outbox.retry_delivery(delivery, pause, sentence)
        return False

    def _prune(self) -> None:
        while not self._stopping.is_set():
            try:
                self._outbox.prune(self._settings.retention_days)
            except RegistryError as error:
                log.warning("old events could not be deleted: %s", error.message)
            self._stopping.wait(PRUNE_SECONDS)


@dataclass(slots=True)
class RuleWatch:
    """Start delivery to EventBridge before the first call that can create a rule.

    moto keeps rules in memory, so it need not be loaded to look for rules before that call.
    """

    app: WSGIApplication
    begin: Callable[[], None]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _has_begun: bool = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not self._has_begun and moto.service_of(environ) in MAKES_RULES:
            try:
                with self._lock:
                    if not self._has_begun:
                        self.begin()
                        self._has_begun = True
            except RegistryError as error:
                return wsgi_error(error, start_response)
        return self.app(environ, start_response)
