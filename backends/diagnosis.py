"""The result of an examination, as `doctor` shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "failed"]
PATIENCE = 5.0
SLOW = 1.0
UNREACHED = "see that the address is right, that its server runs, and that nothing in between stops it"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, and what to do if it is not well."""

    name: str
    verdict: Verdict
    sentence: str
    advice: str = ""


def timed(name: str, sentence: str, seconds: float) -> Check:
    said = f"{sentence}, after {seconds * 1000:.0f} ms"
    return Check(name, "warning", said, "see what keeps it busy") if seconds > SLOW else Check(name, "ok", said)
