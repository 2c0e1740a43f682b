"""The commands on a served registry and on a file: tables, JSON and exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import pytest
from click.testing import CliRunner, Result
from platformdirs import user_data_path

from sagemaker_registry.backends import open_backend
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.client import ModelRegistry
from sagemaker_registry.client.cli import main
from sagemaker_registry.client.commands import COMMANDS, Access
from sagemaker_registry.emulator.background import running
from support.server import Emulator

URLS = ["{emulator}", "sqlite:///{folder}/registry.db"]


@pytest.fixture(params=URLS, ids=["http", "file"])
def registry(
    request: pytest.FixtureRequest, emulator: Emulator, account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ModelRegistry:
    """Return a registry with two pending versions that the commands find through the environment."""
    monkeypatch.setenv("SAGEMAKER_REGISTRY_URL", request.param.format(emulator=emulator.url, folder=tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    registry = ModelRegistry()
    registry.register("churn", image="churn:1", metadata={"accuracy": 0.9}, description="first")
    registry.register("churn", image="churn:2", metadata={"accuracy": 0.95}, description="second   line")
    return registry


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def as_json(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_review_with_the_commands(registry: ModelRegistry) -> None:
    with registry:
        assert [group["name"] for group in as_json("groups")] == ["churn"]
        assert [row["version"] for row in as_json("pending")] == ["churn/1", "churn/2"]
        (difference,) = [row for row in as_json("diff", "churn/1", "churn/2") if row["delta"] is not None]
        assert (difference["path"], difference["delta"]) == ("CustomerMetadataProperties.accuracy", 0.05)
        assert run("latest", "churn").exit_code == 1
        assert as_json("approve", "churn/2", "--reason", "better")[0]["status"] == "Approved"
        assert as_json("reject", "churn/1", "--reason", "worse")[0]["reason"] == "worse"
        assert run("latest", "churn").stdout.strip().endswith(":model-package/churn/2")
        assert as_json("pending", "churn") == []
        assert [row["version"] for row in as_json("versions", "churn", "--status", "Approved")] == ["churn/2"]
        assert as_json("show", "churn/2")["ApprovalDescription"] == "better"
        assert run("wait", "churn/2", "--timeout", "0").exit_code == 0
        assert run("wait", "churn/1", "--timeout", "0").exit_code == 1


def test_a_table_has_a_line_for_each_row(registry: ModelRegistry) -> None:
    with registry:
        lines = run("versions", "churn").stdout.splitlines()
        assert [line.split()[:2] for line in lines] == [[f"churn/{n}", "PendingManualApproval"] for n in (2, 1)]
        assert lines[0].endswith("second line")
        assert "ModelPackageArn" in run("show", "churn/1").stdout


def test_a_wait_that_times_out_exits_with_3(registry: ModelRegistry) -> None:
    with registry:
        result = run("wait", "churn/1", "--timeout", "0")
        assert result.exit_code == 3
        assert "churn/1 is still PendingManualApproval after 0 seconds" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show", "churn/9"], "ValidationException: ModelPackage arn:aws:sagemaker:"),
        (["versions", "no_such"], "ValidationException: 1 validation error detected"),
        (["reject", "churn/1", "--reason", ""], "reason"),
        (["groups", "--url", "mongodb://x"], "must begin with one of"),
        (["groups", "--url", "http://127.0.0.1:9"], "Could not connect to the endpoint URL"),
    ],
)
def test_an_error_is_one_sentence_and_exit_code_2(registry: ModelRegistry, arguments: list[str], sentence: str) -> None:
    with registry:
        result = run(*arguments)
        assert result.exit_code == 2
        assert sentence in result.stderr
        assert result.stdout == ""


@pytest.mark.parametrize("name", ["churn/9", "sales", "sales/1"])
def test_the_history_of_a_missing_version_or_group_is_an_error(registry: ModelRegistry, name: str) -> None:
    with registry:
        result = run("history", name)
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"/{name} does not exist" in result.stderr
        assert run("history", name, "--actor", "nobody", "--json").exit_code == 2


def test_the_history_of_a_deleted_version_is_listed(registry: ModelRegistry) -> None:
    with registry:
        registry.delete("churn/2")
        assert len(as_json("history", "churn/2")) == 2
        assert as_json("history", "churn/1", "--actor", "nobody") == []


def test_deliveries_to_an_unknown_target_are_an_error(registry: ModelRegistry) -> None:
    with registry:
        for name in ("nope", ""):
            result = run("deliveries", "--sink", name)
            assert (result.exit_code, result.stdout) == (2, "")
            assert f"no event target is named {name!r}; add targets under [events] in registry.toml." in result.stderr


def test_deliveries_to_a_mistyped_target_get_a_suggestion(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    with open_backend(url) as backend:
        assert isinstance(backend, LocalRegistry)
        backend.outbox.register("deployer")
    result = run("deliveries", "--sink", "deplyer", "--url", url)
    assert result.exit_code == 2
    assert "no event target is named 'deplyer'; did you mean 'deployer'?" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["aprove", "churn/1"], 'there is no command "aprove". Did you mean approve?'),
        (["control", "fualt"], 'there is no command "fualt". Did you mean fault?'),
        (["credentials", "ad"], 'there is no command "ad". Did you mean add?'),
        (["xyzzy"], 'there is no command "xyzzy".\n'),
        (["approve", "churn/1", "--reasn", "ticket 42"], "--reason"),
        (["history", "churn", "--actr", "alice"], "--actor"),
        (["--versoin"], "--version"),
    ],
)
def test_a_mistyped_command_or_option_gets_a_suggestion(arguments: list[str], suggestion: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert suggestion in result.stderr
    assert ("Did you mean" in result.stderr) is (arguments != ["xyzzy"])


def test_the_help_says_where_serve_stores_a_registry(serve: Callable[..., Emulator], tmp_path: Path) -> None:
    server = serve()
    assert server.process.stdout is not None
    file = user_data_path("sagemaker-registry", appauthor=False) / "registry.db"
    assert server.process.stdout.readline() == f"registry:  sqlite:///{file}\n"
    assert file.exists()
    assert not (tmp_path / "registry.db").exists()
    for arguments in ([], ["serve"]):
        told = " ".join(run(*arguments, "--help").stdout.split())
        assert "stored in a file in your data folder" in told


def test_the_default_registry_belongs_to_the_user() -> None:
    with ModelRegistry() as registry:
        registry.register("mine", image="churn:1")
    assert run("groups").stdout.split()[0] == "mine"


def test_the_command_runs_as_a_program(registry: ModelRegistry) -> None:
    with registry:
        command = [sys.executable, "-m", "sagemaker_registry.client.cli", "pending"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert len(done.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["versions", "chrun"],
        ["pending", "chrun"],
        ["latest", "chrun"],
        ["show", "chrun/1"],
        ["approve", "chrun/1"],
        ["wait", "chrun/1"],
        ["diff", "churn/1", "chrun/2"],
        ["history", "chrun"],
        ["events", "chrun"],
        ["events", "chrun", "--follow"],
        ["watch", "--group", "chrun", "--exec", "true"],
        ["replay", "chrun"],
        ["deliveries", "chrun"],
        ["explain", "chrun/1"],
        ["export", "--group", "chrun"],
        ["delete", "chrun/1"],
    ],
    ids=" ".join,
)
def test_a_mistyped_group_is_an_error_with_a_suggestion(registry: ModelRegistry, arguments: list[str]) -> None:
    with registry:
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "/chrun" in result.stderr
        assert result.stderr.endswith("does not exist. Did you mean churn?\n")
        assert run("events", "chr*").exit_code == 0


@pytest.mark.parametrize("arguments", [["as-of", "chrun", "2026-01-01"], ["history", "verify", "chrun"]], ids=" ".join)
def test_a_mistyped_group_without_history_gets_a_suggestion(registry: ModelRegistry, arguments: list[str]) -> None:
    with registry:
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "There is no history of chrun" in result.stderr
        assert result.stderr.endswith(" Did you mean churn?\n")


@pytest.mark.parametrize("command", ["versions", "pending", "latest", "show", "diff", "wait", "delete"])
@pytest.mark.parametrize("backend", ["sqlite", "memory", "moto", "server"])
def test_a_missing_group_is_an_error_on_every_backend(tmp_path: Path, backend: str, command: str) -> None:
    with ExitStack() as opened:
        url = {"sqlite": f"sqlite:///{tmp_path}/registry.db", "memory": "sqlite://", "moto": "moto://"}.get(backend)
        url = url or opened.enter_context(running()).url
        opened.enter_context(ModelRegistry(url, region_name="us-east-1"))  # creates the file
        names = {"show": ["chrun/1"], "diff": ["chrun/1", "chrun/2"], "wait": ["chrun/1"], "delete": ["chrun/1"]}
        result = run(command, *names.get(command, ["chrun"]), "--url", url)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "chrun" in result.stderr


def test_a_group_without_a_version_number_is_explained(registry: ModelRegistry) -> None:
    with registry:
        result = run("show", "churn")
        assert result.exit_code == 2
        assert result.stderr.endswith(": churn is a group; add the number of a version, such as churn/1\n")


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["versions", "churn", "--status", "aproved"], "Approved"),
        (["deliveries", "--state", "falied"], "failed"),
        (["completion", "fsh"], "fish"),
        (["serve", "--log-level", "wraning"], "warning"),
    ],
    ids=lambda given: given if isinstance(given, str) else " ".join(given),
)
def test_a_mistyped_value_of_an_option_gets_a_suggestion(arguments: list[str], suggestion: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.endswith(f". Did you mean {suggestion}?\n")


def test_a_mistyped_profile_gets_a_suggestion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("[profile production]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    result = run("groups", "--url", "aws://prodution@eu-west-1")
    assert result.exit_code == 2
    assert (
        "(prodution) could not be found: check the profiles in ~/.aws/config; did you mean 'production'?"
        in result.stderr
    )


READING = (
    *(["groups"], ["versions", "churn"], ["pending"], ["show", "churn/1"], ["latest", "churn"], ["search"], ["events"]),
    *(["history"], ["history", "verify"], ["as-of", "churn", "2026-01-01"], ["explain", "churn/1"], ["deliveries"]),
    *(["diff", "churn/1", "churn/2"], ["wait", "churn/1"], ["approve", "churn/1"], ["delete", "churn/1"], ["export"]),
    *(["reject", "churn/1", "--reason", "a"], ["watch", "--exec", "true"], ["replay", "churn"], ["control", "ready"]),
    ["backup", "copy.db"],
)


def test_every_command_of_a_registry_that_must_exist_is_tried_on_a_missing_file() -> None:
    needed = {name for name, row in COMMANDS.items() if row.access in (Access.READS, Access.CHANGES)}
    assert {arguments[0] for arguments in READING} == needed - {"plan", "doctor"}  # which have tests of their own


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_commands_that_do_not_create_a_registry_reject_a_missing_file(tmp_path: Path, arguments: list[str]) -> None:
    for url in (f"sqlite:///{tmp_path}/mistyped.db", f"sqlite:///{tmp_path}/no/mistyped.db"):
        result = run(*arguments, "--url", url)
        assert result.exit_code == 2
        assert f"there is no registry at {url.removeprefix('sqlite:///')}" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_does_not_create_a_missing_file(tmp_path: Path) -> None:
    result = run("doctor", "--url", f"sqlite:///{tmp_path}/mistyped.db")
    assert f"{tmp_path}/mistyped.db does not exist" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_plan_rejects_a_missing_source_or_destination(tmp_path: Path) -> None:
    here, there = (f"sqlite:///{tmp_path}/{name}.db" for name in ("here", "there"))
    result = run("plan", here, there)
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    with ModelRegistry(here, region_name="us-east-1") as registry:
        registry.register("churn", image="churn:1")
    files = sorted(tmp_path.iterdir())
    result = run("plan", here, there)
    assert result.exit_code == 2
    assert "there is no registry at" in result.stderr
    assert sorted(tmp_path.iterdir()) == files


@pytest.mark.parametrize(
    ("arguments", "method"),
    [
        (["wait", "churn/1"], "wait_for_decision"),
        (["events"], "events"),
        (["watch", "--exec", "true"], "events"),
        (["versions", "churn"], "versions"),
    ],
    ids=["wait", "events", "watch", "versions"],
)
def test_ctrl_c_exits_with_130(
    registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch, arguments: list[str], method: str
) -> None:
    def interrupted(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    with registry:
        monkeypatch.setattr(ModelRegistry, method, interrupted)
        monkeypatch.setattr("sagemaker_registry.client.registry.events.follow", interrupted)
        result = run(*arguments)
        assert (result.exit_code, result.stderr) == (130, "sagemaker-registry: interrupted\n")


def test_a_follower_of_events_that_is_interrupted_exits_with_130(registry: ModelRegistry) -> None:
    with registry:
        command = [sys.executable, "-m", "sagemaker_registry.client.cli", "events", "--follow", "--from", "start"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()  # it is following now
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130


def test_an_approval_that_does_not_suffice_exits_with_6(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = tmp_path / "registry.toml"
    rules.write_text('[[approval]]\ngroups = ["*"]\nrules = ["two"]\n[rules.two]\nis = "approvers"\ncount = 2\n')
    monkeypatch.setenv("SAGEMAKER_REGISTRY_CONFIG", str(rules))
    monkeypatch.setenv("SAGEMAKER_REGISTRY_URL", f"sqlite:///{tmp_path}/registry.db")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "alice")
    assert run("register", "churn", "--image", "churn:1").exit_code == 0
    first = run("approve", "churn/1", "--json")
    assert first.exit_code == 6
    assert json.loads(first.stdout)[0]["status"] == "PendingManualApproval"
    said = "churn/1 is still PendingManualApproval: the approval is recorded, but the rules require more: "
    assert said + "1 of 2 approvals so far: alice" in first.stderr
    listed = run("history", "churn/1").stdout.splitlines()[0]
    assert "user/alice" in listed
    assert "approved, 1 of 2" in listed
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "bob")
    assert run("approve", "churn/1").exit_code == 0


def test_values_of_environment_variables_are_hidden(registry: ModelRegistry) -> None:
    with registry:
        for password in ("hunter2", "hunter3"):
            registry.boto3.create_model_package(
                ModelPackageGroupName="churn",
                InferenceSpecification={"Containers": [{"Image": "churn:3", "Environment": {"PASSWORD": password}}]},
            )
        for arguments in (["show", "churn/3"], ["diff", "churn/3", "churn/4"]):
            shown = run(*arguments).stdout
            assert "hunter" not in shown
            assert "PASSWORD" in shown
            assert "(hidden)" in shown
            assert "hunter2" in run(*arguments, "--show-environment").stdout
            assert "hunter2" in run(*arguments, "--json").stdout


def test_a_plan_hides_the_values_of_environment_variables(registry: ModelRegistry, tmp_path: Path) -> None:
    with registry:
        registry.boto3.create_model_package(
            ModelPackageGroupName="churn",
            ModelApprovalStatus="Approved",
            InferenceSpecification={"Containers": [{"Image": "churn:3", "Environment": {"PASSWORD": "hunter2"}}]},
        )
        destination = f"sqlite:///{tmp_path}/destination.db"
        with ModelRegistry(destination, region_name="us-east-1"):
            pass
        shown = run("plan", os.environ["SAGEMAKER_REGISTRY_URL"], destination).stdout
        assert "Environment.PASSWORD: (hidden)" in shown
        assert "hunter2" not in shown


def test_control_characters_never_reach_the_terminal(registry: ModelRegistry) -> None:
    """AWS accepts any character but a line feed in ApprovalDescription."""
    with registry:
        registry.reject("churn/2", "fine\x1b[2K\x1b[1A\x07\x9b31m\u202ehidden\u2028churn/9  Approved")
        for arguments in (
            ["show", "churn/2"],
            ["history", "churn/2"],
            ["events", "churn/2"],
            ["diff", "churn/1", "churn/2"],
        ):
            shown = run(*arguments).stdout
            assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]", shown)
            assert "fine\\x1b[2K\\x1b[1A\\x07\\x9b31m\\u202ehidden" in shown
