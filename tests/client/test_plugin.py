"""The pytest plugin in user projects: alone, with xdist, on several backends, and unused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest_plugins = ("pytester", "support.postgres")

EXAMPLE = Path(__file__).parents[2] / "examples" / "ci-project"
CODE_UNDER_TEST = """
import boto3
import pytest

SEED = {"groups": {"churn": {"versions": [{"image": "churn:1", "status": "Approved", "reason": "ticket 41"}]}}}


def approve(arn):  # code that builds its own client
    boto3.client("sagemaker").update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")


def groups():
    found = boto3.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"]
    return [group["ModelPackageGroupName"] for group in found]
"""


def run_tests(pytester: pytest.Pytester, tests: str, *options: str) -> pytest.RunResult:
    """Run a user's tests in a subprocess in which every warning is an error."""
    pytester.makepyfile(CODE_UNDER_TEST + tests)
    return pytester.runpytest_subprocess("-q", "-W", "error", "--strict-markers", "-p", "no:cacheprovider", *options)


TESTS = """
def test_in_process(sagemaker_registry, sagemaker_client):
    version = sagemaker_registry.register("churn", image="churn:1")
    sagemaker_client.update_model_package(ModelPackageArn=version.arn, ModelApprovalStatus="Approved")
    sagemaker_registry.calls("UpdateModelPackage").once(ModelApprovalStatus="Approved")


def test_in_process_again(sagemaker_registry):
    assert list(sagemaker_registry.groups()) == []
    assert list(sagemaker_registry.calls("CreateModelPackage")) == []


def test_served(sagemaker_registry_server):
    version = sagemaker_registry_server.registry.register("fraud", image="fraud:1")
    approve(version.arn)
    boto3.client("s3").create_bucket(Bucket="models")
    assert groups() == ["fraud"]
    sagemaker_registry_server.calls("UpdateModelPackage").once(ModelApprovalStatus="Approved")
    sagemaker_registry_server.control.fault("throttling", "Create*")


def test_served_again(sagemaker_registry_url, sagemaker_registry_server):
    assert groups() == []
    assert sagemaker_registry_server.url == sagemaker_registry_url
    assert sagemaker_registry_server.control.faults() == []
    boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName="churn")


@pytest.mark.sagemaker_registry(SEED)
def test_seeded(sagemaker_registry, sagemaker_registry_server):
    assert sagemaker_registry.latest_approved("churn").reason == "ticket 41"
    assert sagemaker_registry_server.registry.latest_approved("churn").image == "churn:1"
    assert list(sagemaker_registry.calls("CreateModelPackage")) == []
"""


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_every_test_has_its_own_registry(pytester: pytest.Pytester, options: tuple[str, ...]) -> None:
    if options:
        pytest.importorskip("xdist")
    run_tests(pytester, TESTS, *options).assert_outcomes(passed=5)


def test_the_same_tests_run_on_moto(pytester: pytest.Pytester) -> None:
    run_tests(pytester, TESTS, "--sagemaker-registry-backend", "moto://").assert_outcomes(passed=5)


def test_the_same_tests_run_on_a_file_and_leave_it_unchanged(pytester: pytest.Pytester) -> None:
    from sagemaker_registry.client import ModelRegistry

    with ModelRegistry(f"sqlite:///{pytester.path / 'team.db'}") as registry:
        existing = registry.register("churn", image="churn:1")
    pytester.makeini("[pytest]\nsagemaker_registry_backend = sqlite:///team.db\n")
    run_tests(pytester, TESTS).assert_outcomes(passed=5)
    with ModelRegistry(f"sqlite:///{pytester.path / 'team.db'}") as registry:
        assert [version.arn for version in registry.versions("churn")] == [existing.arn]
        assert registry.boto3.get_paginator("search").paginate(Resource="ModelPackage").build_full_result()
        assert registry.verify_history().checked == 2


def test_the_same_tests_run_on_postgresql(pytester: pytest.Pytester, postgres_url: str) -> None:
    run_tests(pytester, TESTS, "--sagemaker-registry-backend", postgres_url).assert_outcomes(passed=5)


def test_a_failed_assertion_shows_the_actual_request(pytester: pytest.Pytester) -> None:
    result = run_tests(
        pytester,
        """
def test_it(sagemaker_registry_server):
    version = sagemaker_registry_server.registry.register("churn", image="churn:1")
    approve(version.arn)
    sagemaker_registry_server.calls("UpdateModelPackage").once(ModelApprovalStatus="Rejected")
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*UpdateModelPackage was expected once with ModelApprovalStatus='Rejected', but succeeded never.",
            "E*- ModelApprovalStatus='Rejected'",
            "E*+ ModelApprovalStatus='Approved'",
        ]
    )
    assert "client/testing/recorded_requests.py" not in result.stdout.str()


def test_the_environment_is_restored(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_PROFILE", "production")
    result = run_tests(
        pytester,
        """
import os

before = dict(os.environ)


def test_pointed_there(sagemaker_registry_url):
    assert groups() == []
    assert os.environ["AWS_ENDPOINT_URL"] == os.environ["SAGEMAKER_REGISTRY_URL"] == sagemaker_registry_url


def test_and_back():
    ignored = {"PYTEST_CURRENT_TEST"}
    assert {k: v for k, v in os.environ.items() if k not in ignored} == {
        k: v for k, v in before.items() if k not in ignored
    }
""",
    )
    result.assert_outcomes(passed=2)


def test_clients_created_at_import_are_redirected_only_while_a_server_is_used(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that does not exist stands between the clients and AWS, so that no request could reach AWS."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    pytester.makepyfile(
        deploying="""
import boto3
from botocore.config import Config

FAST = Config(retries={"total_max_attempts": 1}, connect_timeout=2)
sagemaker = boto3.client("sagemaker", config=FAST)
elsewhere = boto3.client("sagemaker", region_name="ap-south-1", config=FAST)
s3 = boto3.resource("s3", config=FAST)
"""
    )
    tests = """
import deploying
from botocore.exceptions import ProxyConnectionError


def test_clients_of_the_module(sagemaker_registry_server):
    version = sagemaker_registry_server.registry.register("fraud", image="fraud:1")
    deploying.sagemaker.update_model_package(ModelPackageArn=version.arn, ModelApprovalStatus="Approved")
    sagemaker_registry_server.calls("UpdateModelPackage").once(ModelApprovalStatus="Approved")
    pages = deploying.sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName="fraud")
    assert [one["ModelPackageArn"] for page in pages for one in page["ModelPackageSummaryList"]] == [version.arn]
    assert deploying.elsewhere.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    deploying.s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    deploying.s3.Object("models", "a").put(Body=b"content")
    assert boto3.client("s3").get_object(Bucket="models", Key="a")["Body"].read() == b"content"


def test_without_a_server():
    with pytest.raises(ProxyConnectionError):
        deploying.sagemaker.list_model_package_groups()


def test_an_error_of_the_server(sagemaker_registry_url):
    with pytest.raises(deploying.sagemaker.exceptions.ClientError, match="does not exist"):
        deploying.sagemaker.describe_model_package_group(ModelPackageGroupName="fraud")
"""
    run_tests(pytester, tests).assert_outcomes(passed=3)


def test_the_marker_freezes_the_clock_and_finds_seeds_next_to_the_test(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", churn="groups:\n  churn:\n    versions: [{image: churn:1}]\n")
    result = run_tests(
        pytester,
        """
@pytest.mark.sagemaker_registry("churn.yaml", freeze="2026-11-24T12:00:00Z")
def test_it(sagemaker_registry):
    assert sagemaker_registry.get("churn/1").created.isoformat() == "2026-11-24T12:00:00+00:00"
""",
    )
    result.assert_outcomes(passed=1)


def test_an_invalid_seed_is_one_sentence(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", churn="groups:\n  churn:\n    version: []\n")
    result = run_tests(
        pytester,
        """
@pytest.mark.sagemaker_registry("churn.yaml")
def test_it(sagemaker_registry):
    pass


@pytest.mark.sagemaker_registry(SEED, colour="red")
def test_another(sagemaker_registry):
    pass
""",
    )
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            "*churn.yaml, line 3: groups.churn.version: unknown field; did you mean versions?",
            "*accepts seeds and freeze=, not colour=*",
        ]
    )


def test_approval_rules_of_a_configuration_apply(pytester: pytest.Pytester) -> None:
    (pytester.path / "registry.toml").write_text('[[approval]]\ngroups = ["*"]\nprofile = "strict"\n', encoding="utf-8")
    result = run_tests(
        pytester,
        """
@pytest.mark.parametrize("served", [True, False])
def test_it(request, served):
    name = "sagemaker_registry_server" if served else "sagemaker_registry"
    registry = request.getfixturevalue(name)
    registry = registry.registry if served else registry
    with pytest.raises(Exception, match="PendingManualApproval"):
        registry.register("churn", image="churn:1", approval="Approved")
""",
        "--sagemaker-registry-config=registry.toml",
    )
    result.assert_outcomes(passed=2)


def test_the_unused_plugin_imports_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
import sys

HEAVY = {"boto3", "botocore", "flask", "msgspec", "sqlite_utils", "moto", "waitress"}


def test_it(request):
    assert request.config.pluginmanager.has_plugin("sagemaker_registry")
    assert HEAVY & set(sys.modules) == set()
"""
    )
    pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_fixtures_and_the_marker_have_help(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--fixtures", "--markers")
    result.stdout.fnmatch_lines(["*@pytest.mark.sagemaker_registry(*seeds, freeze=None)*"])
    told = pytester.runpytest_subprocess("--fixtures").stdout.str()
    for name in ("", "_server", "_url"):
        assert f"sagemaker_registry{name} " in told
    assert "no docstring available" not in told.split("sagemaker_registry", 1)[1].split("fixtures defined")[0]


def test_the_example_project_passes(pytester: pytest.Pytester) -> None:
    shutil.copytree(EXAMPLE, pytester.path / "project", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    pytester.chdir()
    result = pytester.runpytest_subprocess("-q", "-W", "error", "--rootdir", "project", "-c", "project/pyproject.toml")
    result.assert_outcomes(passed=7)
