"""Where the clients of others are: installed by `.ci/clients` into build/clients, or by the machine's owner.

`bash .ci/clients` installs the light ones, which CI does; `bash .ci/clients --all` the SageMaker SDKs too. Tests marked
`nightly` run only when they are chosen: `python -m pytest -m nightly tests/clients_of_others`.
"""

from __future__ import annotations

import os
import shutil
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
