"""Tags of groups and packages: AddTags, ListTags, DeleteTags; tags of anything else are the neighbours'.

A version has no tags of its own: it uses those of its group (documented), so they are listed for it, and neither
added nor deleted (our choice).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ... import arns
from ...arns import Arn
from ...errors import ValidationException
from ...store.rows import GROUPS, PACKAGES, Key, Row, Table
from ..context import Call
from ..pagination import not_this_list

MOST_TAGS = 50
RESERVED_PREFIX = "aws:"

Tag = dict[str, str]


def add(call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
    """Add tags, overwriting those with the same key; answer all of them."""
    arn = _resource(call, params)
    table, key, row = _own(call, arn)
    return {"Tags": _store(call, table, key, row, merged(row["record"].get("Tags", []), params["Tags"]))}


def list_tags(call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tags of a resource: always one page, as a resource has at most 50, so no token is ever given."""
    if "NextToken" in params:
        raise not_this_list()
    arn = _resource(call, params)
    if arn.kind == arns.PACKAGE and arn.version:
        _found(call, PACKAGES, arn.package_key)
        return {"Tags": _found(call, GROUPS, arn.group_key)["record"].get("Tags", [])}
    _, _, row = _own(call, arn)
    return {"Tags": row["record"].get("Tags", [])}


def delete(call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
    """Take tags away by key; a key that is not there is no error."""
    arn = _resource(call, params)
    table, key, row = _own(call, arn)
    kept = [tag for tag in row["record"].get("Tags", []) if tag["Key"] not in params["TagKeys"]]
    _store(call, table, key, row, kept)
    return {}


def merged(present: Sequence[Tag], added: Sequence[Tag]) -> list[Tag]:
    """Return tags with others added, the last of a key winning.

    Raises:
        ValidationException: more than 50, or a key AWS keeps for itself. (Both sentences are ours.)
    """
    if reserved := [tag["Key"] for tag in added if tag["Key"].lower().startswith(RESERVED_PREFIX)]:
        raise ValidationException(f"Tag keys beginning with aws: are reserved for AWS: {', '.join(reserved)}")
    by_key = {tag["Key"]: tag for tag in (*present, *added)}
    if len(by_key) > MOST_TAGS:
        raise ValidationException(f"A resource can have at most {MOST_TAGS} tags; this would make {len(by_key)}.")
    return list(by_key.values())


def _resource(call: Call, params: Mapping[str, Any]) -> Arn:
    text = params["ResourceArn"]
    kind = arns.kind_of(text)
    if kind not in (arns.GROUP, arns.PACKAGE):
        raise _nothing()
    return call.allowed(arns.resolve(call.caller, kind, text))


def _own(call: Call, arn: Arn) -> tuple[Table, Key, Row]:
    """Return where the resource's own tags are kept."""
    if arn.kind == arns.PACKAGE and arn.version:
        raise ValidationException(
            f"Tags cannot be changed on the versioned ModelPackage {arn}: it uses the tags of its Model Package Group."
        )
    table, key = (GROUPS, arn.group_key) if arn.kind == arns.GROUP else (PACKAGES, arn.package_key)
    return table, key, _found(call, table, key)


def _found(call: Call, table: Table, key: Key) -> Row:
    row = call.rows.get(table, key)
    if row is None:
        raise _nothing()
    return row


def _nothing() -> ValidationException:
    """Return AWS's answer for an ARN it does not find (captured for ListTags)."""
    return ValidationException("Resource does not exist.")


def _store(call: Call, table: Table, key: Key, row: Row, tags: list[Tag]) -> list[Tag]:
    call.rows.update(table, key, row["rev"], {"record": {**row["record"], "Tags": tags}})
    return tags
