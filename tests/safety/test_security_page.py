"""SECURITY.md: every test and file it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
TABLE, ATTACKS = (
    [line for line in PAGE.partition(heading)[2].split("\n\n", 3)[2].splitlines() if line.startswith("|")][2:]
    for heading in ("## The rules", "## Attacks that are tested")
)
RULES = [*TABLE, *ATTACKS]


@pytest.mark.parametrize("rule", RULES, ids=[re.sub(r"\W+", "-", rule[:70]) for rule in RULES])
def test_every_rule_names_existing_files_and_tests(rule: str) -> None:
    *_, where, shown_by, _ = re.split(r"(?<!\\)\|", rule)
    places = re.findall(r"`([^`]+)`", where)
    assert all((ROOT / place).exists() for place in places)
    assert places or where.strip() == "everywhere"
    tests = re.findall(r"`(test_\w+)`", shown_by)
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert tests
    assert set(tests) - defined == set()


def test_both_tables_have_rows() -> None:
    assert len(TABLE) > 15
    assert len(ATTACKS) > 10


def test_every_command_it_names_exists() -> None:
    recipes = re.findall(r"^(\w+)[^:\n]*:(?!=)", (ROOT / "Justfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"just (\w+)", PAGE)) <= set(recipes)
