"""registry.toml: the effect of every setting, and errors for invalid files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sagemaker_registry.backends import BackendUnavailable, open_backend
from sagemaker_registry.backends.base import BackendOptions, Caller
from sagemaker_registry.backends.config import load
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.settings import Checks, Lists, Settings, Validation, override
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows

CALLER = Caller()
GROUP = {"ModelPackageGroupName": "churn"}
PROFILE: dict[str, Any] = {
    "TransformJobDefinition": {
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}},
        "TransformOutput": {"S3OutputPath": "s3://b/out"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
}


def validated(*profiles: str, **members: Any) -> dict[str, Any]:
    """Return a request for a package that is validated by profiles of these names."""
    specification = {
        "ValidationRole": "arn:aws:iam::123456789012:role/validation",
        "ValidationProfiles": [{"ProfileName": name, **PROFILE} for name in profiles],
    }
    return {**GROUP, "ValidationSpecification": specification, **members}


class Clock:
    """A settable clock."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def registry(settings: Settings, clock: Any = None) -> LocalRegistry:
    made = LocalRegistry(SQLiteRows(None), options=BackendOptions(settings), **({"clock": clock} if clock else {}))
    made.call("CreateModelPackageGroup", GROUP, CALLER)
    return made


def test_validation_passes_through_its_statuses_over_time() -> None:
    clock = Clock()
    with registry(Settings(validation=Validation(seconds=100)), clock) as made:
        arn = made.call("CreateModelPackage", validated("smoke"), CALLER)["ModelPackageArn"]
        seen = []
        for seconds in (0, 24, 26, 99, 100, 10_000):
            clock.now = 1_700_000_000.0 + seconds
            described = made.call("DescribeModelPackage", {"ModelPackageName": arn}, CALLER)
            (profile,) = described["ModelPackageStatusDetails"]["ValidationStatuses"]
            seen.append((described["ModelPackageStatus"], profile["Status"]))
            (listed,) = made.call("ListModelPackages", GROUP, CALLER)["ModelPackageSummaryList"]
            batch = made.call("BatchDescribeModelPackage", {"ModelPackageArnList": [arn]}, CALLER)
            assert listed["ModelPackageStatus"] == described["ModelPackageStatus"]
            assert batch["ModelPackageSummaries"][arn]["ModelPackageStatus"] == described["ModelPackageStatus"]
    pending, running, done = ("Pending", "NotStarted"), ("InProgress", "InProgress"), ("Completed", "Completed")
    assert seen == [pending, pending, running, running, done, done]


def test_a_package_fails_with_its_validation_profile() -> None:
    with registry(Settings(validation=Validation(failing=("load-*",)))) as made:
        arn = made.call("CreateModelPackage", validated("load-test"), CALLER)["ModelPackageArn"]
        described = made.call("DescribeModelPackage", {"ModelPackageName": arn}, CALLER)
        assert described["ModelPackageStatus"] == "Failed"
        (profile,) = described["ModelPackageStatusDetails"]["ValidationStatuses"]
        assert profile["Status"] == "Failed"
        assert profile["FailureReason"]
        fine = made.call("CreateModelPackage", validated("smoke"), CALLER)["ModelPackageArn"]
        assert (
            made.call("DescribeModelPackage", {"ModelPackageName": fine}, CALLER)["ModelPackageStatus"] == "Completed"
        )


def test_skipped_validation_completes_immediately() -> None:
    with registry(Settings(validation=Validation(seconds=100))) as made:
        request = validated("smoke", SkipModelValidation="All")
        arn = made.call("CreateModelPackage", request, CALLER)["ModelPackageArn"]
        described = made.call("DescribeModelPackage", {"ModelPackageName": arn}, CALLER)
        assert described["ModelPackageStatus"] == "Completed"
        assert described["ModelPackageStatusDetails"] == {"ValidationStatuses": [], "ImageScanStatuses": []}


def test_lists_can_be_ascending_and_filtered_before_paging() -> None:
    with registry(Settings(lists=Lists(default_order="Ascending", approval_filter="before-page"))) as made:
        for status in ("Approved", "Rejected", "Approved"):
            made.call("CreateModelPackage", {**GROUP, "ModelApprovalStatus": status}, CALLER)
        request = {**GROUP, "ModelApprovalStatus": "Approved", "MaxResults": 2}
        page = made.call("ListModelPackages", request, CALLER)
        assert [entry["ModelPackageVersion"] for entry in page["ModelPackageSummaryList"]] == [1, 3]
        assert "NextToken" not in page


def test_by_default_a_filtered_page_can_be_empty_with_a_next_token() -> None:
    with registry(Settings()) as made:
        for status in ("Approved", "Rejected"):
            made.call("CreateModelPackage", {**GROUP, "ModelApprovalStatus": status}, CALLER)
        request = {**GROUP, "ModelApprovalStatus": "Approved", "MaxResults": 1}
        page = made.call("ListModelPackages", request, CALLER)
        assert page["ModelPackageSummaryList"] == []
        rest = made.call("ListModelPackages", {**request, "NextToken": page["NextToken"]}, CALLER)
        assert [entry["ModelPackageVersion"] for entry in rest["ModelPackageSummaryList"]] == [1]


def test_command_options_override_the_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "registry.toml"
    file.write_text('[checks]\nartifacts = "always"\nimages = "auto"\n[validation]\nseconds = 1.5\nfailing = ["a*"]\n')
    loaded = load(file)
    assert loaded == Settings(
        checks=Checks(artifacts="always", images="auto"), validation=Validation(seconds=1.5, failing=("a*",))
    )
    assert override(loaded, checks={"artifacts": "off", "images": None}).checks == Checks(
        artifacts="off", images="auto"
    )
    assert load(None) == Settings()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[checks]\nartefacts = 'auto'", "unknown key `checks.artefacts`; did you mean 'artifacts'?"),
        ("[checks]\nartifacts = 'sometimes'", "`checks.artifacts` is 'sometimes'; expected one of off, auto, always"),
        ("[validation]\nseconds = -1", "`validation.seconds` is -1; expected a number of 0 or more"),
        ("[ruels]\n", "unknown key `ruels`; did you mean 'rules'?"),
        ("[checks", ", line 1: invalid TOML: expected ']' at the end of a table declaration"),
    ],
)
def test_an_invalid_file_is_rejected_with_the_key(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(text)
    with pytest.raises(BackendUnavailable) as caught:
        load(file)
    assert str(file) in str(caught.value)
    assert sentence in str(caught.value)
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", "serve", "--port", "0", "--config", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert sentence in ended.stderr


def test_artifacts_that_cannot_be_checked_are_rejected_only_by_always() -> None:
    specification = {"Containers": [{"Image": "i", "ModelDataUrl": "s3://nowhere/model.tar.gz"}]}
    request = {**GROUP, "InferenceSpecification": specification}
    with open_backend("sqlite://") as made:
        made.call("CreateModelPackageGroup", GROUP, CALLER)
        assert made.call("CreateModelPackage", request, CALLER)
    with (
        registry(Settings(checks=Checks(artifacts="always"))) as made,
        pytest.raises(Exception, match="Cannot find S3"),
    ):
        made.call("CreateModelPackage", request, CALLER)
