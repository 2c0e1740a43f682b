"""What a record that comes from elsewhere must be: one that this registry could have stored, and can find and show."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import msgspec

from ...approval.evaluation import LEDGER
from ...errors import ValidationException
from ...service import constraints, model, projection
from ...store.rows import Row
from . import validation

Record = dict[str, Any]

TIMES: Final = {"created": ("CreationTime",), "modified": ("LastModifiedTime", "CreationTime")}
"""Columns that hold a time of the record in milliseconds: that of the first of these members that it has."""


def check(operation: str, record: Record) -> None:
    """Raise ValidationException for a record that an operation could not answer, or that has what nobody knows."""
    check_plan(record)
    _check_ledger(record)
    private = ("Tags", validation.PLAN, LEDGER)
    described = {name: value for name, value in record.items() if name not in private}
    _check_shape(operation, described)
    _check_shape("ListTags", {"Tags": record.get("Tags", [])})
    _check_limits(record)


def check_times(row: Row) -> None:
    """Raise ValidationException for a row, with a record that was checked, that is not found by the record's times."""
    for column, members in TIMES.items():
        if column in row:
            member = next(name for name in members if name in row["record"])
            if row[column] != round(row["record"][member] * 1000):
                raise ValidationException(
                    f"{column} is {row[column]}, which is not the record's {member}, {row['record'][member]}, in "
                    "milliseconds."
                )


def _check_limits(record: Record) -> None:
    """Hold what is kept in the index of texts, where all has its length, against what requests can set."""
    tags = record.get("Tags", [])
    several = [key for key, count in Counter(tag["Key"] for tag in tags).items() if count > 1]
    if several:
        raise ValidationException(f"the record: several tags have the key {several[0][:100]}")
    constraints.check("AddTags", {"ResourceArn": _ARN, "Tags": tags})
    if metadata := record.get("CustomerMetadataProperties"):  # none, though no request can set that, does no harm
        constraints.check("UpdateModelPackage", {"ModelPackageArn": _ARN, "CustomerMetadataProperties": metadata})


_ARN: Final = "arn:aws:sagemaker:us-east-1:123456789012:model-package/any"
"""Any will do: a request must have one, and it is not what is looked at."""


def _check_shape(operation: str, answer: Record) -> None:
    from botocore.validate import ParamValidator

    shape: Any = model.service().operation_model(operation).output_shape
    try:
        found = ParamValidator().validate(answer, shape)
        if found.has_errors():
            raise ValidationException(f"the record: {' '.join(found.generate_report().split())}")
    except (TypeError, ValueError, OverflowError, OSError, RuntimeError) as error:
        raise ValidationException(f"the record: times are numbers of epoch seconds ({error})") from error
    if not _is_all_of(projection.projection(operation)(answer), answer):
        raise ValidationException("the record: times are numbers of epoch seconds, and of a year from 1 to 9999")


def _is_all_of(shown: Any, kept: Any) -> bool:
    """Whether nothing was left out of what is shown: of members that are of their types, times that are none."""
    if isinstance(kept, dict):
        return shown.keys() == kept.keys() and all(_is_all_of(shown[name], value) for name, value in kept.items())
    return not isinstance(kept, list) or (
        len(shown) == len(kept) and all(_is_all_of(one, other) for one, other in zip(shown, kept, strict=True))
    )


class _Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    Name: str
    Arn: str
    Groups: list[str]
    At: int
    Reason: str


class _Ledger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    By: str = ""
    At: int = 0
    IsLatest: bool = False
    Approvals: list[_Approval] = []


def _check_ledger(record: Record) -> None:
    """Raise ValidationException for what a record says of who approved it, if no decision could have said it."""
    try:
        msgspec.convert(record.get(LEDGER, {}), _Ledger)
    except msgspec.ValidationError as error:
        raise ValidationException(f"the record: {LEDGER}: {error}") from error


class _Profile(msgspec.Struct, frozen=True):
    ProfileName: str


class _Profiles(msgspec.Struct, frozen=True):
    ValidationProfiles: list[_Profile]


class _Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    begins: int
    ends: int
    failing: list[str]


class _Planned(msgspec.Struct, frozen=True, rename={"plan": validation.PLAN}):
    plan: _Plan
    ValidationSpecification: _Profiles


def check_plan(record: Record) -> None:
    """Check what a record says of its validation, which is no member of a shape."""
    if validation.PLAN in record:
        msgspec.convert(record, _Planned)
