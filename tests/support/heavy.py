"""How much the heavy tests do: a little in every CI run, more by night, all of it before a release.

    python -m pytest tests/durability tests/safety --size nightly

A heavy test says what each size means, `@pytest.mark.sized(ci=30, nightly=1_000, release=10_000)`, asks for `size` or
`rounds`, draws what is random from `rng`, and notes what it has done in `figures`, which are shown when all is over.
"""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SIZES = ("ci", "nightly", "release")
EVERY_SECONDS = 30.0
"""How often a long test says how far it is."""

_FIGURES = pytest.StashKey[list[tuple[str, dict[str, Any]]]]()


def add_options(parser: pytest.Parser) -> None:
    parser.addoption("--size", choices=SIZES, default="ci", help="how much the heavy tests do")
    parser.addoption("--random-seed", type=int, default=None, help="what random tests begin with, to repeat a run")
    parser.addoption("--soak-seconds", type=int, default=None, help="how long the soak lasts, instead of its size")
    parser.addoption("--figures", type=Path, default=None, metavar="FILE", help="where figures are written, as JSON")


def configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sized(ci, nightly, release): how much the test does in each --size")
    config.stash[_FIGURES] = []
    if config.option.random_seed is None:
        config.option.random_seed = secrets.randbits(32)


def seen(config: pytest.Config) -> list[tuple[str, dict[str, Any]]]:
    """Return the figures of this process, for another."""
    return config.stash[_FIGURES]


def take(found: list[tuple[str, dict[str, Any]]], config: pytest.Config) -> None:
    """Take over the figures of another process."""
    config.stash[_FIGURES].extend((name, noted) for name, noted in found)


def header(config: pytest.Config) -> str:
    return f"size: {config.option.size}, --random-seed {config.option.random_seed}"


def summarise(reporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what the heavy tests have done, and write it where it is wanted."""
    found = config.stash[_FIGURES]
    if found:
        reporter.section(f"figures, --size {config.option.size} --random-seed {config.option.random_seed}")
    for name, noted in found:
        reporter.write_line(f"{name}: " + ", ".join(f"{_shown(value)} {what}" for what, value in noted.items()))
    if config.option.figures is not None:
        config.option.figures.write_text(json.dumps({"size": config.option.size, "figures": dict(found)}, indent=1))


def _shown(value: Any) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


@pytest.fixture
def size(request: pytest.FixtureRequest) -> int:
    """Return how much this test does: the number its `sized` mark has for the size that was chosen."""
    mark = request.node.get_closest_marker("sized")
    assert mark is not None
    assert set(mark.kwargs) == set(SIZES)
    return int(mark.kwargs[request.config.option.size])


@pytest.fixture
def rounds(request: pytest.FixtureRequest, size: int) -> Iterator[int]:
    """Yield the numbers of as many rounds as the size has, saying now and then how far it is."""
    return _rounds(request, size)


def _rounds(request: pytest.FixtureRequest, size: int) -> Iterator[int]:
    reporter: Any = request.config.pluginmanager.getplugin("terminalreporter")
    capture: Any = request.config.pluginmanager.getplugin("capturemanager")
    began = said = time.monotonic()
    for number in range(size):
        if time.monotonic() - said > EVERY_SECONDS:
            said = time.monotonic()
            with capture.global_and_fixture_disabled():
                reporter.write_line(f"{request.node.name}: {number:,} of {size:,} after {said - began:,.0f} s")
        yield number


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Return what is random in this test: the same again with the `--random-seed` that the header names."""
    return random.Random(f"{request.config.option.random_seed} {request.node.name}")


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Return where a test notes what it has done: what was counted, and how many; `seconds` is added."""
    noted: dict[str, Any] = {}
    began = time.monotonic()
    yield noted
    if noted:
        request.config.stash[_FIGURES].append((request.node.name, {**noted, "seconds": time.monotonic() - began}))
