"""Records of packages: the edits of a request, and the containers and artifacts of a package."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from . import model

Record = dict[str, Any]
Edit = Callable[[Record, str, Any], None]
_NOT_STORED = ("ClientToken", "ModelPackageArn")

S3_URL = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+)")


def artifacts(params: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield the bucket and key of every model artifact with an s3:// URL, and whether the key is a prefix."""
    for container in containers(params):
        source = container.get("ModelDataSource", {}).get("S3DataSource", {})
        for url, is_prefix in (
            (container.get("ModelDataUrl"), False),
            (source.get("S3Uri"), source.get("S3DataType") == "S3Prefix"),
        ):
            match = S3_URL.fullmatch(url or "")
            if match:
                yield match["bucket"], match["key"], is_prefix


def containers(params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return model.structures("CreateModelPackage", params, "ModelPackageContainerDefinition", of_input=True)


def replace_member(record: Record, member: str, value: Any) -> None:
    record[member] = value


def merge(record: Record, member: str, value: dict[str, Any]) -> None:
    """Add and overwrite keys; other keys are kept."""
    record[member] = {**record.get(member, {}), **value}


def remove_metadata(record: Record, member: str, keys: list[str]) -> None:
    """Remove keys from CustomerMetadataProperties; an absent key is not an error (our choice)."""
    kept = {k: v for k, v in record.get("CustomerMetadataProperties", {}).items() if k not in keys}
    record.pop("CustomerMetadataProperties", None)
    if kept:
        record["CustomerMetadataProperties"] = kept


def append_specifications(record: Record, member: str, added: list[Any]) -> None:
    record["AdditionalInferenceSpecifications"] = [*record.get("AdditionalInferenceSpecifications", []), *added]


@cache
def editable() -> tuple[str, ...]:
    """Return the members that an update can send: those that replace a value, then those in EDITS, in its order."""
    sent = model.members(model.input_shape("UpdateModelPackage"))
    return (*(name for name in sent if name not in EDITS and name not in _NOT_STORED), *EDITS)


def edited(record: Record, params: Mapping[str, Any]) -> Record:
    """Return a copy of a record with the edits of an UpdateModelPackage request."""
    after = dict(record)
    for name in editable():
        if name in params:
            EDITS.get(name, replace_member)(after, name, deepcopy(params[name]))
    return after


EDITS: dict[str, Edit] = {
    # In the order they are applied: metadata merges, then removes (our choice: AWS's order has not been observed).
    "ModelCard": merge,
    "CustomerMetadataProperties": merge,
    "CustomerMetadataPropertiesToRemove": remove_metadata,
    "AdditionalInferenceSpecificationsToAdd": append_specifications,
}
