"""tests/README.md says what is so: every heavy suite is in its table, with its sizes, and what can be typed exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS / "README.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| \[[^]]+\]\(([^)]+)\) \| [^|]+ \| ([^|]+) \|", PAGE, re.MULTILINE))
SUITES = {
    path.relative_to(TESTS).as_posix(): path.read_text(encoding="utf-8")
    for folder in ("durability", "safety")
    for path in (TESTS / folder).glob("test_*.py")
    if path != Path(__file__)
}


def test_every_suite_is_in_the_table_and_no_other() -> None:
    assert set(ROWS) == set(SUITES)


@pytest.mark.parametrize("suite", sorted(ROWS))
def test_the_sizes_are_those_of_the_suite(suite: str) -> None:
    said = re.match(r"([\d,]+) / ([\d,]+) / ([\d,]+) ", ROWS[suite])
    if said is None:
        assert ROWS[suite] == "always all"
        assert "mark.sized(" not in SUITES[suite]
        return
    ci, nightly, release = (number.replace(",", "_") for number in said.groups())
    assert f"mark.sized(ci={ci}, nightly={nightly}, release={release})" in SUITES[suite]


def test_what_can_be_typed_exists(request: pytest.FixtureRequest) -> None:
    options = {option for group in request.config._parser._groups for one in group.options for option in one.names()}
    assert set(re.findall(r"(--[a-z][a-z-]+)", PAGE)) <= options
    recipes = re.findall(r"^(\w+)[^:\n]*:(?!=)", (TESTS.parent / "Justfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"just ([a-z]+)", PAGE)) <= set(recipes)
