"""The structure of the code: import order, sizes of modules and folders, and public names."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ["backends", "emulator", "client"]
POSIX = {"fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
"""Modules that do not exist on Windows."""

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
ORDER: Mapping[str, list[list[str]]] = {
    contract["containers"][0].removeprefix("sagemaker_registry."): [
        [part.strip() for part in layer.split("|")] for layer in contract["layers"]
    ]
    for contract in CONTRACTS
    if "containers" in contract
}
"""For each folder, its modules and folders from top to bottom, from the contracts of import-linter."""

MAX_MODULES = 14
MAX_LINES = 400

PUBLIC: Mapping[str, set[str]] = {
    "client": {"ModelRegistry", "connect"},
    "client.registry": {
        "Break",
        "Comparison",
        "Difference",
        "Explanation",
        "Group",
        "HistoryEntry",
        "ModelRegistry",
        "NoApprovedVersion",
        "Rejected",
        "Verified",
        "Version",
    },
    "client.archive": {"ImportRefused", "ImportResult", "InvalidArchive", "export", "export_sqlite", "load"},
    "client.backup": {"Backup", "backup"},
    "client.promotion": {
        "Done",
        "Forgotten",
        "Mappings",
        "Plan",
        "Refused",
        "Same",
        "Skipped",
        "Stale",
        "Step",
        "apply",
        "name_of",
        "pairs",
        "plan",
    },
    "client.seeding": {"BadSeed", "Seed", "SeedResult", "apply_seed", "read", "seeder"},
    "client.verification": {
        "CONFIG",
        "IMAGE",
        "PATIENCE_WITH_AWS",
        "Report",
        "StepReport",
        "Verdict",
        "compare",
        "is_aws",
        "reaches_aws",
    },
    "client.testing": {"Call", "Calls", "Control", "Fault", "connect"},
    "backends": {"BackendUnavailable", "RegistryError", "open_backend"},
    "backends.contract": {
        "BatchContract",
        "GroupContract",
        "ListContract",
        "PackageContract",
        "PolicyContract",
        "SearchContract",
        "TagContract",
        "UpdateContract",
        "answering",
    },
    "backends.base": {"Backend", "BackendOptions", "Caller"},
    "emulator": {"create_app"},
}
"""The names that users import."""


def sources() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Return the absolute names that a file imports."""
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


def test_one_module_reads_the_service_model() -> None:
    readers = [path for path in sources() if any(name.startswith("botocore.model") for name in imported(path))]
    assert [str(path.relative_to(ROOT)) for path in readers] == ["backends/service/model.py"]


def test_no_module_uses_private_names_of_another() -> None:
    assert [use for path in sources() for use in private_uses(path)] == []


def private_uses(path: Path) -> Iterator[str]:
    """Yield the places where a file uses a private name of an imported module."""
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


def test_every_module_has_a_docstring() -> None:
    assert [path for path in sources() if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))] == []


def test_no_module_is_loaded_twice() -> None:
    """Running Python in the checkout would let `import backends` succeed as a second copy."""
    assert not {"backends", "client", "emulator"} & set(sys.modules)


def test_help_does_not_load_the_registry() -> None:
    script = (
        "import sys; from click.testing import CliRunner; from sagemaker_registry.client.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print(sorted({'boto3', 'botocore', 'flask', 'sqlite_utils', 'moto'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_safety_tests_can_be_collected_on_windows() -> None:
    """A module-level import of a POSIX module would stop the run; tests that need one are skipped with a reason."""
    tests = sorted((ROOT / "tests" / "safety").glob("*.py"))
    assert len(tests) > 15
    assert {
        path.name: found for path in tests if (found := {name.partition(".")[0] for name in imported(path)} & POSIX)
    } == {}


def modules() -> dict[str, Path]:
    """Return the modules of the product by name, without `sagemaker_registry.`."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in sources()
    }


@cache
def imports() -> dict[str, set[str]]:
    """Return the modules of the product that each module imports, including imports inside functions."""
    known = modules()
    found: dict[str, set[str]] = {}
    for name, path in known.items():
        used = {full if full in known else full.rpartition(".")[0] for full in imported(path)}
        found[name] = {other for other in used if other in known and other != name}
    return found


def cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that import each other, directly or indirectly."""
    reached = {name: _reachable(graph, name) for name in graph}
    groups = {frozenset(other for other in found if name in reached[other]) for name, found in reached.items()}
    return sorted(sorted(group) for group in groups if group)


def _reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    left = [start]
    while left:
        for other in graph[left.pop()] - found:
            found.add(other)
            left.append(other)
    return found


def test_no_modules_import_each_other_in_a_cycle() -> None:
    assert cycles(imports()) == []


@pytest.mark.parametrize("folder", ORDER)
def test_no_import_points_upward_in_a_folder(folder: str) -> None:
    prefix = f"{folder}."
    level = {part: number for number, parts in enumerate(ORDER[folder]) for part in parts}
    upward = []
    for name, used in imports().items():
        for other in used if name.startswith(prefix) else ():
            if other.startswith(prefix):
                above, below = (one.removeprefix(prefix).split(".")[0] for one in (other, name))
                if above != below and level[above] <= level[below]:
                    upward.append(f"{name} -> {other}")
    assert upward == []


def test_every_folder_has_an_import_contract() -> None:
    parts: dict[str, set[str]] = {}
    for name, path in modules().items():
        folder = name if path.name == "__init__.py" else name.rpartition(".")[0]
        parts.setdefault(folder, set())
        if "." in name:
            parent, _, part = name.rpartition(".")
            parts.setdefault(parent, set()).add(part)
    expected = {folder: found for folder, found in parts.items() if len(found) > 1}
    assert {folder: {part for row in rows for part in row} for folder, rows in ORDER.items()} == expected


def test_backends_import_the_local_registry_through_its_public_module() -> None:
    assert [
        f"{name} -> {other}"
        for name, used in imports().items()
        for other in used
        if name.startswith("backends") and not name.startswith("backends.local") and other.startswith("backends.local.")
    ] == []


def test_the_client_imports_the_emulator_only_to_serve() -> None:
    users = {name for name, used in imports().items() if any(other.startswith("emulator") for other in used)}
    allowed = {"client.commands.serve", "client.testing.pytest_plugin"}
    assert {name for name in users if name.startswith("client")} == allowed


@pytest.mark.parametrize("module", PUBLIC)
def test_a_public_module_exports_exactly_its_names(module: str) -> None:
    exported = import_module(f"sagemaker_registry.{module}").__all__
    assert exported == sorted(PUBLIC[module])


def test_no_folder_has_too_many_modules() -> None:
    counts: dict[Path, int] = {}
    for path in sources():
        if path.name != "__init__.py":
            counts[path.parent] = counts.get(path.parent, 0) + 1
    assert {str(folder.relative_to(ROOT)): count for folder, count in counts.items() if count > MAX_MODULES} == {}


def test_no_module_is_too_long() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def test_every_folder_is_installed() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    folders = {name for name, path in modules().items() if path.name == "__init__.py"}
    assert {package.removeprefix("sagemaker_registry.") for package in packages} == folders | {"examples"}
