"""Results as a file: the figures of each measurement with the machine they are of."""

from __future__ import annotations

from pathlib import Path

import msgspec

from . import NAMES
from .figures import Figure


class Measured(msgspec.Struct, frozen=True):
    """The figures of one measurement, and on what they were taken: the machine, and its disk before and after."""

    machine: str
    figures: list[Figure]
    disk: str = ""


Results = dict[str, Measured]
"""By the name of the measurement."""


def read(file: Path) -> Results:
    """Read results.

    Raises:
        ValueError: the file is not one of results; the sentence says why.
    """
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Results)
    except (OSError, msgspec.DecodeError) as error:
        raise ValueError(f"{file}: {error}") from error
    if unknown := found.keys() - set(NAMES):
        raise ValueError(f"{file}: there is no measurement {', '.join(sorted(unknown))}")
    return found


def write(file: Path, results: Results) -> None:
    """Write results, in the order of the page."""
    ordered = {name: results[name] for name in NAMES if name in results}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(ordered), indent=1) + b"\n")
