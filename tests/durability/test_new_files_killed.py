"""A new file, or a migration, that is killed or loses its power: as before or as after, and the next start goes on."""

from __future__ import annotations

import os
import random
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from durability.places import (
    needs_fork,
    place_for_images,  # noqa: F401 - a fixture
)
from durability.power import Recorder, cuts
from durability.workload import CALLER, GROUP, digest_of, open_file, verify
from sagemaker_registry.backends.store.sqlite import schema
from sagemaker_registry.backends.store.sqlite import store as store
from sagemaker_registry.backends.store.sqlite.driver import sqlite3

RELEASED = sorted((Path(__file__).parents[1] / "data").glob("schema-*.sql"))
OLDER = [path for path in RELEASED if schema.STEPS[-1] not in path.read_text()]
"""Those that are migrated; the others have the schema of today."""
CONTENT = ("model_package_groups", "model_packages", "client_tokens")
"""Tables of the first release, whose rows no migration changes."""

KILLS_OF_A_LARGE_FILE = 12


def clear(path: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{end}").unlink(missing_ok=True)


def make(path: Path, released: Path, versions: int = 1) -> None:
    """Make a file as a release left it, with so many versions."""
    clear(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(released.read_text())
        if versions > 1:
            connection.execute(
                "WITH RECURSIVE numbers(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) "
                "INSERT INTO model_packages SELECT account, region, name, n, type, created + n, modified, approval, "
                "rev, replace(record, '/1\"', '/' || n || '\"') FROM model_packages, numbers WHERE version = 1",
                (versions,),
            )


def schema_of(path: Path) -> frozenset[str]:
    with closing(sqlite3.connect(path)) as connection:
        return frozenset(sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))


def content_of(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2, 3, 4").fetchall() for name in CONTENT]


def killed_at(path: Path, statement: int) -> bool:
    """Open a file in a process that kills itself before it runs that statement; False if it has no so many."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12, for processes with threads
        child = os.fork()
    if child == 0:
        _open_and_die(path, statement)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _open_and_die(path: Path, statement: int) -> None:
    def die(number: int) -> None:
        if number == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        with traced(die):
            open_file(path)  # and not closed: the process ends as if it was killed
        os._exit(0)
    except BaseException:
        os._exit(1)


@contextmanager
def traced(look: Callable[[int], None]) -> Iterator[None]:
    """Have something look at each statement of the registries that are opened inside the block, before it is run."""
    connect, numbers = store.SQLiteRows._connect, count()

    def connect_traced(rows: store.SQLiteRows, pragmas: dict[str, str]) -> Any:
        connection = connect(rows, pragmas)
        connection.set_trace_callback(lambda _: look(next(numbers)))
        return connection

    store.SQLiteRows._connect = connect_traced  # type: ignore[method-assign]
    try:
        yield
    finally:
        store.SQLiteRows._connect = connect  # type: ignore[method-assign]


@pytest.fixture(params=OLDER, ids=lambda path: path.stem.removeprefix("schema-"))
def released(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@needs_fork
@pytest.mark.sized(ci=12, nightly=1_000, release=1_000)
def test_a_migration_killed_at_any_statement_is_done_or_not_begun(
    released: Path, image: Path, size: int, rng: random.Random, figures: dict[str, Any]
) -> None:
    """At each of them, or at so many; and after the last."""
    path = image / "registry.db"
    make(path, released)
    old, content = schema_of(path), content_of(path)
    seen: list[int] = []
    with traced(seen.append):
        registry = open_file(path)
    registry.close()
    new = schema_of(path)
    assert new != old
    figures.update({"statements": len(seen), "kills": 0, "still old": 0, "new": 0})
    for statement in (*sorted(rng.sample(seen, min(size, len(seen)))), len(seen)):
        make(path, released)
        assert killed_at(path, statement) == (statement < len(seen))
        found = schema_of(path)
        assert found in (old, new), f"killed at {statement}: between two schemas"
        assert content_of(path) == content
        figures["kills"] += 1
        figures["still old"] += found == old
        figures["new"] += found == new
        goes_on(path, new, content)
    assert figures["new"] > 0


def goes_on(path: Path, new: frozenset[str], content: list[Any]) -> None:
    """Open a file as the next start does: it is new then, and has what it had."""
    registry = open_file(path)
    verify(registry)
    found = registry.call("DescribeModelPackage", {"ModelPackageName": "churn/1"}, CALLER)
    assert found["ModelApprovalStatus"] == "Approved"
    registry.close()
    assert schema_of(path) == new
    assert content_of(path) == content


@pytest.mark.sized(ci=100, nightly=3_000, release=30_000)
def test_a_migration_that_loses_its_power_is_done_or_not_begun(
    released: Path, image: Path, rounds: Iterator[int], size: int, rng: random.Random, figures: dict[str, Any]
) -> None:
    work, path = image / "work", image / "cut" / "registry.db"
    work.mkdir()
    path.parent.mkdir()
    make(work / "registry.db", released)
    old, content = schema_of(work / "registry.db"), content_of(work / "registry.db")
    before = (work / "registry.db").read_bytes()
    disk = Recorder(work)
    with disk.in_use():
        open_file(work / "registry.db").close()
    new = schema_of(work / "registry.db")
    assert new != old
    figures.update({"power cuts": 0, "still old": 0, "new": 0})
    coming = cuts(disk.taken(), size, rng, {"registry.db": before})
    for number, cut in zip(rounds, coming, strict=False):
        cut.put_into(path.parent)
        found = schema_of(path)
        assert found in (old, new), f"between two schemas at {cut}"
        assert content_of(path) == content
        figures["power cuts"] += 1
        figures["still old"] += found == old
        figures["new"] += found == new
        if number % 20 == 0:
            goes_on(path, new, content)


@needs_fork
@pytest.mark.sized(ci=1_000, nightly=100_000, release=1_000_000)
def test_a_migration_of_a_large_file_is_killed(
    tmp_path: Path, size: int, rng: random.Random, figures: dict[str, Any]
) -> None:
    """The same file goes on: each kill finds what the one before has left."""
    path = tmp_path / "registry.db"
    make(path, RELEASED[0], size)
    old, content = schema_of(path), content_of(path)
    kills = 0
    for _ in range(KILLS_OF_A_LARGE_FILE):
        kills += killed_at(path, rng.randrange(10, 80))
        assert content_of(path) == content
        if schema_of(path) != old:
            break
    assert kills
    registry = open_file(path)
    newest = registry.call("ListModelPackages", {"ModelPackageGroupName": "churn", "MaxResults": 1}, CALLER)
    assert newest["ModelPackageSummaryList"][0]["ModelPackageArn"].endswith(f"/{size}")
    verify(registry)
    registry.close()
    assert content_of(path) == content
    figures.update({"rows": size, "kills": kills})


@pytest.mark.parametrize("today", [path for path in RELEASED if path not in OLDER], ids=lambda path: path.stem)
def test_a_file_of_the_schema_of_today_opens_as_it_is(today: Path, tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    make(path, today)
    old, content, everything = schema_of(path), content_of(path), digest_of(path)
    registry = open_file(path)
    assert digest_of(path) == everything
    registry.close()
    assert digest_of(path) == everything
    goes_on(path, old, content)


@needs_fork
@pytest.mark.sized(ci=12, nightly=1_000, release=1_000)
def test_a_new_file_killed_at_any_statement_is_made_or_empty(
    image: Path, size: int, rng: random.Random, figures: dict[str, Any]
) -> None:
    """At each of the statements that make it, or at so many; and after the last."""
    path = image / "registry.db"
    seen: list[int] = []
    with traced(seen.append):
        registry = open_file(path)
    registry.close()
    whole = digest_of(path)
    assert len(seen) > len(schema.STEPS)
    figures.update({"statements": len(seen), "kills": 0, "still empty": 0, "made": 0})
    for statement in (*sorted(rng.sample(seen, min(size, len(seen)))), len(seen)):
        clear(path)
        assert killed_at(path, statement) == (statement < len(seen))
        figures["kills"] += statement < len(seen)
        is_made = is_whole(path, whole, f"killed at {statement}")
        figures["made" if is_made else "still empty"] += 1
        begins(path, whole)
    assert figures["made"]
    assert figures["still empty"]


@pytest.mark.sized(ci=100, nightly=3_000, release=30_000)
def test_a_new_file_that_loses_its_power_is_made_or_empty(
    image: Path, rounds: Iterator[int], size: int, rng: random.Random, figures: dict[str, Any]
) -> None:
    work, path = image / "work", image / "cut" / "registry.db"
    work.mkdir()
    path.parent.mkdir()
    disk = Recorder(work)
    with disk.in_use():
        open_file(work / "registry.db").close()
    whole = digest_of(work / "registry.db")
    figures.update({"power cuts": 0, "still empty": 0, "made": 0})
    for number, cut in zip(rounds, cuts(disk.taken(), size, rng), strict=False):
        cut.put_into(path.parent)
        figures["power cuts"] += 1
        figures["made" if is_whole(path, whole, str(cut)) else "still empty"] += 1
        if number % 20 == 0:
            begins(path, whole)
    assert figures["made"]
    assert figures["still empty"]


def is_whole(path: Path, whole: bytes, what: str) -> bool:
    """Whether all of a new file is there; or else nothing may be."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    found = schema_of(path)
    assert not found or digest_of(path) == whole, f"half of a new file: {what}"
    return bool(found)


def begins(path: Path, whole: bytes) -> None:
    """Open a file as the next start does: it is a registry then."""
    registry = open_file(path)
    assert digest_of(path) == whole
    registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
    assert verify(registry) == 1
    registry.close()
