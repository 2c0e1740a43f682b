"""Prometheus metrics of a server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
import requests
from botocore.exceptions import ClientError

from support.server import Emulator, start

LINE = re.compile(r'([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\.)*",?)+)\} ([0-9.e+-]+)')


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    emulator = start("--backend", "sqlite://")
    yield emulator
    assert emulator.stop() == 0


@pytest.fixture
def read(served: Emulator) -> Callable[..., float]:
    """Return a function that reads the sum of matching samples, or 0."""

    def read(name: str, **labels: str) -> float:
        answer = requests.get(f"{served.url}/_registry/metrics", timeout=10)
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        found = 0.0
        for line in answer.text.splitlines():
            if line.startswith("#"):
                continue
            match = LINE.fullmatch(line)
            assert match, line
            sample_labels = dict(re.findall(r'([a-z]+)="([^"]*)"', match[2]))
            if match[1] == f"sagemaker_registry_{name}" and labels.items() <= sample_labels.items():
                found += float(match[3])
        return found

    return read


def test_calls_are_counted_by_operation_and_outcome(served: Emulator, read: Callable[..., float]) -> None:
    sagemaker = served.client("sagemaker")
    before = read("requests_total", operation="CreateModelPackageGroup")
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    with pytest.raises(ClientError):
        sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    assert read("requests_total", operation="CreateModelPackageGroup") == before + 2
    assert read("requests_total", operation="CreateModelPackageGroup", code="ok") == 1
    assert read("requests_total", operation="CreateModelPackageGroup", code="ValidationException") == 1


def test_durations_are_a_histogram(served: Emulator, read: Callable[..., float]) -> None:
    for _ in range(3):
        served.client("sagemaker").list_model_package_groups()
    count = read("request_seconds_count", operation="ListModelPackageGroups")
    assert count >= 3
    assert read("request_seconds_bucket", operation="ListModelPackageGroups", le="+Inf") == count
    assert read("request_seconds_bucket", operation="ListModelPackageGroups", le="10.0") <= count
    assert 0 < read("request_seconds_sum", operation="ListModelPackageGroups") < 60


def test_other_requests_are_not_counted(served: Emulator, read: Callable[..., float]) -> None:
    before = read("requests_total")
    requests.get(f"{served.url}/_registry/health", timeout=10)
    requests.post(served.url, headers={"X-Amz-Target": "SageMaker.Nonsense"}, timeout=10)
    assert read("requests_total") == before
    assert read("info") == 1
