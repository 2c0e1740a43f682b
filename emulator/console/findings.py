"""What a reader finds: pages of versions, groups and what is known of them; or that it is gone, or was overtaken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from .records import Person, Version, moment

MAX_COUNTED: Final = 100


class Gone(Exception):
    """A group or a version that is asked for does not exist; the sentence is the registry's."""


class Overtaken(Exception):
    """A version is not as it was when somebody began to decide; `version` is how it is now."""

    def __init__(self, version: Version) -> None:
        super().__init__(version)
        self.version = version


@dataclass(frozen=True, slots=True)
class Page:
    """Some versions, the token of the next page, and how many there are: None unless it is known."""

    versions: tuple[Version, ...]
    next_token: str | None = None
    count: int | None = None

    @property
    def counted(self) -> str:
        """How many there are, as text."""
        if self.count is None:
            return f"{len(self.versions)}+" if self.next_token else str(len(self.versions))
        return f"{MAX_COUNTED}+" if self.count > MAX_COUNTED else str(self.count)


@dataclass(frozen=True, slots=True)
class Group:
    """A group as a list shows it."""

    name: str
    arn: str
    description: str
    created: datetime
    creator: Person | None = None

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """Return a group from an answer that describes it, or from one of a list."""
        return cls(
            found["ModelPackageGroupName"],
            found["ModelPackageGroupArn"],
            found.get("ModelPackageGroupDescription", ""),
            moment(found["CreationTime"]),
            Person.of(found["CreatedBy"]) if "CreatedBy" in found else None,
        )


@dataclass(frozen=True, slots=True)
class Overview:
    """What is known of the versions of a group: the newest ones, the last approved, how many wait."""

    group: Group
    newest: tuple[Version, ...]
    approved: Version | None
    waiting: str
