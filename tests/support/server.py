"""A served emulator and its clients, which check every response against its shape."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.validate import ParamValidator

from sagemaker_registry.backends.service import constraints
from sagemaker_registry.backends.service.model import output_shape
from sagemaker_registry.backends.service.operations import OPERATIONS
from support import parity

REGION = "us-east-1"
SEARCH_NAME = ".modelPackage.modelPackageName'"


@dataclass(frozen=True)
class Emulator:
    """A served emulator: `sagemaker-registry serve` in a subprocess."""

    url: str
    process: subprocess.Popen[str]

    def client(self, service: str, account: str = "123456789012", region: str = REGION) -> Any:
        """Return a stock boto3 client for the emulator; responses of SageMaker are checked against their shapes."""
        client = boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="any",
        )
        return checked(client) if service == "sagemaker" else client

    def stop(self) -> int:
        """Send SIGTERM, as a container runtime does, and return the exit code."""
        self.process.terminate()
        self.process.communicate(timeout=60)
        return self.process.returncode

    def kill(self) -> None:
        """Kill the process, without a chance to finish anything."""
        self.process.kill()
        self.process.communicate(timeout=60)


def start(*options: str, cwd: Path | None = None) -> Emulator:
    """Start the command on a free port and return when it is listening."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sagemaker_registry.client.cli", "serve", "--port", "0", *options],
        stdout=subprocess.PIPE,
        text=True,
        cwd=cwd,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening on http://"), line
    return Emulator(line.removeprefix("listening on ").strip(), process)


@cache
def _output_check(operation: str) -> constraints.Check | None:
    shape = output_shape(operation)
    return None if shape is None else constraints.checker(shape)


def check_answer(operation: str, answer: Mapping[str, Any]) -> list[str]:
    """Return a message for each violated constraint of the output shape."""
    check = _output_check(operation)
    return [] if check is None else list(check(answer, ""))


def checked(client: Any) -> Any:
    """Make a client fail on a response that its output shape does not allow.

    In two known cases AWS itself violates its shape: DescribeModelPackage requires ModelPackageName, which is missing
    for a version; Search names a version `Group/N`, which the pattern of the name forbids.
    """
    validator = ParamValidator()

    def check(parsed: dict[str, Any], model: Any, http_response: Any, **_: Any) -> None:
        if model.name not in OPERATIONS or http_response.status_code >= 300 or model.output_shape is None:
            return
        answer = {name: value for name, value in parsed.items() if name != "ResponseMetadata"}
        parity.record(model.name, "answer", answer)
        if "ModelPackageVersion" in answer:
            answer.setdefault("ModelPackageName", answer["ModelPackageGroupName"])
        report = validator.validate(answer, model.output_shape)
        assert not report.has_errors(), report.generate_report()
        broken = [message for message in check_answer(model.name, answer) if SEARCH_NAME not in message]
        assert broken == []

    def note_request(params: dict[str, Any], model: Any, **_: Any) -> None:
        parity.record(model.name, "request", params)

    client.meta.events.register("after-call.sagemaker", check)
    client.meta.events.register("before-parameter-build.sagemaker", note_request)
    return client
