"""The members of a version that can be promoted and updated, from botocore's model and tables of exceptions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...backends import views
from ...backends.views import METADATA, Difference

Record = dict[str, Any]

CARD, SPECIFICATION, SOURCE_URI = "ModelCard", "InferenceSpecification", "SourceUri"
STATUS, REASON = "ModelApprovalStatus", "ApprovalDescription"
IDENTITY = frozenset({"ModelPackageName", "ModelPackageGroupName", "ModelPackageArn"})
DEFAULTS = {"CertifyForMarketplace": False}
"""Values that Describe returns by default; they are not sent, because they do not apply to versions."""

APART = (frozenset({SPECIFICATION, SOURCE_URI}),)
"""Members that AWS does not accept in the same request."""


def members(client: Any, operation: str, *, answer: bool = False) -> Mapping[str, Any]:
    model = client.meta.service_model.operation_model(operation)
    found: Mapping[str, Any] = (model.output_shape if answer else model.input_shape).members
    return found


def carried(client: Any, record: Mapping[str, Any]) -> Record:
    """Return the members of a described version that CreateModelPackage or UpdateModelPackage accepts.

    An ImageDigest is omitted unless the image contains it (`image@sha256:...`), because the other registry determines
    its own. A local registry cannot read images and derives digests from their names, which would be wrong on AWS.
    """
    taken = {*members(client, "CreateModelPackage"), *members(client, "UpdateModelPackage")} - IDENTITY
    described = members(client, "DescribeModelPackage", answer=True)
    return {
        name: _without_made_digests(record[name])
        for name in described
        if name in taken and name in record and record[name] != DEFAULTS.get(name)
    }


def _without_made_digests(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_made_digests(inner) for inner in value]
    if not isinstance(value, Mapping):
        return value
    made = "ImageDigest" in value and "@sha256:" not in value.get("Image", "")
    return {name: _without_made_digests(inner) for name, inner in value.items() if not (made and name == "ImageDigest")}


def leaves(record: Any) -> dict[str, Any]:
    """Return the values of a record by their paths, without empty ones; model cards are parsed as JSON."""
    return {path: value for path, value in views.leaves(record, into_cards=True) if value not in ("", None, {}, [])}


def differences(a: Any, b: Any) -> tuple[Difference, ...]:
    return views.differences(a, b, leaves)


def _card(card: Mapping[str, Any]) -> Record:
    try:
        return {**card, "ModelCardContent": json.loads(card["ModelCardContent"])}
    except (KeyError, ValueError):
        return dict(card)


@dataclass(frozen=True, slots=True)
class Change:
    """How UpdateModelPackage changes a member: the value it can reach, and the requests that do so.

    `reach` takes the current value and the wanted one (None if absent) and returns the value an update can reach.
    `parts` takes the name of the member, the current value, and the reached one, and yields parts of requests.
    """

    reach: Callable[[Any, Any], Any]
    parts: Callable[[str, Any, Any], Iterator[Record]]


def _whole(name: str, _: Any, wanted: Any) -> Iterator[Record]:
    yield {name: wanted}


def _new_specifications(there: Any, wanted: Any) -> list[Any]:
    names = {specification["Name"] for specification in there or []}
    return [specification for specification in wanted or [] if specification["Name"] not in names]


def _added_specifications(name: str, there: Any, wanted: Any) -> Iterator[Record]:
    yield {f"{name}ToAdd": _new_specifications(there, wanted)}


def _metadata(name: str, there: Any, wanted: Any) -> Iterator[Record]:
    there = there or {}
    changed = {key: value for key, value in wanted.items() if there.get(key) != value}
    gone = sorted(there.keys() - wanted.keys())
    yield {**({name: changed} if changed else {}), **({f"{name}ToRemove": gone} if gone else {})}


def _card_by_parts(name: str, there: Any, wanted: Any) -> Iterator[Record]:
    """Yield content and status separately, content first: AWS rejects both at once, and content of an archived card."""
    before, after = _card(there or {}), _card(wanted)
    for part in sorted(after):
        if before.get(part) != after[part]:
            yield {name: {part: wanted[part]}}


REPLACED = Change(lambda there, wanted: there if wanted is None else wanted, _whole)
FIXED = Change(lambda there, _: there, lambda *_: iter(()))

CHANGES: dict[str, Change] = {
    # An update can add a missing specification; that it replaces an existing one was never observed.
    SPECIFICATION: Change(lambda there, wanted: wanted if there is None else there, _whole),
    "AdditionalInferenceSpecifications": Change(
        lambda there, wanted: [*(there or []), *_new_specifications(there, wanted)] or None, _added_specifications
    ),
    METADATA: Change(REPLACED.reach, _metadata),
    CARD: Change(lambda there, wanted: {**(there or {}), **(wanted or {})} or None, _card_by_parts),
}


def reached(client: Any, there: Record, wanted: Record) -> Record:
    """Return the record closest to `wanted` that updates can give a copy."""
    names = [*there, *(name for name in wanted if name not in there)]
    values = {name: _change(client, name).reach(there.get(name), wanted.get(name)) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def updates(client: Any, there: Record, wanted: Record) -> list[Record]:
    """Return the update requests, without the ARN, for the members that differ between a copy and `wanted`.

    Members that an update cannot change are omitted.
    """
    requests: list[Record] = []
    for name in wanted:
        if not differences({name: there.get(name)}, {name: wanted[name]}):
            continue
        for part in _change(client, name).parts(name, there.get(name), wanted[name]):
            for request in requests:
                if not request.keys() & part.keys() and not _apart({**request, **part}):
                    request |= part
                    break
            else:
                requests.append(dict(part))
    return requests


def creation(client: Any, wanted: Record) -> Record:
    """Return the members of `wanted` that CreateModelPackage accepts; `updates` returns the others."""
    taken = members(client, "CreateModelPackage")
    request = {name: value for name, value in wanted.items() if name in taken}
    if _apart(request):
        del request[SOURCE_URI]
    return request


def _change(client: Any, name: str) -> Change:
    sent = members(client, "UpdateModelPackage")
    return CHANGES.get(name, REPLACED if name in sent else FIXED)


def _apart(request: Mapping[str, Any]) -> bool:
    return any(pair <= request.keys() for pair in APART)
