"""Start-up time and memory: this server and moto's, each as a process of its own, in turn.

A server is ready when it has answered its first ListModelPackageGroups: a port may be open before there is anything
behind it, and moto's server loads SageMaker with the first call. Ours starts on a new file, and on one of today's
schema with 200 versions, which is looked over when it is opened. Resident memory is read after that first answer, after
200 versions were registered and listed, and after one upload to S3 besides, which moto answers on both.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import boto3

from sagemaker_registry.backends import open_backend

from . import growth, load
from .figures import Figure, Figures, Notebook, Run, cell, number, ratio, table
from .processes import Served, environment, free_port, listens, motos, ours
from .versions import OPTIONS, VERSION

ROUNDS = 7
VERSIONS = 200
PATIENCE = 60.0
OURS, EXISTING, MOTO = "sagemaker-registry serve", "serve, existing file", "moto_server"
OPEN, ANSWERED = "port open", "first call answered"
CPU, WALL = "CPU s", "s"
MEMORY = ("memory then", f"memory after {VERSIONS} versions", "memory after an S3 upload too")
MIB = "MiB"


def measure(run: Run) -> list[Figure]:
    """Start, use and stop the servers in turn."""
    found = Notebook()
    with tempfile.TemporaryDirectory() as temporary:
        filled = Path(temporary) / "filled.db"
        with open_backend(f"sqlite:///{filled}") as registry:
            growth.fill(growth.local(registry), VERSIONS)
        for number_of_round in range(run.times(ROUNDS)):
            for who in (OURS, EXISTING, MOTO):
                with tempfile.TemporaryDirectory() as folder:
                    if who == EXISTING:
                        shutil.copy(filled, Path(folder) / "registry.db")
                    _measure(found, who, Path(folder))
            run.say(f"startup: round {number_of_round + 1} of {run.times(ROUNDS)}")
    return found.figures()


def _measure(found: Notebook, who: str, folder: Path) -> None:
    port = free_port()
    arguments = motos(port) if who == MOTO else [*ours("sqlite:///registry.db"), "--port", str(port)]
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        server = Served(f"http://127.0.0.1:{port}", process.pid)
        try:
            while not listens(port):
                if process.poll() is not None or time.perf_counter() - begun > PATIENCE:
                    raise RuntimeError(f"{who} did not start")
                time.sleep(0.002)
            _note(found, who, OPEN, begun, server)
            load.run(server.url, load.requests("ListModelPackageGroups", {}), count=1, patience=PATIENCE)
            _note(found, who, ANSWERED, begun, server)
            if who != EXISTING:
                found.add(who, MEMORY[0], MIB, server.resident)
                for what, use in zip(MEMORY[1:], (_use_registry, _use_s3), strict=True):
                    use(server.url)
                    found.add(who, what, MIB, server.resident)
        finally:
            process.terminate()


def _note(found: Notebook, who: str, what: str, begun: float, server: Served) -> None:
    found.add(who, what, WALL, time.perf_counter() - begun)
    found.add(who, what, CPU, server.cpu / 1000)


def _use_registry(url: str) -> None:
    with closing(boto3.client("sagemaker", endpoint_url=url, **OPTIONS)) as sagemaker:
        sagemaker.create_model_package_group(ModelPackageGroupName=VERSION["ModelPackageGroupName"])
        for _ in range(VERSIONS):
            sagemaker.create_model_package(**VERSION)
        sagemaker.list_model_packages(ModelPackageGroupName=VERSION["ModelPackageGroupName"])


def _use_s3(url: str) -> None:
    with closing(boto3.client("s3", endpoint_url=url, **OPTIONS)) as s3:
        s3.create_bucket(Bucket="models-of-the-bench")
        s3.put_object(Bucket="models-of-the-bench", Key="model.tar.gz", Body=b"m" * 100_000)


def to_moto(figures: Figures, who: str, what: str, unit: str) -> float | None:
    """Return what a figure of ours is of moto's."""
    return ratio(figures.get(who, what, unit), figures.get(MOTO, what, unit))


def page(figures: Figures) -> str:
    """Return a table of both servers, and what ours is of moto's."""
    asked = [
        (f"{what}, {unit}", who, what, unit)
        for who in (OURS, EXISTING)
        for what in (OPEN, ANSWERED)
        for unit in (CPU, WALL)
    ]
    asked += [(f"{what}, {MIB}", OURS, what, MIB) for what in MEMORY]
    rows = []
    for name, who, what, unit in asked:
        share = to_moto(figures, who, what, unit)
        shown = f"{number(share)} x" if share is not None else ""
        named = f"{name}, of an existing file" if who == EXISTING else name
        rows.append([named, cell(figures.get(who, what, unit)), cell(figures.get(MOTO, what, unit)), shown])
    return table(["", OURS, MOTO, "ours to moto's"], rows)
