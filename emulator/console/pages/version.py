"""One version, as somebody reviews it: what changed since the last approved one, and everything there is of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from ....backends.views import CARD, METADATA, PENDING, Difference, Explanation, HistoryEntry
from ..charts import Chart, trend
from ..checklist import Looked, Ticks
from ..explanation import Standing, Threshold, explanation_of, standing, thresholds
from ..metrics import Delta, delta
from ..reader import Reader
from ..records import LINEAGE_KEYS, Version, differences, leaves
from .groups import TREND
from .inbox import next_waiting

MAX_EVENTS: Final = 20
MAX_LEAVES: Final = 200
MAX_DIFFERENCES: Final = 100

_VERSION: Final = re.compile(
    r"arn:[a-z-]+:sagemaker:[a-z0-9-]+:[0-9]{12}:model-package/(?P<group>[a-zA-Z0-9-]+)/(?P<number>[1-9][0-9]{0,8})"
)

SECTIONS: Final = frozenset({METADATA, "InferenceSpecification", "MetadataProperties", "ModelCard", "ModelMetrics"})
"""Members that have a section of their own."""


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric beside that of the approved version, and what a rule demands of it."""

    name: str
    value: str
    before: str | None
    apart: Delta | None
    threshold: Threshold | None


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a version: its parts by name, as text."""

    name: str
    image: str
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Something a version comes from; `group` and `number` if that is another version, which has a page."""

    name: str
    text: str
    group: str = ""
    number: int = 0

    @classmethod
    def of(cls, name: str, text: str) -> Self:
        """Return an origin, by its name and what a record says of it."""
        match = _VERSION.fullmatch(text)
        return cls(name, text, match["group"], int(match["number"])) if match else cls(name, text)


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """What the page of a version shows; `undisclosed` is how many more differences there are than it shows."""

    template: ClassVar[str] = "version.html"

    version: Version
    approved: Version | None
    differences: tuple[Difference, ...]
    undisclosed: int
    metrics: tuple[MetricRow, ...]
    chart: Chart | None
    containers: tuple[Container, ...]
    card: tuple[tuple[str, str], ...]
    reports: tuple[tuple[str, str], ...]
    metadata: tuple[tuple[str, str], ...]
    lineage: tuple[Origin, ...]
    others: tuple[tuple[str, str], ...]
    events: tuple[HistoryEntry, ...]
    has_history: bool
    explanation: Explanation
    standing: Standing | None
    decided: bool
    following: Version | None
    left: str
    looked: Looked

    @property
    def title(self) -> str:
        """The title of the page."""
        return self.version.name

    @property
    def is_demanding(self) -> bool:
        """Whether a rule demands something of a metric."""
        return any(row.threshold for row in self.metrics)

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for a decision."""
        return self.version.status == PENDING

    @property
    def is_unexplained(self) -> bool:
        """Whether it is approved and nobody said why: the SageMaker SDK does so when it deploys."""
        return self.version.status == "Approved" and not self.version.reason


def review(reader: Reader, group: str, number: int, ticks: Ticks, *, decided: bool) -> ReviewPage:
    """Return a version, with what of it was ticked; Gone if there is none."""
    explained = explain(reader, group, number)
    version = reader.version(group, number)
    approved = reader.approved_before(version)
    explanation = explanation_of(explained, version)
    changes = reader.history(group=version.name, max_results=MAX_EVENTS)
    events = tuple(HistoryEntry.of(change) for change in changes[0]) if changes else ()
    following, page = next_waiting(reader, version) if decided else (None, None)
    record = version.record
    changed = _differences(version, approved)
    return ReviewPage(
        version=version,
        approved=approved,
        differences=changed[:MAX_DIFFERENCES],
        undisclosed=len(changed[MAX_DIFFERENCES:]),
        metrics=_metrics(version, approved, thresholds(explanation, version)),
        chart=_chart(reader, version),
        containers=_containers(record),
        card=_flat(record, "ModelCard"),
        reports=_flat(record, "ModelMetrics"),
        metadata=version.notes,
        lineage=_lineage(version),
        others=tuple(leaves(record, without=SECTIONS))[:MAX_LEAVES],
        events=events,
        has_history=changes is not None,
        explanation=explanation,
        standing=standing(explanation) if version.status == PENDING else None,
        decided=decided,
        following=following,
        left=page.counted if page is not None else "",
        looked=ticks.looked(version),
    )


def explain(reader: Reader, group: str, number: int) -> Mapping[str, Any] | None:
    """Return what the rules say of a version; None where there is nobody to ask.

    Asked before the version is read: if it changes in between, what the rules told is older than what is shown, and a
    decision about it is refused.
    """
    if not reader.offers("explain"):
        return None
    return reader.explanation(group, number)


def _differences(version: Version, approved: Version | None) -> tuple[Difference, ...]:
    """Return in what a version differs from the approved one, but for their metrics, which have a table."""
    if approved is None:
        return ()
    metrics = {f"{METADATA}.{name}" for name in (*version.metrics, *approved.metrics)}
    return tuple(one for one in differences(approved.record, version.record) if one.path not in metrics)


def _metrics(version: Version, approved: Version | None, demanded: Mapping[str, Threshold]) -> tuple[MetricRow, ...]:
    before = approved.metrics if approved else {}
    names = dict.fromkeys([*version.metrics, *before])
    return tuple(
        MetricRow(
            name,
            version.metadata.get(name, ""),
            approved.metadata[name] if approved and name in before else None,
            delta(version.metrics.get(name), before.get(name)),
            demanded.get(name),
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
    """Return the values of a member by their paths inside it, without what every path begins with."""
    if member not in record:
        return ()
    found = leaves({member: record[member]})
    return tuple((_inside(path, member), text) for path, text in found)[:MAX_LEAVES]


def _inside(path: str, member: str) -> str:
    inner = path.removeprefix(f"{member}.")
    return inner.removeprefix(f"{CARD}.")


def _lineage(version: Version) -> tuple[Origin, ...]:
    record = version.record
    found = [(name, text) for name, text in leaves(record.get("MetadataProperties", {}))]
    found += [(name, text) for name, text in version.metadata.items() if name.lower() in LINEAGE_KEYS]
    found += [(name, str(record[name])) for name in ("SourceUri", "ModelPackageRegistrationType") if name in record]
    return tuple(Origin.of(name, text) for name, text in found)
