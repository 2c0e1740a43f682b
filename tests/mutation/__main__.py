"""Run the tests of the modules that decide who may do what on mutants of them: `python -m tests.mutation --help`."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

import click

from .mutants import Mutant, mutants_of

ROOT = Path(__file__).parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.toml")

APPROVAL = ("tests/approval/test_rules.py", "tests/approval/test_approval.py", "tests/approval/test_guard.py")
SIGNED = (
    "tests/safety/test_authentication.py",
    "tests/safety/test_signed_chunks.py",
    "tests/safety/test_signed_requests.py",
)
MODULES: Mapping[str, tuple[str, ...]] = {
    "backends/approval/change.py": APPROVAL,
    "backends/approval/evaluation.py": APPROVAL,
    "backends/approval/guard.py": ("tests/approval/test_guard.py", "tests/approval/test_guarded_urls.py"),
    "backends/approval/metrics.py": APPROVAL,
    "backends/approval/profiles.py": APPROVAL,
    "backends/approval/rulebook.py": (*APPROVAL, "tests/approval/test_config.py"),
    "backends/approval/rules.py": APPROVAL,
    "backends/identities.py": ("tests/approval/test_identities.py", *APPROVAL, "tests/safety/test_callers.py"),
    "backends/local/history/verification.py": ("tests/registry/test_history.py",),
    "backends/local/operations/approvals.py": APPROVAL,
    "backends/local/operations/policies.py": (
        "tests/registry/test_policies.py",
        "tests/registry/test_contract.py",
        "-k",
        "polic and not moto",
    ),
    "backends/local/permissions.py": ("tests/registry/test_policies.py", "tests/safety/test_callers.py"),
    "backends/local/transfer/importing.py": ("tests/registry/test_archive.py",),
    "emulator/auth/authentication.py": (*SIGNED, "tests/safety/test_callers.py"),
    "emulator/auth/host_check.py": ("tests/safety/test_gate.py",),
    "emulator/auth/rate_limit.py": SIGNED,
    "emulator/auth/sigv4.py": SIGNED,
    "emulator/caller.py": ("tests/safety/test_callers.py", *SIGNED),
}
"""The modules, each with the arguments of pytest that run its nearest tests."""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of the tests of one mutant: killed, survived, or equivalent with a reason."""

    module: str
    mutant: Mutant
    outcome: str

    def to_json(self) -> dict[str, object]:
        one = self.mutant
        return {
            "module": self.module,
            "line": one.line,
            "function": one.function,
            "code": one.code,
            "change": one.change,
            "number": one.number,
            "outcome": self.outcome,
        }


def equivalents() -> dict[tuple[str, str, str, str, int], str]:
    """Return the reason of each mutant that no test can kill, by module and key."""
    rows = tomllib.loads(EQUIVALENT.read_text()).get("equivalent", [])
    return {
        (row["module"], row["function"], row["code"], row["change"], row.get("number", 1)): row["reason"]
        for row in rows
    }


@contextmanager
def checkout() -> Iterator[Path]:
    """Copy the files of the checkout to a temporary folder, in which one process at a time changes a module."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "checkout"
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, root / name)
        (Path(folder) / "sagemaker_registry").symlink_to(root)
        yield root


def fails(root: Path, arguments: tuple[str, ...], timeout: float | None) -> bool:
    """Run pytest in a copy of the checkout; return whether a test failed or the time was over.

    Raises:
        RuntimeError: pytest could not run: no test was collected, or its arguments are wrong.
    """
    environment = dict(os.environ, PYTHONPATH=str(root.parent), CI="")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *arguments]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=root, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            return True
        if code in (3, 4, 5):
            output.seek(0)
            raise RuntimeError(output.read().decode(errors="replace")[-2000:])
        return code != 0


def run_mutant(root: Path, module: str, mutant: Mutant, timeout: float) -> Result:
    """Apply a mutant to a copy of the checkout, run the tests, and restore the module."""
    path = root / module
    source = path.read_text()
    try:
        path.write_text(mutant.apply(source))
        # Python compares the time of a module in seconds, so a change within a second goes unnoticed.
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()
        outcome = "killed" if fails(root, MODULES[module], timeout) else "survived"
    finally:
        path.write_text(source)
    return Result(module, mutant, outcome)


@click.command(
    epilog="""\b
Examples:
  python -m tests.mutation --only backends/approval/rules.py
  python -m tests.mutation --sample 50 --seed 7
  python -m tests.mutation --jobs 4 --json build/mutants.json"""
)
@click.option(
    "--only", multiple=True, type=click.Choice(list(MODULES)), help="Mutate only this module; may be repeated."
)
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Run N mutants drawn at random.")
@click.option("--seed", default=0, show_default=True, metavar="N", help="Seed of the random sample.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, metavar="N", help="Number of processes.")
@click.option("--list", "lists", is_flag=True, help="Print the mutants and run none.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the results to this file.")
def main(only: tuple[str, ...], sample: int | None, seed: int, jobs: int, lists: bool, file: Path | None) -> None:
    """Change the modules that decide who may do what, one place at a time, and run their tests.

    A mutant that no test notices survives. Survivors are printed, and the exit code is 1. Mutants that behave like the
    original are listed in equivalent.toml, with a reason each, and are not run. Progress is printed on stderr.
    """
    known = equivalents()
    chosen = [(name, one) for name in only or MODULES for one in mutants_of((ROOT / name).read_text())]
    open_mutants = [(name, one) for name, one in chosen if (name, *one.key) not in known]
    if sample is not None:
        open_mutants = random.Random(seed).sample(open_mutants, min(sample, len(open_mutants)))
    if lists:
        for name, one in open_mutants:
            click.echo(f"{name}:{one.line}: {one.change}: {one.code}")
        return
    results = run(open_mutants, jobs)
    survivors = [one for one in results if one.outcome == "survived"]
    for one in survivors:
        click.echo(f"{one.module}:{one.mutant.line}: survived: {one.mutant.change}: {one.mutant.code}")
    click.echo(f"{len(results)} mutants: {len(results) - len(survivors)} killed, {len(survivors)} survived", err=True)
    if file is not None:
        file.write_text(json.dumps([one.to_json() for one in results], indent=1) + "\n")
    sys.exit(1 if survivors else 0)


def run(mutants: list[tuple[str, Mutant]], jobs: int) -> list[Result]:
    """Run the tests of mutants in copies of the checkout, one copy per job, after a run without a mutant."""
    copies: Queue[Path] = Queue()
    done = []
    lock = threading.Lock()
    with _copies(jobs) as roots:
        for root in roots:
            copies.put(root)
        limits = {}
        for module in dict.fromkeys(name for name, _ in mutants):
            if MODULES[module] not in limits:
                begun = time.monotonic()
                if fails(roots[0], MODULES[module], None):
                    raise click.ClickException(f"the tests of {module} fail without a mutant")
                limits[MODULES[module]] = 30 + 5 * (time.monotonic() - begun)

        def run_one(job: tuple[str, Mutant]) -> Result:
            root = copies.get()
            try:
                result = run_mutant(root, *job, limits[MODULES[job[0]]])
            finally:
                copies.put(root)
            with lock:
                done.append(result)
                click.echo(
                    f"{len(done)}/{len(mutants)} {result.outcome} {job[0]}:{job[1].line} {job[1].change}", err=True
                )
            return result

        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(run_one, mutants))


@contextmanager
def _copies(count: int) -> Iterator[list[Path]]:
    if count == 0:
        yield []
        return
    with checkout() as one, _copies(count - 1) as others:
        yield [one, *others]


if __name__ == "__main__":
    main()
