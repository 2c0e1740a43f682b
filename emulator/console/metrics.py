"""Which of a version's metadata are metrics, which of them leads, and how far two are apart.

AWS has no such notion: CustomerMetadataProperties are text. What reads as a number is a metric unless its name says
that it counts or names something; which direction is better is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

LEADING: Final = (
    *("accuracy", "f1", "f1_score", "auc", "roc_auc", "auprc", "precision", "recall", "r2", "map", "ndcg", "bleu"),
    *("rouge", "perplexity", "rmse", "mae", "mape", "mse", "logloss", "log_loss", "loss", "error", "wer"),
)
"""Names of metrics, those first that people ask for first; with a prefix such as `val_` or `test:` too."""

NO_METRICS: Final = frozenset(
    {
        *("version", "id", "seed", "epoch", "epochs", "step", "steps", "commit", "sha", "hash", "build", "run", "job"),
        *("date", "day", "month", "year", "time", "timestamp", "port", "ticket", "issue", "number", "batch", "size"),
        *("count", "rows", "samples", "features", "trees", "estimators", "depth", "layers", "folds", "revision"),
        *("account", "seconds", "minutes", "duration"),
    }
)
"""Words of names whose numbers count or name something."""

_SPLIT = re.compile(r"[^a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NUMBER = re.compile(r"[-+]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][-+]?\d{1,3})?")


@dataclass(frozen=True, slots=True)
class Delta:
    """How far a value is from another: an arrow and a number, which say more or less and not better or worse."""

    arrow: str
    word: str
    amount: str


def metrics_of(metadata: Mapping[str, str]) -> dict[str, Decimal]:
    """Return the metadata that are metrics: those that lead first, then in their order."""
    found: dict[str, Decimal] = {}
    for name, text in metadata.items():
        value = number(text)
        if value is not None and not NO_METRICS.intersection(_words(name)):
            found[name] = value
    return {name: found[name] for name in sorted(found, key=_rank)}


def headline(metrics: Iterable[Mapping[str, Decimal]]) -> str | None:
    """Return the name of the metric that leads in most of several versions; None if none has any."""
    named: dict[str, int] = {}
    for one in metrics:
        for name in one:
            named[name] = named.get(name, 0) + 1
    return min(named, key=lambda name: (_rank(name), -named[name]), default=None)


def number(text: str) -> Decimal | None:
    """Return the number a text is; None if it is none."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def delta(value: Decimal | None, base: Decimal | None) -> Delta | None:
    """Return how far a value is from a base; None unless there are both."""
    if value is None or base is None:
        return None
    apart = value - base
    if not apart:
        return Delta("=", "the same", "0")
    return Delta("▲", "more", printed(apart)) if apart > 0 else Delta("▼", "less", printed(-apart))


def printed(value: Decimal) -> str:
    """Return a number as people write it, with at most six digits that count."""
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
