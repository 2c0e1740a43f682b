"""The mutation run: which changes it makes, and that its list of equivalent mutants is current."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from mutation.__main__ import MODULES, equivalents
from mutation.mutants import mutants_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", [("< to <=", "a <= b")]),
        ("a not in b", [("not in to in", "a in b")]),
        ("a is  not b", [("is not to is", "a is b")]),
        ("é == a", [("== to !=", "é != a")]),
        ("a <= b < c", [("<= to <", "a < b < c"), ("< to <=", "a <= b <= c")]),
        ("a or b or c", [("or to and", "a and b or c"), ("or to and", "a or b and c")]),
        ("not a", [("not removed", "a")]),
        ("not (a < b)", [("not removed", "(a < b)"), ("< to <=", "not (a <= b)")]),
        ("x = [1]", [("1 to 2", "x = [2]")]),
        ("x = True", []),
        ("if a:\n    pass", [("inverted", "if (not (a)):\n    pass")]),
        ("b if f(a) else c", [("inverted", "b if (not (f(a))) else c")]),
        ("x: Literal[1] = y", []),
        ("(a  # < b\n    < b)", [("< to <=", "(a  # < b\n    <= b)")]),
    ],
)
def test_a_mutant_has_one_change(source: str, expected: list[tuple[str, str]]) -> None:
    assert [(one.change, one.apply(source)) for one in mutants_of(source)] == expected


def test_equal_changes_to_equal_lines_are_numbered_within_a_function() -> None:
    first, second, other = mutants_of("def f():\n    a < b\n    a < b\ndef g():\n    a < b\n")
    assert [first.key, second.key] == [("f", "a < b", "< to <=", 1), ("f", "a < b", "< to <=", 2)]
    assert other.key == ("g", "a < b", "< to <=", 1)


@pytest.mark.parametrize("module", MODULES)
def test_every_mutant_of_a_module_is_valid_python_and_has_its_own_key(module: str) -> None:
    source = (ROOT / module).read_text()
    mutants = mutants_of(source)
    assert len({one.key for one in mutants}) == len(mutants) > 0
    for one in mutants:
        assert one.apply(source) != source
        ast.parse(one.apply(source))
    assert all((ROOT / path).is_file() for path in MODULES[module] if path.startswith("tests/"))


def test_every_equivalent_mutant_exists_and_has_a_reason() -> None:
    existing = {(module, *one.key) for module in MODULES for one in mutants_of((ROOT / module).read_text())}
    assert equivalents().keys() <= existing
    assert all(len(reason) > 20 for reason in equivalents().values())
