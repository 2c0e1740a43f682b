"""Health and settings: what is served from where, whether it answers, what was sent and what was refused."""

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
"""Releases of SQLite that do not lose commits of a WAL database, each the first of its line."""

MAX_DELIVERIES: Final = 20

JOURNALS: Final = {
    "WAL": "readers and the writer do not wait for each other",
    "TRUNCATE": "as the file seems to be on a network share",
}
LAX: Final = frozenset({"synchronous=OFF", "synchronous=NORMAL", "synchronous_commit=off", "fsync=off"})
"""Levels of durability that a power cut gets through."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact about the server; it needs attention unless it `is_fine`."""

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
    """Return the state of the server; a backend that does not answer is a fact, not a failure."""
    reader, server = visit.reader, visit.server
    site, answers = server.console.site, _pinged(server.backend)
    hosts = ", ".join(("localhost", "IP addresses", *dict.fromkeys(site.hosts)))
    return {
        "backend": (Fact("Registry", site.url or "given in this process"), answers, Fact("Answers for", hosts)),
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
        return Fact("Answers", "no", error.message, is_fine=False)
    return Fact("Answers", f"in {(perf_counter() - start) * 1000:.1f} ms")


def _capabilities(reader: Reader) -> tuple[Fact, ...]:
    has = {
        "History": ("history", "who changed what, in chains that show a rewrite"),
        "Rules": ("explain", "what each approval rule says of a version"),
        "Decisions by revision": ("decide", "of two who decide at once, the second is told"),
        "Events": ("events/deliveries", "what was sent to whom"),
        "Lists by approval": ("versions", "without it, a bounded number of pages is read"),
    }
    return tuple(
        Fact(name, "yes" if reader.offers(extension) else "no", note) for name, (extension, note) in has.items()
    )


def _database(file: Path) -> tuple[Fact, ...]:
    from ....backends.store.sqlite.driver import sqlite3

    version = sqlite3.sqlite_version_info
    is_fixed = version >= FIXED_IN[-1] or any(version[:2] == first[:2] and version >= first for first in FIXED_IN)
    note = (
        "keeps WAL commits" if is_fixed else "has the WAL-reset bug: commits and checkpoints are kept apart by a lock"
    )
    facts = [Fact("SQLite", sqlite3.sqlite_version, note)]
    for name, path in (("File", file), ("Write-ahead log", file.with_name(f"{file.name}-wal"))):
        try:
            facts.append(Fact(name, _size(path.stat().st_size), str(path)))
        except OSError:
            facts += [Fact(name, "not there", str(path), is_fine=False)] if path == file else []
    try:
        free = shutil.disk_usage(file.parent).free
        facts.append(Fact("Free disk", _size(free), is_fine=free > 2**28))
    except OSError:
        facts.append(Fact("Free disk", "unknown", is_fine=False))
    if file.exists() and not os.access(file, os.W_OK):
        facts.append(Fact("Writable", "no", "nothing can be decided", is_fine=False))
    return tuple(facts)


def _store(reader: Reader, *, has_file: bool) -> Iterator[Fact]:
    """Yield what the store reports; its name only if it has no file."""
    told = {name: values for name, values in reader.extension("store").items() if values}
    if "store" in told and not has_file:
        yield Fact("Store", told["store"][0])
    is_in_memory = told.get("journal") == ["MEMORY"]
    if is_in_memory:
        yield Fact("Kept", "in memory", "gone when the server stops")
    elif "journal" in told:
        yield Fact("Journal", told["journal"][0], JOURNALS.get(told["journal"][0], ""))
    if "durability" in told and not is_in_memory:
        value = told["durability"][0]
        is_lax = value in LAX
        note = "a power cut may lose what was acknowledged" if is_lax else "what is acknowledged outlives a power cut"
        yield Fact("Durability", value, note, is_fine=not is_lax)
    if "schema" in told:
        yield Fact("Schema", f"version {told['schema'][0]}")


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
    told = reader.extension("events/deliveries", max_results=MAX_DELIVERIES)
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
        for one in told["deliveries"][:MAX_DELIVERIES]
    )


PAGE = Page("health.html", {"GET /health": health}, menu="Health")
