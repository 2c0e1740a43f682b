"""Results of the contract for each kind of registry, shown as a table in docs/explanation/fidelity.md.

`python -m pytest --write-parity` writes the table, docs/reference/api.md, and the list of tests that moto passes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "fidelity.md"
PASSED_BY_MOTO = Path(__file__).parents[1] / "data" / "moto-agrees.txt"
BEGIN, END = "<!-- contract: begin -->\n", "<!-- contract: end -->\n"
MOTO = "moto"
HEADINGS = {
    # kind of URL, as the parameter of the contract tests: heading
    "memory": "`sqlite://`",
    "file": "`sqlite:///FILE`",
    "postgres": "`postgresql://`",
    "http": "`http://`",
    "gateway": "`http://` through `serve`",
    "aws": "`aws://`, an emulator in its place",
    MOTO: f"`moto://` ({version('moto')})",
}

counted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
"""The outcomes of the tests, by area and kind of URL."""

passed_by_moto: set[str] = set()
"""The contract tests that moto passes."""


def kind_of(item: pytest.Item) -> str | None:
    """Return the kind of URL of a contract test, or None for other tests."""
    found: Any = getattr(item, "callspec", None)
    return found.params.get("sagemaker") if found is not None and "test_contract.py" in item.nodeid else None


def mark_known_deviations(items: list[pytest.Item]) -> None:
    """Mark known deviations of moto as expected failures, and all deviations for another version of moto."""
    heading, *passed = PASSED_BY_MOTO.read_text(encoding="utf-8").splitlines()
    for item in items:
        if kind_of(item) == MOTO and (heading != version("moto") or _test(item) not in passed):
            item.add_marker(pytest.mark.xfail(reason="moto deviates from the contract", strict=False))


def record(item: pytest.Item, report: pytest.TestReport) -> None:
    """Count the outcome of a contract test."""
    kind = kind_of(item)
    if kind is None or not (report.when == "call" or (report.when == "setup" and report.skipped)):
        return
    deviates = hasattr(report, "wasxfail") and not report.passed
    counted[_area(item), kind]["failed" if deviates else report.outcome] += 1
    if kind == MOTO and report.passed:
        passed_by_moto.add(_test(item))


def results(config: object) -> Any:
    """Return the counts of this process for the main process."""
    return [(area, kind, dict(count)) for (area, kind), count in counted.items()], sorted(passed_by_moto)


def merge(found: Any, config: object) -> None:
    """Add the counts of another process."""
    counts, passed = found
    for area, kind, count in counts:
        counted[area, kind].update(count)
    passed_by_moto.update(passed)


def table() -> str:
    """Return the table of this run, independent of the order of the tests."""
    areas = sorted({area for area, _ in counted})
    lines = [
        f"| | {' | '.join(HEADINGS.values())} |",
        f"|---|{'---|' * len(HEADINGS)}",
        *(f"| {area} | {' | '.join(_cell(counted[area, kind]) for kind in HEADINGS)} |" for area in areas),
    ]
    return "\n".join(lines) + "\n"


def is_shown() -> bool:
    """Return whether the page has this table, or shows another version of moto."""
    shown = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    return HEADINGS[MOTO] not in shown or shown == table()


def write() -> None:
    """Write the table into the page, and the list of tests that moto passes into its file."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")
    PASSED_BY_MOTO.write_text("\n".join([version("moto"), *sorted(passed_by_moto)]) + "\n", encoding="utf-8")


def _area(item: pytest.Item) -> str:
    return item.nodeid.split("::")[1].removeprefix("Test")


def _test(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[2]


def _cell(count: Counter[str]) -> str:
    """Return the number of passed tests among those with supported operations."""
    attempted = count.total() - count["skipped"]
    return f"{count['passed']} of {attempted}" if attempted else "not answered"
