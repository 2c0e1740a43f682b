"""The operations on model packages, versioned and unversioned: create, describe, list, update, delete.

A package is stored as a single record with AWS's member names: the request and the members AWS adds. Describe and List
return projections of this record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgspec
import orjson
from msgspec.structs import replace

from ... import arns
from ...approval import evaluation
from ...approval.profiles import INITIAL
from ...arns import Arn
from ...base import BackendOptions, Caller, Probe
from ...errors import RegistryError, ValidationException
from ...service import model, projection, records
from ...service.projection import decoder_of, flagged, plain
from ...settings import Lists
from ...store.rows import GROUPS, PACKAGES, Condition, Row
from ..context import Answer, RequestContext
from ..pagination import Filter, Listing, milliseconds, page
from . import approvals, package_checks, tags, validation

MODEL = "model"
SPECIFICATION = "InferenceSpecification"

VERSIONED, UNVERSIONED = "Versioned", "Unversioned"

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
    as_of=validation.as_of,
    flag=validation.PLAN,
)

OF_A_GROUP = {"CreationTime": ("version",), "Name": ("version",)}
"""The sort order of a group's versions: by number, whatever the clock says. If the clock was set back, a deployment
must not take an older version for the newest."""

_NOT_STORED = ("ClientToken",)


def prepare(params: Mapping[str, Any], caller: Caller, options: BackendOptions) -> Mapping[str, Any]:
    """Validate a CreateModelPackage request and resolve its SourceUri if that is a model.

    Raises:
        ValidationException: AWS rejects the combination (see `package_checks`), the model card is invalid, or an
            artifact or image does not exist.
    """
    package_checks.check(package_checks.CREATE, params)
    package_checks.check_card({}, params.get("ModelCard", {}))
    package_checks.check_existence(params, caller, options.probe, options.settings.checks)
    return {**params, **specification(params, caller, options.probe)}


def create(context: RequestContext, params: Mapping[str, Any]) -> dict[str, Any]:
    """Register a version of a group, or an unversioned package.

    Raises:
        ValidationException: there is no such group, or the name is taken.
        RegistryError: the group's profile or rules do not allow this initial state.
    """
    record = {name: _copied(value) for name, value in params.items() if name not in _NOT_STORED}
    arn = _take_version(context, record) if "ModelPackageGroupName" in params else _name(context, record)
    clone(context, record)
    _fill_digests(record)
    record |= {
        "ModelPackageArn": str(arn),
        "CreationTime": context.now / 1000,
        "CreatedBy": context.caller.user_context,
        "CertifyForMarketplace": record.get("CertifyForMarketplace", False),
    }
    if "Tags" in record:
        record["Tags"] = tags.merged([], record["Tags"])
    validation.begin(record, context.now, context.settings.validation)
    if arn.version:
        record = approvals.registered(context, arn, record)
    row: Row = dict(zip(PACKAGES.key, arn.package_key, strict=True))
    row |= {
        "type": VERSIONED if arn.version else UNVERSIONED,
        "created": context.now,
        "modified": context.now,
        "approval": record.get("ModelApprovalStatus", ""),
        "rev": 0,
        "record": record,
    }
    if not context.rows.insert(PACKAGES, row):
        raise ValidationException(f"ModelPackage already exists: {arn}")
    return {"ModelPackageArn": str(arn)}


def describe(context: RequestContext, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a package; IncludedData=MetadataOnly omits the content of its model card."""
    arn = context.package(params["ModelPackageName"])
    text = context.rows.text(PACKAGES, arn.package_key)
    if text is None:
        raise arns.does_not_exist(arn)
    shown = _shown(text, context.now)
    if params.get("IncludedData") == "MetadataOnly" and "ModelCard" in shown:
        shown["ModelCard"].pop("ModelCardContent", None)
    return shown


def _shown(text: str, now: int) -> dict[str, Any]:
    """Project a record for DescribeModelPackage; decode most records directly from their text."""
    try:
        found = _decoder()(text)
    except msgspec.DecodeError:  # does not match the service model: imported, or from another botocore version
        found = None
    if found is None or flagged([found], validation.PLAN):
        shown: dict[str, Any] = projection.projection("DescribeModelPackage")(validation.as_of(orjson.loads(text), now))
        return shown
    (record,) = plain([found])
    return record


@cache
def _decoder() -> Callable[[str], Any]:
    shape = model.output_shape("DescribeModelPackage")
    assert shape is not None  # noqa: S101 - the operation has an output
    return decoder_of(shape, validation.PLAN)


def list_packages(context: RequestContext, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page of packages: a group's versions, or by default the unversioned packages.

    A missing group yields an empty list; an AWS notebook relies on this.
    """
    place: list[Condition] = context.account_conditions()
    is_of_group = "ModelPackageGroupName" in params
    if is_of_group:
        place = GROUPS.keyed(context.versions(params["ModelPackageGroupName"]).group_key)
    wanted = params.get("ModelPackageType", VERSIONED if is_of_group else UNVERSIONED)
    if is_of_group or wanted != "Both":
        place.append(("type", "=", VERSIONED if wanted == "Both" else wanted))
    return page(context, _listing(context.settings.lists, is_of_group=is_of_group), params, place)


@cache
def _listing(lists: Lists, *, is_of_group: bool) -> Listing:
    """Return the listing for a group or for all packages, adapted to the registry's settings."""
    after_page = lists.approval_filter == "after-page"
    filters = tuple(replace(rule, after_page=after_page and rule.after_page) for rule in LISTING.filters)
    orders = OF_A_GROUP if is_of_group else LISTING.orders
    return replace(LISTING, orders=orders, descending=lists.default_order == "Descending", filters=filters)


def update(context: RequestContext, params: Mapping[str, Any], rev: int | None = None) -> dict[str, Any]:
    """Change only the members that were sent; a request that changes nothing is accepted (our choice).

    `rev` is the revision the decision is based on, if known; AWS's API has no such parameter.

    Raises:
        ValidationException: no such package, an unversioned one, or a combination AWS rejects.
        ConflictException: another request changed the version meanwhile.
        RegistryError: the group's profile or rules do not allow it; see `evaluation.evaluate`.
    """
    arn = context.package(params["ModelPackageArn"])
    policy = approvals.lock(context, arn)
    row = context.package_row(arn)
    before = row["record"]
    package_checks.check(package_checks.UPDATE, before, params)
    if rev is not None and row["rev"] != rev:
        raise evaluation.overtaken(before)
    package_checks.check_card(before.get("ModelCard", {}), params.get("ModelCard", {}))
    if any(name in params for name in records.editable()):
        record = records.edited(before, params)
        _fill_digests(record)
        record = approvals.updated(context, arn, policy, before, record, params)
        record |= {"LastModifiedTime": context.now / 1000, "LastModifiedBy": context.caller.user_context}
        stored = {"record": record, "modified": context.now, "approval": record["ModelApprovalStatus"]}
        if not context.rows.update(PACKAGES, arn.package_key, row["rev"], stored):
            raise evaluation.overtaken(before)
    return {"ModelPackageArn": str(arn)}


def decide(context: RequestContext, decision: approvals.Decision) -> dict[str, Any]:
    """Set the approval status of a version like UpdateModelPackage, but also check the revision that was reviewed.

    Raises:
        ConflictException: the version has a newer revision; the message says who changed it.
        RegistryError: see `update`.
    """
    return update(context, approvals.request_of(context, decision), decision.rev)


def batch_describe(context: RequestContext, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a summary for each ARN, or the error that a request for it alone would raise.

    Using DescribeModelPackage's error codes is our choice: AWS's are unknown.
    """
    found: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for text in params["ModelPackageArnList"]:
        try:
            found[text] = validation.as_of(context.package_row(context.package(text))["record"], context.now)
        except RegistryError as error:
            errors[text] = {"ErrorCode": error.code, "ErrorResponse": error.message}
    return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": errors}


def delete(context: RequestContext, params: Mapping[str, Any]) -> dict[str, Any]:
    """Delete a package; the number of a deleted version is not reused.

    Raises:
        ConflictException: the group's rules do not allow the deletion.
    """
    arn = context.package(params["ModelPackageName"])
    policy = approvals.lock(context, arn)
    approvals.check_delete(context, arn, policy, context.package_row(arn)["record"])
    context.rows.delete(PACKAGES, PACKAGES.keyed(arn.package_key))
    return {}


def _take_version(context: RequestContext, record: dict[str, Any]) -> Arn:
    group = context.versions(record["ModelPackageGroupName"])
    version = context.rows.next_version(group.group_key)
    if version is None:
        raise ValidationException("Model Package Group does not exist.")
    record["ModelPackageGroupName"] = group.name
    record["ModelPackageVersion"] = version
    record.setdefault("ModelApprovalStatus", INITIAL)
    return arns.version_of(group, version)


def _name(context: RequestContext, record: dict[str, Any]) -> Arn:
    record.pop("ModelApprovalStatus", None)  # documented: does not apply to unversioned models
    return arns.own(context.caller, arns.PACKAGE, record["ModelPackageName"])


def _copied(value: Any) -> Any:
    """Return a deep copy of the containers in a value."""
    if isinstance(value, dict):
        return {name: _copied(item) for name, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _fill_digests(record: dict[str, Any]) -> None:
    """Set the ImageDigest of every container: the one in its image name, or else a hash of the name.

    AWS reads the image from ECR. Without an image, our digest is stable and equal for equal names.
    """
    for container in model.structures("DescribeModelPackage", record, "ModelPackageContainerDefinition"):
        image = container.get("Image")
        if image and "ImageDigest" not in container:
            _, _, named = image.partition("@")
            container["ImageDigest"] = named or f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def specification(params: Mapping[str, Any], caller: Caller, probe: Probe) -> dict[str, Any]:
    """Return the InferenceSpecification of the model in SourceUri as a member, or an empty dict.

    Registering a model by its ARN is documented (the SDK's tests do it). Which members of its containers are copied is
    our choice: those both container shapes have. An unknown model adds nothing.
    """
    source = params.get("SourceUri", "")
    if arns.kind_of(source) != MODEL:
        return {}
    found = probe.containers(caller, arns.parse(caller, MODEL, source).name)
    if not found:
        return {}
    shape = model.named("ModelPackageContainerDefinition")
    kept = [{name: value for name, value in container.items() if name in model.members(shape)} for container in found]
    return {SPECIFICATION: {"Containers": kept}}


def clone(context: RequestContext, record: dict[str, Any]) -> None:
    """Copy the InferenceSpecification of the package in the record's SourceUri.

    Raises:
        ValidationException: there is no such package.
    """
    source = record.get("SourceUri", "")
    if arns.kind_of(source) != arns.PACKAGE:
        return
    original = context.package_row(context.package(source))["record"]
    if SPECIFICATION in original:
        record[SPECIFICATION] = original[SPECIFICATION]


ANSWERS = {
    "CreateModelPackage": Answer(create, prepare=prepare, prefetch=approvals.prefetch_for_create),
    "DescribeModelPackage": Answer(describe, is_projected=True),
    "ListModelPackages": Answer(list_packages, is_projected=True),
    "UpdateModelPackage": Answer(update, prefetch=approvals.prefetch_for_update),
    "DeleteModelPackage": Answer(delete),
    "BatchDescribeModelPackage": Answer(batch_describe),
}
