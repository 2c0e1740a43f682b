"""`verify`: runs one scenario on two registries, reports differences, and deletes everything it created."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from sagemaker_registry.backends.service.operations import OPERATIONS
from sagemaker_registry.client import connect
from sagemaker_registry.client.cli import main
from sagemaker_registry.client.testing import Control
from sagemaker_registry.client.verification import CONFIG, compare
from sagemaker_registry.client.verification.normalize import Difference, Place, differences
from sagemaker_registry.client.verification.scenario import STEPS
from support.server import REGION, Emulator

NO_STEP = {"CreateModel", "GetSearchSuggestions"}
"""Operations without a step: CreateModel needs a role, and search suggestions depend on everything in the account."""

ASCENDING = '[lists]\ndefault_order = "Ascending"\n'


def opened(url: str, account: str = "123456789012", region: str = REGION) -> Any:
    return connect(url, config=CONFIG, region_name=region, aws_access_key_id=account, aws_secret_access_key="any")


@pytest.fixture
def sagemaker() -> Iterator[Any]:
    client = opened("sqlite://")
    yield client
    client.close()


def groups(client: Any) -> list[str]:
    return [
        group["ModelPackageGroupName"] for group in client.list_model_package_groups()["ModelPackageGroupSummaryList"]
    ]


def replace_response(client: Any, operation: str, answer: Callable[[], dict[str, Any] | None]) -> None:
    """Replace the response to one operation; None leaves it to the registry."""

    def before_call(model: Any, params: Any, **_: Any) -> Any:
        said = answer()
        if said is None:
            return None
        status = 400 if "Error" in said else 200
        parsed = {**said, "ResponseMetadata": {"HTTPStatusCode": status}}
        return type("Answered", (), {"status_code": status, "headers": {}})(), parsed

    client.meta.events.register_first(f"before-call.sagemaker.{operation}", before_call)


def error_response(code: str) -> Callable[[], dict[str, Any]]:
    return lambda: {"Error": {"Code": code, "Message": "not you"}}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["verify", *arguments])


def test_a_served_registry_behaves_like_one_in_process(emulator: Emulator, account: str) -> None:
    served = opened(emulator.url, account)
    report = compare(served, other_region := opened("sqlite://", region="eu-west-1"))
    assert [step for step in report.steps if step.verdict != "same"] == []
    assert len(report.steps) == len(STEPS)
    assert report.left_behind == ()
    assert groups(served) == groups(other_region) == []


def test_a_registry_is_compared_with_a_new_one_by_default(sagemaker: Any) -> None:
    assert compare(sagemaker).same


def test_every_step_has_a_unique_name_and_every_operation_a_step() -> None:
    names = [(step.operation, step.says) for step in STEPS]
    assert len(set(names)) == len(names)
    assert {step.operation for step in STEPS} == set(OPERATIONS) - NO_STEP


def test_a_different_order_is_the_only_difference_reported(serve: Callable[..., Emulator], tmp_path: Path) -> None:
    (tmp_path / "registry.toml").write_text(ASCENDING)
    url = serve("--backend", "sqlite://", "--config", "registry.toml").url
    result = run(url, "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    (found,) = [step for step in report["steps"] if step["verdict"] != "same"]
    assert (found["operation"], found["says"]) == ("ListModelPackages", "versions in the default order")
    (difference,) = found["differences"]
    assert difference["path"] == "order of ModelPackageSummaryList"
    assert difference["left"] == [f"<prefix>churn/{number}" for number in (1, 2, 3, 4)]
    assert difference["right"] == difference["left"][::-1]
    lines = run(url).stdout.splitlines()
    assert lines[0] == "differs  ListModelPackages: versions in the default order"
    assert lines[1].strip() == "order of ModelPackageSummaryList"
    assert lines[-1] == f"{len(STEPS)} steps: {len(STEPS) - 1} same, 1 differs, 0 not answered, 0 not run"


def test_equal_registries_exit_with_0(emulator: Emulator, account: str, tmp_path: Path) -> None:
    result = run(emulator.url, "--against", f"sqlite:///{tmp_path}/registry.db")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{len(STEPS)} steps: {len(STEPS)} same, 0 differs, 0 not answered, 0 not run\n"


def test_an_unsupported_operation_is_not_a_difference(sagemaker: Any) -> None:
    replace_response(sagemaker, "Search", error_response("UnknownOperationException"))
    report = compare(sagemaker)
    assert {step.operation for step in report.steps_with("not answered")} == {"Search"}
    assert report.steps_with("not answered")[0].note == "left: UnknownOperationException: not you"
    assert report.same


def test_a_step_that_depends_on_a_failed_step_is_not_run(sagemaker: Any) -> None:
    replace_response(sagemaker, "CreateModelPackage", error_response("ValidationException"))
    report = compare(sagemaker)
    assert {step.verdict for step in report.steps if step.operation == "UpdateModelPackage"} == {"not run"}
    assert not report.same
    (whole,) = next(step for step in report.steps_with("differs") if step.operation == "CreateModelPackage").differences
    assert whole == Difference("(response)", "ValidationException: not you", "success")


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_error_or_interrupt_leaves_nothing_behind(sagemaker: Any, error: type[BaseException]) -> None:
    def interrupt(done: int, of: int, step: object) -> None:
        if done == 40:
            assert len(groups(sagemaker)) == 2
            raise error

    with pytest.raises(error) as caught:
        compare(sagemaker, progress=interrupt)
    assert groups(sagemaker) == []
    assert not hasattr(caught.value, "__notes__")


def test_resources_that_cannot_be_deleted_are_reported(sagemaker: Any) -> None:
    replace_response(sagemaker, "DeleteModelPackageGroup", error_response("AccessDeniedException"))
    report = compare(sagemaker)
    assert sorted(left.partition(" ")[0] for left in report.left_behind) == sorted(groups(sagemaker))
    assert len(report.left_behind) == 2
    assert "on left: An error occurred (AccessDeniedException)" in report.left_behind[0]


def test_resources_that_cannot_be_deleted_after_an_interrupt_are_reported(sagemaker: Any) -> None:
    replace_response(sagemaker, "DeleteModelPackageGroup", error_response("AccessDeniedException"))

    def interrupt(done: int, of: int, step: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        compare(sagemaker, progress=interrupt)
    (note,) = caught.value.__notes__
    assert note.startswith(f"not deleted: {groups(sagemaker)[0]} on left: ")


def test_kept_resources_are_reported(sagemaker: Any) -> None:
    report = compare(sagemaker, keep=True)
    assert report.same
    assert [left.partition(" ")[0] for left in report.left_behind[:2]] == groups(sagemaker)
    assert sagemaker.list_model_packages(ModelPackageGroupName=groups(sagemaker)[0])["ModelPackageSummaryList"]


def test_delayed_results_are_read_again(sagemaker: Any) -> None:
    """Searches on AWS lag behind, and a group may still contain a version that was just deleted."""
    empty_results, sleeps = iter([{"Results": []}] * 2), []
    conflict = {"Error": {"Code": "ConflictException", "Message": "still contains Model Packages"}}
    conflicts = iter([None, conflict, conflict])
    replace_response(sagemaker, "Search", lambda: next(empty_results, None))
    replace_response(sagemaker, "DeleteModelPackageGroup", lambda: next(conflicts, None))
    report = compare(sagemaker, patience=10, sleep=sleeps.append, clock=lambda: sum(sleeps))
    assert [step for step in report.steps if step.verdict != "same"] == []
    assert sleeps == [2.0] * 4
    assert groups(sagemaker) == []


def test_delayed_results_time_out(sagemaker: Any) -> None:
    replace_response(sagemaker, "Search", lambda: {"Results": []})
    sleeps: list[float] = []
    report = compare(sagemaker, patience=3, sleep=sleeps.append, clock=lambda: sum(sleeps))
    assert {step.operation for step in report.steps_with("differs")} == {"Search"}


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **named: Any) -> Any:
        raise AssertionError("the network is used")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize(
    "arguments",
    [
        ["aws://"],
        ["aws://sandbox@eu-west-1"],
        ["https://api.sagemaker.eu-west-1.amazonaws.com"],
        ["sqlite://", "--against", "https://api.sagemaker.cn-north-1.amazonaws.com.cn"],
    ],
)
@pytest.mark.usefixtures("no_network")
def test_aws_is_not_called_without_consent(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "add --on-aws to allow creating and deleting groups named verify-... in that account" in result.stderr


def test_an_aws_url_is_verified_with_consent(emulator: Emulator, account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    result = run(f"aws://us-east-1?endpoint_url={emulator.url}&sts_endpoint_url={emulator.url}", "--on-aws")
    assert (result.exit_code, result.stderr) == (0, "")
    assert groups(opened(emulator.url, account)) == []


@pytest.mark.usefixtures("no_network")
def test_an_aws_client_requires_consent(sagemaker: Any) -> None:
    aws = boto3.client("sagemaker", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    with pytest.raises(ValueError, match="on_aws=True"):
        compare(sagemaker, aws)
    assert groups(sagemaker) == []


def test_a_registry_that_cannot_be_reached_is_one_sentence() -> None:
    result = run("http://127.0.0.1:9")
    assert result.exit_code == 2
    assert result.stderr == 'sagemaker-registry: Could not connect to the endpoint URL: "http://127.0.0.1:9/"\n'


def test_a_server_that_is_not_a_registry_is_rejected(serve: Callable[..., Emulator]) -> None:
    url = serve("--backend", "sqlite://").url
    result = run(f"{url}/no/such/path")
    assert result.exit_code == 2
    assert "no step could be compared" in result.stderr


def test_sigterm_deletes_the_created_groups(
    serve: Callable[..., Emulator], account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    url = serve("--backend", "sqlite://").url
    there = opened(url, account)
    Control(there).fault("latency", "CreateModelPackage", seconds=0.3)  # so that the interrupt comes before the end
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", "verify", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not groups(there) and process.poll() is None and time.monotonic() < deadline:
            pass  # each call is a request, so no pause is needed
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted\nall resources were deleted" in said
    assert groups(there) == []


def test_registry_specific_values_are_replaced() -> None:
    placeholders = Place(
        "verify-1-", "eu-west-1", "arn:aws:sagemaker:eu-west-1:111111111111:model-package-group/verify-1-a"
    )
    created, before = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    answer = {
        "ModelPackageArn": "arn:aws:sagemaker:eu-west-1:111111111111:model-package/verify-1-a/1",
        "Elsewhere": "arn:aws:sagemaker:eu-west-2:222222222222:model-package/x/1",
        "CreatedBy": {"IamIdentity": {"Arn": "a"}},
        "LastModifiedBy": {},
        "CreationTime": created,
        "LastModifiedTime": before,
        "NextToken": "abc",
        "Tags": [{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}],
        "ResourcePolicy": '{"a":  "arn:aws:iam::111111111111:root"}',
        "ModelCard": {"ModelCardContent": "not JSON"},
        "ResponseMetadata": {"RequestId": "1"},
    }
    assert placeholders.comparable(answer) == {
        "ModelPackageArn": "arn:<partition>:sagemaker:<region>:<account>:model-package/<prefix>a/1",
        "Elsewhere": "arn:aws:sagemaker:eu-west-2:222222222222:model-package/x/1",
        "CreatedBy": "<identity>",
        "LastModifiedBy": {},
        "CreationTime": "<time>",
        "LastModifiedTime": "<time before its creation>",
        "NextToken": "<token>",
        "Tags": [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "1"}],
        "ResourcePolicy": [{"a": "arn:<partition>:iam::<account>:root"}],
        "ModelCard": {"ModelCardContent": ["not JSON"]},
    }
    sentence = "ARN should be scoped to correct region: eu-west-1, not eu-west-12, by 111111111111"
    assert placeholders.refusal("E", sentence, 400)["Error"]["Message"] == (
        "ARN should be scoped to correct region: <region>, not eu-west-12, by <account>"
    )


@pytest.mark.parametrize(
    ("left", "right", "found"),
    [
        ({"a": 1, "b": {"c": [1]}}, {"a": 1, "b": {"c": [1]}}, []),
        ({"a": 1}, {"b": 2}, [("a", 1, None), ("b", None, 2)]),
        ({"a": [1, 2]}, {"a": [2]}, [("a[0]", 1, 2), ("a[1]", 2, None)]),
        (
            [{"Name": "x", "v": 1}, {"Name": "y", "v": 1}],
            [{"Name": "y", "v": 2}, {"Name": "x", "v": 1}],
            [("order of ", ["x", "y"], ["y", "x"]), ("[y].v", 1, 2)],
        ),
        (
            [{"ModelPackage": {"ModelPackageArn": "arn:a:model-package/g/1"}}],
            [],
            [("entries of ", ["g/1"], [])],
        ),
        ({"Error": {"Code": "E", "Message": "m"}}, {"a": 1}, [("(response)", "E: m", "success")]),
        ({"Error": {"Code": "E"}}, {"Error": {"Code": "F"}}, [("Error.Code", "E", "F")]),
    ],
)
def test_every_difference_has_its_path(left: Any, right: Any, found: list[tuple[Any, ...]]) -> None:
    assert list(differences(left, right)) == [Difference(*one) for one in found]
