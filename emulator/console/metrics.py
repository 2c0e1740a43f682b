"""Metrics in a version's metadata, their order of importance, and the change between two values.

AWS stores CustomerMetadataProperties as text. A value that parses as a number is a metric, unless its name marks it as
a count or an identifier. The direction that is better is unknown and never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ...backends.views import parse_number

LEADING: Final = (
    *("accuracy", "f1", "f1_score", "auc", "roc_auc", "auprc", "precision", "recall", "r2", "map", "ndcg", "bleu"),
    *("rouge", "perplexity", "rmse", "mae", "mape", "mse", "logloss", "log_loss", "loss", "error", "wer"),
)
"""Metric names by importance; prefixes such as `val_` or `test:` are allowed."""

NO_METRICS: Final = frozenset(
    {
        *("version", "id", "seed", "epoch", "epochs", "step", "steps", "commit", "sha", "hash", "build", "run", "job"),
        *("date", "day", "month", "year", "time", "timestamp", "port", "ticket", "issue", "number", "batch", "size"),
        *("count", "rows", "samples", "features", "trees", "estimators", "depth", "layers", "folds", "revision"),
        *("account", "seconds", "minutes", "duration"),
    }
)
"""Words in names whose numbers are counts or identifiers."""

_SPLIT = re.compile(r"[^a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Delta:
    """The change from one value to another: higher or lower, never better or worse."""

    arrow: str
    word: str
    amount: str


def metrics_of(metadata: Mapping[str, str]) -> dict[str, Decimal]:
    """Return the metrics in metadata: by importance, then in their original order."""
    found: dict[str, Decimal] = {}
    for name, text in metadata.items():
        value = parse_number(text)
        if value is not None and not NO_METRICS.intersection(_words(name)):
            found[name] = value
    return {name: found[name] for name in sorted(found, key=_rank)}


def headline(metrics: Iterable[Mapping[str, Decimal]]) -> str | None:
    """Return the most important metric of several versions, the more frequent one first; None without metrics."""
    named: dict[str, int] = {}
    for one in metrics:
        for name in one:
            named[name] = named.get(name, 0) + 1
    return min(named, key=lambda name: (_rank(name), -named[name]), default=None)


def delta(value: Decimal | None, base: Decimal | None) -> Delta | None:
    """Return the change from a base to a value; None if either is missing."""
    if value is None or base is None:
        return None
    change = value - base
    if not change:
        return Delta("=", "no change", "0")
    return Delta("▲", "higher", printed(change)) if change > 0 else Delta("▼", "lower", printed(-change))


def printed(value: Decimal) -> str:
    """Format a number with at most six significant digits, in plain notation where possible."""
    rounded = Decimal(f"{value:.6g}")
    return f"{rounded.normalize():f}" if Decimal("1e-6") <= abs(rounded) < Decimal("1e15") else f"{value:.6g}"


def _rank(name: str) -> int:
    words = _words(name)
    for place, leading in enumerate(LEADING):
        wanted = leading.split("_")
        if words[-len(wanted) :] == wanted:
            return place * 2 + (len(words) > len(wanted))
    return len(LEADING) * 2


def _words(name: str) -> list[str]:
    return [word for word in _SPLIT.split(_CAMEL.sub(" ", name).lower()) if word]
