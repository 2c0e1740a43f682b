"""Seeding: creates groups and versions under the usual rules, all in one transaction.

In history, each group and version gets one row of the operation `seed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec.structs import replace

from ...approval.profiles import INITIAL
from ...base import BackendOptions
from ...errors import RegistryError, ValidationException
from ...service import constraints, model
from ...store.rows import GROUPS
from ..context import RequestContext
from ..operations import groups, packages


class SeedVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version: the request that registers it, its decision, and its location in the seed file."""

    where: str
    request: dict[str, Any]
    status: str = INITIAL
    reason: str | None = None


class SeedGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group: the request that creates it, all of its versions, and its location in the seed file."""

    where: str
    request: dict[str, Any]
    versions: list[SeedVersion] = []


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The groups to create; existing groups and versions are left unchanged."""

    groups: list[SeedGroup]


class SeedResult(msgspec.Struct):
    """The numbers of groups and versions that were created or already existed."""

    new_groups: int = 0
    new_versions: int = 0
    groups_there: int = 0
    versions_there: int = 0


def apply(context: RequestContext, seed: Seed) -> SeedResult:
    """Create the groups and versions of a seed that do not exist in the caller's account and region.

    Raises:
        RegistryError: a request failed as it would alone; the message begins with its location in the seed file.
    """
    result = SeedResult()
    for group in seed.groups:
        with _on(group.where):
            last = _group(context, group.request, result)
        for number, version in enumerate(group.versions, start=1):
            if number <= last:
                result.versions_there += 1
                continue
            with _on(version.where):
                _version(context, version, group.request["ModelPackageGroupName"])
            result.new_versions += 1
    return result


def _group(context: RequestContext, request: Mapping[str, Any], result: SeedResult) -> int:
    """Create a group if it does not exist; return the number of its last version."""
    _check("CreateModelPackageGroup", request)
    row = context.rows.get(GROUPS, context.key(request["ModelPackageGroupName"]))
    if row is not None:
        result.groups_there += 1
        return int(row["last_version"])
    groups.create(replace(context, operation="CreateModelPackageGroup"), request)
    result.new_groups += 1
    return 0


def _version(context: RequestContext, version: SeedVersion, group: str) -> None:
    _check("CreateModelPackage", version.request)
    if version.request.get("ModelPackageGroupName") != group:
        raise ValidationException(f"ModelPackageGroupName of a seeded version must be {group}.")
    prepared = packages.prepare(version.request, context.caller, BackendOptions(context.settings, context.probe))
    made = packages.create(replace(context, operation="CreateModelPackage"), prepared)
    if version.status == INITIAL and version.reason is None:
        return
    decision = {**made, "ModelApprovalStatus": version.status}
    decision |= {"ApprovalDescription": version.reason} if version.reason is not None else {}
    _check("UpdateModelPackage", decision)
    packages.update(replace(context, operation="UpdateModelPackage", reason=version.reason), decision)


def _check(operation: str, request: Mapping[str, Any]) -> None:
    """Validate a request like those from clients: first its shape, then its constraints."""
    from botocore.validate import ParamValidator

    shape: Any = model.service().operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        raise ValidationException(" ".join(report.generate_report().split()))
    constraints.check(operation, request)


@contextmanager
def _on(where: str) -> Iterator[None]:
    try:
        yield
    except RegistryError as error:
        raise type(error)(f"{where}: {error.message}") from error
