"""Third-party backends: the example in examples/logged_backend, installed according to its pyproject.toml."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "logged_backend"


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """Return an environment with the example installed: its module, and entry points as pip writes them."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    dist_info = tmp_path / "site" / "logged_backend-1.0.dist-info"
    dist_info.mkdir(parents=True)
    (dist_info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [
        line
        for group, entries in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {target}" for name, target in entries.items()))
    ]
    (dist_info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return {**os.environ, "PYTHONPATH": f"{dist_info.parent}{os.pathsep}{EXAMPLE}", "PYTHONDONTWRITEBYTECODE": "1"}


def test_the_example_backend_passes_the_contract(installed: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null"]
    done = subprocess.run(
        [*command, "--import-mode=importlib", f"--rootdir={EXAMPLE}", str(EXAMPLE)],
        env=installed,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_the_url_scheme_of_the_example_works_and_is_listed(installed: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", "groups", "--url"]
    listed = subprocess.run(
        [*command, "logged:sqlite:///registry.db"],
        env=installed,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (listed.returncode, listed.stdout) == (0, ""), listed.stderr
    assert (tmp_path / "registry.db").exists()
    refused = subprocess.run(
        [*command, "nothing://"], env=installed, capture_output=True, text=True, timeout=60, check=False
    )
    assert "logged://" in refused.stderr
