"""`watch`, the offline deploy pipeline: one command per event, in order, none lost; and the related commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sagemaker_registry.client import ModelRegistry
from sagemaker_registry.client.cli import main
from sagemaker_registry.client.registry.events import Position
from support.server import Emulator
from support.webhook_receiver import eventually

ROOT = Path(__file__).parents[2]
URLS = ["{emulator}", "sqlite:///{folder}/registry.db"]
NOTE = 'import os, sys; sys.stdin.read(); open("log", "a").write(os.environ["MODEL_PACKAGE_ARN"] + "\\n")'


@pytest.fixture(params=URLS, ids=["http", "file"])
def registry(
    request: pytest.FixtureRequest, emulator: Emulator, account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModelRegistry]:
    """Return a registry that commands find through the environment; the test runs in its temporary folder."""
    monkeypatch.setenv("SAGEMAKER_REGISTRY_URL", request.param.format(emulator=emulator.url, folder=tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.chdir(tmp_path)
    with ModelRegistry() as registry:
        yield registry


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def script(name: str, code: str) -> str:
    """Write a program and return the command that runs it."""
    Path(name).write_text(code, encoding="utf-8")
    return f"{sys.executable} {name}"


def versions_run() -> list[str]:
    return [line.rpartition("/")[2] for line in Path("log").read_text().splitlines()] if Path("log").exists() else []


def watch(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", "watch", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_example_deploys_an_approved_version(registry: ModelRegistry) -> None:
    registry.register("churn", image="a:1", model_data="s3://models/churn/1.tar.gz")
    registry.approve("churn/1", "ticket 42")
    command = str(ROOT / "examples" / "deploy" / "deploy.sh")
    result = run("watch", "--on", "Approved", "--exec", command, "--once", "--from", "start")
    assert result.exit_code == 0, result.output
    assert f"churn/1 Approved: {command} exited with 0" in result.stderr
    deployed = Path("deployed/churn")
    assert (deployed / "current").read_text() == registry.get("churn/1").arn + "\n"
    assert (deployed / "model-data-url").read_text() == "s3://models/churn/1.tar.gz\n"
    (event,) = registry.events(on="Approved")
    assert json.loads((deployed / "event.json").read_text()) == event.envelope


def test_a_command_gets_the_event_in_its_environment(registry: ModelRegistry) -> None:
    registry.register(
        "churn",
        image="a:1",
        model_data="s3://m/1.tar.gz",
    )
    registry.approve("churn/1", "ok")
    code = "import json, os; open('env', 'w').write(json.dumps(dict(os.environ)))"
    command = script("env.py", code)
    assert run("watch", "--on", "Approved", "--exec", command, "--once", "--from", "start").exit_code == 0
    (event,) = registry.events(on="Approved")
    seen = json.loads(Path("env").read_text())
    assert {name: seen[name] for name in event.environment} == {
        "REGISTRY_EVENT_ID": event.id,
        "REGISTRY_EVENT_POSITION": str(event.position),
        "MODEL_PACKAGE_ARN": event.arn,
        "MODEL_PACKAGE_GROUP": "churn",
        "MODEL_PACKAGE_VERSION": "1",
        "MODEL_APPROVAL_STATUS": "Approved",
        "MODEL_APPROVAL_DESCRIPTION": "ok",
        "MODEL_DATA_URL": "s3://m/1.tar.gz",
        "MODEL_IMAGE": "a:1",
    }


def test_a_reason_with_nul_does_not_stop_a_watch(registry: ModelRegistry) -> None:
    registry.register("churn", image="a:1")
    registry.approve("churn/1", "fine\x00\x1b[2K")
    command = script("env.py", "import os; open('env', 'w').write(os.environ['MODEL_APPROVAL_DESCRIPTION'])")
    assert run("watch", "--on", "Approved", "--exec", command, "--once", "--from", "start").exit_code == 0
    assert Path("env").read_text() == "fine\\x00\x1b[2K"


def test_an_approval_runs_the_command_and_another_edit_does_not(registry: ModelRegistry) -> None:
    """A common mistake in deploy loops on AWS: the command itself updates the version it has deployed."""
    process = watch("--on", "Approved", "--group", "churn*", "--exec", script("note.py", NOTE), "--state", "state.json")
    try:
        eventually(Path("state.json").exists)
        for group in ("churn", "fraud"):
            registry.register(group, image="a:1")
            registry.approve(f"{group}/1")
        registry.boto3.update_model_package(
            ModelPackageArn=registry.get("churn/1").arn, CustomerMetadataProperties={"deployed": "yes"}
        )
        registry.register("churn", image="a:2", approval="Approved")
        eventually(lambda: versions_run() == ["1", "2"])
        *_, last = registry.events()
        eventually(lambda: Position(Path("state.json")).value == last.position)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert versions_run() == ["1", "2"]


def test_every_runs_the_command_for_all_events_of_a_status(registry: ModelRegistry) -> None:
    registry.register("churn", image="a:1", approval="Approved")
    registry.boto3.update_model_package(
        ModelPackageArn=registry.get("churn/1").arn, CustomerMetadataProperties={"a": "1"}
    )
    note = script("note.py", NOTE)
    first = next(registry.events()).position
    result = run("watch", "--on", "Approved", "--every", "--exec", note, "--once", "--from", str(first))
    assert result.exit_code == 0
    assert versions_run() == ["1"]


def test_a_restarted_watch_continues_at_its_saved_position(registry: ModelRegistry) -> None:
    note = script("note.py", NOTE)
    options = ["--on", "PendingManualApproval", "--exec", note, "--state", "state.json", "--once", "--from", "start"]
    for number in range(1, 4):
        registry.register("churn", image=f"a:{number}")
        registry.register("churn", image=f"b:{number}")
        assert run("watch", *options).exit_code == 0
        assert versions_run() == [str(done) for done in range(1, number + 1)]


def test_a_failed_command_is_retried_and_its_event_is_not_skipped(registry: ModelRegistry) -> None:
    registry.register("churn", image="a:1")
    registry.register("churn", image="a:2")
    flaky = script("flaky.py", f"{NOTE}\nsys.exit(3 if len(open('log').readlines()) < 5 else 0)")
    options = ["--exec", flaky, "--state", "s.json", "--attempts", "2", "--pause", "0", "--from", "start"]
    for _ in range(2):
        result = run("watch", *options)
        assert result.exit_code == 1
        assert f"{flaky} failed for churn/1 after attempt 2" in result.stderr
        assert Position(Path("s.json")).value == 0
    assert versions_run() == ["1"] * 4
    assert run("watch", *options, "--once").exit_code == 0
    assert run("watch", *options, "--once").exit_code == 0
    assert versions_run() == [*["1"] * 5, "2"]


def test_keep_going_skips_events_whose_command_failed(registry: ModelRegistry) -> None:
    registry.register("churn", image="a:1")
    registry.register("churn", image="a:2")
    fails = script("fails.py", f"{NOTE}\nsys.exit(1)")
    process = watch(
        "--exec", fails, "--attempts", "1", "--keep-going", "--from", "start", "--state", "s.json", "--json"
    )
    eventually(lambda: versions_run() == ["1", "2"])
    eventually(lambda: Position(Path("s.json")).value == list(registry.events())[-1].position)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["version"], line["exit_code"], line["attempts"]) for line in lines] == [
        ("churn/1", 1, 1),
        ("churn/2", 1, 1),
    ]


def test_a_stopping_watch_waits_for_its_command(registry: ModelRegistry) -> None:
    registry.register("churn", image="a:1")
    waits = "import os, time\nopen('begun', 'w')\nwhile not os.path.exists('go'): time.sleep(0.02)\n"
    code = f"{waits}open('log', 'w').write('x/1')"
    process = watch("--exec", script("slow.py", code), "--from", "start", "--state", "s.json")
    eventually(Path("begun").exists)
    process.send_signal(signal.SIGTERM)
    Path("go").touch()
    process.communicate(timeout=30)
    assert (process.returncode, versions_run()) == (0, ["1"])
    assert Position(Path("s.json")).value == list(registry.events())[-1].position


def test_a_watch_survives_a_restart_of_the_server(serve: Callable[..., Emulator], tmp_path: Path) -> None:
    os.chdir(tmp_path)
    served = serve("--backend", "sqlite:///registry.db")
    port = served.url.rpartition(":")[2]
    process = watch("--exec", script("note.py", NOTE), "--state", "s.json", "--url", served.url)
    eventually(Path("s.json").exists)
    assert served.stop() == 0
    assert process.stderr is not None
    assert "retrying" in process.stderr.readline()
    again = serve("--backend", "sqlite:///registry.db", "--port", port)
    with ModelRegistry(again.url) as registry:
        registry.register("churn", image="a:1")
    eventually(lambda: versions_run() == ["1"])
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--exec", "no-such-program"], "--exec: 'no-such-program' is not an executable program"),
        (["--exec", "echo 'open"], '--exec: cannot split "echo \'open" into words'),
        (["--exec", ""], "is not an executable program"),
        (["--exec", "true", "--from", "yesterday"], "is not a position; expected now, start, or a number"),
        (["--exec", "true", "--on", "approved"], "is not one of"),
        (["--exec", "true", "--state", "not-ours"], "is not a position file of watch"),
        (
            ["--exec", "true", "--state", "others"],
            "was saved for another registry (its position is higher); delete it to start again",
        ),
        (["--exec", "true", "--url", "http://127.0.0.1:9"], "Could not connect to the endpoint URL"),
        (["--exec", "true", "--url", "aws://eu-west-1"], "on AWS, create an EventBridge rule"),
        (["--exec", "true", "--url", "moto://"], "create an EventBridge rule"),
    ],
)
def test_an_invalid_watch_is_rejected_with_one_sentence(
    registry: ModelRegistry, arguments: list[str], sentence: str
) -> None:
    Path("not-ours").write_text("[]")
    Path("others").write_text('{"position": 999999999}')
    result = run("watch", *arguments)
    assert result.exit_code == 2, result.output
    assert sentence in result.stderr
    assert result.stdout == ""


def test_the_events_command_lists_and_follows_events(registry: ModelRegistry) -> None:
    registry.register("churn", image="a:1")
    registry.approve("churn/1", "ticket 42")
    lines = run("events", "churn").stdout.splitlines()
    assert [line.split()[3:] for line in lines] == [
        ["churn/1", "Approved", "ModelApprovalStatus,", "ApprovalDescription", "ticket", "42"],
        ["churn/1", "PendingManualApproval", "registered", "-"],
    ]
    assert len(run("events", "--limit", "1").stdout.splitlines()) == 1
    listed = json.loads(run("events", "--json").stdout)
    followed = run("events", "--follow", "--from", "start", "--limit", "2", "--json").stdout.splitlines()
    assert [json.loads(line) for line in followed] == listed[::-1]
    assert listed == [event.envelope for event in registry.events(newest_first=True)]
    (line,) = run("events", "--follow", "--on", "Approved", "--from", "start", "--limit", "1").stdout.splitlines()
    assert line.endswith("churn/1  Approved  ModelApprovalStatus, ApprovalDescription")


def test_the_deliveries_and_replay_commands(serve: Callable[..., Emulator], tmp_path: Path) -> None:
    (tmp_path / "registry.toml").write_text('[events]\nfile = "events.jsonl"\n', encoding="utf-8")
    served = serve("--backend", "sqlite://", "--config", "registry.toml")
    with ModelRegistry(served.url) as registry:
        registry.register("churn", image="a:1")
    options = ["--url", served.url]
    (line,) = eventually(lambda: run("deliveries", "--state", "done", *options).stdout.splitlines())
    assert line.split()[1:5] == ["churn/1", "file", "done", "1"]
    assert run("replay", "churn/1", "--sink", "file", *options).stdout == "1 delivery scheduled\n"
    eventually(lambda: len((tmp_path / "events.jsonl").read_text().splitlines()) == 2)
    assert json.loads(run("replay", "--since", "2026-01-01", "--json", *options).stdout) == {"deliveries": 1}
    refused = run("replay", *options)
    assert refused.exit_code == 2
    assert "requires one of: id, group, since" in refused.stderr


def test_a_position_is_saved_atomically(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    position = Position(file)
    assert position.value is None
    position.save(3)
    position.save(4)
    assert Position(file).value == 4
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]
    nowhere: Any = Position(None)
    nowhere.save(7)
    assert nowhere.value == 7
