"""The contract, on every kind of URL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clients import REGION, Emulator, checked
from sagemaker_registry.backends import contract
from sagemaker_registry.client import connect

pytest_plugins = ("postgres_server",)

URLS = ["sqlite://", "sqlite:///{folder}/registry.db", "{emulator}", "{postgres}"]


@pytest.fixture(params=URLS, ids=["memory", "file", "http", "postgres"])
def sagemaker(request: pytest.FixtureRequest, tmp_path: Path, emulator: Emulator, account: str) -> Iterator[Any]:
    postgres = request.getfixturevalue("postgres_url") if "postgres" in request.param else ""
    url = request.param.format(folder=tmp_path, emulator=emulator.url, postgres=postgres)
    client = connect(url, region_name=REGION, aws_access_key_id=account, aws_secret_access_key="any")
    yield checked(client)
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
