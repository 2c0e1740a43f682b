"""Identities of registry.toml, STS sessions and IAM users: each has the same name everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.identities import Identities, Who
from sagemaker_registry.backends.settings import IdentityTable
from sagemaker_registry.client import ModelRegistry, extensions
from sagemaker_registry.client.cli import main
from support.server import REGION, Emulator

GROUP = {"ModelPackageGroupName": "churn"}
TOML = """
[identities.alice]
access_key = "AKIAALICE"
groups = ["reviewers"]

[identities.pipeline]
access_key = "pipeline-key"
role = "Training"
account = "111122223333"

[identities.operators]
role = "Operator"
groups = ["operators"]

[rules.operators]
is = "only"
who = ["group:operators"]

[[approval]]
groups = ["churn"]
rules = ["operators"]
"""


@pytest.fixture
def served(serve: Callable[..., Emulator], tmp_path: Path) -> Emulator:
    (tmp_path / "registry.toml").write_text(TOML, encoding="utf-8")
    return serve("--backend", "sqlite://", "--config", "registry.toml")


def session_client(served: Emulator, service: str, credentials: dict[str, Any]) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=served.url,
        region_name=REGION,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials.get("SessionToken"),
    )


def arn_of(sagemaker: Any, group: str) -> str:
    """Return the caller's ARN as shown in CreatedBy."""
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    described = sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    arn: str = described["CreatedBy"]["IamIdentity"]["Arn"]
    return arn


@pytest.mark.parametrize(
    ("key", "arn"),
    [
        ("AKIAALICE", "arn:aws:iam::123456789012:user/alice"),
        ("pipeline-key", "arn:aws:sts::111122223333:assumed-role/Training/pipeline"),
        ("erin", "arn:aws:iam::123456789012:user/erin"),
        ("222222222222", "arn:aws:iam::222222222222:root"),
    ],
)
def test_an_access_key_has_the_same_identity_in_the_registry_and_in_sts(served: Emulator, key: str, arn: str) -> None:
    assert arn_of(served.client("sagemaker", key), "group") == arn
    identity = served.client("sts", key).get_caller_identity()
    assert (identity["Arn"], identity["Account"]) == (arn, arn.split(":")[4])
    assert identity["UserId"] == {"AKIAALICE": "alice", "pipeline-key": "pipeline"}.get(key, key)


def test_a_role_session_has_the_permissions_of_its_role(served: Emulator) -> None:
    role = "arn:aws:iam::123456789012:role/Operator"
    given = served.client("sts", "erin").assume_role(RoleArn=role, RoleSessionName="carol")
    sagemaker = session_client(served, "sagemaker", given["Credentials"])
    arn = "arn:aws:sts::123456789012:assumed-role/Operator/carol"
    assert arn_of(sagemaker, "churn") == arn
    assert session_client(served, "sts", given["Credentials"]).get_caller_identity()["Arn"] == arn
    version = sagemaker.create_model_package(**GROUP)["ModelPackageArn"]
    with pytest.raises(ClientError, match="is not one of group:operators"):
        served.client("sagemaker", "AKIAALICE").update_model_package(
            ModelPackageArn=version, ModelApprovalStatus="Approved"
        )
    sagemaker.update_model_package(ModelPackageArn=version, ModelApprovalStatus="Approved")
    changer = sagemaker.describe_model_package(ModelPackageName=version)["LastModifiedBy"]["IamIdentity"]
    assert changer["Arn"] == arn
    assert changer["PrincipalId"].endswith(":carol")


def test_a_session_of_a_role_in_another_account_acts_in_that_account(served: Emulator) -> None:
    role = "arn:aws:iam::444455556666:role/Operator"
    given = served.client("sts", "erin").assume_role(RoleArn=role, RoleSessionName="carol")
    sagemaker = session_client(served, "sagemaker", given["Credentials"])
    assert arn_of(sagemaker, "group") == "arn:aws:sts::444455556666:assumed-role/Operator/carol"
    session_client(served, "s3", given["Credentials"]).create_bucket(Bucket="theirs")
    assert [b["Name"] for b in served.client("s3", "444455556666").list_buckets()["Buckets"]] == ["theirs"]
    assert served.client("sagemaker", "erin").list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_the_access_key_of_an_iam_user_identifies_the_user(served: Emulator) -> None:
    iam = served.client("iam", "erin")
    iam.create_user(UserName="dora")
    key = iam.create_access_key(UserName="dora")["AccessKey"]
    arn = "arn:aws:iam::123456789012:user/dora"
    assert arn_of(session_client(served, "sagemaker", key), "group") == arn
    assert session_client(served, "sts", key).get_caller_identity()["Arn"] == arn


def test_settings_do_not_show_access_keys(served: Emulator) -> None:
    shown = extensions.ask(served.client("sagemaker", "erin"), "settings")
    assert shown["identities"]["alice"]["groups"] == ["reviewers"]
    assert "AKIAALICE" not in json.dumps(shown)


def test_the_explain_command_shows_permissions(served: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_REGISTRY_URL", served.url)
    with ModelRegistry(served.url, region_name=REGION) as registry:
        version = registry.register("churn", image="churn:3")
        mine, theirs = registry.explain(version), registry.explain(version, identity="operators")
        assert [one.allowed for one in mine.transitions] == [False, False, True]
        assert [one.allowed for one in theirs.transitions] == [True, True, True]
        assert (mine.status, mine.profile, mine.rev) == ("PendingManualApproval", "aws", 0)
        assert mine.caller.endswith(":user/local")
        assert theirs.caller == "arn:aws:sts::123456789012:assumed-role/Operator/operators"
    shown = CliRunner().invoke(main, ["explain", "churn/1", "--as", "alice"])
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert lines[0].startswith(f"{version.arn} is PendingManualApproval, registered by ")
    assert lines[1] == "profile aws, for arn:aws:iam::123456789012:user/alice"
    assert lines[2].split() == ["no", "Approved"]
    assert lines[3].endswith("operators: alice (arn:aws:iam::123456789012:user/alice) is not one of group:operators.")
    answer = json.loads(CliRunner().invoke(main, ["explain", "churn/1", "--json"]).stdout)
    assert answer["version"] == version.arn
    missing = CliRunner().invoke(main, ["explain", "churn/9"])
    assert (missing.exit_code, missing.stdout) == (2, "")
    assert "churn/9 does not exist" in missing.stderr


def test_an_identity_with_an_arn_pattern_matches_every_such_caller() -> None:
    found = Identities({"team": IdentityTable(arn="arn:aws:iam::*:user/t-*", groups=("g",))})
    assert found.recognize(Caller(access_key="t-1")).groups == ("g",)
    assert found.recognize(Caller(access_key="u-1")).groups == ()
    once = found.recognize(Caller(access_key="t-1"))
    assert found.recognize(once) is once


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("carol", True),
        ("c*", True),
        ("role:Operator", True),
        ("role:Op*", True),
        ("group:g", True),
        ("group:*", True),
        ("arn:aws:sts::*:assumed-role/Operator/*", True),
        ("Operator", False),
        ("role:Other", False),
        ("group:h", False),
        ("arn:aws:iam::*", False),
    ],
)
def test_a_rule_selects_callers_by_name_group_role_or_arn(wanted: str, expected: bool) -> None:
    carol = Who("carol", "arn:aws:sts::123456789012:assumed-role/Operator/carol", ("g",))
    assert carol.is_one_of([wanted]) is expected
    assert not Who("dave", "arn:aws:iam::123456789012:user/dave").is_one_of(["role:*"])


def test_history_and_export_do_not_show_access_keys(served: Emulator) -> None:
    with ModelRegistry(served.url, aws_access_key_id="AKIAALICE", aws_secret_access_key="any") as registry:
        registry.register("open", image="churn:1")
        assert {change.principal for change in registry.history()} == {"alice"}
        assert "AKIAALICE" not in json.dumps(extensions.ask(registry.boto3, "history"))
        assert "AKIAALICE" not in json.dumps(extensions.ask(registry.boto3, "export"))
