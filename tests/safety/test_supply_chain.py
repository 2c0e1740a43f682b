"""Dependencies are locked with hashes and new enough, and vendored files match their table.

`just audit` looks up known vulnerabilities on PyPI; the tests here need no network.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
TOML: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = TOML["project"]
LOCKS = ("requirements.lock", "build.lock")
"""The runtime dependencies, and the build dependencies."""
SHIPPED = ("server", "postgres", "moto", "test-tools")
"""The extras of the container image, which is installed from the lock file."""

FIXED = {
    # the first release without the named flaws
    "certifi": ("2024.7.4", "CVE-2024-39689"),
    "cryptography": ("44.0.1", "CVE-2024-12797"),
    "flask": ("3.1.1", "CVE-2025-47278"),
    "flask-cors": ("6.0.0", "CVE-2024-6839, CVE-2024-6844, CVE-2024-6866"),
    "idna": ("3.7", "CVE-2024-3651"),
    "jinja2": ("3.1.6", "CVE-2025-27516"),
    "orjson": ("3.9.15", "CVE-2024-27454"),
    "requests": ("2.32.4", "CVE-2024-47081"),
    "urllib3": ("2.6.0", "CVE-2025-66418, CVE-2025-66471"),
    "waitress": ("3.0.1", "CVE-2024-49768, CVE-2024-49769"),
    "werkzeug": ("3.0.6", "CVE-2024-34069, CVE-2024-49767"),
}


def locked(lock: str = "requirements.lock") -> dict[str, tuple[Version, list[str]]]:
    """Return the locked packages: by name, the version and the hashes of its files."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if match := re.match(r"([a-z0-9-]+)==([^\s;]+)", line):
            found[match[1]] = (Version(match[2]), re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
    return found


def direct() -> list[Requirement]:
    """Return the direct dependencies of the image."""
    listed = [*PROJECT["dependencies"], *(one for extra in SHIPPED for one in PROJECT["optional-dependencies"][extra])]
    return [one for one in map(Requirement, listed) if one.name != PROJECT["name"]]


def test_the_lock_file_has_every_direct_dependency_in_an_allowed_version() -> None:
    found = locked()
    for one in direct():
        version, _ = found[canonicalize_name(one.name)]
        assert version in one.specifier, f"{one}: `just lock`"


def test_the_lock_file_has_every_transitive_dependency() -> None:
    """Checked for installed packages; the resolver has checked the versions."""
    found = locked()
    extras = {canonicalize_name(one.name): one.extras for one in direct()}
    for name in found:
        try:
            asked = [Requirement(text) for text in requires(name) or []]
        except PackageNotFoundError:
            continue
        for one in asked:
            wanted = one.marker is None or any(
                one.marker.evaluate({"extra": extra}) for extra in {"", *extras.get(name, ())}
            )
            assert not wanted or canonicalize_name(one.name) in found, f"{name} needs {one}: `just lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_file_has_a_hash(lock: str) -> None:
    found = locked(lock)
    assert found
    assert {name for name, (_, hashes) in found.items() if not hashes} == set()


def test_build_dependencies_are_locked_in_allowed_versions() -> None:
    """Build dependencies run when the image is built, so they are as critical as its contents."""
    asked, found = [Requirement(text) for text in TOML["build-system"]["requires"]], locked("build.lock")
    assert {canonicalize_name(one.name) for one in asked} <= found.keys()
    for one in asked:
        assert found[canonicalize_name(one.name)][0] in one.specifier, f"{one}: `just lock`"
    installed = locked()
    assert {name for name in found.keys() & installed.keys() if found[name] != installed[name]} == set()


@pytest.mark.parametrize("name", FIXED)
def test_locked_versions_have_no_known_flaws(name: str) -> None:
    first, flaws = FIXED[name]
    assert locked()[name][0] >= Version(first), flaws


def test_allowed_versions_of_dependencies_have_no_known_flaws() -> None:
    for one in direct():
        first, flaws = FIXED.get(canonicalize_name(one.name), ("0", ""))
        lowest = [Version(each.version) for each in one.specifier if each.operator == ">="]
        assert Version(first) == Version("0") or lowest[0] >= Version(first), f"{one}: {flaws}"


def pip_commands(text: str) -> list[str]:
    """Return the commands that install or build with pip, as whole lines."""
    return re.findall(r"pip (?:install|wheel) .*?(?= &&|$)", text.replace("\\\n", " "), re.MULTILINE)


@pytest.mark.parametrize("page", ["Dockerfile", "SECURITY.md"])
def test_every_installed_file_is_checked_by_hash(page: str) -> None:
    """Downloads have a hash and are not built, as a build downloads more; other commands download nothing."""
    commands = pip_commands((ROOT / page).read_text(encoding="utf-8"))
    for command in commands:
        if "-r " in command:
            assert {"--require-hashes", "--only-binary :all:"} <= {*re.findall(r"--[\w-]+(?: :all:)?", command)}, (
                command
            )
        else:
            assert "--no-deps" in command, command
            assert "--no-build-isolation" in command or "--no-index" in command, command
    assert {lock for command in commands for lock in re.findall(r"-r (\S+)", command)} == set(LOCKS)
    assert len(commands) > len([command for command in commands if "-r " in command])


def test_the_image_uses_only_files_of_the_docker_context() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    names = {name for names in copied for name in names.split()}
    given = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(LOCKS) <= names
    assert names == set(given)


@pytest.mark.parametrize("recipe", ["lock", "audit", "sbom"])
def test_build_dependencies_are_locked_audited_and_listed(recipe: str) -> None:
    found = re.search(rf"^{recipe}:\n((?:    .*\n)+)", (ROOT / "Justfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    assert [lock for lock in LOCKS if lock not in found[1]] == []


@pytest.mark.parametrize("table", ["emulator/console/VENDORED.md", "docs/_static/VENDORED.md", "tests/data/README.md"])
def test_vendored_files_match_their_table(table: str) -> None:
    folder = (ROOT / table).parent
    text = (ROOT / table).read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `([^`]+)` \| .+ ([0-9]+\.[0-9]+\.[0-9]+) \| ([^|]+) \| `([0-9a-f]{64})` \|$", text, re.MULTILINE
    )
    listed = {folder / name: digest for name, _, _, digest in rows}
    assert listed, "no row of the table was found"
    assert {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in listed} == listed
    assert set(folder.rglob("*.min.*")) <= listed.keys()


def test_a_server_loads_no_debugger_and_no_unsafe_deserializer() -> None:
    """The modules imported by a registry with its console, as opened by `serve`."""
    program = """
import json, sys
from werkzeug.test import Client
from sagemaker_registry.backends import open_backend
from sagemaker_registry.emulator import serve
from sagemaker_registry.emulator.app import create_app
from sagemaker_registry.emulator.console import Console
with open_backend("sqlite://") as backend:
    client = Client(create_app(backend, reviewed_at=Console(users=("alice",))))
    assert client.get("/_registry/info").status_code == 200
    assert client.get("/console/").status_code == 403
print(json.dumps(sorted(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    loaded = set(json.loads(done.stdout))
    assert "sagemaker_registry.emulator.app" in loaded
    assert not {"werkzeug.debug", "werkzeug.debug.tbtools", "pdb", "yaml", "dill", "cloudpickle"} & loaded


FORBIDDEN = {
    r"\bimport pickle|\bfrom pickle|pickle\.loads?\(|\bimport marshal|\bimport shelve": "reads code",
    r"(?<![.\w])(eval|exec)\(": "runs text",
    r"shell=True|os\.system|os\.popen": "starts a shell",
    r"yaml\.(unsafe_load|full_load|load\((?!.*Safe)|Loader|UnsafeLoader|FullLoader)": "builds what a file says",
    r"verify=False|_create_unverified_context|CERT_NONE": "trusts anybody",
    r"debug=True|run_simple|DebuggedApplication": "lets a browser run code",
    r"tarfile\.\w*|extractall|zipfile\.": "unpacks what a stranger has packed",
}


@pytest.mark.parametrize("pattern", FORBIDDEN, ids=list(FORBIDDEN.values()))
def test_shipped_code_has_no_constructs_that_execute_foreign_code(pattern: str) -> None:
    files = [path for folder in ("backends", "client", "emulator") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    assert [path.name for path in files if re.search(pattern, path.read_text(encoding="utf-8"))] == []
