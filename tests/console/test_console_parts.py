"""The parts of the console: metrics, charts, differences, static files, and lists."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.errors import RegistryError
from sagemaker_registry.backends.views import Difference, parse_number
from sagemaker_registry.emulator.console import charts, metrics
from sagemaker_registry.emulator.console.records import Version, leaves, marked
from support.console import AXE, CONSOLE, Desk

pytest_plugins = ("support.console_fixtures", "support.postgres")

HTMX = "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"
"""SHA-256 of dist/htmx.min.js of htmx.org 4.0.1 (0BSD) on npm."""
AXE_CORE = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
"""SHA-256 of axe.min.js of axe-core 4.14.1 (MPL-2.0) on npm."""


def test_vendored_files_have_the_documented_hashes() -> None:
    assert hashlib.sha256((CONSOLE / "static" / "htmx.min.js").read_bytes()).hexdigest() == HTMX
    assert hashlib.sha256(AXE.read_bytes()).hexdigest() == AXE_CORE


def test_templates_escape_everything_and_have_no_inline_code() -> None:
    """Escaping is never disabled, and templates contain no inline code that the policy would block."""
    for path in (CONSOLE / "templates").rglob("*.*"):
        text = path.read_text(encoding="utf-8")
        forbidden = r"\|\s*safe|Markup|autoescape|\sstyle=|<style|\son\w+=|<script(?! src=\"\{\{)|https?://|hx-on|hx-vals|javascript:"
        assert re.findall(forbidden, text) == [], path
    for path in CONSOLE.rglob("*.py"):
        assert re.findall(r"Markup|\|safe|render_template_string", path.read_text(encoding="utf-8")) == [], path
    assert (
        re.findall(r"eval|innerHTML|outerHTML|document\.write|https?:", (CONSOLE / "static" / "console.js").read_text())
        == []
    )


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"f1": "0.8", "accuracy": "0.93"}, ["accuracy", "f1"]),
        ({"val_accuracy": "0.9", "accuracy": "0.93"}, ["accuracy", "val_accuracy"]),
        ({"validation:auc": "0.9", "lift": "1.3"}, ["validation:auc", "lift"]),
        ({"dataset_version": "3", "seed": "42", "epochs": "10", "git_commit": "1234567", "rmse": "12.5"}, ["rmse"]),
        ({"trainingJobId": "17", "validAccuracy": "0.5"}, ["validAccuracy"]),
        ({"accuracy": "high", "loss": "nan", "auc": "inf", "recall": "1e-3"}, ["recall"]),
        ({"dataset": "2026-11", "accuracy": "0.9", "loss": " 0.1", "auc": "1_0", "f1": "\u0660.\u0669"}, ["accuracy"]),
        ({}, []),
    ],
)
def test_metrics_are_found_in_metadata_with_the_headline_first(metadata: dict[str, str], expected: list[str]) -> None:
    found = metrics.metrics_of(metadata)
    assert list(found) == expected
    assert metrics.headline([found]) == (expected[0] if expected else None)


@given(st.decimals(-(10**6), 10**6, places=6), st.decimals(-(10**6), 10**6, places=6))
def test_a_difference_has_a_direction_and_an_amount(value: Decimal, base: Decimal) -> None:
    difference = metrics.delta(value, base)
    assert difference is not None
    assert difference.word == ("higher" if value > base else "lower" if value < base else "no change")
    assert abs(Decimal(difference.amount) - abs(value - base)) <= abs(value - base) * Decimal("1e-5")


@given(st.text(max_size=64))
def test_any_text_is_a_number_or_none(text: str) -> None:
    value = parse_number(text)
    assert value is None or value.is_finite()


def version_of(number: int, **metadata: str) -> Version:
    return Version.from_answer(
        {
            "ModelPackageArn": f"arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/{number}",
            "ModelPackageGroupName": "churn",
            "ModelPackageVersion": number,
            "CreationTime": 1_700_000_000,
            "CustomerMetadataProperties": metadata,
        }
    )


@given(st.lists(st.decimals(-(10**9), 10**9, places=3), max_size=40))
def test_points_of_a_chart_are_inside_its_frame(values: list[Decimal]) -> None:
    versions = [version_of(number + 1, accuracy=str(value)) for number, value in reversed(list(enumerate(values)))]
    chart = charts.trend(versions, "accuracy")
    assert (chart is None) == (len(values) < 2)
    if chart is not None:
        assert [point.version.number for point in chart.points] == list(range(1, len(values) + 1))
        assert all(0 <= point.x <= chart.width and 0 <= point.y <= chart.height for point in chart.points)
        highest = min(chart.points, key=lambda point: point.y)
        assert Decimal(highest.value) == max(values) or len({point.y for point in chart.points}) < len(values)


@given(st.text(alphabet="ab/:. ", max_size=20), st.text(alphabet="ab/:. ", max_size=20))
def test_marked_parts_add_up_to_the_whole_value(before: str, after: str) -> None:
    of_before, of_after = marked(Difference("path", before, after))
    assert "".join(of_before) == before
    assert "".join(of_after) == after
    assert before == after or of_before[1] != of_after[1]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1, max_size=8), JSON, max_size=4))
def test_leaves_of_any_record_are_text(record: dict[str, Any]) -> None:
    for path, text in leaves(record):
        assert isinstance(path, str)
        assert isinstance(text, str)


def test_a_deeply_nested_or_invalid_model_card_is_shown(desk: Desk) -> None:
    deep = "[" * 10_000 + "]" * 10_000
    for content in (deep, "not json", '{"a": ' * 100 + "1" + "}" * 100):
        assert list(leaves({"ModelCard": {"ModelCardContent": content}}))


@pytest.mark.parametrize("store", ["file", "postgres"])
def test_versions_by_approval_agree_with_the_list(
    request: pytest.FixtureRequest, open_desk: Callable[..., Desk], tmp_path: Path, store: str
) -> None:
    """Also requests the pages that use the lists, for every store."""
    is_file = store == "file"
    desk = open_desk(f"sqlite:///{tmp_path}/registry.db" if is_file else request.getfixturevalue("postgres_url"))
    statuses = ["Approved", "Rejected", "PendingManualApproval"]
    for number in range(12):
        arn = desk.register(f"group-{number % 2}")
        desk.call("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus=statuses[number % 3])
    for group in (None, "group-0", "group-1"):
        for approval in (None, *statuses):
            asked: dict[str, Any] = {"max_results": 2, "order": "Ascending"}
            asked |= {"group": group} if group else {}
            asked |= {"approval": approval} if approval else {}
            found: list[str] = []
            while True:
                page = desk.backend.extension("versions", asked, Caller())
                found += [one["record"]["ModelPackageArn"] for one in page["versions"]]
                if "next_token" not in page:
                    break
                asked["next_token"] = page["next_token"]
            where: dict[str, Any] = {"ModelPackageGroupName": group} if group else {"ModelPackageType": "Versioned"}
            listed = desk.call("ListModelPackages", **where, SortOrder="Ascending")["ModelPackageSummaryList"]
            assert found == [one["ModelPackageArn"] for one in listed if approval in (None, one["ModelApprovalStatus"])]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"approval": "approved"}, "expected one of Approved"),
        ({"max_results": 102}, "max_results"),
        ({"group": "arn:aws:sagemaker:us-east-1:999999999999:model-package-group/churn"}, "another account"),
        ({"next_token": "abc"}, "NextToken is not valid"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_an_invalid_versions_request_is_rejected(desk: Desk, asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RegistryError, match=re.escape(sentence)):
        desk.backend.extension("versions", asked, Caller())


def test_accounts_and_regions_are_listed_once(desk: Desk) -> None:
    for account, region in (
        ("111122223333", "eu-west-1"),
        ("111122223333", "us-east-1"),
        ("444455556666", "us-east-1"),
    ):
        for name in ("a", "b"):
            desk.backend.call(
                "CreateModelPackageGroup", {"ModelPackageGroupName": name}, Caller(account, region, account)
            )
    assert desk.backend.extension("places", {}, Caller()) == [
        {"account": "111122223333", "region": "eu-west-1"},
        {"account": "111122223333", "region": "us-east-1"},
        {"account": "444455556666", "region": "us-east-1"},
    ]
