"""Tests of this folder are collected on every system: one that needs what only some have says so when it is skipped."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

POSIX = {
    "crypt",
    "fcntl",
    "grp",
    "nis",
    "posix",
    "pty",
    "pwd",
    "readline",
    "resource",
    "spwd",
    "syslog",
    "termios",
    "tty",
}
HERE = sorted(Path(__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", HERE, ids=lambda path: path.stem)
def test_no_module_here_imports_what_windows_has_not(path: Path) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported & POSIX == set()
