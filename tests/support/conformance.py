"""How each kind of registry does in the contract: counted as it runs, shown as a table in the page Fidelity.

`python -m pytest --write-parity` writes it, together with docs/reference/api.md and what moto agrees with.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "fidelity.md"
MOTO_AGREES = Path(__file__).parents[1] / "data" / "moto-agrees.txt"
BEGIN, END = "<!-- contract: begin -->\n", "<!-- contract: end -->\n"
MOTO = "moto"
HEADINGS = {
    # kind of URL, as the parameter of the contract's tests has it: heading
    "memory": "`sqlite://`",
    "file": "`sqlite:///FILE`",
    "postgres": "`postgresql://`",
    "http": "`http://`",
    "gateway": "`http://` through `serve`",
    "aws": "`aws://`, an emulator in its place",
    MOTO: f"`moto://` ({version('moto')})",
}

counted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
"""Of each area and kind of URL: how many tests passed, failed or were skipped."""

agreed: set[str] = set()
"""The contract's tests that moto passes."""


def kind_of(item: pytest.Item) -> str | None:
    """Return the kind of URL a test of the contract runs on; None for any other test."""
    found: Any = getattr(item, "callspec", None)
    return found.params.get("sagemaker") if found is not None and "test_contract.py" in item.nodeid else None


def expect(items: list[pytest.Item]) -> None:
    """Let moto deviate where it is known to, or is another moto than the one that was looked at."""
    heading, *agrees = MOTO_AGREES.read_text(encoding="utf-8").splitlines()
    for item in items:
        if kind_of(item) == MOTO and (heading != version("moto") or _test(item) not in agrees):
            item.add_marker(pytest.mark.xfail(reason="moto deviates from the contract", strict=False))


def note(item: pytest.Item, report: pytest.TestReport) -> None:
    """Count one test of the contract."""
    kind = kind_of(item)
    if kind is None or not (report.when == "call" or (report.when == "setup" and report.skipped)):
        return
    deviates = hasattr(report, "wasxfail") and not report.passed
    counted[_area(item), kind]["failed" if deviates else report.outcome] += 1
    if kind == MOTO and report.passed:
        agreed.add(_test(item))


def seen(config: object) -> Any:
    """Return what was counted in this process, for another."""
    return [(area, kind, dict(count)) for (area, kind), count in counted.items()], sorted(agreed)


def take(found: Any, config: object) -> None:
    """Take over what another process has counted."""
    counts, agrees = found
    for area, kind, count in counts:
        counted[area, kind].update(count)
    agreed.update(agrees)


def table() -> str:
    """Return the table, as the run has shown it, whatever order its tests came in."""
    areas = sorted({area for area, _ in counted})
    lines = [
        f"| | {' | '.join(HEADINGS.values())} |",
        f"|---|{'---|' * len(HEADINGS)}",
        *(f"| {area} | {' | '.join(_cell(counted[area, kind]) for kind in HEADINGS)} |" for area in areas),
    ]
    return "\n".join(lines) + "\n"


def is_shown() -> bool:
    """Whether the page has this table; where another moto runs than the one shown, there is nothing to compare."""
    shown = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    return HEADINGS[MOTO] not in shown or shown == table()


def write() -> None:
    """Put the table into the page, and what moto agrees with into its file."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")
    MOTO_AGREES.write_text("\n".join([version("moto"), *sorted(agreed)]) + "\n", encoding="utf-8")


def _area(item: pytest.Item) -> str:
    return item.nodeid.split("::")[1].removeprefix("Test")


def _test(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[2]


def _cell(count: Counter[str]) -> str:
    """Say how many of the tests hold, of those whose operations are answered at all."""
    asked = count.total() - count["skipped"]
    return f"{count['passed']} of {asked}" if asked else "not answered"
