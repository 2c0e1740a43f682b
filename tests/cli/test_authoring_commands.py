"""`register`, `search` and `delete` on a served registry and on a file, and shell completion."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_registry.client import ModelRegistry
from sagemaker_registry.client.cli import main
from sagemaker_registry.client.registry.search_terms import OPERATORS, Terms
from support.server import Emulator

URLS = ["{emulator}", "sqlite:///{folder}/registry.db"]


@pytest.fixture(params=URLS, ids=["http", "file"])
def registry(
    request: pytest.FixtureRequest, emulator: Emulator, account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModelRegistry]:
    """Return an empty registry that the commands find through the environment."""
    monkeypatch.setenv("SAGEMAKER_REGISTRY_URL", request.param.format(emulator=emulator.url, folder=tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    with ModelRegistry() as registry:
        yield registry


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), input=stdin)


def done(*arguments: str, stdin: str | None = None) -> str:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str, stdin: str | None = None) -> str:
    result = run(*arguments, stdin=stdin)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr
    return result.stderr


def names(*arguments: str) -> list[str]:
    return [found["version"] for found in json.loads(done("search", *arguments, "--json"))]


REQUEST: dict[str, Any] = {
    "ModelPackageGroupName": "churn",
    "ModelPackageDescription": "of the file",
    "ModelApprovalStatus": "Approved",
    "InferenceSpecification": {
        "Containers": [{"Image": "file:1", "ModelDataUrl": "s3://models/file.tar.gz"}, {"Image": "file:2"}],
        "SupportedContentTypes": ["application/json"],
        "SupportedResponseMIMETypes": ["application/json"],
    },
    "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "text/csv", "S3Uri": "s3://file"}}, "Bias": {}},
    "MetadataProperties": {"CommitId": "file", "ProjectId": "p-1"},
    "CustomerMetadataProperties": {"accuracy": "0.5", "of.file": "yes", "git_commit": "file"},
    "Domain": "MACHINE_LEARNING",
}


def test_register_prints_only_the_arn(registry: ModelRegistry) -> None:
    options = ["--image", "registry/churn:3", "--model-data", "s3://models/churn.tar.gz", "--metrics", "s3://m/q.json"]
    lineage = ["--training-job", "train-7", "--dataset-version", "2026-11", "--git-commit", "4f5c2a9"]
    said = ["--metadata", "accuracy=0.93", "--metadata", "formula=a=b", "--tag", "team=risk", "--description", "first"]
    arn = done("register", "churn", *options, *lineage, *said, "--approval", "Approved").strip()
    version = registry.get("churn/1")
    assert arn == version.arn
    assert (version.image, version.model_data) == ("registry/churn:3", "s3://models/churn.tar.gz")
    assert (version.status, version.description) == ("Approved", "first")
    assert version.metadata == {
        "accuracy": "0.93",
        "formula": "a=b",
        "training_job": "train-7",
        "dataset_version": "2026-11",
        "git_commit": "4f5c2a9",
    }
    assert version.record["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] == "s3://m/q.json"
    assert version.record["MetadataProperties"] == {"CommitId": "4f5c2a9", "GeneratedBy": "train-7"}
    group = arn.rpartition("/")[0].replace(":model-package/", ":model-package-group/")
    assert registry.boto3.list_tags(ResourceArn=group)["Tags"] == [{"Key": "team", "Value": "risk"}]


def test_register_can_print_the_record_as_json(registry: ModelRegistry) -> None:
    record = json.loads(done("register", "churn", "--image", "i:1", "--content-type", "a/b", "--json"))
    assert record["ModelPackageVersion"] == 1
    assert record["InferenceSpecification"]["SupportedContentTypes"] == ["a/b"]


def test_the_same_token_registers_once(registry: ModelRegistry) -> None:
    first, second = (done("register", "churn", "--image", "i:1", "--token", "job-7") for _ in range(2))
    assert first == second


def test_register_uses_every_member_of_a_file(registry: ModelRegistry, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(REQUEST))
    done("register", "--from", str(file))
    record = registry.get("churn/1").record
    assert record["InferenceSpecification"]["Containers"][0].pop("ImageDigest")
    assert record["InferenceSpecification"]["Containers"][1].pop("ImageDigest")
    assert {name: record[name] for name in REQUEST} == REQUEST


def test_options_override_members_of_a_file(registry: ModelRegistry) -> None:
    options = ["--image", "mine:1", "--content-type", "text/csv", "--description", "mine", "--approval", "Rejected"]
    more = ["--metadata", "of.file=no", "--git-commit", "4f5c2a9", "--metrics", "s3://mine"]
    done("register", "other", "--from", "-", *options, *more, stdin=json.dumps(REQUEST))
    version = registry.get("other/1")
    assert (version.image, version.model_data) == ("mine:1", "s3://models/file.tar.gz")
    assert (version.description, version.status) == ("mine", "Rejected")
    assert version.metadata == {"accuracy": "0.5", "of.file": "no", "git_commit": "4f5c2a9"}
    assert version.record["MetadataProperties"] == {"CommitId": "4f5c2a9", "ProjectId": "p-1"}
    assert version.record["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] == "s3://mine"
    assert version.record["ModelMetrics"]["Bias"] == {}
    specification = version.record["InferenceSpecification"]
    assert specification["SupportedContentTypes"] == ["text/csv"]
    assert specification["SupportedResponseMIMETypes"] == ["application/json"]


def test_an_image_can_be_added_to_a_file_without_containers(registry: ModelRegistry) -> None:
    request = {"InferenceSpecification": {"SupportedContentTypes": ["a/b"]}}
    done("register", "churn", "--from", "-", "--image", "mine:1", stdin=json.dumps(request))
    version = registry.get("churn/1")
    assert version.image == "mine:1"
    assert version.record["InferenceSpecification"]["SupportedContentTypes"] == ["a/b"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "sentence"),
    [
        (["--from", "-"], "{", "<stdin> is not valid JSON"),
        (["--from", "-"], "[]", "<stdin> is not a JSON object with members of CreateModelPackage"),
        (["--from", "-"], "\udcff", "<stdin> is not valid JSON"),
        (["--from", "-"], "{}", "missing GROUP; add it, or --from FILE with a ModelPackageGroupName"),
        (["churn", "--from", "-"], '{"Colour": "red"}', 'Unknown parameter in input: "Colour"'),
        (["--from", "no-such-file"], None, "No such file"),
        (["churn", "--metadata", "accuracy"], None, "'accuracy' does not have the form KEY=VALUE"),
        (["churn", "--tag", "=risk"], None, "'=risk' does not have the form KEY=VALUE"),
        (["churn", "--approval", "Maybe"], None, "'Maybe' is not one of"),
        (["churn", "--image", "no spaces"], None, "ValidationException: 1 validation error detected"),
    ],
)
def test_an_invalid_registration_is_rejected_with_one_sentence(
    registry: ModelRegistry, arguments: list[str], stdin: str | None, sentence: str
) -> None:
    given_bytes = stdin.encode("utf-8", "surrogateescape") if stdin is not None else None
    result = CliRunner().invoke(main, ["register", *arguments], input=given_bytes)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert list(registry.versions("churn")) == []


@pytest.fixture
def found(registry: ModelRegistry) -> ModelRegistry:
    """Return a registry with versions to search for."""
    registry.register("churn", image="i:1", metadata={"accuracy": 0.9}, approval="Approved", tags={"team": "risk"})
    registry.register("churn", image="i:2", metadata={"accuracy": 0.95}, description="with weather")
    registry.register("fraud", image="i:3", metadata={"accuracy": "9e-1"}, approval="Approved")
    registry.register("fraud", image="i:4", metadata={"accuracy": "high"})
    return registry


@pytest.mark.parametrize(
    ("terms", "versions"),
    [
        ([], ["churn/1", "churn/2", "fraud/1", "fraud/2"]),
        (["ModelApprovalStatus=Approved"], ["churn/1", "fraud/1"]),
        (["ModelApprovalStatus=Approved", "Tags.team=risk"], ["churn/1"]),
        (["ModelApprovalStatus!=Approved"], ["churn/2", "fraud/2"]),
        (["ModelPackageDescription~weather"], ["churn/2"]),
        (["Tags.team"], ["churn/1", "churn/2"]),
        (["!Tags.team"], ["fraud/1", "fraud/2"]),
        (["CustomerMetadataProperties.accuracy>=0.9"], ["churn/1", "churn/2", "fraud/1"]),
        (["CustomerMetadataProperties.accuracy>0.9"], ["churn/2"]),
        (["CustomerMetadataProperties.accuracy<=.9", "Tags.team"], ["churn/1"]),
        (["CustomerMetadataProperties.accuracy<1", "!Tags.team"], ["fraud/1"]),
        (["ModelPackageVersion>=2"], ["churn/2", "fraud/2"]),
        (["CreationTime<2020-01-01T00:00:00"], []),
        (["ModelPackageGroupName=nobody"], []),
    ],
)
def test_search_terms_filter_versions(found: ModelRegistry, terms: list[str], versions: list[str]) -> None:
    assert sorted(names(*terms)) == versions


def test_search_results_are_sorted_and_limited(found: ModelRegistry) -> None:
    assert names("--sort", "CreationTime", "--ascending") == ["churn/1", "churn/2", "fraud/1", "fraud/2"]
    assert names("--sort", "CreationTime", "--limit", "2") == ["fraud/2", "fraud/1"]
    assert [line.split()[0] for line in done("search", "Tags.team", "--limit", "1").splitlines()] == ["churn/2"]


def test_groups_can_be_searched(found: ModelRegistry) -> None:
    groups = json.loads(done("search", "--groups", "Tags.team=risk", "--json"))
    assert [group["name"] for group in groups] == ["churn"]
    assert [group.name for group in found.search_groups("!Tags.team")] == ["fraud"]


def test_a_search_result_equals_the_version(found: ModelRegistry) -> None:
    (version,) = found.search("ModelPackageDescription~weather")
    assert version == found.get("churn/2")


def test_unversioned_packages_are_left_out_of_results(registry: ModelRegistry) -> None:
    types = {
        "SupportedTransformInstanceTypes": ["ml.m5.large"],
        "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
    }
    text: Any = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    registry.boto3.create_model_package(
        ModelPackageName="solo", InferenceSpecification={"Containers": [{"Image": "i:1"}], **types, **text}
    )
    assert list(registry.search()) == []


def test_a_search_spans_pages(registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagemaker_registry.client.registry.search_terms.PAGE", 2)
    for number in range(5):
        registry.register("churn", image=f"i:{number}")
    assert len(names("ModelPackageGroupName=churn")) == 5


@pytest.mark.parametrize(
    ("term", "sentence"),
    [
        ("=Approved", "invalid search term '=Approved': expected Name=value"),
        ("", "invalid search term ''"),
        ("a=", "invalid search term 'a='"),
        ("CustomerMetadataProperties.accuracy>high", "compares metadata with 'high', which is not a number"),
        ("CustomerMetadataProperties.accuracy>nan", "compares metadata with 'nan', which is not a number"),
        ("Colour=red", "ValidationException: Unknown property name: Colour"),
    ],
)
def test_an_invalid_term_is_rejected_with_one_sentence(registry: ModelRegistry, term: str, sentence: str) -> None:
    assert sentence in refused("search", term)


@given(
    name=st.text("abcXYZ._-:/@ +", min_size=1).filter(lambda text: not text[0].isspace()),
    sign=st.sampled_from(sorted(OPERATORS)),
    value=st.text(min_size=1),
)
def test_terms_are_parsed_into_filters(name: str, sign: str, value: str) -> None:
    if sign in ("<", ">") and value.startswith("="):
        value = f" {value}"  # which would be part of the operator
    (asked,) = Terms.parse([f"{name}{sign}{value}"]).filters
    assert asked == {"Name": name, "Operator": OPERATORS[sign], "Value": value}


def test_the_number_of_a_deleted_version_is_not_reused(found: ModelRegistry) -> None:
    assert done("delete", "churn/2", "--yes") == "deleted churn/2 (PendingManualApproval)\n"
    assert "does not exist" in refused("delete", "churn/2", "--yes")
    assert done("register", "churn", "--image", "i:5").strip().endswith("/churn/3")
    deleted = json.loads(done("delete", found.get("churn/3").arn, "--yes", "--json"))["deleted"]
    assert [arn.rpartition("/")[2] for arn in deleted] == ["3"]


def test_a_group_with_versions_is_deleted_only_with_the_option(found: ModelRegistry) -> None:
    assert "ConflictException: " in refused("delete", "churn", "--yes")
    assert [version.version for version in found.versions("churn")] == [2, 1]
    assert done("delete", "churn", "--with-versions", "--yes") == "deleted the group churn and its 2 versions\n"
    assert [group.name for group in found.groups()] == ["fraud"]
    assert "does not exist" in refused("delete", "churn", "--yes")
    (fraud,) = found.groups()
    assert done("delete", fraud.arn, "--with-versions", "--yes", "--json").count("fraud") == 3
    assert list(found.groups()) == []


def test_delete_requires_yes_without_a_terminal(found: ModelRegistry) -> None:
    sentence = "not deleting churn/1 (Approved): add --yes when there is no terminal to confirm"
    assert sentence in refused("delete", "churn/1", stdin="y\n")
    assert found.get("churn/1")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_delete_asks_on_a_terminal(found: ModelRegistry, answer: str, code: int) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", "delete", "churn/1"]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        os.write(ours, f"{answer}\n".encode())
        printed, said = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == code
    assert "Delete churn/1 (Approved)?" in said + printed
    assert ("churn/1" in names()) is (answer == "n")


def completed(*words: str) -> tuple[list[str], str]:
    """Return the completions for the last of these words, and stderr."""
    asked = {
        "_SAGEMAKER_REGISTRY_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["sagemaker-registry", *words]),
        "COMP_CWORD": str(len(words)),
    }
    command = [
        sys.executable,
        "-c",
        "from sagemaker_registry.client.cli import main; main(prog_name='sagemaker-registry')",
    ]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **asked}
    )
    return [line.partition(",")[2] for line in ended.stdout.splitlines() if line], ended.stderr


def offered(*words: str) -> tuple[list[str], str]:
    """Return completions, retrying because completion offers nothing if a busy machine takes over a second."""
    deadline = time.monotonic() + 60
    while (found := completed(*words)) == ([], "") and time.monotonic() < deadline:
        pass
    return found


def test_groups_and_versions_are_completed(found: ModelRegistry) -> None:
    assert offered("versions", "f") == (["fraud"], "")
    assert offered("show", "") == (["fraud/2", "fraud/1", "churn/2", "churn/1"], "")
    assert offered("approve", "churn/") == (["churn/2", "churn/1"], "")
    assert offered("diff", "churn/1", "fr") == (["fraud/2", "fraud/1"], "")
    assert completed("delete", "nobody") == ([], "")
    assert completed("compl") == (["completion"], "")


def test_completion_creates_no_file_and_ignores_unreachable_registries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in (f"sqlite:///{tmp_path}/no.db", "http://127.0.0.1:9", "mongodb://x", "sqlite://x"):
        monkeypatch.setenv("SAGEMAKER_REGISTRY_URL", url)
        assert completed("versions", "c") == ([], "")
    monkeypatch.delenv("SAGEMAKER_REGISTRY_URL")
    assert completed("versions", "c") == ([], "")
    assert list(tmp_path.iterdir()) == []


def test_completion_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("SAGEMAKER_REGISTRY_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        assert completed("versions", "c") == ([], "")
        assert time.monotonic() - began < 15  # a second of waiting; the rest is the start of Python on a busy machine


@pytest.mark.parametrize(
    ("shell", "word"), [("bash", "complete -o"), ("zsh", "#compdef"), ("fish", "complete --no-files")]
)
def test_completion_prints_the_script_of_a_shell(shell: str, word: str) -> None:
    script = done("completion", shell)
    assert word in script
    assert "_SAGEMAKER_REGISTRY_COMPLETE" in script


def test_an_unknown_shell_is_rejected() -> None:
    assert "'csh' is not one of" in refused("completion", "csh")
