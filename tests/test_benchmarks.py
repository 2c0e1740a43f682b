"""The measurements run with one command, and the page of their figures is made of what they gave."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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


def to_ready(**seconds: float) -> dict[str, Any]:
    """Return what --json keeps of two servers that needed so long to start."""
    names = {"ours": "sagemaker-registry serve", "moto": "moto_server"}
    figures = [
        {"who": names[who], "what": what, "unit": unit, "values": [value, value]}
        for who, value in seconds.items()
        for what, unit in (("ready", "CPU s"), ("wall to ready", "s"))
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


@pytest.mark.parametrize(("moto", "verdict"), [(4.0, "yes"), (1.5, "no: 2 of 2 miss it")])
def test_a_goal_is_reached_by_the_figures_alone(tmp_path: Path, moto: float, verdict: str) -> None:
    file = tmp_path / "figures.json"
    file.write_text(json.dumps(to_ready(ours=1.0, moto=moto)))
    goals = table(benchmarks("--from", str(file)).stdout, "## Goals")
    (row,) = [row for row in goals if row[0].startswith("ready in half")]
    assert row[2] == verdict
    assert row[1].startswith(f"{1 / moto:.3f} x")


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
