"""What tests share: a clean environment, an account of their own, a served emulator."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from clients import Emulator, start

pytest.register_assert_rewrite("sagemaker_registry.backends.contract")

_accounts = (f"{number:012}" for number in count(100_000_000_001))


@pytest.fixture(autouse=True)
def no_aws_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep a developer's profile, region and endpoint out of the tests."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "SAGEMAKER_REGISTRY_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def account() -> str:
    """Return an account no other test uses: what isolates tests on one server."""
    return next(_accounts)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """Return one served emulator in memory for the whole session; tests keep apart by account."""
    served = start("--backend", "sqlite://")
    yield served
    assert served.stop() == 0


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Emulator]]:
    """Return a function that starts an emulator of the test's own, in the test's own folder."""
    started: list[Emulator] = []

    def serve(*options: str) -> Emulator:
        started.append(start(*options, cwd=tmp_path))
        return started[-1]

    yield serve
    for served in started:
        if served.process.poll() is None:
            served.stop()
