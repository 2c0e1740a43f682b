"""SECURITY.md: every test and file it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("## The rules")[2].partition("\nArtifacts")[0]
RULES = [line for line in TABLE.splitlines() if line.startswith("|")][2:]


@pytest.mark.parametrize("rule", RULES, ids=[re.sub(r"\W+", "-", rule[:70]) for rule in RULES])
def test_every_rule_names_existing_files_and_tests(rule: str) -> None:
    _, _, _, _, where, shown_by, _ = re.split(r"(?<!\\)\|", rule)
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


def test_every_command_it_names_exists() -> None:
    recipes = re.findall(r"^(\w+)[^:\n]*:(?!=)", (ROOT / "Justfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"just (\w+)", PAGE)) <= set(recipes)
