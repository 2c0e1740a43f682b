"""The result of an examination, as `doctor` shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "failed"]
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, and what to do if it is not well."""

    name: str
    verdict: Verdict
    sentence: str
    advice: str = ""
