"""Where the clients of others are: installed by `.ci/clients` into build/clients, or by the machine's owner.

`bash .ci/clients` installs the light ones, which CI does; `bash .ci/clients --all` the SageMaker SDKs too. Tests marked
`nightly` run only when they are chosen: `python -m pytest -m nightly tests/clients_of_others`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "clients"
INSTALLED = ROOT / "build" / "clients"
Run = Callable[..., str]


def program(name: str, install: str = "bash .ci/clients") -> str:
    """Return the path of a client's program; without it the test is skipped, and fails in CI.

    Args:
        name: a program's name, looked for on PATH too, or a path below build/clients.
        install: what brings it.
    """
    ours = INSTALLED / ("python/bin" if "/" not in name else "") / name
    found = str(ours) if ours.exists() else shutil.which(name)
    if found is None:
        missing = f"no {name} here: {install}"
        if "CI" in os.environ:
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def aws_cli() -> str:
    """Return the path of an AWS CLI that knows AWS_ENDPOINT_URL: an older one would ask AWS itself."""
    found = program("aws")
    said = subprocess.run([found, "--version"], check=True, capture_output=True, text=True, timeout=60)
    major, minor = (int(part) for part in re.findall(r"\d+", said.stdout + said.stderr)[:2])
    if (major, minor) < ((2, 13) if major == 2 else (1, 29)):
        pytest.skip(f"{found} {major}.{minor} does not know AWS_ENDPOINT_URL: bash .ci/clients")
    return found
