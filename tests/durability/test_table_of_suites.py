"""tests/README.md lists every heavy suite with its sizes, and its commands and options exist."""

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


def test_the_table_lists_every_suite() -> None:
    assert set(ROWS) == set(SUITES)


@pytest.mark.parametrize("suite", sorted(ROWS))
def test_the_table_has_the_sizes_of_the_suite(suite: str) -> None:
    sizes = re.match(r"([\d,]+) / ([\d,]+) / ([\d,]+) ", ROWS[suite])
    if sizes is None:
        assert ROWS[suite] == "fixed"
        assert "mark.sized(" not in SUITES[suite]
        return
    ci, nightly, release = (number.replace(",", "_") for number in sizes.groups())
    assert f"mark.sized(ci={ci}, nightly={nightly}, release={release})" in SUITES[suite]


def test_commands_and_options_of_the_page_exist(request: pytest.FixtureRequest) -> None:
    options = {option for group in request.config._parser._groups for one in group.options for option in one.names()}
    assert set(re.findall(r"(--[a-z][a-z-]+)", PAGE)) <= options
    recipes = re.findall(r"^(\w+)[^:\n]*:(?!=)", (TESTS.parent / "Justfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"just ([a-z]+)", PAGE)) <= set(recipes)
