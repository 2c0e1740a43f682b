"""What tests share: a clean environment, an account of their own, a served emulator."""

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

WITNESSES: dict[str, Any] = {"parity": parity, "conformance": conformance, "sizes": heavy}
"""What remembers something of the tests that ran: where workers run them, it is `seen` there and taken over here."""

_accounts = (f"{number:012}" for number in count(100_000_000_001))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-parity", action="store_true", help="write the generated tables from this run")
    heavy.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    heavy.configure(config)


def pytest_report_header(config: pytest.Config) -> str:
    return heavy.header(config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    heavy.summarise(terminalreporter, config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    conformance.expect(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    conformance.note(item, report)
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over what a worker of pytest-xdist has seen."""
    for name, seen in getattr(node, "workeroutput", {}).get("seen", {}).items():
        WITNESSES[name].take(seen, node.config)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """After a whole and green run, hold the generated tables against what the tests have shown."""
    if hasattr(session.config, "workeroutput"):
        seen = {name: witness.seen(session.config) for name, witness in WITNESSES.items()}
        session.config.workeroutput["seen"] = seen
        return
    chosen = session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS or session.config.option.collectonly
    if chosen or exitstatus != 0 or session.config.option.keyword or session.config.option.markexpr:
        return
    if session.config.getoption("write_parity"):
        parity.PAGE.write_text(parity.page(), encoding="utf-8")
        conformance.write()
    wrong = [f"no test sends or sees {member}" for member in parity.untested()]
    if not parity.PAGE.exists() or parity.PAGE.read_text(encoding="utf-8") != parity.page():
        wrong.append("docs/reference/api.md is not what this run shows: python -m pytest --write-parity")
    if not conformance.is_shown():
        wrong.append("the contract table of fidelity.md is not what this run shows: python -m pytest --write-parity")
    if wrong:
        print("\n\nparity: " + "\nparity: ".join(wrong))
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def no_aws_settings_of_this_machine(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Keep a developer's profile, region and endpoint out of the tests, but for those that somebody wants on AWS."""
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
