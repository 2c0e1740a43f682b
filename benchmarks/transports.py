"""What a call costs on each kind of URL: the same calls of a stock boto3 client, in turn, in one run.

python -m benchmarks.transports         needs: pip install -e '.[all]'
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.startup import free_port
from sagemaker_registry.client import connect

ROUNDS = 7
CALLS = 40
"""Calls of each kind in a round."""
OPTIONS = {"region_name": "us-east-1", "aws_access_key_id": "123456789012", "aws_secret_access_key": "bench"}
GROUP = {"ModelPackageGroupName": "churn"}
SPECIFICATION: Any = {
    "Containers": [{"Image": "registry/churn:3", "ModelDataUrl": "s3://models/churn/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}

Kind = tuple[str, str]
"""What it is called, and its URL."""


@contextmanager
def places() -> Iterator[list[Kind]]:
    """Yield what is compared; servers run meanwhile."""
    port = free_port()
    ours = [sys.executable, "-m", "sagemaker_registry.client.cli", "serve", "--port", "0", "--backend"]
    moto = [sys.executable, "-c", "from moto.server import main; main()", "-p", str(port)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([*ours, "sqlite:///served.db"], cwd=folder, stdout=subprocess.PIPE, text=True) as served,
        subprocess.Popen(moto, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as moto_served,
    ):
        assert served.stdout is not None
        url = served.stdout.readline().removeprefix("listening on ").strip()
        yield [
            ("`sqlite://`", "sqlite://"),
            ("`sqlite:///FILE`", f"sqlite:///{folder}/registry.db"),
            ("`http://`, of a file", url),
            ("`moto://`", "moto://"),
            ("`http://`, moto_server", f"http://127.0.0.1:{port}"),
        ]
        served.terminate()
        moto_served.terminate()


def calls(client: Any) -> dict[str, Callable[[], Any]]:
    """Return the calls that are timed, each on a group with a hundred versions and more."""
    arns = [
        client.create_model_package(**GROUP, InferenceSpecification=SPECIFICATION)["ModelPackageArn"]
        for _ in range(100)
    ]
    metadata = {"accuracy": "0.93", "dataset_version": "2026-11", "git_commit": "4f5c2a9"}
    return {
        "create": lambda: client.create_model_package(
            **GROUP, InferenceSpecification=SPECIFICATION, CustomerMetadataProperties=metadata
        ),
        "describe": lambda: client.describe_model_package(ModelPackageName=arns[50]),
        "update": lambda: client.update_model_package(ModelPackageArn=arns[50], ModelApprovalStatus="Approved"),
        "list, 100 a page": lambda: client.list_model_packages(**GROUP, MaxResults=100),
    }


def milliseconds(call: Callable[[], Any]) -> float:
    """Return the median of a round of calls."""
    took = []
    for _ in range(CALLS):
        begun = time.perf_counter()
        call()
        took.append(time.perf_counter() - begun)
    return statistics.median(took) * 1000


def main() -> None:
    """Time every call on every URL in turn; print medians, and the median ratio to the first URL in the same round."""
    with places() as found:
        timed: dict[str, dict[str, list[float]]] = {}
        work = {}
        for name, url in found:
            client = connect(url, **OPTIONS)
            client.create_model_package_group(**GROUP)
            work[name] = calls(client)
        for _ in range(ROUNDS):
            for name, by_call in work.items():
                for call, run in by_call.items():
                    timed.setdefault(name, {}).setdefault(call, []).append(milliseconds(run))
    (first, *_), names = timed, list(next(iter(timed.values())))
    print(f"| milliseconds a call | {' | '.join(names)} |")
    print(f"|---|{'---|' * len(names)}")
    for name, figures in timed.items():
        cells = []
        for call in names:
            ratio = statistics.median(a / b for a, b in zip(figures[call], timed[first][call], strict=True))
            cells.append(f"{statistics.median(figures[call]):.2f} ({ratio:.1f})")
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
