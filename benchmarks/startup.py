"""Start-up time and memory: this server and moto's, each as a process, in turn, in one run (Linux).

python -m benchmarks.startup            needs: pip install -e '.[all]'
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ROUNDS = 7
TICK = os.sysconf("SC_CLK_TCK")
VERSIONS = 200


@dataclass(frozen=True)
class Figures:
    """CPU and wall seconds until the port answers, and resident MiB then, after registry calls, and after S3 calls."""

    cpu: float
    wall: float
    at_start: float
    after_registry: float
    after_s3: float


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def commands(port: int) -> dict[str, list[str]]:
    """Return how each server is started."""
    ours = [sys.executable, "-m", "sagemaker_registry.client.cli", "serve", "--port", str(port)]
    ours += ["--backend", "sqlite:///registry.db"]
    moto = [sys.executable, "-c", "from moto.server import main; main()", "-p", str(port)]
    return {"sagemaker-registry serve": ours, "moto_server": moto}


def measure(command: list[str], port: int, folder: str) -> Figures:
    """Start a server, wait until its port answers, use it as a registry and as S3, and stop it."""
    begun = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.005)
        wall, cpu, at_start = time.perf_counter() - begun, cpu_seconds(process.pid), resident(process.pid)
        use_registry(port)
        after_registry = resident(process.pid)
        use_s3(port)
        after_s3 = resident(process.pid)
        process.send_signal(signal.SIGTERM)
    return Figures(cpu, wall, at_start, after_registry, after_s3)


def client(service: str, port: int) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
        config=Config(read_timeout=60),
    )


def use_registry(port: int) -> None:
    sagemaker = client("sagemaker", port)
    sagemaker.create_model_package_group(ModelPackageGroupName="churn", ModelPackageGroupDescription="who leaves")
    for _ in range(VERSIONS):
        sagemaker.create_model_package(ModelPackageGroupName="churn", ModelApprovalStatus="PendingManualApproval")
    sagemaker.list_model_packages(ModelPackageGroupName="churn")


def use_s3(port: int) -> None:
    s3 = client("s3", port)
    s3.create_bucket(Bucket="models-of-the-bench")
    s3.put_object(Bucket="models-of-the-bench", Key="model.tar.gz", Body=b"m" * 100_000)


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of a process and its children so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / TICK


def resident(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def main() -> None:
    """Measure both servers in turn and print the medians as a Markdown table."""
    found: dict[str, list[Figures]] = {}
    for _ in range(ROUNDS):
        for name in commands(0):
            port = free_port()
            with tempfile.TemporaryDirectory() as folder:
                found.setdefault(name, []).append(measure(commands(port)[name], port, folder))
    after = f"after {VERSIONS} versions | and after an S3 upload"
    print(f"| server | CPU to ready | wall to ready | memory then | {after} |")
    print("|---|---|---|---|---|---|")
    for name, figures in found.items():
        cpu, wall, *memory = (
            statistics.median(values) for values in zip(*(vars(figure).values() for figure in figures), strict=True)
        )
        cells = " | ".join(f"{mebibytes:.0f} MiB" for mebibytes in memory)
        print(f"| {name} | {cpu:.2f} s | {wall:.2f} s | {cells} |")


if __name__ == "__main__":
    main()
