"""The measurements run with one command, and the page of their figures is made of what they gave."""

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

from benchmarks import load, machine

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="CPU time of a server is read from /proc")


def benchmarks(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
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


def to_the_first_answer(**seconds: float) -> dict[str, Any]:
    """Return what --json keeps of servers that needed so long for their first answer; their ports were open at once."""
    names = {"ours": "sagemaker-registry serve", "existing": "serve, existing file", "moto": "moto_server"}
    figures = [
        {"who": names[who], "what": what, "unit": unit, "values": [value, value]}
        for who, answered in seconds.items()
        for what, value in (("port open", 0.1), ("first call answered", answered))
        for unit in ("CPU s", "s")
    ]
    return {"startup": {"machine": "2 cores", "figures": figures}}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of figures that were measured quickly."""
    file = tmp_path_factory.mktemp("figures") / "figures.json"
    benchmarks("--quick", "--only", "floors", "--json", str(file))
    return file


def test_help_has_examples() -> None:
    assert "Examples:" in benchmarks("--help").stdout


def test_the_page_lists_what_there_is_to_measure() -> None:
    listed = [line.split()[0] for line in benchmarks("--list").stdout.splitlines()]
    assert listed
    assert re.findall(r"^- \[`(\w+)`\]", PAGE, re.MULTILINE) == listed
    assert [title for title in re.findall(r"^## (.+)", PAGE, re.MULTILINE) if title in listed] == listed
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)`", readme, re.MULTILINE) == listed


@needs_linux
def test_floors_are_lower_than_what_stands_on_them(kept: Path) -> None:
    figures = json.loads(kept.read_text())["floors"]["figures"]
    cpu = {(it["who"], it["what"]): min(it["values"]) for it in figures if it["unit"] == "CPU ms"}
    assert all(value > 0 for value in cpu.values())
    assert cpu["WSGI and gate, a constant", "create"] < cpu["served", "create"]
    assert cpu["Flask, a constant", "create"] < cpu["served", "create"]
    assert cpu["boto3, a constant", "create"] < cpu["`sqlite:///FILE`", "create"]


@needs_linux
def test_a_page_of_kept_figures_has_the_shape_of_the_one_there_is(kept: Path) -> None:
    page = benchmarks("--from", str(kept)).stdout
    assert column(page, "## Goals") == column(PAGE, "## Goals")
    for way in ("Over HTTP, CPU of the server, milliseconds", "In process, CPU, milliseconds"):
        assert column(page, way) == column(PAGE, way)
        assert table(page, way)[0] == table(PAGE, way)[0]
    assert "Not measured yet: `python -m benchmarks --only growth`." in page


@pytest.mark.parametrize(("moto", "verdict"), [(4.0, "yes"), (1.5, "no: 4 of 4 miss it"), (2.5, "no: 2 of 4 miss it")])
def test_a_goal_is_reached_by_the_figures_alone(tmp_path: Path, moto: float, verdict: str) -> None:
    file = tmp_path / "figures.json"
    file.write_text(json.dumps(to_the_first_answer(ours=1.0, existing=1.5, moto=moto)))
    goals = table(benchmarks("--from", str(file)).stdout, "## Goals")
    (row,) = [row for row in goals if row[0].startswith("the first call is answered in half")]
    assert row[2] == verdict
    assert row[1].startswith(f"{1.5 / moto:#.3g} x (an existing file")


def test_threads_begin_together_and_call_as_often_each() -> None:
    callers: Counter[int] = Counter()

    def call() -> None:
        callers[threading.get_ident()] += 1

    done = load.threads(call, clients=4, count=50)
    assert sorted(callers.values()) == [50] * 4
    assert len(done.took) == 200
    assert 0 < done.rate < 200 / (max(done.took) / 1000)


def test_clients_in_process_are_compared_by_their_rate(tmp_path: Path) -> None:
    figures = [
        {"who": who, "what": "describe", "unit": "/s", "size": 100, "clients": 8, "values": [rate]}
        for who, rate in (("`sqlite:///FILE`", 3000), ("`mock_aws`", 500))
    ]
    file = tmp_path / "figures.json"
    file.write_text(json.dumps({"moto": {"machine": "2 cores", "figures": figures}}))
    page = benchmarks("--from", str(file)).stdout
    rows = {row[0]: row[1:] for row in table(page, "In process, `sqlite:///FILE`, 8 clients, requests a second of all")}
    assert rows["describe"] == ["3,000 / 500 (6.00 x)"]


def test_the_page_says_what_was_measured_and_on_which_disk(kept: Path) -> None:
    page = benchmarks("--from", str(kept), "--only", "floors").stdout
    (line,) = [line for line in page.splitlines() if line.startswith("Measured on ")]
    assert re.search(r"Files are on \w+[;,]", line)
    assert re.search(r"sagemaker-registry [\w.]+(?= at |,)", line)
    assert machine.commit() in line


@pytest.mark.skipif(shutil.which("git") is None, reason="git tells which commit it is")
def test_a_file_that_was_changed_is_seen_in_the_commit(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    assert machine.commit(tmp_path / "nowhere") == ""
    file = tmp_path / "code.py"
    file.write_text("1\n")
    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    assert re.fullmatch(r" at [0-9a-f]+", machine.commit(tmp_path))
    file.write_text("2\n")
    assert re.fullmatch(r" at [0-9a-f]+\+", machine.commit(tmp_path))


def test_what_is_only_in_memory_is_called_so(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"disk / ext4 rw 0 0\nnone {tmp_path} tmpfs rw 0 0\n")
    assert machine.file_system("/", mounts) == "ext4"
    assert machine.file_system(str(tmp_path / "deeper"), mounts) == "tmpfs"
    assert "no write was durable" in machine.disk("tmpfs", 0.001, 0.001)


def test_what_there_is_to_measure_is_listed_where_nothing_can_be() -> None:
    elsewhere = "import os, runpy, sys; del os.sysconf, os.sched_getaffinity, os.fdatasync; "
    listing = "sys.argv = ['benchmarks', '--list']; runpy.run_module('benchmarks', run_name='__main__')"
    command = [sys.executable, "-c", elsewhere + listing]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == benchmarks("--list").stdout, done.stderr


@needs_linux
def test_growth_is_measured_alone_at_sizes_of_ones_own() -> None:
    command = [sys.executable, "-m", "benchmarks.growing"]
    grown = subprocess.run([*command, "20", "40"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert table(grown, "")[0][1:] == ["20", "40", "40 to 20"]
    assert column(grown, "")[1:] == column(PAGE, "## growth")[1:]
    assert "Examples:" in subprocess.run([*command, "--help"], cwd=ROOT, capture_output=True, text=True).stdout


def test_a_file_that_is_none_of_figures_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text('{"speed": {"machine": "2 cores", "figures": []}}')
    refused = benchmarks("--from", str(file), code=2).stderr
    assert "there is no measurement speed" in refused
    assert "Traceback" not in refused


def test_the_page_names_no_machine_and_no_path() -> None:
    assert not re.search(r"/(home|tmp|root|work|Users)/", PAGE)


def test_the_picture_of_the_page_is_there() -> None:
    for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", PAGE):
        assert (ROOT / "docs" / name).read_text(encoding="utf-8").lstrip().startswith("<?xml")
