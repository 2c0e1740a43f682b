"""Validation of imported records: each must be one that this registry could have stored, found and shown."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import msgspec

from ...approval.evaluation import LEDGER
from ...conversion import Mismatch, convert
from ...errors import ValidationException
from ...service import constraints, model, projection
from ...store.rows import Row
from . import validation

Record = dict[str, Any]

TIMES: Final = {"created": ("CreationTime",), "modified": ("LastModifiedTime", "CreationTime")}
"""Time columns, in milliseconds, with the members they are derived from, in order of precedence."""


def check(operation: str, record: Record) -> None:
    """Raise ValidationException for a record that the operation could not return, or with unknown members."""
    check_plan(record)
    _check_ledger(record)
    private = ("Tags", validation.PLAN, LEDGER)
    described = {name: value for name, value in record.items() if name not in private}
    _check_shape(operation, described)
    _check_shape("ListTags", {"Tags": record.get("Tags", [])})
    _check_limits(record)


def check_times(row: Row) -> None:
    """Raise ValidationException for a row whose time columns do not match its validated record."""
    for column, members in TIMES.items():
        if column in row:
            member = next(name for name in members if name in row["record"])
            if row[column] != round(row["record"][member] * 1000):
                raise ValidationException(
                    f"{column} is {row[column]}; expected the record's {member}, {row['record'][member]}, in "
                    "milliseconds."
                )


def _check_limits(record: Record) -> None:
    """Apply the limits of requests to the members in the text index, which stores full lengths."""
    tags = record.get("Tags", [])
    several = [key for key, count in Counter(tag["Key"] for tag in tags).items() if count > 1]
    if several:
        raise ValidationException(f"the record: several tags have the key {several[0][:100]}")
    constraints.check("AddTags", {"ResourceArn": _ARN, "Tags": tags})
    if metadata := record.get("CustomerMetadataProperties"):  # an empty map is harmless, though no request can set one
        constraints.check("UpdateModelPackage", {"ModelPackageArn": _ARN, "CustomerMetadataProperties": metadata})


_ARN: Final = "arn:aws:sagemaker:us-east-1:123456789012:model-package/any"
"""A placeholder for a required member that these checks ignore."""


def _check_shape(operation: str, answer: Record) -> None:
    from botocore.validate import ParamValidator

    shape: Any = model.service().operation_model(operation).output_shape
    try:
        found = ParamValidator().validate(answer, shape)
        if found.has_errors():
            raise ValidationException(f"the record: {' '.join(found.generate_report().split())}")
    except (TypeError, ValueError, OverflowError, OSError, RuntimeError) as error:
        raise ValidationException(f"the record: times must be numbers of epoch seconds ({error})") from error
    if not _is_all_of(projection.projection(operation)(answer), answer):
        raise ValidationException("the record: times must be numbers of epoch seconds in the years 1 to 9999")


def _is_all_of(shown: Any, kept: Any) -> bool:
    """Return whether the projection kept everything; it omits values that are not valid times."""
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
    Editors: list[str] = []


def _check_ledger(record: Record) -> None:
    """Raise ValidationException for approval data that no decision could have written."""
    try:
        convert(record.get(LEDGER, {}), _Ledger, place=(LEDGER,))
    except Mismatch as error:
        raise ValidationException(f"the record: {error}") from error


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
    """Check the validation plan of a record, which is not a member of any shape."""
    if validation.PLAN in record:
        try:
            convert(record, _Planned)
        except Mismatch as error:
            raise ValidationException(f"the record: {error}") from error
