"""The house, beside the floors import-linter keeps: one reader of the service model, one copy of each module."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOORS = ["backends", "emulator", "client"]
POSIX = {"fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
"""Modules that Windows has not."""


def sources() -> Iterator[Path]:
    for floor in FLOORS:
        yield from sorted((ROOT / floor).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Return the absolute names of what a file imports, relative imports resolved within the project."""
    names: set[str] = set()
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{prefix}.{alias.name}" if prefix else alias.name for alias in node.names}
    return names


def test_the_service_model_is_read_in_one_file() -> None:
    readers = [path for path in sources() if any(name.startswith("botocore.model") for name in imported(path))]
    assert [str(path.relative_to(ROOT)) for path in readers] == ["backends/model.py"]


def test_no_module_uses_what_is_anothers_own() -> None:
    assert [use for path in sources() for use in privates_of_others(path)] == []


def privates_of_others(path: Path) -> Iterator[str]:
    """Yield where a file uses a name with an underscore of a module it imports."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.asname or alias.name for node in imports for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            used = [alias.name for alias in node.names]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names:
            used = [node.attr]
        else:
            continue
        for name in used:
            if name.startswith("_") and not name.endswith("__"):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {name}"


def test_every_module_opens_with_what_it_is() -> None:
    assert [path for path in sources() if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))] == []


def test_no_module_is_loaded_twice() -> None:
    """Running Python in the checkout would let `import backends` succeed as a second copy."""
    assert not {"backends", "client", "emulator"} & set(sys.modules)


def test_help_answers_without_loading_the_registry() -> None:
    script = (
        "import sys; from click.testing import CliRunner; from sagemaker_registry.client.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print(sorted({'boto3', 'botocore', 'flask', 'sqlite_utils', 'moto'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_tests_of_safety_are_collected_on_every_system() -> None:
    """One that needs what only some systems have is skipped there, with a reason: importing would stop the run."""
    tests = sorted((ROOT / "tests" / "safety").glob("*.py"))
    assert len(tests) > 15
    assert {
        path.name: found for path in tests if (found := {one.partition(".")[0] for one in imported(path)} & POSIX)
    } == {}
