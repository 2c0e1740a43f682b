"""Reading a metric of a version from its metadata, or from its metrics file in S3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ..base import Caller, Probe
from ..errors import ValidationException, json_problem
from ..service import model
from ..service.records import S3_URL
from ..views import parse_number
from .change import METADATA, member_of


def sources() -> list[str]:
    """Return the sources of metrics: the metadata, and every file that the shape ModelMetrics can contain."""
    shape = model.named("ModelMetrics")
    files = [f"{name}.{inner}" for name, kind in model.members(shape).items() for inner in model.members(kind)]
    return [METADATA, *files]


def value_of(metric: str, source: str, record: Mapping[str, Any], caller: Caller, probe: Probe) -> float:
    """Return a metric: a key of the metadata, or a dotted path in the file at `source`, one of `sources()`.

    Raises:
        ValidationException: the metric is missing or not a number.
    """
    if source == METADATA:
        return _number(record.get(METADATA, {}).get(metric), f"{METADATA}.{metric}")
    name, _, inner = source.partition(".")
    url = record.get("ModelMetrics", {}).get(name, {}).get(inner, {}).get("S3Uri", "")
    match = S3_URL.fullmatch(url)
    if match is None:
        raise ValidationException(f"The version has no ModelMetrics.{source} in S3.")
    content = probe.content(caller, match["bucket"], match["key"])
    if content is None:
        raise ValidationException(f"The metrics file {url} does not exist.")
    try:
        value = member_of(orjson.loads(content), metric)
    except orjson.JSONDecodeError as error:
        raise ValidationException(f"The metrics file {url} is not valid JSON: {json_problem(error)}.") from error
    return _number(value, f"{metric} in {url}")


def _number(value: Any, named: str) -> float:
    if value is None:
        raise ValidationException(f"The version has no {named}.")
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    parsed = parse_number(text)
    if parsed is None:
        raise ValidationException(f"{named} is {str(value)[:100]!r}, not a number.")
    return float(parsed)
