"""Model packages, versions of a group and unversioned ones: create, describe, list, update, delete.

A package is stored as one record with AWS's member names: the request plus what the service adds. Describe and
List are that record seen through their output shapes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from .. import model
from ..errors import ConflictException, ValidationException
from . import arns, package_rules
from .arns import Arn
from .call import Call
from .edits import EDITS, replace
from .paging import Filter, Listing, milliseconds, page
from .rows import GROUPS, PACKAGES, Condition, Row

VERSIONED, UNVERSIONED = "Versioned", "Unversioned"
INITIAL_APPROVAL = "PendingManualApproval"
"""Approval of a version created without one (our choice: AWS's default has not been seen)."""

LISTING = Listing(
    table=PACKAGES,
    answer="ModelPackageSummaryList",
    orders={"CreationTime": ("created", "name", "version"), "Name": ("name", "version")},
    descending=True,  # documented as Ascending; AWS's own code takes the first entry as the newest
    filters=(
        Filter("CreationTimeAfter", "created", ">", milliseconds),
        Filter("CreationTimeBefore", "created", "<", milliseconds),
        Filter("NameContains", "name", "contains"),
        Filter("ModelApprovalStatus", "approval", "=", after_page=True),
    ),
)

_NOT_STORED = ("ClientToken",)


def create(call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
    """Register a version of a group, or an unversioned package.

    Raises:
        ValidationException: a combination AWS refuses (see `package_rules`), no such group, or a name taken.
    """
    package_rules.check_create(params)
    record = {name: deepcopy(value) for name, value in params.items() if name not in _NOT_STORED}
    arn = _take_version(call, record) if "ModelPackageGroupName" in params else _name(call, record)
    _clone_source(call, record)
    _fill_digests(record)
    record |= {
        "ModelPackageArn": str(arn),
        "CreationTime": call.now / 1000,
        "CreatedBy": call.caller.user_context,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": _status_details(record),
        "CertifyForMarketplace": record.get("CertifyForMarketplace", False),
    }
    row: Row = dict(zip(PACKAGES.key, arn.package_key, strict=True))
    row |= {
        "type": VERSIONED if arn.version else UNVERSIONED,
        "created": call.now,
        "modified": call.now,
        "approval": record.get("ModelApprovalStatus", ""),
        "rev": 0,
        "record": record,
    }
    if not call.rows.insert(PACKAGES, row):
        raise ValidationException(f"ModelPackage already exists: {arn}")
    return {"ModelPackageArn": str(arn)}


def describe(call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a package; with IncludedData MetadataOnly, without the content of its model card."""
    record: dict[str, Any] = _row(call, call.package(params["ModelPackageName"]))["record"]
    if params.get("IncludedData") == "MetadataOnly" and "ModelCard" in record:
        record["ModelCard"].pop("ModelCardContent", None)
    return record


def list_packages(call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page of packages: of a group, its versions; without one, the unversioned unless asked otherwise.

    A group nobody has is an empty list, as an AWS notebook relies on.
    """
    place: list[Condition] = call.place()
    default_type = UNVERSIONED
    if "ModelPackageGroupName" in params:
        place = GROUPS.keyed(call.versions(params["ModelPackageGroupName"]).group_key)
        default_type = VERSIONED
    wanted = params.get("ModelPackageType", default_type)
    if wanted != "Both":
        place.append(("type", "=", wanted))
    elif "ModelPackageGroupName" in params:
        place.append(("type", "=", VERSIONED))
    return page(call, LISTING, params, place)


def update(call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
    """Change the members that are sent, and no others; a request that changes nothing is accepted (our choice).

    Raises:
        ValidationException: no such package, an unversioned one, or a combination AWS refuses.
        ConflictException: somebody else changed the version meanwhile.
    """
    arn = call.package(params["ModelPackageArn"])
    row = _row(call, arn)
    record = row["record"]
    package_rules.check_update(record, params)
    changes = {name: deepcopy(params[name]) for name in _editable() if name in params}
    for name, value in changes.items():
        EDITS.get(name, replace)(record, name, value)
    if changes:
        _fill_digests(record)
        record |= {"LastModifiedTime": call.now / 1000, "LastModifiedBy": call.caller.user_context}
        stored = {"record": record, "modified": call.now, "approval": record["ModelApprovalStatus"]}
        if not call.rows.update(PACKAGES, arn.package_key, row["rev"], stored):
            raise ConflictException(f"ModelPackage {arn} was changed by another request. Read it and try again.")
    return {"ModelPackageArn": str(arn)}


def delete(call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
    """Delete a package; the number of a deleted version is not given again."""
    arn = call.package(params["ModelPackageName"])
    _row(call, arn)
    call.rows.delete(PACKAGES, PACKAGES.keyed(arn.package_key))
    return {}


def _row(call: Call, arn: Arn) -> Row:
    row = call.rows.get(PACKAGES, arn.package_key)
    if row is None:
        raise arns.does_not_exist(arn)
    return row


def _editable() -> list[str]:
    """Return the members an update may send: those that replace, then those with an edit, in that table's order."""
    sent = [
        name
        for name in model.members(model.input_shape("UpdateModelPackage"))
        if name not in EDITS and name not in (*_NOT_STORED, "ModelPackageArn")
    ]
    return [*sent, *EDITS]


def _take_version(call: Call, record: dict[str, Any]) -> Arn:
    group = call.versions(record["ModelPackageGroupName"])
    version = call.rows.next_version(group.group_key)
    if version is None:
        raise ValidationException("Model Package Group does not exist.")
    record["ModelPackageGroupName"] = group.name
    record["ModelPackageVersion"] = version
    record.setdefault("ModelApprovalStatus", INITIAL_APPROVAL)
    return arns.version_of(group, version)


def _name(call: Call, record: dict[str, Any]) -> Arn:
    record.pop("ModelApprovalStatus", None)  # documented: does not apply to unversioned models
    return arns.own(call.caller, arns.PACKAGE, record["ModelPackageName"])


def _clone_source(call: Call, record: dict[str, Any]) -> None:
    """Take the InferenceSpecification of the package SourceUri names; any other text stays as it is."""
    source = record.get("SourceUri", "")
    if arns.parse(call.caller, arns.PACKAGE, source).kind != arns.PACKAGE or not source.startswith("arn:"):
        return
    original = _row(call, call.package(source))["record"]
    if "InferenceSpecification" in original:
        record["InferenceSpecification"] = original["InferenceSpecification"]


def _fill_digests(record: dict[str, Any]) -> None:
    """Give every container an ImageDigest: the one its image names, else one made from the image's name.

    AWS reads the image from ECR; there is no image here, so the digest is ours: stable, and equal for equal names.
    """
    for container in model.structures("DescribeModelPackage", record, "ModelPackageContainerDefinition"):
        image = container.get("Image")
        if image and "ImageDigest" not in container:
            _, _, named = image.partition("@")
            container["ImageDigest"] = named or f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def _status_details(record: Mapping[str, Any]) -> dict[str, Any]:
    profiles = record.get("ValidationSpecification", {}).get("ValidationProfiles", [])
    return {
        "ValidationStatuses": [{"Name": profile["ProfileName"], "Status": "Completed"} for profile in profiles],
        "ImageScanStatuses": [],
    }
