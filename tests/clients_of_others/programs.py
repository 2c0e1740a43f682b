"""Paths of third-party clients, installed by `.ci/clients` into build/clients or by the user.

`bash .ci/clients` installs the small clients, as CI does; `bash .ci/clients --all` also installs the SageMaker SDKs.
Tests marked `nightly` run only on request: `python -m pytest -m nightly tests/clients_of_others`.
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
    """Return the path of a client program; skip the test if it is missing, or fail in CI.

    Args:\n    name: the name of a program on PATH, or a path below build/clients.\n    install: how to install it.
    """
    own = INSTALLED / ("python/bin" if "/" not in name else "") / name
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        missing = f"no {name} here: {install}"
        if "CI" in os.environ:
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def aws_cli() -> str:
    """Return the path of an AWS CLI that supports AWS_ENDPOINT_URL; an older one would call AWS."""
    found = program("aws")
    output = subprocess.run([found, "--version"], check=True, capture_output=True, text=True, timeout=60)
    major, minor = (int(part) for part in re.findall(r"\d+", output.stdout + output.stderr)[:2])
    if (major, minor) < ((2, 13) if major == 2 else (1, 29)):
        pytest.skip(f"{found} {major}.{minor} does not know AWS_ENDPOINT_URL: bash .ci/clients")
    return found
