"""Where a copy came from: what a promoted version carries in its CustomerMetadataProperties, to be known again.

`promoted_from` is the ARN of the original. `promoted_state` says, for the next promotion, what the destination was
given, so that what its own people did since is told apart from what changed in the source: when the original was
created (a local registry that is made anew gives the same ARNs again), the decision, and which metadata keys.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Self

FROM, STATE = "promoted_from", "promoted_state"
NOTHING = "-"
KEY_BYTES, REASON_BYTES = 3, 6
KEY_LENGTH = KEY_BYTES * 4 // 3  # 48 keys, a decision and a time fit into the 256 characters of a value


@dataclass(frozen=True, slots=True)
class Origin:
    """The original of a copy, and what the copy was given.

    `created` is in milliseconds, None if it is not known; `decision` is None if the destination decides by itself.
    """

    source: str
    created: int | None = None
    decision: str | None = None
    keys: frozenset[str] = frozenset()

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> Self | None:
        """Return what a version's metadata say of its origin; None if it is no copy."""
        if FROM not in metadata:
            return None
        created, decision, keys = _fields(metadata.get(STATE, ""))
        return cls(
            metadata[FROM],
            int(created) if created.isdecimal() else None,
            decision if decision != NOTHING else None,
            frozenset(keys[at : at + KEY_LENGTH] for at in range(0, len(keys), KEY_LENGTH) if keys != NOTHING),
        )

    def written(self) -> dict[str, str]:
        """Return the metadata that say so."""
        fields = (str(self.created or NOTHING), self.decision or NOTHING, "".join(sorted(self.keys)) or NOTHING)
        return {FROM: self.source, STATE: " ".join(fields)}

    def is_of(self, source: str, created: int | None) -> bool:
        """Whether the copy is of that version; if it is not known when that was created, its ARN decides."""
        return self.source == source and (created is None or self.created in (None, created))

    def gave(self, key: str) -> bool:
        """Whether a metadata key came with the copy, and is not the destination's own."""
        return key_digest(key) in self.keys


def without_marks(metadata: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if key not in (FROM, STATE)}


def decision(record: Mapping[str, Any]) -> str:
    """Return what was decided of a version, short: its status, and a digest of the reason."""
    reason = record.get("ApprovalDescription")
    return (
        f"{record['ModelApprovalStatus']}:{_digest(reason, REASON_BYTES)}" if reason else record["ModelApprovalStatus"]
    )


def key_digest(key: str) -> str:
    return _digest(key, KEY_BYTES)


def key_digests(keys: Iterable[str]) -> frozenset[str]:
    return frozenset(map(key_digest, keys))


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _digest(text: str, size: int) -> str:
    return urlsafe_b64encode(sha256(text.encode()).digest()[:size]).decode()


def _fields(state: str) -> tuple[str, str, str]:
    """Return the fields of a state; of one that somebody else has written, none."""
    fields = state.split(" ")
    return (fields[0], fields[1], fields[2]) if len(fields) == 3 else (NOTHING, NOTHING, NOTHING)
