"""How faithful the registry is, per operation and member: decided in docs/decisions.toml, shown by tests.

`docs/reference/api.md` is generated: `python -m pytest --write-parity`.
"""

from __future__ import annotations

import os
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sagemaker_registry.backends.service import model
from sagemaker_registry.backends.service.operations import OPERATIONS

ROOT = Path(__file__).parents[2]
DECISIONS = ROOT / "docs" / "decisions.toml"
PAGE = ROOT / "docs" / "reference" / "api.md"
KINDS = {
    "documented": "AWS's documentation or the service model says so",
    "captured": "seen in a published answer of the service, or in AWS's own code that relies on it",
    "choice": "our choice: nobody has seen what AWS does",
    "missing": "not answered, or not as AWS would",
}
MAX_TESTS = 2
WITNESSES = {"test_contract.py", "test_neighbourhood.py"}
"""Where tests send and see the same in every run; others load a server until it is stopped, as fast as it is."""

OURS = {"SearchRecord": {"ModelPackage", "ModelPackageGroup"}}
"""Of shapes that are shared with the rest of SageMaker, the members that are the registry's."""

Member = tuple[str, str, str]
"""Operation, `request` or `answer`, member."""

evidence: dict[Member, set[str]] = defaultdict(set)
"""The tests that sent a member, or saw it in an answer, since the session began."""


def note(operation: str, side: str, members: Iterator[str] | Any) -> None:
    """Remember that the running test sent or saw these members, if it does the same in every run."""
    file, _, rest = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")
    if Path(file).name in WITNESSES:
        test = rest.partition(" ")[0].partition("[")[0].rpartition("::")[2]
        for member in members:
            evidence[operation, side, member].add(test)


def seen(config: object) -> list[tuple[Member, list[str]]]:
    """Return the evidence of this process, for another."""
    return [(member, sorted(tests)) for member, tests in evidence.items()]


def take(found: list[tuple[list[str], list[str]]], config: object) -> None:
    """Take over the evidence of another process."""
    for (operation, side, name), tests in found:
        evidence[operation, side, name].update(tests)


def members() -> Iterator[Member]:
    """Yield every top-level member of the operations the registry answers, in the model's order."""
    for operation in OPERATIONS:
        for side, shape in (("request", model.input_shape(operation)), ("answer", model.output_shape(operation))):
            for name in model.members(shape):
                yield operation, side, name


def nested() -> set[str]:
    """Return every member of every shape the operations can reach, as `Shape.Member`."""
    found: set[str] = set()
    seen: set[str] = set()

    def walk(shape: Any) -> None:
        if shape is None or shape.name in seen:
            return
        seen.add(shape.name)
        for name, member in model.members(shape).items():
            if name in OURS.get(shape.name, {name}):
                found.add(f"{shape.name}.{name}")
                walk(member)
        for inner in ("member", "key", "value"):
            walk(getattr(shape, inner, None))

    for operation in OPERATIONS:
        walk(model.input_shape(operation))
        walk(model.output_shape(operation))
    return found


def decisions() -> dict[str, Any]:
    """Return what docs/decisions.toml says."""
    with DECISIONS.open("rb") as file:
        return tomllib.load(file)


def decided(said: dict[str, Any], member: Member) -> tuple[str, str]:
    """Return how a member is known, and the note beside it."""
    operation, side, name = member
    kind, _, remark = said[operation][side][name].partition(": ")
    return kind, remark


def page() -> str:
    """Return docs/reference/api.md, with the evidence of this session."""
    said = decisions()
    total: Counter[str] = Counter(decided(said, member)[0] for member in members())
    lines = [
        "---",
        "description: Every operation and member that the registry answers, and how its behavior is known.",
        "---",
        "",
        "# API",
        "",
        "Per operation and member of its request and its answer: how the behavior is known, and which tests send or",
        "see it. `python -m pytest --write-parity` writes it from the service model, from",
        "[decisions.toml](../decisions.toml) and from the run of the tests; a member that a new botocore adds fails",
        "the tests until it is decided on. Nothing here has been checked against an AWS account by this project.",
        "",
        "| how it is known | members | meaning |",
        "|---|---|---|",
        *(f"| {kind} | {total[kind]} | {meaning} |" for kind, meaning in KINDS.items()),
        f"| all | {total.total()} | of {len(OPERATIONS)} operations |",
        "",
        f"Members of nested shapes ({len(said['nested']['members'])}) are stored and answered as sent, within the",
        "model's constraints, unless a note below says otherwise.",
    ]
    for operation in OPERATIONS:
        lines += ["", f"## {operation}", "", "| | member | known | note | shown by |", "|---|---|---|---|---|"]
        for member in members():
            if member[0] == operation:
                kind, remark = decided(said, member)
                lines.append(f"| {member[1]} | {member[2]} | {kind} | {remark} | {_shown(member)} |")
    return "\n".join(lines) + "\n"


def _shown(member: Member) -> str:
    """Name the tests that show a member, those that touch the fewest members first: they are about it."""
    touched = Counter(test for tests in evidence.values() for test in tests)
    tests = sorted(evidence[member], key=lambda test: (touched[test], test))
    more = f" and {len(tests) - MAX_TESTS} more" if len(tests) > MAX_TESTS else ""
    return ", ".join(f"`{test}`" for test in tests[:MAX_TESTS]) + more


def untested() -> list[str]:
    """Return the members said to be answered that no test of this session sent or saw."""
    said = decisions()
    return [".".join(member) for member in members() if decided(said, member)[0] != "missing" and not evidence[member]]
