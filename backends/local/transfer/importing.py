"""Import of archive lines: validated, compared with existing rows, and stored atomically.

For another account or region, keys and the ARNs of registry resources are rewritten. Rows of history are not: they
remain as hashed, and their ARN records where a change was made. An import is itself a change: after its original
history, each resource gets a row of the operation `import` that names the importer. This makes every imported history
attributable and keeps the chain unbroken. A name with existing history keeps it, and only rows that continue it are
taken from the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Annotated, Any, Final

import msgspec
import orjson

from ... import arns
from ...approval.profiles import INITIAL
from ...base import Caller
from ...conversion import Mismatch, convert, decode
from ...errors import AccessDeniedException, ConflictException, RegistryError, ValidationException
from ...service import model
from ...service.constraints import check
from ...store.rows import GROUPS, Key, Row, Table
from ..context import RequestContext
from ..history.journal import KINDS, Journal, hash_of
from ..operations import packages, policies, record_checks
from .export import Change, Group, Line, Package, Policy

NAMED: Final = 20
"""The maximum number of resources listed in an error message."""

Record = dict[str, Any]


class Import(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request to store lines of an archive.

    `account` and `region` are those of the source; `first_line` is the number of the first line in its file, for error
    messages. `replace` replaces resources that differ; `dry_run` only reports what would change.
    """

    account: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{12}$", description="12 digits")]
    region: Annotated[
        str,
        msgspec.Meta(pattern=r"^[a-z0-9-]{9,16}$", description="9 to 16 lowercase letters, digits and hyphens"),
    ]
    lines: list[dict[str, Any]]
    first_line: int = 1
    replace: bool = False
    dry_run: bool = False


class _Resource(msgspec.Struct):
    """The row to store for a line, and the existing row."""

    table: Table
    key: Key
    row: Row
    stored: Row | None

    @property
    def is_same(self) -> bool:
        return self.stored is not None and all(
            self.stored[column] == self.row[column] for column in ("record", "created") if column in self.row
        )

    def __str__(self) -> str:
        name, version = self.row["name"], self.row.get("version", 0)
        return f"{KINDS[self.table]} {name}{f'/{version}' if version else ''}"


class ImportResult(msgspec.Struct):
    """The number of resources that are new, the same or different."""

    new: dict[str, int] = msgspec.field(default_factory=dict)
    same: dict[str, int] = msgspec.field(default_factory=dict)
    different: list[str] = msgspec.field(default_factory=list)
    history: int = 0

    def count(self, resource: _Resource) -> None:
        kind = KINDS[resource.table]
        if resource.stored is None:
            self.new[kind] = self.new.get(kind, 0) + 1
        elif resource.is_same:
            self.same[kind] = self.same.get(kind, 0) + 1
        else:
            self.different.append(str(resource))


def import_lines(context: RequestContext, asked: Import) -> ImportResult:
    """Store lines in the caller's account and region.

    Returns:
        The number of `new` resources of each kind, and of those that exist with the `same` content; the resources that
        exist with `different` content; the number of rows of `history` that are now stored as in the file.

    Raises:
        ValidationException: a line is invalid; the message states the line number and the problem.
        ConflictException: a resource exists with different content, and `replace` is not set.
        AccessDeniedException: a line is about a group that has approval rules in this registry.
    """
    rewritten = _rewriting(asked, context.caller)
    result = ImportResult()
    chains: dict[str, list[Row]] = {}
    resources: list[_Resource] = []
    for number, content in enumerate(asked.lines, start=asked.first_line):
        with _on_line(number):
            line = _line(content)
            check("CreateModelPackageGroup", {"ModelPackageGroupName": line.name})
            if isinstance(line, Change):
                chains.setdefault(line.name, []).append(_history(line, chains.get(line.name, [])))
            else:
                resources.append(_resource(context, line, rewritten))
    for name in sorted({*(resource.row["name"] for resource in resources), *chains}):
        _check_rules(context, name)
    for resource in resources:
        result.count(resource)
    if asked.dry_run:
        return result
    if result.different and not asked.replace:
        raise ConflictException(_differences(result.different))
    for resource in resources:
        _store(context, resource)
    journal = context.rows
    if not isinstance(journal, Journal):
        raise TypeError("history is only written through the journal")
    changed = {resource.row["name"] for resource in resources if not resource.is_same}
    for name in sorted(changed | chains.keys()):  # heads are locked in order
        result.history += journal.import_chain(context.key(name), chains.get(name, []))
    return result


def _check_rules(context: RequestContext, name: str) -> None:
    """Reject lines of groups with approval rules; a file or database opened directly has no rules.

    Versions would bypass the rules, a group its tags, and history would show approvals that nobody gave.
    """
    if not context.rulebook.policy(name).is_free:
        raise AccessDeniedException(
            f"The group {name} has approval rules, which an import would bypass: import directly into the file or "
            "database."
        )


def _differences(different: list[str]) -> str:
    listed = ", ".join(different[:NAMED]) + (f" and {len(different) - NAMED} more" if len(different) > NAMED else "")
    return f"Existing resources differ from the file: {listed}. Nothing was changed; set replace to overwrite them."


def _line(content: Record) -> Line:
    try:
        orjson.dumps(content)
    except orjson.JSONEncodeError as error:  # a lone surrogate, or a number with more than 64 bits
        raise ValidationException(f"its content cannot be stored: {error}") from error
    line: Line = convert(content, Line)
    return line


@contextmanager
def _on_line(number: int) -> Iterator[None]:
    try:
        yield
    except (Mismatch, RegistryError) as error:
        raise ValidationException(f"line {number}: {error}") from error


def _rewriting(asked: Import, caller: Caller) -> Callable[[Any], Any]:
    """Return a function that replaces the source's account and region with the caller's in all registry ARNs."""
    there = re.compile(
        rf"arn:aws[a-z-]*:sagemaker:{re.escape(asked.region)}:{asked.account}:(?=model-package(?:-group)?/)"
    )
    here = f"arn:{caller.partition}:sagemaker:{caller.region}:{caller.account}:"

    def rewrite(value: Any) -> Any:
        if isinstance(value, str):
            return there.sub(here, value)
        if isinstance(value, dict):
            return {name: rewrite(inner) for name, inner in value.items()}
        return [rewrite(inner) for inner in value] if isinstance(value, list) else value

    return rewrite


def _history(line: Change, before: list[Row]) -> Row:
    """Convert a line to a row of history if its hash is valid and it follows the previous row."""
    row: Row = {name: getattr(line, name) for name in line.__struct_fields__}
    if hash_of(row) != line.hash:
        raise ValidationException(f"change {line.seq} of {line.name} does not match its hash: it was modified.")
    if before and (before[-1]["seq"] + 1, before[-1]["hash"]) != (line.seq, line.previous):
        raise ValidationException(f"change {line.seq} of {line.name} does not follow the previous change in the file.")
    if line.kind not in KINDS.values():
        raise ValidationException(f"kind is {line.kind[:100]!r}; expected one of {', '.join(KINDS.values())}.")
    try:
        content = decode(line.content, _Content)
    except Mismatch as error:
        raise ValidationException(f"the content of change {line.seq} of {line.name}: {error}") from error
    for record in (content.before, content.after):
        record_checks.check_plan(record or {})
    return row


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    before: Record | None
    after: Record | None
    reason: str | None
    rules: list[Any]


def _resource(context: RequestContext, line: Group | Policy | Package, rewritten: Callable[[Any], Any]) -> _Resource:
    account, region = context.caller.account, context.caller.region
    row: Row = {field: getattr(line, field) for field in line.__struct_fields__}
    row |= {"account": account, "region": region, "rev": 0}
    row["record"] = {**deepcopy(LEFT_OUT[type(line)]), **rewritten(line.record)}
    _COMPLETED[type(line)](context.caller, row)
    key = line.table.key_of(row)
    return _Resource(line.table, key, row, context.rows.get(line.table, key))


LEFT_OUT: Final[dict[type, Record]] = {
    # required members of answers that some other registries omit
    Group: {"CreatedBy": {}, "ModelPackageGroupStatus": "Completed"},
    Package: {"ModelPackageStatus": "Completed", "ModelPackageStatusDetails": {"ValidationStatuses": []}},
    Policy: {},
}


def _complete_group(caller: Caller, row: Row) -> None:
    arn = arns.own(caller, arns.GROUP, row["name"])
    row["record"] |= {"ModelPackageGroupName": row["name"], "ModelPackageGroupArn": str(arn)}
    record_checks.check("DescribeModelPackageGroup", row["record"])
    record_checks.check_times(row)


def _complete_policy(caller: Caller, row: Row) -> None:
    record_checks.check("GetModelPackageGroupPolicy", row["record"])
    policies.check(row["record"]["ResourcePolicy"])


def _complete_package(caller: Caller, row: Row) -> None:
    name, version, record = row["name"], row["version"], row["record"]
    record["ModelPackageArn"] = str(arns.own(caller, arns.PACKAGE, name, version))
    if version:
        record |= {"ModelPackageGroupName": name, "ModelPackageVersion": version}
        record.setdefault("ModelApprovalStatus", INITIAL)
        record.pop("ModelPackageName", None)
    else:
        record["ModelPackageName"] = name
    record_checks.check("DescribeModelPackage", {**record, "ModelPackageName": name})
    record_checks.check_times(row)
    row["type"] = packages.VERSIONED if version else packages.UNVERSIONED
    row["approval"] = record.get("ModelApprovalStatus", "")
    if row["approval"] not in ("", *model.enum("ModelApprovalStatus")):
        raise ValidationException(f"invalid ModelApprovalStatus: {row['approval'][:100]!r}.")


_COMPLETED: Final[dict[type, Callable[[Caller, Row], None]]] = {
    Group: _complete_group,
    Policy: _complete_policy,
    Package: _complete_package,
}


def _store(context: RequestContext, resource: _Resource) -> None:
    row, stored = resource.row, resource.stored
    if resource.table is not GROUPS and row.get("version", 1):
        _count_up(context, row["name"], row.get("version", 0), str(resource))
    elif resource.table is GROUPS and stored is not None:
        _count_up(context, row["name"], row["last_version"], str(resource))
    if stored is None:
        if not context.rows.insert(resource.table, row):
            raise ConflictException(f"{resource} was created by another request during the import: import again.")
    elif not resource.is_same:
        changed: Row = {name: row[name] for name in ("created", "modified", "approval", "record") if name in row}
        now = context.rows.get(resource.table, resource.key) or stored
        context.rows.update(resource.table, resource.key, now["rev"], changed)


def _count_up(context: RequestContext, name: str, version: int, what: str) -> None:
    """Raise the version counter of an existing group to at least `version`."""
    key = context.key(name)
    group = context.rows.get(GROUPS, key)
    if group is None:
        raise ValidationException(f"{what} belongs to a group that does not exist: the group's line must come first.")
    if version > group["last_version"]:
        context.rows.update(GROUPS, key, group["rev"], {"last_version": version})
