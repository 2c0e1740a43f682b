"""AddTags, ListTags and DeleteTags for groups and packages; other AWS services handle other resources.

A version uses the tags of its group (documented): they are listed for it, but cannot be added or deleted there (our
choice).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ... import arns
from ...arns import Arn
from ...errors import ValidationException
from ...store.rows import GROUPS, PACKAGES, Key, Row, Table
from ..context import Answer, RequestContext
from ..pagination import not_this_list

MAX_TAGS = 50
RESERVED_PREFIX = "aws:"

Tag = dict[str, str]


def add(context: RequestContext, params: Mapping[str, Any]) -> dict[str, Any]:
    """Add tags, replacing those with the same key; return all of them."""
    arn = _resource(context, params)
    table, key, row = _own(context, arn)
    return {"Tags": _store(context, table, key, row, merged(row["record"].get("Tags", []), params["Tags"]))}


def list_tags(context: RequestContext, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tags of a resource in a single page: with at most 50 tags, no token is ever returned."""
    if "NextToken" in params:
        raise not_this_list()
    arn = _resource(context, params)
    if arn.kind == arns.PACKAGE and arn.version:
        _found(context, PACKAGES, arn.package_key)
        return {"Tags": _found(context, GROUPS, arn.group_key)["record"].get("Tags", [])}
    _, _, row = _own(context, arn)
    return {"Tags": row["record"].get("Tags", [])}


def delete(context: RequestContext, params: Mapping[str, Any]) -> dict[str, Any]:
    """Delete tags by key; missing keys are ignored."""
    arn = _resource(context, params)
    table, key, row = _own(context, arn)
    kept = [tag for tag in row["record"].get("Tags", []) if tag["Key"] not in params["TagKeys"]]
    _store(context, table, key, row, kept)
    return {}


def merged(present: Sequence[Tag], added: Sequence[Tag]) -> list[Tag]:
    """Merge tags; the last value of a key wins.

    Raises:
        ValidationException: more than 50 tags, or a key reserved for AWS (our wording).
    """
    if reserved := [tag["Key"] for tag in added if tag["Key"].lower().startswith(RESERVED_PREFIX)]:
        raise ValidationException(f"Tag keys beginning with aws: are reserved for AWS: {', '.join(reserved)}")
    by_key = {tag["Key"]: tag for tag in (*present, *added)}
    if len(by_key) > MAX_TAGS:
        raise ValidationException(f"A resource can have at most {MAX_TAGS} tags; this would make {len(by_key)}.")
    return list(by_key.values())


def _resource(context: RequestContext, params: Mapping[str, Any]) -> Arn:
    text = params["ResourceArn"]
    kind = arns.kind_of(text)
    if kind not in (arns.GROUP, arns.PACKAGE):
        raise _nothing()
    return context.authorize(arns.resolve(context.caller, kind, text))


def _own(context: RequestContext, arn: Arn) -> tuple[Table, Key, Row]:
    if arn.kind == arns.PACKAGE and arn.version:
        raise ValidationException(
            f"Tags cannot be changed on the versioned ModelPackage {arn}: it uses the tags of its Model Package Group."
        )
    table, key = (GROUPS, arn.group_key) if arn.kind == arns.GROUP else (PACKAGES, arn.package_key)
    return table, key, _found(context, table, key)


def _found(context: RequestContext, table: Table, key: Key) -> Row:
    row = context.rows.get(table, key)
    if row is None:
        raise _nothing()
    return row


def _nothing() -> ValidationException:
    """Return AWS's error for an unknown ARN (captured for ListTags)."""
    return ValidationException("Resource does not exist.")


def _store(context: RequestContext, table: Table, key: Key, row: Row, tags: list[Tag]) -> list[Tag]:
    context.rows.update(table, key, row["rev"], {"record": {**row["record"], "Tags": tags}})
    return tags


ANSWERS = {
    "AddTags": Answer(add),
    "ListTags": Answer(list_tags),
    "DeleteTags": Answer(delete),
}
