"""In-process consoles for tests: a plugin, `pytest_plugins = ("support.console_fixtures",)`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sagemaker_registry.backends import open_backend
from sagemaker_registry.backends.base import Backend, BackendOptions
from sagemaker_registry.backends.settings import Settings
from support.console import Desk


@pytest.fixture
def open_desk() -> Iterator[Callable[..., Desk]]:
    """Return a function that opens a console for the registry of a URL, by default in memory."""
    opened: list[Backend] = []

    def open_desk(url: str = "sqlite://", settings: Settings | None = None, **options: Any) -> Desk:
        backend = open_backend(url, BackendOptions(settings or Settings()))
        opened.append(backend)
        return Desk(backend, **options)

    yield open_desk
    for backend in opened:
        backend.close()


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    return open_desk()
