"""One command runs all measurements and writes docs/reference/performance.md from their figures."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks import figures, load

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "performance.md").read_text(encoding="utf-8")

QUICK_OPTIONS = ("--quick", "--rounds", "1", "--size", "20", "--size", "40")

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads the CPU time of a server from /proc")


def benchmarks(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stderr
    return done


def table(page: str, title: str) -> list[list[str]]:
    """Return the cells of the first table after a title."""
    lines = page[page.index(title) :].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def column(page: str, title: str) -> list[str]:
    return [row[0] for row in table(page, title)]


def first_answers(new: float, existing: float, moto: float) -> dict[str, Any]:
    """Return the figures of --json for the given times to the first response, in seconds."""
    found = [
        {"subject": subject, "operation": f"first call answered{file}", "unit": unit, "values": [seconds, seconds]}
        for file, ours in (("", new), (", existing file", existing))
        for subject, seconds in (("`sagemaker-registry serve`", ours), ("`moto_server`", moto))
        for unit in ("CPU s", "s")
    ]
    return {"startup": {"conditions": "2 cores", "figures": found}}


def prose(page: str) -> list[str]:
    """Return the lines of a page without tables and the conditions of measurements."""
    return [line for line in page.splitlines() if not line.startswith(("|", "Measured on "))]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with figures of `floors` and `growth`, from quick measurements."""
    file = tmp_path_factory.mktemp("figures") / "figures.json"
    benchmarks(*QUICK_OPTIONS, "--only", "floors", "--only", "growth", "--json", str(file))
    return file


def test_help_has_examples() -> None:
    assert "Examples:" in benchmarks("--help").stdout


def test_the_page_and_the_readme_list_all_measurements() -> None:
    (choices,) = re.findall(r"--only \[([\w|]+)\]", benchmarks("--help").stdout)
    names = choices.split("|")
    assert names
    assert re.findall(r"^- \[`(\w+)`\]", PAGE, re.MULTILINE) == names
    assert [title for title in re.findall(r"^## (.+)", PAGE, re.MULTILINE) if title in names] == names
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)`", readme, re.MULTILINE) == names


@needs_linux
def test_lower_bounds_are_below_the_figures_of_the_registry(kept: Path) -> None:
    found = json.loads(kept.read_text())["floors"]["figures"]
    cpu = {(it["subject"], it["operation"]): min(it["values"]) for it in found if it["unit"] == "CPU ms"}
    assert all(value > 0 for value in cpu.values())
    assert cpu["constant Flask route", "create"] < cpu["`sagemaker-registry serve`", "create"]
    assert cpu["constant boto3 response", "create"] < cpu["`sqlite:///FILE`", "create"]


@needs_linux
def test_the_page_has_the_text_and_rows_that_the_command_writes(kept: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    names = ("moto", "startup", "writers")
    benchmarks(*QUICK_OPTIONS, *(f"--only={name}" for name in names), "--json", str(file))
    page = benchmarks("--from", str(kept), "--json", str(file)).stdout
    assert "Not measured yet" not in page
    assert prose(page) == prose(PAGE)
    rows, rows_of_the_page = (
        [line.split("|")[1] for line in text.splitlines() if line[:1] == "|"] for text in (page, PAGE)
    )
    assert rows == rows_of_the_page
    for way in ("Over HTTP, CPU, milliseconds", "In process, CPU, milliseconds"):
        assert table(page, way)[0] == table(PAGE, way)[0]


def test_a_missing_measurement_is_shown_with_its_command(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text("{}")
    page = benchmarks("--from", str(file)).stdout
    assert "Not measured yet: `python -m benchmarks --only growth`." in page
    assert column(page, "## Goals") == column(PAGE, "## Goals")


@pytest.mark.parametrize(("moto", "result"), [(4.0, "yes"), (1.5, "no: 4 of 4 miss it"), (2.5, "no: 2 of 4 miss it")])
def test_a_goal_is_evaluated_from_the_figures(tmp_path: Path, moto: float, result: str) -> None:
    file = tmp_path / "figures.json"
    file.write_text(json.dumps(first_answers(new=1.0, existing=1.5, moto=moto)))
    goals = table(benchmarks("--from", str(file)).stdout, "## Goals")
    (row,) = [row for row in goals if row[0].startswith("the first call is answered in half")]
    assert row[2] == result
    assert row[1].startswith(f"{1.5 / moto:#.3g} x (an existing file")


def test_load_threads_run_concurrently_and_make_equally_many_calls() -> None:
    callers: Counter[int] = Counter()

    def call() -> None:
        callers[threading.get_ident()] += 1

    done = load.threads(call, clients=4, count=50)
    assert sorted(callers.values()) == [50] * 4
    assert len(done.took) == 200
    assert 0 < done.rate < 200 / (max(done.took) / 1000)


def test_in_process_clients_are_compared_by_rate(tmp_path: Path) -> None:
    found = [
        {"subject": subject, "operation": "describe", "unit": "/s", "size": 100, "clients": 8, "values": [rate]}
        for subject, rate in (("`sqlite:///FILE`", 3000), ("`mock_aws`", 500))
    ]
    file = tmp_path / "figures.json"
    file.write_text(json.dumps({"moto": {"conditions": "2 cores", "figures": found}}))
    page = benchmarks("--from", str(file)).stdout
    rows = {
        row[0]: row[1:] for row in table(page, "In process, `sqlite:///FILE`, 8 clients, requests per second of all")
    }
    assert rows["describe"] == ["3,000 / 500 (6.00 x)"]


@needs_linux
def test_the_page_states_the_version_the_commit_and_the_disk(kept: Path) -> None:
    page = benchmarks("--from", str(kept), "--only", "floors").stdout
    (line,) = [line for line in page.splitlines() if line.startswith("Measured on ")]
    assert re.search(r"Files are on \w+[;,]", line)
    assert re.search(r"sagemaker-registry [\w.]+(?= at |,)", line)
    assert figures.commit() in line


@pytest.mark.skipif(shutil.which("git") is None, reason="requires git")
def test_uncommitted_changes_are_marked_in_the_commit(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    assert figures.commit(tmp_path / "nowhere") == ""
    file = tmp_path / "code.py"
    file.write_text("1\n")
    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    assert re.fullmatch(r" at [0-9a-f]+", figures.commit(tmp_path))
    file.write_text("2\n")
    assert re.fullmatch(r" at [0-9a-f]+\+", figures.commit(tmp_path))


def test_figures_from_a_memory_file_system_are_labeled(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"disk / ext4 rw 0 0\nnone {tmp_path} tmpfs rw 0 0\n")
    assert figures.file_system("/", mounts) == "ext4"
    assert figures.file_system(str(tmp_path / "deeper"), mounts) == "tmpfs"
    assert "no write was durable" in figures.disk("tmpfs", 0.001, 0.001)


def test_help_works_on_systems_without_measurements() -> None:
    without_linux = "import os, runpy, sys; del os.sysconf, os.sched_getaffinity, os.fdatasync; "
    show_help = "sys.argv = ['benchmarks', '--help']; runpy.run_module('benchmarks', run_name='__main__')"
    command = [sys.executable, "-c", without_linux + show_help]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == benchmarks("--help").stdout, done.stderr


@needs_linux
def test_growth_can_be_measured_at_other_sizes(kept: Path) -> None:
    grown = benchmarks("--from", str(kept), "--only", "growth").stdout
    assert table(grown, "")[0][1:] == ["20", "40", "40 to 20"]
    assert column(grown, "")[1:] == column(PAGE, "## growth")[1:]


def test_figures_are_merged_into_a_file(tmp_path: Path) -> None:
    source, target = tmp_path / "source.json", tmp_path / "target.json"
    source.write_text(json.dumps(first_answers(new=1, existing=1, moto=1)))
    target.write_text('{"floors": {"conditions": "2 cores", "figures": []}}')
    benchmarks("--from", str(source), "--json", str(target))
    assert set(json.loads(target.read_text())) == {"floors", "startup"}


def test_a_file_without_figures_is_rejected(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text('{"speed": {"conditions": "2 cores", "figures": []}}')
    error = benchmarks("--from", str(file), code=2).stderr
    assert "unknown measurement: speed; expected moto, startup, floors, writers, growth" in " ".join(error.split())
    assert "Traceback" not in error


def test_the_page_contains_no_local_paths() -> None:
    assert not re.search(r"/(home|tmp|root|work|Users)/", PAGE)
