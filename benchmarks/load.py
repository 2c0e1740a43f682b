"""Start servers in separate processes, send requests to them, and make calls in this process."""

from __future__ import annotations

import itertools
import math
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from botocore import xform_name

from .figures import ROOT

GROUP = "churn"
OPTIONS: Any = {"region_name": "us-east-1", "aws_access_key_id": "123456789012", "aws_secret_access_key": "bench"}
VERSION: Any = {
    "ModelPackageGroupName": GROUP,
    "ModelPackageDescription": "gradient boosting, retrained every night",
    "InferenceSpecification": {
        "Containers": [{"Image": "registry/churn:3", "ModelDataUrl": "s3://models/churn/model.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
    "CustomerMetadataProperties": {"accuracy": "0.93", "dataset_version": "2026-11", "git_commit": "4f5c2a9"},
}
"""A request that registers a version, such as a training job sends."""

HEADERS = {
    "Content-Type": "application/x-amz-json-1.1",
    "User-Agent": "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11.7",
    "X-Amz-Date": "20260101T120000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/sagemaker/aws4_request, "
    f"SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={'0' * 64}",
    "amz-sdk-invocation-id": "0c1b4a0e-6d4f-4f0e-9d3a-6a0f2c1f7b11",
    "amz-sdk-request": "attempt=1",
    "Accept-Encoding": "identity",
}
"""The headers of a boto3 request."""

PATIENCE = 60.0
"""Time limit for a response in seconds."""
PORT = "PORT"
"""Placeholder for the port in the arguments of a server."""


def registry_server(url: str) -> list[str]:
    """Return the arguments for Python that serve the registry at a URL."""
    return ["-m", "sagemaker_registry.client.cli", "serve", "--port", PORT, "--backend", url]


def arn(version: int) -> str:
    return f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/{version}"


def updates(versions: range) -> list[dict[str, str]]:
    """Return requests that change the status of all versions, and then change it again."""
    statuses = ("Rejected", "Approved")
    return [
        {"ModelPackageArn": arn(version), "ModelApprovalStatus": status, "ApprovalDescription": f"ticket: {status}"}
        for status in statuses
        for version in versions
    ]


def register(client: Any, versions: int) -> None:
    """Create the group and a number of versions with a boto3 client."""
    client.create_model_package_group(ModelPackageGroupName=GROUP)
    for _ in range(versions):
        client.create_model_package(**VERSION)


@dataclass(frozen=True)
class Server:
    """A process that listens on a port, with its CPU time and memory."""

    url: str
    pid: int
    begun: float
    """`time.perf_counter()` before it was started."""

    @property
    def cpu(self) -> float:
        """Return the CPU time in milliseconds, from the kernel's clock of the process; see clock_getcpuclockid(3)."""
        return time.clock_gettime_ns((~self.pid << 3) | 2) / 1e6

    @property
    def resident(self) -> float:
        """Return the resident memory in MiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


@contextmanager
def served(arguments: list[str], folder: Path) -> Iterator[Server]:
    """Run Python with these arguments until the block ends; yield as soon as the port is open.

    The process does not inherit the environment.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, *(str(port) if argument == PORT else argument for argument in arguments)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.defpath, "HOME": str(folder), "TMPDIR": tempfile.gettempdir()}
    environment["MOTO_DISABLE_GLOBAL_CORS"] = "true"
    begun = time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output) as process,
    ):
        try:
            while not _listens(port):
                if process.poll() is not None or time.perf_counter() - begun > 10 * PATIENCE:
                    output.seek(0)
                    raise RuntimeError(f"{' '.join(command)} did not start: {output.read()}")
                time.sleep(0.002)
            yield Server(f"http://127.0.0.1:{port}", process.pid, begun)
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True)
class Load:
    """Measured requests: milliseconds of each, seconds of all, and CPU milliseconds of the process that responds."""

    took: list[float]
    seconds: float
    cpu: float
    """Per request."""
    size: int = 0
    """Bytes in the body of the last response."""

    @property
    def median(self) -> float:
        return statistics.median(self.took)

    @property
    def rate(self) -> float:
        return len(self.took) / self.seconds


def threads(call: Callable[[], object], *, clients: int = 1, count: int, limit: float = math.inf) -> Load:
    """Call a function from `clients` threads that start together, `count` times each or for `limit` seconds.

    With several clients, use the rate: a thread may make several short calls before Python switches to another one, so
    the time of a call is that of a single client.
    """
    took: list[float] = []
    together = threading.Barrier(clients)

    def work(_: int) -> tuple[float, float]:
        together.wait()
        begun = time.perf_counter()
        for _ in range(count):
            at = time.perf_counter()
            call()
            now = time.perf_counter()
            took.append((now - at) * 1000)
            if now - begun > limit:
                break
        return begun, time.perf_counter()

    cpu = time.process_time()
    with ThreadPoolExecutor(clients) as pool:
        spans = list(pool.map(work, range(clients)))
    cpu = (time.process_time() - cpu) * 1000 / len(took)
    return Load(took, max(end for _, end in spans) - min(begun for begun, _ in spans), cpu)


def requests(operation: str, params: list[Any], path: str = "/") -> Iterator[bytes]:
    """Yield boto3's requests with these parameters, repeated without end; each create has a new token."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}X-Amz-Target: SageMaker.{operation}\r\n"

    def message(body: bytes) -> bytes:
        if operation == "CreateModelPackage":
            body = body[:-1] + f',"ClientToken":"{uuid.uuid4()}"}}'.encode()
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    return map(message, itertools.cycle([orjson.dumps(body) for body in params]))


def send(server: Server, messages: Iterator[bytes], *, clients: int = 1, count: int, limit: float = math.inf) -> Load:
    """Send `count` requests over `clients` connections, each of which waits for a response before its next request.

    moto's server closes the connection after each response. The time of a request then includes connecting again, as it
    does for every client of that server.

    Raises:
        TimeoutError: there is no response within PATIENCE.
    """
    local = threading.local()
    size = 0

    def exchange() -> None:
        nonlocal size
        if getattr(local, "connection", None) is None:
            address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
            local.connection = stack.enter_context(socket.create_connection(address, timeout=PATIENCE))
            local.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        local.connection.sendall(next(messages))
        response = b""
        while (complete := _body_size(response)) is None:
            data = local.connection.recv(1 << 18)
            if not data:
                raise ConnectionError("the server closed the connection without a response")
            response += data
        size = complete
        if b"connection: close" in response.lower():
            local.connection.close()
            local.connection = None

    with ExitStack() as stack:
        before = server.cpu
        done = threads(exchange, clients=clients, count=max(count // clients, 1), limit=limit)
    return Load(done.took, done.seconds, (server.cpu - before) / len(done.took), size)


def _body_size(response: bytes) -> int | None:
    """Return the size of the body of a response; None if the response is not complete."""
    head, found, body = response.partition(b"\r\n\r\n")
    if not found:
        return None
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(response.decode(errors="replace"))
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    size = int(length.partition(b":")[2])
    return size if len(body) >= size else None


Requests = dict[str, tuple[str, list[Any]]]
"""Operations by the name of the measured request, and their parameters, which are sent alternately."""


Caller = Callable[..., Load]
"""Sends requests by name, with the limits of `send` and `threads`."""


def over_http(server: Server, named: Requests, *, by_path: bool = False) -> Caller:
    """Return a caller of a server; with `by_path`, the path is the name of the operation."""
    messages = {
        name: requests(operation, params, f"/{operation}" if by_path else "/")
        for name, (operation, params) in named.items()
    }

    return lambda name, **limits: send(server, messages[name], **limits)


def in_process(client: Any, named: Requests) -> Caller:
    """Return a caller of a boto3 client."""
    calls = {
        name: (getattr(client, xform_name(operation)), itertools.cycle(params))
        for name, (operation, params) in named.items()
    }

    return lambda name, **limits: threads(lambda: calls[name][0](**next(calls[name][1])), **limits)
