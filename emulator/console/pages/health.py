"""Health and settings: the backend, its features, event deliveries and rejected requests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from ....backends.base import Backend
from ....backends.errors import RegistryError
from ..page import Page, Visit
from ..reader import Reader
from ..records import leaves

FIXED_IN: Final = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
"""The first release of each SQLite branch without the WAL-reset bug, which can lose commits."""

MAX_DELIVERIES: Final = 20

JOURNALS: Final = {
    "WAL": "readers and the writer do not block each other",
    "TRUNCATE": "because the file seems to be on a network share",
}
LAX: Final = frozenset({"synchronous=OFF", "synchronous=NORMAL", "synchronous_commit=off", "fsync=off"})
"""Settings with which a power failure may lose acknowledged writes."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A property of the server; it needs attention unless `is_fine`."""

    name: str
    value: str
    note: str = ""
    is_fine: bool = True


@dataclass(frozen=True, slots=True)
class Delivery:
    """The delivery of an event to a target."""

    at: datetime
    subject: str
    to: str
    state: str
    attempts: int
    next_attempt: datetime | None
    error: str

    @property
    def sign(self) -> str:
        return {"done": "passed", "failed": "failed", "dead": "failed"}.get(self.state, "pending")


def health(visit: Visit) -> dict[str, Any]:
    """Return the state of the server, also when the backend does not respond."""
    reader, server = visit.reader, visit.server
    site, answers = server.console.site, _pinged(server.backend)
    hosts = ", ".join(("localhost", "IP addresses", *dict.fromkeys(site.hosts)))
    return {
        "backend": (Fact("Registry", site.url or "in this process"), answers, Fact("Host names", hosts)),
        "database": (
            *(_database(site.file) if site.file is not None else ()),
            *(_store(reader, has_file=site.file is not None) if answers.is_fine and reader.offers("store") else ()),
        ),
        "capabilities": _capabilities(reader),
        "settings": tuple(leaves(reader.extension("settings")))
        if answers.is_fine and reader.offers("settings")
        else (),
        "deliveries": _deliveries(reader) if answers.is_fine else None,
        "error_log": server.error_log.last(server.console.named),
        "places": tuple(reader.extension("places")) if answers.is_fine and reader.offers("places") else (),
    }


def _pinged(backend: Backend) -> Fact:
    start = perf_counter()
    try:
        backend.ping()
    except RegistryError as error:
        return Fact("Responds", "no", error.message, is_fine=False)
    return Fact("Responds", f"in {(perf_counter() - start) * 1000:.1f} ms")


def _capabilities(reader: Reader) -> tuple[Fact, ...]:
    has = {
        "History": ("history", "every change, in hash chains that can be verified"),
        "Rules": ("explain", "the result of each approval rule for a version"),
        "Conflict detection": ("decide", "the second of two simultaneous decisions is rejected"),
        "Events": ("events/deliveries", "deliveries to subscribers"),
        "Lists by status": ("versions", "without it, the console reads a limited number of pages"),
    }
    return tuple(
        Fact(name, "yes" if reader.offers(extension) else "no", note) for name, (extension, note) in has.items()
    )


def _database(file: Path) -> tuple[Fact, ...]:
    from ....backends.store.sqlite.driver import sqlite3

    version = sqlite3.sqlite_version_info
    is_fixed = version >= FIXED_IN[-1] or any(version[:2] == first[:2] and version >= first for first in FIXED_IN)
    note = (
        "without the WAL-reset bug" if is_fixed else "has the WAL-reset bug: a lock separates commits and checkpoints"
    )
    facts = [Fact("SQLite", sqlite3.sqlite_version, note)]
    for name, path in (("File", file), ("Write-ahead log", file.with_name(f"{file.name}-wal"))):
        try:
            facts.append(Fact(name, _size(path.stat().st_size), str(path)))
        except OSError:
            facts += [Fact(name, "not found", str(path), is_fine=False)] if path == file else []
    try:
        free = shutil.disk_usage(file.parent).free
        facts.append(Fact("Free disk", _size(free), is_fine=free > 2**28))
    except OSError:
        facts.append(Fact("Free disk", "unknown", is_fine=False))
    if file.exists() and not os.access(file, os.W_OK):
        facts.append(Fact("Writable", "no", "decisions cannot be recorded", is_fine=False))
    return tuple(facts)


def _store(reader: Reader, *, has_file: bool) -> Iterator[Fact]:
    """Yield the properties that the store reports; its name only if it has no file."""
    answer = {name: values for name, values in reader.extension("store").items() if values}
    if "store" in answer and not has_file:
        yield Fact("Store", answer["store"][0])
    is_in_memory = answer.get("journal") == ["MEMORY"]
    if is_in_memory:
        yield Fact("Storage", "in memory", "lost when the server stops")
    elif "journal" in answer:
        yield Fact("Journal", answer["journal"][0], JOURNALS.get(answer["journal"][0], ""))
    if "durability" in answer and not is_in_memory:
        value = answer["durability"][0]
        is_lax = value in LAX
        note = f"a power failure {'may lose' if is_lax else 'does not lose'} acknowledged writes"
        yield Fact("Durability", value, note, is_fine=not is_lax)
    if "schema" in answer:
        yield Fact("Schema", f"version {answer['schema'][0]}")


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"


def _deliveries(reader: Reader) -> tuple[Delivery, ...] | None:
    """Return the newest deliveries; None if the registry sends no events."""
    if not reader.offers("events/deliveries"):
        return None
    answer = reader.extension("events/deliveries", max_results=MAX_DELIVERIES)
    return tuple(
        Delivery(
            at=datetime.fromisoformat(one["changed"]),
            subject=str(one["version"]),
            to=one["sink"],
            state=one["state"],
            attempts=one["attempts"],
            next_attempt=datetime.fromisoformat(one["next_attempt"]) if one["next_attempt"] else None,
            error=one["error"] or "",
        )
        for one in answer["deliveries"][:MAX_DELIVERIES]
    )


PAGE = Page("health.html", {"GET /health": health}, menu="Health")
