"""Read a registry through AWS's API as lines of an export, without history."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ...backends.views import iso
from ..registry.requests import listed
from .format import Line

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

NO_POLICY = {"ValidationException", "ResourceNotFound", "AccessDeniedException", "UnknownOperationException"}
"""Error codes for a policy that does not exist or cannot be read."""


def read(client: SageMakerClient, patterns: Sequence[str] | None) -> tuple[Line, Iterator[Line]]:
    """Return the account and region of a registry, and the lines of its groups and packages."""
    names = {one["ModelPackageGroupName"] for one in listed(client, "model_package_group")}
    unversioned = {_last(arn): arn for arn in _arns(client, ModelPackageType="Unversioned")}
    found = names | unversioned.keys()
    wanted = sorted(name for name in found if any(fnmatchcase(name, one) for one in patterns or ["*"]))
    account = "0" * 12
    for name in wanted[:1]:
        arn = unversioned.get(name)
        if arn is None:
            arn = client.describe_model_package_group(ModelPackageGroupName=name)["ModelPackageGroupArn"]
        account = arn.split(":")[4]
    place = {"account": account, "region": client.meta.region_name, "at": iso(datetime.now(UTC)), "complete": False}

    def lines() -> Iterator[Line]:
        for name in wanted:
            versions: dict[int, str] = {}
            if name in names:
                versions = {int(_last(arn)): arn for arn in _arns(client, ModelPackageGroupName=name)}
                yield from _group_lines(client, name, max(versions, default=0))
            if name in unversioned:
                yield _package_line(client, unversioned[name], name, 0)
            for version in sorted(versions):
                yield _package_line(client, versions[version], name, version)

    return place, lines()


def _group_lines(client: SageMakerClient, name: str, last_version: int) -> Iterator[Line]:
    record = _record(client.describe_model_package_group(ModelPackageGroupName=name))
    tags = _tags(client, record["ModelPackageGroupArn"])
    yield {
        "type": "group",
        "name": name,
        "created": round(record["CreationTime"] * 1000),
        "last_version": last_version,
        "record": {**record, **({"Tags": tags} if tags else {})},
    }
    try:
        policy = client.get_model_package_group_policy(ModelPackageGroupName=name)["ResourcePolicy"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in NO_POLICY:
            raise
    else:
        yield {"type": "policy", "name": name, "record": {"ResourcePolicy": policy}}


def _package_line(client: SageMakerClient, arn: str, name: str, version: int) -> Line:
    record = _record(client.describe_model_package(ModelPackageName=arn))
    if not version:
        tags = _tags(client, arn)
        record |= {"Tags": tags} if tags else {}
    created: float = record["CreationTime"]
    modified: float = record.get("LastModifiedTime", created)
    times = {"created": round(created * 1000), "modified": round(modified * 1000)}
    return {"type": "package", "name": name, "version": version, **times, "record": record}


def _arns(client: SageMakerClient, **query: Any) -> Iterator[str]:
    return (summary["ModelPackageArn"] for summary in listed(client, **query))


def _record(answer: Mapping[str, Any]) -> Line:
    """Return a response as this project stores it: times are epoch seconds."""
    kept = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    record: Line = json.loads(json.dumps(kept, default=lambda moment: moment.timestamp()))
    return record


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]


def _tags(client: SageMakerClient, arn: str) -> list[Any]:
    return [tag for page in client.get_paginator("list_tags").paginate(ResourceArn=arn) for tag in page["Tags"]]
