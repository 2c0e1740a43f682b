"""The operations on model package groups: create, describe, list, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import arns
from ...errors import ConflictException, ValidationException
from ...store.rows import GROUPS, PACKAGES, POLICIES, Condition, Row
from ..context import Answer, RequestContext
from ..pagination import Filter, Listing, milliseconds, page, page_of
from . import policies, tags

LISTING = Listing(
    table=GROUPS,
    answer="ModelPackageGroupSummaryList",
    orders={
        "CreationTime": ("created", "name", "account"),
        "Name": ("name", "account"),
    },  # a shared list has several accounts
    descending=False,  # as documented for ListModelPackageGroups
    filters=(
        Filter("CreationTimeAfter", "created", ">", milliseconds),
        Filter("CreationTimeBefore", "created", "<", milliseconds),
        Filter("NameContains", "name", "contains"),
    ),
)


def create(context: RequestContext, params: Mapping[str, Any]) -> dict[str, Any]:
    """Create a group with status Completed (on AWS, that takes a moment).

    Raises:
        ValidationException: the name is taken. Clients match the beginning of the message.
    """
    arn = arns.own(context.caller, arns.GROUP, params["ModelPackageGroupName"])
    record = {
        **params,
        **({"Tags": tags.merged([], params["Tags"])} if "Tags" in params else {}),
        "ModelPackageGroupArn": str(arn),
        "ModelPackageGroupStatus": "Completed",
        "CreationTime": context.now / 1000,
        "CreatedBy": context.caller.user_context,
    }
    row: Row = dict(zip(GROUPS.key, arn.group_key, strict=True))
    row |= {"created": context.now, "last_version": 0, "rev": 0, "record": record}
    if not context.rows.insert(GROUPS, row):
        raise ValidationException(f"Model Package Group already exists: {arn}")
    return record


def describe(context: RequestContext, params: Mapping[str, Any]) -> dict[str, Any]:
    arn = context.group(params["ModelPackageGroupName"])
    row = context.rows.get(GROUPS, arn.group_key)
    if row is None:
        raise arns.does_not_exist(arn)
    record: dict[str, Any] = row["record"]
    return record


def list_groups(context: RequestContext, params: Mapping[str, Any]) -> dict[str, Any]:
    if params.get("CrossAccountFilterOption") == "CrossAccount":
        return page_of(context, LISTING, params, policies.shared_groups(context))
    return page(context, LISTING, params, context.account_conditions())


def delete(context: RequestContext, params: Mapping[str, Any]) -> dict[str, Any]:
    """Delete an empty group.

    Raises:
        ValidationException: there is no such group.
        ConflictException: it still has versions. How AWS's message names the group is unknown.
    """
    arn = context.group(params["ModelPackageGroupName"])
    if context.rows.get(GROUPS, arn.group_key) is None:
        raise arns.does_not_exist(arn)
    versions: list[Condition] = [*GROUPS.keyed(arn.group_key), ("version", ">", 0)]
    if context.rows.find(PACKAGES, versions, limit=1):
        raise ConflictException(f"Model Package Group {arn} cannot be deleted because it still contains Model Packages")
    context.rows.delete(GROUPS, GROUPS.keyed(arn.group_key))
    context.rows.delete(POLICIES, POLICIES.keyed((arn.region, arn.account, arn.name)))
    return {}


ANSWERS = {
    "CreateModelPackageGroup": Answer(create),
    "DescribeModelPackageGroup": Answer(describe),
    "ListModelPackageGroups": Answer(list_groups, is_projected=True),
    "DeleteModelPackageGroup": Answer(delete),
}
