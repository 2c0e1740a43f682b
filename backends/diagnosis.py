"""The results of the checks that `doctor` makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "failed"]
PATIENCE = 5.0
SLOW = 1.0
UNREACHED = "check the address, that the server is running, and that no firewall or proxy blocks the connection"


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check, with advice if it did not pass."""

    name: str
    verdict: Verdict
    sentence: str
    advice: str = ""


def timed(name: str, sentence: str, seconds: float) -> Check:
    said = f"{sentence}, after {seconds * 1000:.0f} ms"
    return Check(name, "warning", said, "check the load on the server") if seconds > SLOW else Check(name, "ok", said)
