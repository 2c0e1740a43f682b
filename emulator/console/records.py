"""Versions, groups and callers as pages show them, and the differences between records as text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, Self

from ...backends import views
from ...backends.text import HIDDEN_VALUE, is_environment
from ...backends.views import Difference, moment, user_arn
from .metrics import metrics_of

ALWAYS_DIFFERENT: Final = frozenset(
    {
        *("ModelPackageArn", "ModelPackageVersion", "ModelPackageName", "CreationTime", "CreatedBy"),
        *("LastModifiedTime", "LastModifiedBy", "ModelApprovalStatus", "ApprovalDescription"),
        *("ModelPackageStatus", "ModelPackageStatusDetails"),
    }
)
"""Members that differ between any two versions and do not describe the model."""

LINEAGE_KEYS: Final = frozenset(
    {"training_job", "dataset_version", "dataset", "git_commit", "commit", "repository", "pipeline", "run_id"}
)
"""Metadata keys that record where a version comes from, in addition to MetadataProperties."""

VOLATILE: Final = frozenset({"ModelPackageStatus", "ModelPackageStatusDetails", "ResponseMetadata"})
"""Members that change without a user's action and do not invalidate a decision."""

WORD_ENDS: Final = " /:,;=_-.@"

LONGEST: Final = 2000

Parts = tuple[str, str, str]


class Version(views.Version):
    @property
    def number(self) -> int:
        return self.version

    @property
    def creator(self) -> Person:
        return Person.from_context(self.record.get("CreatedBy"))

    @property
    def modifier(self) -> Person | None:
        return None if self.modified is None else Person.from_context(self.record.get("LastModifiedBy"))

    @cached_property
    def metrics(self) -> Mapping[str, Decimal]:
        return metrics_of(self.metadata)

    @cached_property
    def revision(self) -> str:
        """A digest of the record that changes whenever the version changes."""
        said = {
            name: moment(value).timestamp() if name.endswith("Time") else value
            for name, value in self.record.items()
            if name not in VOLATILE
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:32]

    @property
    def notes(self) -> tuple[tuple[str, str], ...]:
        """Metadata other than metrics and lineage."""
        return tuple(
            (name, text)
            for name, text in self.metadata.items()
            if name not in self.metrics and name.lower() not in LINEAGE_KEYS
        )


class Group(views.Group):
    @property
    def creator(self) -> Person | None:
        return Person.from_context(self.record["CreatedBy"]) if "CreatedBy" in self.record else None


@dataclass(frozen=True, slots=True)
class Person:
    """A caller: a display name and the full ARN."""

    name: str
    arn: str = ""

    @classmethod
    def from_context(cls, context: Mapping[str, Any] | None) -> Self:
        context = context or {}
        arn = user_arn(context) or ""
        return cls(context.get("UserProfileName") or short(arn) or "unknown", arn)

    @classmethod
    def from_arn(cls, arn: str) -> Self:
        return cls(short(arn), arn)


def marked(difference: Difference) -> tuple[Parts, Parts]:
    """Return both texts of a difference, each split into common prefix, changed part and common suffix."""
    old, new = difference.a or "", difference.b or ""
    head = _shared(old, new)
    tail = _shared(old[head:][::-1], new[head:][::-1])
    before, after = ((text[:head], text[head : len(text) - tail], text[len(text) - tail :]) for text in (old, new))
    return before, after


def _shared(one: str, other: str) -> int:
    """Return the length of the common prefix of two texts, up to the end of a word."""
    pairs = enumerate(zip(one, other, strict=False))
    head = one[: next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))]
    return max(head.rfind(mark) + 1 for mark in WORD_ENDS)


def short(arn: str) -> str:
    return arn.rpartition("/")[2] if "/" in arn else arn.rpartition(":")[2]


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return the differences between two records as text, without ALWAYS_DIFFERENT."""
    found = views.differences(before, after, lambda record: dict(leaves(record, without=ALWAYS_DIFFERENT, hide=False)))
    return tuple(Difference(one.path, _shown(one.path, one.a), _shown(one.path, one.b)) for one in found)


def leaves(
    record: Mapping[str, Any], *, without: frozenset[str] = frozenset(), hide: bool = True
) -> Iterator[tuple[str, str]]:
    """Yield the path and text of each value of a record; values of environment variables are hidden."""
    for name, value in record.items():
        for path, found in views.leaves(value, name, into_cards=True) if name not in without else ():
            text = _text(found)
            yield path, (_shown(path, text) or "") if hide else text


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, default=str)
    except RecursionError:
        return "(nested too deeply to show)"


def _shown(path: str, text: str | None) -> str | None:
    if text is not None and is_environment(path):
        return HIDDEN_VALUE
    return text if text is None or len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text):,} characters in total)"
