"""The comparison of two to five versions: metrics and fields that differ."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Response, request

from ....backends.views import METADATA, parse_number
from ..metrics import Delta, delta
from ..page import Page, Visit
from ..records import ALWAYS_DIFFERENT, Version, leaves

FEWEST: Final = 2
MOST: Final = 5
MAX_ROWS: Final = 400


@dataclass(frozen=True, slots=True)
class Cell:
    """A metric of one version: its value, the change from the base, and whether it is the highest or lowest."""

    value: str
    change: Delta | None
    extreme: str


@dataclass(frozen=True, slots=True)
class MetricRow:
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field of every version; None for versions without the field."""

    path: str
    values: tuple[str | None, ...]
    differs: bool


def compare(visit: Visit) -> dict[str, Any] | Response:
    page = _compared(visit)
    kind = request.args.get("format")
    if kind == "csv":
        return _file(_as_csv(page), "text/csv; charset=utf-8", kind)
    if kind == "json":
        return _file(_as_json(page), "application/json", kind)
    return page


def _file(body: str | bytes, content_type: str, kind: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="comparison.{kind}"'}
    return Response(body, content_type=content_type, headers=headers)


def _compared(visit: Visit) -> dict[str, Any]:
    """Return the comparison of the versions in the query, which are given as `group/number`."""
    whole = "all" in request.args
    names = tuple(dict.fromkeys(name for name in request.args.getlist("v") if name))
    parsed = [(name, *_parsed(name)) for name in names[:MOST]]
    versions = tuple(visit.reader.versions([(group, number) for _, group, number in parsed if number]))
    found = {version.name for version in versions}
    missing = tuple(name for name, *_ in parsed if name not in found)
    base = request.args.get("base")
    held = next((version for version in versions if version.name == base), versions[0] if versions else None)
    problem = ""
    if len(names) > MOST:
        problem = f"Showing the first {MOST} of {len(names)} versions: at most {MOST} can be compared."
    elif names and len(versions) < FEWEST:
        problem = f"A comparison requires at least {FEWEST} versions."
    return {
        "asked": names,
        "versions": versions,
        "missing": missing,
        "base": held,
        "metrics": _metrics(versions, held),
        "fields": tuple(row for row in _fields(versions) if whole or row.differs)[:MAX_ROWS],
        "is_whole": whole,
        "problem": problem,
        "fewest": FEWEST,
    }


def _as_csv(page: dict[str, Any]) -> str:
    """Return a comparison as CSV; an apostrophe before formulas stops spreadsheets from evaluating them."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["field", *(version.name for version in page["versions"])])
    for row in page["metrics"]:
        writer.writerow([_inert(f"{METADATA}.{row.name}"), *(_inert(cell.value) for cell in row.cells)])
    for field in page["fields"]:
        writer.writerow([_inert(field.path), *(_inert(value or "") for value in field.values)])
    return out.getvalue()


def _as_json(page: dict[str, Any]) -> bytes:
    import orjson

    names = [version.name for version in page["versions"]]
    found: dict[str, Any] = {
        "versions": names,
        "base": page["base"].name if page["base"] else None,
        "metrics": {
            row.name: dict(zip(names, (cell.value for cell in row.cells), strict=True)) for row in page["metrics"]
        },
        "fields": {row.path: dict(zip(names, row.values, strict=True)) for row in page["fields"]},
    }
    return orjson.dumps(found, option=orjson.OPT_INDENT_2)


def _parsed(name: str) -> tuple[str, int]:
    group, _, number = name.rpartition("/")
    is_number = number.isascii() and number.isdigit() and len(number) < 10 and int(number) > 0
    return (group, int(number)) if group and "/" not in group and is_number else ("", 0)


def _metrics(versions: Sequence[Version], base: Version | None) -> tuple[MetricRow, ...]:
    rows = []
    for name in dict.fromkeys(name for version in versions for name in version.metrics):
        values = [version.metrics[name] for version in versions if name in version.metrics]
        low, high = min(values), max(values)
        cells = []
        for version in versions:
            value = version.metrics.get(name)
            extreme = ""
            if value is not None and low < high:
                extreme = {low: "lowest", high: "highest"}.get(value, "")
            change = delta(value, base.metrics.get(name)) if base is not None and version is not base else None
            cells.append(Cell(version.metadata.get(name, ""), change, extreme))
        rows.append(MetricRow(name, tuple(cells)))
    return tuple(rows)


def _fields(versions: Sequence[Version]) -> list[FieldRow]:
    raw = [dict(leaves(version.record, without=ALWAYS_DIFFERENT, hide=False)) for version in versions]
    shown = [dict(leaves(version.record, without=ALWAYS_DIFFERENT)) for version in versions]
    metrics = {f"{METADATA}.{name}" for version in versions for name in version.metrics}
    paths = dict.fromkeys(path for one in raw for path in one if path not in metrics)
    return [
        FieldRow(path, tuple(one.get(path) for one in shown), len({one.get(path) for one in raw}) > 1) for path in paths
    ]


def _inert(text: str) -> str:
    return (
        f"'{text}"
        if text[:1] in ("=", "+", "@", "\t", "\r") or (text[:1] == "-" and parse_number(text) is None)
        else text
    )


PAGE = Page("compare.html", {"GET /compare": compare}, menu="Compare")
