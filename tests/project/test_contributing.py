"""The contributor guide: its files exist, and its examples work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sagemaker_registry.backends.approval.change import METADATA, Change
from sagemaker_registry.backends.base import Backend, BackendOptions, Caller

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^## Add an? (.+?)\n.*?```python\n(.*?)```", GUIDE, re.MULTILINE | re.DOTALL))


def example(name: str) -> dict[str, Any]:
    """Run the example of a section and return its definitions."""
    defined: dict[str, Any] = {"__name__": "example"}
    exec(compile(EXAMPLES[name], f"CONTRIBUTING.md: {name}", "exec"), defined)
    return defined


def test_the_guide_has_an_example_of_each_kind_of_extension() -> None:
    assert list(EXAMPLES) == ["operation", "backend", "rule", "command", "console page"]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:backends|client|emulator|tests|docs)/[\w/.]*)`", GUIDE))))
def test_every_file_the_guide_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_example_of_an_operation_defines_an_answer_and_a_row() -> None:
    defined = example("operation")
    assert defined["ANSWERS"]["DescribeModelPackageGroup"].answer is defined["describe"]
    assert not defined["OPERATIONS"]["DescribeModelPackageGroup"].writes


def test_the_example_of_a_backend_can_be_opened_and_answers() -> None:
    defined = example("backend")
    with defined["open_empty"]("empty://", BackendOptions()) as backend:
        assert isinstance(backend, Backend)
        assert backend.call("ListModelPackageGroups", {}, Caller()) == {"ModelPackageGroupSummaryList": []}


@pytest.mark.parametrize(("metadata", "outcome"), [({"dataset": "v3"}, "passed"), ({}, "failed")])
def test_the_example_of_a_rule_evaluates_a_change(metadata: dict[str, str], outcome: str) -> None:
    rule = example("rule")["DatasetNamed"]()
    assert rule.evaluate(Change(Caller(), 0, {}, {METADATA: metadata}, {})).outcome == outcome


def test_the_example_of_a_command_runs() -> None:
    done = CliRunner().invoke(example("command")["count"], ["churn", "--url", "sqlite://"])
    assert done.output == "0\n", done.output


def test_the_example_of_a_page_has_a_route_and_a_menu_entry() -> None:
    page = example("console page")["PAGE"]
    assert list(page.routes) == ["GET /statistics"]
    assert (page.menu, page.key) == ("Statistics", "s")
