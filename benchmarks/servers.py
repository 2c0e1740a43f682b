"""Which WSGI server: waitress and granian in front of this application, in turn, in one run.

python -m benchmarks.servers            needs: pip install -e '.[all,bench]'
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from .load import Load, run

ROUNDS = 5
SECONDS = 2.0
BASE = "waitress, 4 threads"
WAITRESS = (
    "import sys; from sagemaker_registry.backends import open_backend\n"
    "from sagemaker_registry.emulator import app, serve\n"
    "listener = serve.listen('127.0.0.1', int(sys.argv[2]))\n"
    "application = app.create_app(open_backend(sys.argv[1]))\n"
    "serve.Server(application, listener, threads=int(sys.argv[3])).run()\n"
)
GRANIAN = (
    "import os, sys; from granian import Granian\n"
    "if __name__ == '__main__':\n"
    "    os.environ['BENCH_BACKEND'] = sys.argv[1]\n"
    "    Granian('benchmarks.servers:application', factory=True, address='127.0.0.1', port=int(sys.argv[2]),\n"
    "            interface='wsgi', workers=1, blocking_threads=int(sys.argv[3]), log_enabled=False).serve()\n"
)
SERVERS = {
    "waitress, 2 threads": (WAITRESS, "2"),
    BASE: (WAITRESS, "4"),
    "waitress, 8 threads": (WAITRESS, "8"),
    "granian, 1 worker, 4 threads": (GRANIAN, "4"),
    "granian, 1 worker, 8 threads": (GRANIAN, "8"),
}
SPECIFICATION: Any = {
    "Containers": [{"Image": "registry/churn:3", "ModelDataUrl": "s3://models/churn/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}
CASES = {
    ("describe", 1): ("DescribeModelPackage", b'{"ModelPackageName":"churn/1"}'),
    ("describe", 8): ("DescribeModelPackage", b'{"ModelPackageName":"churn/1"}'),
    ("create", 1): ("CreateModelPackage", b'{"ModelPackageGroupName":"churn"}'),
    ("create", 8): ("CreateModelPackage", b'{"ModelPackageGroupName":"churn"}'),
}


def application() -> Any:
    """Return the application for granian's worker."""
    from sagemaker_registry.backends import open_backend
    from sagemaker_registry.emulator.app import create_app

    return create_app(open_backend(os.environ["BENCH_BACKEND"]))


@contextmanager
def served(script: str, threads: str, folder: Path, port: int) -> Iterator[str]:
    """Start a server on a new database with one version in it; yield its URL."""
    file = folder / f"serve_{port}.py"
    file.write_text(script)
    command = [sys.executable, str(file), f"sqlite:///{folder}/{port}.db", str(port), threads]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])})
    url = f"http://127.0.0.1:{port}"
    try:
        client = boto3.client(
            "sagemaker",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="bench",
            aws_secret_access_key="bench",
        )
        wait_for(client)
        client.create_model_package_group(ModelPackageGroupName="churn")
        client.create_model_package(ModelPackageGroupName="churn", InferenceSpecification=SPECIFICATION)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def wait_for(client: Any) -> None:
    """Return when the registry answers."""
    while True:
        try:
            client.list_model_package_groups()
        except client.exceptions.ClientError:
            raise
        except Exception:
            time.sleep(0.1)
        else:
            return


def main() -> None:
    """Measure every server in turn, several times, and print the medians as a Markdown table."""
    found: dict[tuple[str, tuple[str, int]], list[Load]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for number in range(ROUNDS):
            for order, (name, (script, threads)) in enumerate(SERVERS.items()):
                port = 18_000 + number * 20 + order
                with served(script, threads, Path(temporary), port) as url:
                    for case, (operation, body) in CASES.items():
                        load = run(url, operation, body, clients=case[1], seconds=SECONDS)
                        found.setdefault((name, case), []).append(load)
                print(f"round {number + 1} of {ROUNDS}: {name}", file=sys.stderr)
    print(table(found))


def table(found: dict[tuple[str, tuple[str, int]], list[Load]]) -> str:
    """Return requests a second with the p99 in ms, and in brackets the rate against the base server of that round."""
    head = "| server | " + " | ".join(f"{what}, {clients} client{'s' * (clients > 1)}" for what, clients in CASES)
    lines = [f"{head} |", "|---" * (len(CASES) + 1) + "|"]
    for name in SERVERS:
        cells = []
        for case in CASES:
            loads, base = found[name, case], found[BASE, case]
            rate = statistics.median(load.rate for load in loads)
            p99 = statistics.median(load.p99 for load in loads)
            ratio = statistics.median(load.rate / other.rate for load, other in zip(loads, base, strict=True))
            cells.append(f"{rate:,.0f}/s, p99 {p99:.1f} ms ({ratio:.2f})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
