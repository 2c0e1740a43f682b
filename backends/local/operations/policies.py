"""The operations on group resource policies, which grant access to other accounts: put, get, delete.

A policy is stored as the text that was sent. Its validation and error messages are our choice, because AWS's messages
are unknown. Whether its resources can match the group is not checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import orjson

from ... import arns
from ...arns import Arn
from ...errors import ValidationException, json_problem
from ...store.rows import GROUPS, POLICIES, Key, Row
from ..context import Answer, RequestContext
from ..permissions import ALLOW, DENY, as_list, discoverable

MAX_QUOTE = 100
"""Characters of an invalid value that an error message quotes."""


def put(context: RequestContext, params: Mapping[str, Any]) -> dict[str, Any]:
    """Set the policy of one of the caller's groups, replacing any existing one (our choice: AWS's behavior is unknown).

    Raises:
        ValidationException: there is no such group, or the document is not a policy.
    """
    arn = _group(context, params)
    check(params["ResourcePolicy"])
    context.rows.delete(POLICIES, POLICIES.keyed(_key(arn)))
    row: Row = dict(zip(POLICIES.key, _key(arn), strict=True))
    context.rows.insert(POLICIES, row | {"rev": 0, "record": {"ResourcePolicy": params["ResourcePolicy"]}})
    return {"ModelPackageGroupArn": str(arn)}


def get(context: RequestContext, params: Mapping[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = _policy(context, _group(context, params))["record"]
    return record


def delete(context: RequestContext, params: Mapping[str, Any]) -> dict[str, Any]:
    arn = _group(context, params)
    _policy(context, arn)
    context.rows.delete(POLICIES, POLICIES.keyed(_key(arn)))
    return {}


def shared_groups(context: RequestContext) -> list[Row]:
    """Return the rows of the groups that other accounts let the caller discover, by account and name."""
    found = (context.rows.get(GROUPS, arn.group_key) for arn in discoverable(context.rows, context.caller))
    return [row for row in found if row is not None]


def _group(context: RequestContext, params: Mapping[str, Any]) -> Arn:
    """Return the ARN of the caller's group; Terraform and CloudFormation match this error message."""
    arn = arns.own(context.caller, arns.GROUP, params["ModelPackageGroupName"])
    if context.rows.get(GROUPS, arn.group_key) is None:
        raise ValidationException(f"Cannot find Model Package Group: {arn}")
    return arn


def _policy(context: RequestContext, arn: Arn) -> Row:
    """Return the row of a group's policy; Terraform and CloudFormation match this error message."""
    row = context.rows.get(POLICIES, _key(arn))
    if row is None:
        raise ValidationException(f"Cannot find resource policy for: {arn}")
    return row


def _key(arn: Arn) -> Key:
    return (arn.region, arn.account, arn.name)


class Form(msgspec.Struct, frozen=True):
    """The accepted values of a policy member: `fits` checks a value, and `words` describes it in error messages."""

    fits: Callable[[Any], bool]
    words: str


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _each(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Return a check of a value or of each element in a non-empty list."""
    return lambda value: bool(as_list(value)) and all(map(fits, as_list(value)))


def _texts(pattern: str) -> Callable[[Any], bool]:
    """Return a check for a string that matches the pattern, or a list of such strings."""
    matches = re.compile(pattern).fullmatch
    return _each(lambda value: _is_text(value) and matches(value) is not None)


_PRINCIPALS = {
    "AWS": _texts(r"\*|[0-9]{12}|arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[^*?\s]+"),
    "Service": _texts(r"\S+"),
    "Federated": _texts(r"\S+"),
}


def _is_principal(value: Any) -> bool:
    if _is_object(value):
        return bool(value) and all(kind in _PRINCIPALS and _PRINCIPALS[kind](value[kind]) for kind in value)
    return bool(value == "*")


def _is_condition(value: Any) -> bool:
    """Return whether a value has the structure of a condition; its content is never evaluated or checked."""
    return _is_object(value) and all(
        _is_object(keys) and all(_each(_is_plain)(values) for values in keys.values()) for keys in value.values()
    )


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


TEXT = Form(_is_text, "text")
PRINCIPAL = Form(
    _is_principal,
    '"*", or an object such as {"AWS": ["111122223333", "arn:aws:iam::111122223333:root"]} with "*", account ids and '
    'complete ARNs of IAM or STS; "Service" and "Federated" are also accepted',
)
ACTION = Form(
    _texts(r"\*|(?ai:sagemaker):[A-Za-z0-9*?]+"),
    'an action such as "sagemaker:DescribeModelPackage", where * and ? are wildcards, or "*", or a list of these',
)
RESOURCE = Form(
    _texts(r"\*|arn:(?!\S*\$\{)[^:\s]+:[^:\s]+:\S+"),
    'an ARN without policy variables, where * and ? are wildcards, or "*", or a list of these',
)

POLICY: dict[str, Form] = {
    "Version": Form(lambda value: value in ("2012-10-17", "2008-10-17"), '"2012-10-17" or "2008-10-17"'),
    "Id": TEXT,
    "Statement": Form(_each(_is_object), "an object or a non-empty list of objects"),
}
STATEMENT: dict[str, Form] = {
    "Sid": TEXT,
    "Effect": Form(lambda value: value in (ALLOW, DENY), f'"{ALLOW}" or "{DENY}"'),
    "Principal": PRINCIPAL,
    "NotPrincipal": PRINCIPAL,
    "Action": ACTION,
    "NotAction": ACTION,
    "Resource": RESOURCE,
    "NotResource": RESOURCE,
    "Condition": Form(_is_condition, 'an object such as {"StringEquals": {"aws:PrincipalOrgID": "o-1234"}}'),
}
NEEDED = (("Effect",), ("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource"))
"""Groups of members; a statement has exactly one member of each."""


def check(text: str) -> None:
    """Raise ValidationException for a text that is not a resource policy."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _refusal(f"it is not valid JSON: {json_problem(error)}") from error
    broken = next(_broken(document), None)
    if broken is not None:
        raise _refusal(broken)
    json.loads(text, object_pairs_hook=_refuse_repeated)  # orjson keeps only the last of duplicate members


def _broken(document: Any) -> Iterator[str]:
    """Yield the errors of a document; each assumes that no earlier error was found."""
    if not _is_object(document):
        yield f"it must be a JSON object, not {_quoted(document)}"
    yield from _misshapen(document, POLICY, "")
    if "Statement" not in document:
        yield "it has no Statement"
    for number, statement in enumerate(as_list(document["Statement"]), start=1):
        yield from _misshapen(statement, STATEMENT, f" in statement {number}")
        for names in NEEDED:
            count = sum(name in statement for name in names)
            if count != 1:
                yield f"statement {number} must have {'' if count == 0 else 'only one of '}{' or '.join(names)}"
        if statement["Effect"] == ALLOW and "NotPrincipal" in statement:  # as documented by IAM
            yield f'NotPrincipal in statement {number} is only for the Effect "{DENY}"'


def _misshapen(members: Mapping[str, Any], forms: Mapping[str, Form], where: str) -> Iterator[str]:
    for name, value in members.items():
        if name not in forms:
            yield f"{_quoted(name)}{where} is unknown; expected one of {', '.join(forms)}"
        elif not forms[name].fits(value):
            yield f"{name}{where} must be {forms[name].words}; it is {_quoted(value)}"


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise _refusal(f"{_quoted(name)} occurs twice in one object")
        members[name] = value
    return members


def _quoted(value: Any) -> str:
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # orjson reads deeper nesting than it writes
        return "nested too deeply"
    return text if len(text) <= MAX_QUOTE else text[:MAX_QUOTE] + "..."


def _refusal(what: str) -> ValidationException:
    return ValidationException(f"The ResourcePolicy is not valid: {what}.")


ANSWERS = {
    "PutModelPackageGroupPolicy": Answer(put),
    "GetModelPackageGroupPolicy": Answer(get),
    "DeleteModelPackageGroupPolicy": Answer(delete),
}
