"""The export format: JSON Lines with a header, and a trailer that shows whether the file is complete."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from ...backends.errors import json_problem

FORMAT, FORMAT_VERSION = "sagemaker-registry", 1
PARTS = {"change": "seq", "group": None, "policy": None, "package": "version"}
"""The types of lines, in their order within a name, and the field that numbers the lines; names are sorted."""

Line = dict[str, Any]


class InvalidArchive(ValueError):
    """A file is not a complete export; the message contains the line and the reason."""


def write(file: BinaryIO, line: Line) -> None:
    file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")


def header(source: str, groups: list[str] | None, place: Line) -> Line:
    start = {"type": "header", "format": FORMAT, "version": FORMAT_VERSION, "source": source}
    return {**start, **place, "groups": groups}


def trailer(counts: Counter[str]) -> Line:
    return {"type": "end", "counts": {kind: counts[kind] for kind in PARTS}}


def check(file: BinaryIO, name: str) -> Line:
    """Check a whole file and return its header; raise InvalidArchive if the file is not a complete export."""
    counts: Counter[str] = Counter()
    first, last, order = None, Line(), _Order()
    for number, line in numbered(file, name):
        with _line_named(name, number):
            if first is None:
                first = _header(line)
            elif last.get("type") == "end":
                raise ValueError("unexpected line after the end of the export")
            elif line.get("type") == "end":
                _check_counts(line, counts)
            else:
                order.check(line)
                counts[line["type"]] += 1
        last = line
    if first is None:
        raise InvalidArchive(f"{name} is empty; expected a file written by `sagemaker-registry export`")
    if last.get("type") != "end":
        raise InvalidArchive(f"{name} is truncated: the last line, with the number of lines, is missing")
    return first


def numbered(file: BinaryIO, name: str) -> Iterator[tuple[int, Line]]:
    file.seek(0)
    for number, text in enumerate(file, start=1):
        with _line_named(name, number):
            if not text.endswith(b"\n"):
                raise ValueError("incomplete line: the file is truncated")
            try:
                line = json.loads(text, parse_constant=_reject_constant)
            except json.JSONDecodeError as error:
                raise ValueError(f"invalid JSON: {json_problem(error, has_lines=False)}") from error
            except UnicodeDecodeError as error:
                raise ValueError("invalid JSON: expected UTF-8 text") from error
            if not isinstance(line, dict):
                raise ValueError("expected a JSON object")  # noqa: TRY004 - of a file, not of an argument
        yield number, line


def _reject_constant(text: str) -> None:
    raise ValueError(f"invalid JSON: {text} is not allowed")


@contextmanager
def _line_named(name: str, number: int) -> Iterator[None]:
    try:
        yield
    except RecursionError as error:
        raise InvalidArchive(f"{name}, line {number}: invalid JSON: it is nested too deeply") from error
    except ValueError as error:
        raise InvalidArchive(f"{name}, line {number}: {error}") from error


def _header(line: Line) -> Line:
    if line.get("type") != "header" or line.get("format") != FORMAT:
        raise ValueError('expected the header of an export: {"type": "header", "format": "sagemaker-registry", ...}')
    if line.get("version") != FORMAT_VERSION:
        raise ValueError(
            f"unsupported format version {line.get('version')!r}, expected {FORMAT_VERSION}; upgrade "
            "sagemaker-registry to read the file"
        )
    if not (isinstance(line.get("account"), str) and isinstance(line.get("region"), str)):
        raise ValueError("the header has no account or no region")  # noqa: TRY004 - of a file, not of an argument
    return line


def _check_counts(line: Line, counts: Counter[str]) -> None:
    expected = line.get("counts")
    if expected != {kind: counts[kind] for kind in PARTS}:
        raise ValueError(f"the file contains {dict(counts)}, expected {expected}: lines were removed or added")


class _Order:
    """Checks the order of lines: by name, by type within a name, and by number; and the chain of each history."""

    def __init__(self) -> None:
        self._last: tuple[str, int, int] = ("", 0, 0)
        self._group = ""
        self._hash = ""

    def check(self, line: Line) -> None:
        """Raise ValueError if a line cannot follow the previous lines."""
        kind, name = line.get("type"), line.get("name")
        if not isinstance(kind, str) or kind not in PARTS:
            raise ValueError(f"unknown type {kind!r}; expected one of {', '.join(PARTS)}")
        number = line.get(PARTS[kind] or "", 0)
        if not isinstance(name, str) or not isinstance(number, int):
            number_too = f" and an integer {PARTS[kind]!r}" if PARTS[kind] else ""
            raise ValueError(f"a {kind} requires a name{number_too}")  # noqa: TRY004 - of a file, not of an argument
        place = (name, list(PARTS).index(kind), number)
        if place <= self._last:
            raise ValueError(f"{kind} {name} {number or ''} is duplicated or out of order: lines were moved")
        if kind == "change":
            self._check_chain(line, number)
        if kind == "group":
            self._group = name
        elif (kind == "policy" or (kind == "package" and number)) and self._group != name:
            raise ValueError(f"{kind} {name} {number or ''} belongs to a group that is not in the file")
        self._last = place

    def _check_chain(self, line: Line, seq: int) -> None:
        is_first = self._last[0] != line["name"]
        expected = ("", 1) if is_first else (self._hash, self._last[2] + 1)
        if (line.get("previous"), seq) != expected:
            raise ValueError(f"change {seq} of {line['name']} does not follow the previous one: lines are missing")
        self._hash = str(line.get("hash"))
