"""The origin of a copy, which is stored in its CustomerMetadataProperties and identifies the copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Self

from ...backends.views import METADATA

FROM, CREATED = "promoted_from", "promoted_created"


@dataclass(frozen=True, slots=True)
class Origin:
    """The original of a copy: its ARN, and its creation time, because a recreated registry reuses ARNs."""

    source: str
    created: str

    @classmethod
    def from_version(cls, version: Mapping[str, Any]) -> Self:
        """Return the origin that copies of a version have; the version may be described or listed."""
        created = version["CreationTime"].astimezone(UTC).isoformat(timespec="milliseconds")
        return cls(version["ModelPackageArn"], created)

    @classmethod
    def named_by(cls, copy: Mapping[str, Any]) -> Self | None:
        """Return the origin in the metadata of a version; None if the version is not a copy."""
        metadata = copy.get(METADATA, {})
        return cls(metadata[FROM], metadata.get(CREATED, "")) if FROM in metadata else None

    def written(self) -> dict[str, str]:
        return {FROM: self.source, CREATED: self.created}

    def is_of(self, original: Self) -> bool:
        """Return whether both name the same version; if no time is stored, only the ARNs are compared."""
        return self.source == original.source and self.created in ("", original.created)


def without_origin(metadata: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if key not in (FROM, CREATED)}
