"""The quickstart, from the command and from the example file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from support.server import Emulator

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "sagemaker_registry.client.cli", "quickstart"]


def output(command: list[str], cwd: Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_prints_what_the_tutorial_shows(tmp_path: Path) -> None:
    told = output([sys.executable, str(ROOT / "examples" / "quickstart.py")], tmp_path)
    page = (ROOT / "docs" / "tutorials" / "get-started.md").read_text(encoding="utf-8")
    shown = page.split("$ sagemaker-registry quickstart\n")[1].split("```")[0]
    missing = [line for line in shown.splitlines() if line.strip() not in ("", "...") and line not in told]
    assert missing == []
    assert list(tmp_path.iterdir()) == []


def test_the_quickstart_deploys_the_approved_version_only(tmp_path: Path) -> None:
    story = json.loads(output([*COMMAND, "--json", "--keep", "kept"], tmp_path))
    good, worse = story["registered"]
    assert story["deployed"] == story["approved"] == good
    assert story["rejected"]["arn"] == worse
    assert story["refused"] == f"Rejected: {story['rejected']['reason']}"
    assert story["correct"] == 5
    again = json.loads(output([*COMMAND, "--json", "--keep", "kept"], tmp_path))
    assert again["deployed"].endswith("/3")


def test_the_quickstart_runs_against_a_running_server(emulator: Emulator, tmp_path: Path) -> None:
    told = output([*COMMAND, "--endpoint-url", emulator.url], tmp_path)
    assert "is listening on" not in told
    assert "deployed   tumor-classifier/1" in told
    assert f"sagemaker-registry versions tumor-classifier --url {emulator.url}\n" in told
    assert f"{emulator.url}/console/" in told


def test_the_quickstart_ends_with_commands_that_work(tmp_path: Path) -> None:
    told = output([*COMMAND, "--keep", "kept"], tmp_path)
    following = told.split("\nNext\n")[1].splitlines()
    assert [line.split()[0] for line in following] == ["serve", "console", "list"]
    serve, _, listing = (line.split(maxsplit=1)[1] for line in following)
    assert serve == "sagemaker-registry serve --backend sqlite:///kept/registry.db"
    listed = output([*COMMAND[:-1], *listing.split()[1:]], tmp_path)
    assert [line.split()[1] for line in listed.splitlines()] == ["Rejected", "Approved"]
