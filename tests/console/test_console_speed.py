"""Response times and sizes of console pages, without versions and with a hundred thousand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.rows import GROUPS, PACKAGES
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows
from support.console import CONSOLE, Desk, text_of

pytest_plugins = ("support.console_fixtures",)

MAX_PAGE = 100 * 1024
SLOWEST_MS = 200.0


def fill(path: Path, count: int) -> None:
    """Write versions directly to a file: half of them in one group without approvals, the rest in many groups."""
    rows = SQLiteRows(path)
    place = {"account": "123456789012", "region": "us-east-1"}
    groups = [("churn", count // 2), *((f"group-{number:04}", 10) for number in range(count // 20))]
    with rows.writing() as writing:
        for index, (name, versions) in enumerate(groups):
            arn = f"arn:aws:sagemaker:us-east-1:123456789012:model-package-group/{name}"
            record: dict[str, Any] = {
                "ModelPackageGroupName": name,
                "ModelPackageGroupArn": arn,
                "ModelPackageGroupStatus": "Completed",
                "CreationTime": 1_700_000_000 + index,
                "CreatedBy": {},
            }
            keyed = {**place, "name": name}
            moment = 1_700_000_000_000 + index * 1000
            writing.insert(GROUPS, {**keyed, "created": moment, "last_version": versions, "rev": 0, "record": record})
            for number in range(1, versions + 1):
                approval = "Approved" if name != "churn" and number % 10 == 1 else "PendingManualApproval"
                at = moment + number
                package = {
                    "ModelPackageArn": f"{arn.replace('-group/', '/')}/{number}",
                    "ModelPackageGroupName": name,
                    "ModelPackageVersion": number,
                    "ModelPackageStatus": "Completed",
                    "ModelApprovalStatus": approval,
                    "ModelPackageDescription": f"Version {number} of {name}, described as long as people do",
                    "CreationTime": at / 1000,
                    "CreatedBy": {"IamIdentity": {"Arn": "arn:aws:iam::123456789012:user/pipeline"}},
                    "CustomerMetadataProperties": {"accuracy": f"0.{number % 1000:03}", "git_commit": "4f5c2a9"},
                    "InferenceSpecification": {"Containers": [{"Image": f"registry/{name}:{number}"}]},
                }
                columns = {"type": "Versioned", "created": at, "modified": at, "approval": approval, "rev": 0}
                writing.insert(PACKAGES, {**keyed, "version": number, **columns, "record": package})
    rows.close()


@pytest.mark.parametrize("count", [0, 12, 100_000])
def test_pages_are_fast_and_small_for_registries_of_any_size(tmp_path: Path, count: int) -> None:
    """Times are measured in the server; the best of three counts, as the machine is shared."""
    path = tmp_path / "large.db"
    if count == 100_000:
        fill(path, count)
    with LocalRegistry(SQLiteRows(path)) as backend:
        desk = Desk(backend)
        for _ in range(count if count < 100 else 0):
            desk.register()
        client = desk.browser()
        static = sum(file.stat().st_size for file in (CONSOLE / "static").iterdir())
        newest = {0: 0, 12: 12, 100_000: 50_000}[count]
        paths = ["/console/", "/console/groups", "/console/history", "/console/health"]
        if count:
            paths += [
                "/console/groups/churn",
                f"/console/groups/churn/{newest}",
                f"/console/groups/churn/{newest}/decide?to=Approved",
                "/console/compare?v=churn/1&v=churn/2&v=churn/3",
                "/console/groups?sort=new",
                "/console/?group=churn&days=3",
                "/console/?creator=nobody",
                "/console/?whose=open",
            ]
        figures = {}
        for where in paths:
            pages = [client.get(where) for _ in range(3)]
            times = [float(page.headers["Server-Timing"].partition("dur=")[2]) for page in pages]
            figures[where] = (min(times), len(pages[0].data) + static)
            assert pages[0].status_code == 200
        if os.environ.get("CONSOLE_FIGURES"):
            print(
                *(f"{count:7} {time:7.1f} ms {size:7} bytes {where}" for where, (time, size) in figures.items()),
                sep="\n",
            )
        assert {where: time for where, (time, _) in figures.items() if time > SLOWEST_MS} == {}
        assert {where: size for where, (_, size) in figures.items() if size > MAX_PAGE} == {}
        if count == 100_000:
            assert "100+ versions are waiting" in text_of(client.get("/console/"))
