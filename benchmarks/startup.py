"""Start-up time and memory: this server and moto's, each as a process of its own, in turn.

A server is ready when its port answers; resident memory is read then, after 200 versions were registered and listed,
and after one upload to S3, which moto answers on both.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import closing
from typing import Any

import boto3

from .figures import Figure, Figures, Notebook, Run, cell, number, ratio, table
from .processes import Served, free_port, listens, motos, ours
from .versions import OPTIONS, VERSION

ROUNDS = 7
VERSIONS = 200
OURS, MOTO = "sagemaker-registry serve", "moto_server"
READY, WALL = "ready", "wall to ready"
MEMORY = ("memory when ready", f"memory after {VERSIONS} versions", "memory after an S3 upload")
WHAT = {READY: "CPU s", WALL: "s", **dict.fromkeys(MEMORY, "MiB")}


def measure(run: Run) -> list[Figure]:
    """Start, use and stop both servers in turn."""
    found = Notebook()
    for number_of_round in range(run.times(ROUNDS)):
        for who in (OURS, MOTO):
            with tempfile.TemporaryDirectory() as folder:
                _measure(found, who, folder)
        run.say(f"startup: round {number_of_round + 1} of {run.times(ROUNDS)}")
    return found.figures()


def _measure(found: Notebook, who: str, folder: str) -> None:
    port = free_port()
    arguments = [*ours("sqlite:///registry.db"), "--port", str(port)] if who == OURS else motos(port)
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        server = Served(f"http://127.0.0.1:{port}", process.pid)
        try:
            while not listens(port):
                if process.poll() is not None:
                    raise RuntimeError(f"{who} did not start")
                time.sleep(0.005)
            found.add(who, WALL, WHAT[WALL], time.perf_counter() - begun)
            found.add(who, READY, WHAT[READY], server.cpu / 1000)
            for what, use in zip(MEMORY, (lambda _: None, _use_registry, _use_s3), strict=True):
                use(server.url)
                found.add(who, what, WHAT[what], server.resident)
        finally:
            process.terminate()


def _client(service: str, url: str) -> Any:
    return boto3.client(service, endpoint_url=url, **OPTIONS)


def _use_registry(url: str) -> None:
    with closing(_client("sagemaker", url)) as sagemaker:
        sagemaker.create_model_package_group(ModelPackageGroupName=VERSION["ModelPackageGroupName"])
        for _ in range(VERSIONS):
            sagemaker.create_model_package(**VERSION)
        sagemaker.list_model_packages(ModelPackageGroupName=VERSION["ModelPackageGroupName"])


def _use_s3(url: str) -> None:
    with closing(_client("s3", url)) as s3:
        s3.create_bucket(Bucket="models-of-the-bench")
        s3.put_object(Bucket="models-of-the-bench", Key="model.tar.gz", Body=b"m" * 100_000)


def page(figures: Figures) -> str:
    """Return a table of both servers, and what ours is of moto's."""
    rows = []
    for what, unit in WHAT.items():
        mine, motos = figures.get(OURS, what, unit), figures.get(MOTO, what, unit)
        share = ratio(mine, motos)
        name = f"{what}, {unit}" if what != READY else "CPU to ready, s"
        rows.append([name, cell(mine), cell(motos), f"{number(share)} x" if share is not None else ""])
    return table(["", OURS, MOTO, "ours to moto's"], rows)
