"""A version under review: changes since the latest approved version, and the whole record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from ....backends.views import APPROVED, CARD, METADATA, PENDING, Difference, Explanation, HistoryEntry
from ..charts import Chart, trend
from ..checklist import PARTS
from ..explanation import Threshold, explanation_of, readiness, thresholds
from ..metrics import Delta, delta
from ..page import Page, Visit
from ..reader import Reader
from ..records import LINEAGE_KEYS, Version, differences, leaves
from .errors import Problem
from .group import TREND
from .inbox import next_waiting

MAX_EVENTS: Final = 20
MAX_LEAVES: Final = 200
MAX_DIFFERENCES: Final = 100

_VERSION: Final = re.compile(
    r"arn:[a-z-]+:sagemaker:[a-z0-9-]+:[0-9]{12}:model-package/(?P<group>[a-zA-Z0-9-]+)/(?P<number>[1-9][0-9]{0,8})"
)

SECTIONS: Final = frozenset({METADATA, "InferenceSpecification", "MetadataProperties", "ModelCard", "ModelMetrics"})
"""Members with a separate section on the page."""


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric compared with the approved version, and the threshold of a rule."""

    name: str
    value: str
    before: str | None
    change: Delta | None
    threshold: Threshold | None


@dataclass(frozen=True, slots=True)
class Container:
    name: str
    image: str
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """A source of a version; `group` and `number` are set if the source is another version."""

    name: str
    text: str
    group: str = ""
    number: int = 0

    @classmethod
    def from_metadata(cls, name: str, text: str) -> Self:
        match = _VERSION.fullmatch(text)
        return cls(name, text, match["group"], int(match["number"])) if match else cls(name, text)


def version(visit: Visit, group: str, number: int) -> dict[str, Any]:
    reader, decided = visit.reader, "decided" in request.args
    version, explanation = explained(reader, group, number)
    approved = reader.approved_before(version)
    changes = reader.history(group=version.name, max_results=MAX_EVENTS)
    following, left = next_waiting(reader, version) if decided else (None, "")
    record, is_waiting = version.record, version.status == PENDING
    metrics = _metrics(version, approved, thresholds(explanation, version))
    changed = _differences(version, approved)
    return {
        "version": version,
        "approved": approved,
        "differences": changed[:MAX_DIFFERENCES],
        "not_shown": len(changed[MAX_DIFFERENCES:]),
        "metrics": metrics,
        "has_thresholds": any(row.threshold for row in metrics),
        "chart": _chart(reader, version),
        "containers": _containers(record),
        "card": _flat(record, "ModelCard"),
        "reports": _flat(record, "ModelMetrics"),
        "metadata": version.notes,
        "lineage": _lineage(version),
        "others": tuple(leaves(record, without=SECTIONS))[:MAX_LEAVES],
        "events": tuple(HistoryEntry.from_entry(change) for change in changes[0]) if changes else (),
        "has_history": changes is not None,
        "explanation": explanation,
        "is_waiting": is_waiting,
        "is_unexplained": version.status == APPROVED and not version.reason,  # as by deploy() of the SageMaker SDK
        "readiness": readiness(explanation) if is_waiting else None,
        "decided": decided,
        "following": following,
        "left": left,
        "reviewed": visit.session.marks.reviewed(version),
    }


def mark(visit: Visit, group: str, number: int) -> Response:
    part, revision = request.form.get("part", ""), request.form.get("revision", "")
    found = visit.reader.version(group, number)
    if part not in PARTS or not visit.session.accepts(request.form.get("token", ""), "reviewed", found.arn, revision):
        raise Problem("Not marked", "This form belongs to an earlier session or to another version.", status=403)
    visit.session.marks.set(found, revision, part, is_reviewed=request.form.get("reviewed") == "1")
    return redirect(url_for("console.version", group=group, number=number, _anchor=part), 303)


def explained(reader: Reader, group: str, number: int) -> tuple[Version, Explanation]:
    """Return a version and its possible transitions.

    Rules are evaluated before the version is read. If the version changes in between, the results are older than the
    version that is shown, and a decision on it is rejected.
    """
    answer = reader.explanation(group, number) if reader.offers("explain") else None
    found = reader.version(group, number)
    return found, explanation_of(answer, found)


def _differences(version: Version, approved: Version | None) -> tuple[Difference, ...]:
    """Return the differences from the approved version, without metrics, which have a separate table."""
    if approved is None:
        return ()
    metrics = {f"{METADATA}.{name}" for name in (*version.metrics, *approved.metrics)}
    return tuple(one for one in differences(approved.record, version.record) if one.path not in metrics)


def _metrics(version: Version, approved: Version | None, required: Mapping[str, Threshold]) -> tuple[MetricRow, ...]:
    before = approved.metrics if approved else {}
    names = dict.fromkeys([*version.metrics, *before])
    return tuple(
        MetricRow(
            name,
            version.metadata.get(name, ""),
            approved.metadata[name] if approved and name in before else None,
            delta(version.metrics.get(name), before.get(name)),
            required.get(name),
        )
        for name in names
    )


def _chart(reader: Reader, version: Version) -> Chart | None:
    if not version.metrics or not reader.offers("versions"):
        return None
    return trend(reader.newest(version.group, TREND), next(iter(version.metrics)))


def _containers(record: Mapping[str, Any]) -> tuple[Container, ...]:
    found = []
    for number, container in enumerate(record.get("InferenceSpecification", {}).get("Containers", ())):
        parts = tuple((path, text) for path, text in leaves(container) if path != "Image")
        name = container.get("ContainerHostname") or f"Container {number + 1}"
        found.append(Container(name, container.get("Image", ""), parts))
    return tuple(found)


def _flat(record: Mapping[str, Any], member: str) -> tuple[tuple[str, str], ...]:
    """Return the values of a member, with paths relative to it."""
    if member not in record:
        return ()
    found = leaves({member: record[member]})
    return tuple((path.removeprefix(f"{member}.").removeprefix(f"{CARD}."), text) for path, text in found)[:MAX_LEAVES]


def _lineage(version: Version) -> tuple[Origin, ...]:
    record = version.record
    found = [(name, text) for name, text in leaves(record.get("MetadataProperties", {}))]
    found += [(name, text) for name, text in version.metadata.items() if name.lower() in LINEAGE_KEYS]
    found += [(name, str(record[name])) for name in ("SourceUri", "ModelPackageRegistrationType") if name in record]
    return tuple(Origin.from_metadata(name, text) for name, text in found)


PAGE = Page(
    "version.html",
    {"GET /groups/<group>/<int:number>": version, "POST /groups/<group>/<int:number>/reviewed": mark},
)
