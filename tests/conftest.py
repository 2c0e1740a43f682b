"""Shared fixtures: a clean environment, a unique account, and a served emulator."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from support import conformance, heavy, parity
from support.heavy import figures, rng, rounds, size  # noqa: F401 - fixtures of the heavy tests
from support.server import Emulator, start

pytest.register_assert_rewrite("sagemaker_registry.backends.contract")

RECORDERS: dict[str, Any] = {"parity": parity, "conformance": conformance, "sizes": heavy}
"""Modules that collect results of tests; results of xdist workers are merged."""

_accounts = (f"{number:012}" for number in count(100_000_000_001))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-parity", action="store_true", help="write the generated tables from this run")
    heavy.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    heavy.configure(config)


def pytest_report_header(config: pytest.Config) -> str:
    return heavy.header(config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    heavy.summarize(terminalreporter, config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    conformance.mark_known_deviations(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    conformance.record(item, report)
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Merge the results of a pytest-xdist worker."""
    for name, seen in getattr(node, "workeroutput", {}).get("seen", {}).items():
        RECORDERS[name].merge(seen, node.config)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """After a complete successful run, compare the generated tables with the results."""
    if hasattr(session.config, "workeroutput"):
        seen = {name: recorder.results(session.config) for name, recorder in RECORDERS.items()}
        session.config.workeroutput["seen"] = seen
        return
    chosen = session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS or session.config.option.collectonly
    if chosen or exitstatus != 0 or session.config.option.keyword or session.config.option.markexpr:
        return
    if session.config.getoption("write_parity"):
        parity.PAGE.write_text(parity.page(), encoding="utf-8")
        conformance.write()
    wrong = [f"no test sends or receives {member}" for member in parity.untested()]
    if not parity.PAGE.exists() or parity.PAGE.read_text(encoding="utf-8") != parity.page():
        wrong.append("docs/reference/api.md is out of date: python -m pytest --write-parity")
    if not conformance.is_shown():
        wrong.append(
            "the contract table of docs/explanation/fidelity.md is out of date: python -m pytest --write-parity"
        )
    if wrong:
        print("\n\nparity: " + "\nparity: ".join(wrong))
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def clean_aws_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the developer's AWS settings from the environment, except for tests that run on AWS on request."""
    if conformance.kind_of(request.node) == "real-aws":
        return
    for name in [name for name in os.environ if name.startswith(("AWS_", "SAGEMAKER_REGISTRY_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def account() -> str:
    """Return a unique account, which isolates tests on one server."""
    return next(_accounts)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """Return an in-memory emulator for the whole session; tests are isolated by account."""
    served = start("--backend", "sqlite://")
    yield served
    assert served.stop() == 0


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Emulator]]:
    """Return a function that starts an emulator in the test's own folder."""
    started: list[Emulator] = []

    def serve(*options: str) -> Emulator:
        started.append(start(*options, cwd=tmp_path))
        return started[-1]

    yield serve
    for served in started:
        if served.process.poll() is None:
            served.stop()
