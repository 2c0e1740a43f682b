"""The amount of work of heavy tests: little in CI, more every night, and all before a release.

    python -m pytest tests/durability tests/safety --size nightly

A heavy test defines its sizes with `@pytest.mark.sized(ci=30, nightly=1_000, release=10_000)`, uses `size` or `rounds`,
takes random values from `rng`, and records its work in `figures`, which are printed at the end of the run.
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
"""How often a long test reports its progress."""

_FIGURES = pytest.StashKey[list[tuple[str, dict[str, Any]]]]()


def add_options(parser: pytest.Parser) -> None:
    parser.addoption("--size", choices=SIZES, default="ci", help="amount of work of the heavy tests")
    parser.addoption("--random-seed", type=int, default=None, help="seed of random tests, to repeat a run")
    parser.addoption("--soak-seconds", type=int, default=None, help="duration of the soak test, instead of its size")
    parser.addoption(
        "--figures", type=Path, default=None, metavar="FILE", help="write the figures to this file, as JSON"
    )


def configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sized(ci, nightly, release): the amount of work of the test for each --size")
    config.stash[_FIGURES] = []
    if config.option.random_seed is None:
        config.option.random_seed = secrets.randbits(32)


def results(config: pytest.Config) -> list[tuple[str, dict[str, Any]]]:
    """Return the figures of this process for the main process."""
    return config.stash[_FIGURES]


def merge(found: list[tuple[str, dict[str, Any]]], config: pytest.Config) -> None:
    """Add the figures of another process."""
    config.stash[_FIGURES].extend((name, noted) for name, noted in found)


def header(config: pytest.Config) -> str:
    return f"size: {config.option.size}, --random-seed {config.option.random_seed}"


def summarize(reporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the figures of the heavy tests, and write them to the file of `--figures`."""
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
    """Return the number of the test's `sized` mark for the selected size."""
    mark = request.node.get_closest_marker("sized")
    assert mark is not None
    assert set(mark.kwargs) == set(SIZES)
    return int(mark.kwargs[request.config.option.size])


@pytest.fixture
def rounds(request: pytest.FixtureRequest, size: int) -> Iterator[int]:
    """Yield the numbers of the rounds, and report progress from time to time."""
    return _rounds(request, size)


def _rounds(request: pytest.FixtureRequest, size: int) -> Iterator[int]:
    reporter: Any = request.config.pluginmanager.getplugin("terminalreporter")
    capture: Any = request.config.pluginmanager.getplugin("capturemanager")
    began = reported = time.monotonic()
    for number in range(size):
        if time.monotonic() - reported > EVERY_SECONDS:
            reported = time.monotonic()
            with capture.global_and_fixture_disabled():
                reporter.write_line(f"{request.node.name}: {number:,} of {size:,} after {reported - began:,.0f} s")
        yield number


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Return the random generator of this test, reproducible with the `--random-seed` in the header."""
    return random.Random(f"{request.config.option.random_seed} {request.node.name}")


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Return a dictionary in which a test records its counts; `seconds` is added."""
    noted: dict[str, Any] = {}
    began = time.monotonic()
    yield noted
    if noted:
        request.config.stash[_FIGURES].append((request.node.name, {**noted, "seconds": time.monotonic() - began}))
