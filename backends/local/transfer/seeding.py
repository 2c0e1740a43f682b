"""Seeds become groups and versions, by the same rules as ever: all of a seed, or nothing, in one transaction.

It is one change in history too: of each group and version, a row of the operation `seed`.
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
    """A version: the request that registers it, what is decided about it, and where it is written."""

    where: str
    request: dict[str, Any]
    status: str = INITIAL
    reason: str | None = None


class SeedGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group: the request that creates it, its versions from the first on, and where it is written."""

    where: str
    request: dict[str, Any]
    versions: list[SeedVersion] = []


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What should be there; what is there already is left as it is."""

    groups: list[SeedGroup]


class SeedResult(msgspec.Struct):
    """How many groups and versions were created, and how many existed."""

    new_groups: int = 0
    new_versions: int = 0
    groups_there: int = 0
    versions_there: int = 0


def apply(context: RequestContext, seed: Seed) -> SeedResult:
    """Make what a seed has and the registry has not, in the caller's account and region.

    Raises:
        RegistryError: something in it is refused, as it would be alone; the sentence begins with where it is written.
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
    """Create a group unless it is there; return the number of its last version."""
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
        raise ValidationException(f"The version is not one of the group {group}.")
    prepared = packages.prepare(version.request, context.caller, BackendOptions(context.settings, context.probe))
    made = packages.create(replace(context, operation="CreateModelPackage"), prepared)
    if version.status == INITIAL and version.reason is None:
        return
    decision = {**made, "ModelApprovalStatus": version.status}
    decision |= {"ApprovalDescription": version.reason} if version.reason is not None else {}
    _check("UpdateModelPackage", decision)
    packages.update(replace(context, operation="UpdateModelPackage", reason=version.reason), decision)


def _check(operation: str, request: Mapping[str, Any]) -> None:
    """Check a request as those are that come by themselves: first its shape, then its constraints."""
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
