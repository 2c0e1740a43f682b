"""The contract for every kind of URL; it runs against AWS only on request, in a sandbox account.

`SAGEMAKER_REGISTRY_TEST_ON_AWS='aws://profile@eu-west-1?account=111122223333'` also runs it there: every name gets a
unique prefix, and everything the tests create is deleted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sagemaker_registry.backends import contract
from sagemaker_registry.backends.contract.sandbox import new_prefix, sandboxed
from sagemaker_registry.backends.remote import moto
from sagemaker_registry.backends.service.operations import ANSWERED
from sagemaker_registry.client import connect
from support.server import REGION, Emulator, checked, start

pytest_plugins = ("support.postgres",)

ON_AWS = os.environ.get("SAGEMAKER_REGISTRY_TEST_ON_AWS")
CREDENTIALS = {"region_name": REGION, "aws_secret_access_key": "any"}


@contextmanager
def shared_account(client: Any) -> Iterator[Any]:
    """Yield a registry that also has groups and packages outside the sandbox, like a shared AWS account."""
    client.create_model_package_group(ModelPackageGroupName="churn", Tags=[{"Key": "team", "Value": "others"}])
    client.create_model_package(ModelPackageGroupName="churn", ModelPackageDescription="outside the sandbox")
    with sandboxed(client, "contract-1-"):
        yield client
    (left,) = client.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert left["ModelPackageGroupName"] == "churn"
    assert len(client.list_model_packages(ModelPackageType="Both")["ModelPackageSummaryList"]) == 1


@dataclass(frozen=True)
class Kind:
    """A URL to run the contract on, with the operations it supports and a context manager for each test."""

    url: str
    within: Callable[[Any], AbstractContextManager[Any]] = nullcontext
    operations: Callable[[], frozenset[str]] = lambda: ANSWERED
    check: Callable[[Any], Any] = checked
    has_own_account: bool = True


KINDS = {
    "memory": Kind("sqlite://"),
    "file": Kind("sqlite:///{folder}/registry.db"),
    "http": Kind("{emulator}"),
    "postgres": Kind("{postgres}"),
    "gateway": Kind("{gateway}"),
    "aws": Kind("aws://us-east-1?account={account}&endpoint_url={emulator}&sts_endpoint_url={emulator}"),
    "moto": Kind("moto://", operations=moto.operations, check=lambda client: client),
    "crowded": Kind("sqlite://", within=shared_account),
    **(
        {"real-aws": Kind(ON_AWS, lambda client: sandboxed(client, new_prefix()), has_own_account=False)}
        if ON_AWS
        else {}
    ),
}


@pytest.fixture(scope="session")
def gateway(emulator: Emulator) -> Iterator[Emulator]:
    """Return a server that forwards registry calls to another server."""
    served = start("--backend", emulator.url)
    yield served
    served.stop()


@pytest.fixture(params=KINDS)
def sagemaker(request: pytest.FixtureRequest, tmp_path: Path, emulator: Emulator, account: str) -> Iterator[Any]:
    kind = KINDS[request.param]
    postgres = request.getfixturevalue("postgres_url") if "postgres" in kind.url else ""
    gateway = request.getfixturevalue("gateway").url if "gateway" in kind.url else ""
    url = kind.url.format(folder=tmp_path, emulator=emulator.url, postgres=postgres, gateway=gateway, account=account)
    options = {**CREDENTIALS, "aws_access_key_id": account} if kind.has_own_account else {}
    client = kind.check(connect(url, **options))
    with kind.within(client):
        yield contract.answering(client, kind.operations())
    client.close()


class TestGroups(contract.GroupContract):
    pass


class TestPackages(contract.PackageContract):
    pass


class TestUpdates(contract.UpdateContract):
    pass


class TestLists(contract.ListContract):
    pass


class TestTags(contract.TagContract):
    pass


class TestBatches(contract.BatchContract):
    pass


class TestPolicies(contract.PolicyContract):
    pass


class TestSearch(contract.SearchContract):
    pass
