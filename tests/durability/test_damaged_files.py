"""Damaged files are rejected, answered with errors, or detected by the history; no rows are invented.

Larger files are checked less thoroughly when they are opened; then `doctor` detects the damage.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from durability.workload import CALLER, GROUP, digest, made, open_file, verify
from sagemaker_registry.backends import BackendUnavailable
from sagemaker_registry.backends.errors import InternalFailure, RegistryError, ServiceUnavailable, ValidationException
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.sqlite import store as store
from sagemaker_registry.backends.store.sqlite.driver import sqlite3
from sagemaker_registry.client.doctor import examine

PAGE = 4096
CHECKS_BY_SIZE = {
    "as a small file": store.CHECKS,
    "as a larger one": {"quick_check": store.CHECKS["quick_check"]},
    "as one too large to be looked over": {},
}
"""How a file is checked when it is opened: see CHECKS."""
FOUND_BY_DOCTOR = "detected by doctor"
Answers = dict[str, Any]


def answers(registry: LocalRegistry) -> Answers:
    """Read everything; a failure must be an error of the registry."""
    found: Answers = {"groups": call_or_error(registry, "ListModelPackageGroups", {})}
    listed = call_or_error(registry, "ListModelPackages", {"ModelPackageGroupName": GROUP, "MaxResults": 100})
    found["versions"] = listed
    for name, value in (("ModelPackageGroupName", GROUP), ("ModelApprovalStatus", "Approved")):
        wanted = {"Filters": [{"Name": name, "Operator": "Equals", "Value": value}]}
        sought = {"Resource": "ModelPackage", "SearchExpression": wanted, "MaxResults": 100}
        found[f"search by {name}"] = call_or_error(registry, "Search", sought)
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/" + GROUP
    found["tags"] = call_or_error(registry, "ListTags", {"ResourceArn": arn})
    found["policy"] = call_or_error(registry, "GetModelPackageGroupPolicy", {"ModelPackageGroupName": GROUP})
    found["approved"] = result_or_error(lambda: registry.extension("versions", {"approval": "Approved"}, CALLER))
    found["history"] = result_or_error(lambda: registry.extension("history", {"max_results": 100}, CALLER))
    for number in range(1, 20):
        name = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/{number}"
        found[name] = call_or_error(registry, "DescribeModelPackage", {"ModelPackageName": name})
    return found


def call_or_error(registry: LocalRegistry, operation: str, params: dict[str, Any]) -> Any:
    return result_or_error(lambda: registry.call(operation, params, CALLER))


def result_or_error(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except (InternalFailure, ServiceUnavailable, ValidationException) as refused:
        return refused


def is_found_by_history(registry: LocalRegistry) -> bool:
    """Return whether verifying the history reports an error."""
    try:
        verify(registry)
    except (AssertionError, RegistryError):
        return True
    return False


def is_found_by_doctor(path: Path) -> bool:
    return any(check.verdict == "failed" for check in examine(f"sqlite:///{path}"))


def flip(content: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 3, 50))):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def flip_a_cell(content: bytearray, rng: random.Random) -> None:
    """The content of a page is at its end."""
    page = rng.randrange(max(1, len(content) // PAGE)) * PAGE
    for _ in range(rng.choice((1, 1, 3))):
        content[min(len(content), page + PAGE) - rng.randrange(1, 512)] ^= 1 << rng.randrange(8)


def blank(content: bytearray, rng: random.Random) -> None:
    page = rng.randrange(max(1, len(content) // PAGE)) * PAGE
    content[page : page + PAGE] = bytes(len(content[page : page + PAGE]))


def scramble(content: bytearray, rng: random.Random) -> None:
    page = rng.randrange(max(1, len(content) // PAGE)) * PAGE
    content[page : page + PAGE] = rng.randbytes(len(content[page : page + PAGE]))


def exchange(content: bytearray, rng: random.Random) -> None:
    one, two = (rng.randrange(max(1, len(content) // PAGE)) * PAGE for _ in range(2))
    content[one : one + PAGE], content[two : two + PAGE] = content[two : two + PAGE], content[one : one + PAGE]


def cut(content: bytearray, rng: random.Random) -> None:
    del content[rng.randrange(len(content)) :]


def head(content: bytearray, rng: random.Random) -> None:
    content[rng.randrange(min(100, len(content)))] ^= 1 << rng.randrange(8)


def grow(content: bytearray, rng: random.Random) -> None:
    content += rng.randbytes(rng.randrange(1, 3 * PAGE))


MUTATIONS = (flip, flip_a_cell, flip_a_cell, flip_a_cell, blank, scramble, exchange, cut, head, grow)


@pytest.mark.sized(ci=60, nightly=2_000, release=50_000)
def test_a_damaged_file_is_rejected_answered_with_errors_or_detected(
    tmp_path: Path,
    rounds: Iterator[int],
    rng: random.Random,
    figures: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For any damage to the file, its log or its index, responses are correct, or errors, or contradicted by the
    history.
    """
    states: dict[bool, list[bytes]] = {}
    for log in (False, True):
        (tmp_path / str(log)).mkdir()
        states[log] = made(tmp_path / str(log) / "registry.db", log=log)
    known = {}
    for log in (False, True):
        (tmp_path / "known").mkdir()
        for file in (tmp_path / str(log)).iterdir():
            shutil.copyfile(file, tmp_path / "known" / file.name)
        registry = open_file(tmp_path / "known" / "registry.db")
        known[log] = answers(registry)
        registry.close()
        shutil.rmtree(tmp_path / "known")
    outcomes = (
        "refused",
        "all right",
        "an earlier state",
        "answered with errors",
        "found out by history",
        FOUND_BY_DOCTOR,
    )
    figures.update(dict.fromkeys(outcomes, 0))
    for number in rounds:
        folder, log = tmp_path / "damaged", rng.random() < 0.5
        shutil.copytree(tmp_path / str(log), folder)
        target = folder / rng.choice(["registry.db", "registry.db-wal", "registry.db-shm"] if log else ["registry.db"])
        content = bytearray(target.read_bytes())
        mutation = rng.choice(MUTATIONS)
        mutation(content, rng)
        target.write_bytes(content)
        look = rng.choice([*CHECKS_BY_SIZE])
        monkeypatch.setattr(store, "CHECKS", CHECKS_BY_SIZE[look])
        outcome = outcome_of(folder / "registry.db", known[log], states[log] if target.suffix == ".db-wal" else [])
        assert outcome in figures, f"round {number}: {mutation.__name__} of {target.name}, opened {look}: {outcome}"
        assert outcome != FOUND_BY_DOCTOR or look != "as a small file", (
            f"round {number}: {mutation.__name__} of {target.name}"
        )
        figures[outcome] += 1
        shutil.rmtree(folder)


def is_in(registry: LocalRegistry, states: Collection[bytes]) -> bool:
    try:
        with registry._rows.reading() as reading:
            rows: Any = reading
            return digest(rows.run.__self__) in states
    except RegistryError:
        return False


def outcome_of(path: Path, known: Answers, earlier: Collection[bytes]) -> str:
    """Return the outcome for a damaged file; SQLite cannot distinguish a damaged log from a shorter one."""
    try:
        registry = open_file(path)
    except BackendUnavailable as refused:
        return "refused" if "registry.db" in str(refused) and "\n" not in str(refused) else f"said {refused}"
    try:
        found = answers(registry)
        differing = [name for name in known if repr(found[name]) != repr(known[name])]
        wrong = [name for name in differing if not isinstance(found[name], InternalFailure | ServiceUnavailable)]
        if not differing:
            return "all right"
        if not wrong:
            return "answered with errors"
        if is_in(registry, earlier):
            return "an earlier state"
        if is_found_by_history(registry):
            return "found out by history"
        return FOUND_BY_DOCTOR if is_found_by_doctor(path) else f"silently wrong: {wrong}"
    finally:
        registry.close()


@pytest.mark.parametrize("content", ["{}", '{"before":null,"after":null,"reason":null}', "[]", "7", "no JSON"])
def test_a_history_entry_with_invalid_content_is_an_error(content: str, tmp_path: Path) -> None:
    """The content is still text or JSON, but not as it was written."""
    path = tmp_path / "registry.db"
    made(path, 3)
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute("UPDATE history SET content = ? WHERE seq = 2", [content]).rowcount == 1
    with closing(open_file(path)) as registry:
        assert isinstance(result_or_error(lambda: registry.extension("history", {}, CALLER)), InternalFailure)
        assert is_found_by_history(registry)
