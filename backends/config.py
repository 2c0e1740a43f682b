"""Reading registry.toml, with errors that name the line and suggest a correction."""

from __future__ import annotations

import re
import tomllib
from itertools import takewhile
from pathlib import Path
from typing import Any

from .approval.rulebook import Rulebook
from .conversion import Place, toml_problem
from .errors import BackendUnavailable, Misconfigured
from .settings import Settings, convert

_HEADER = re.compile(r"\s*(?P<many>\[)?\[\s*(?P<name>[^\]]+?)\s*\]")
_PART = r"""(?:"[^"]*"|'[^']*'|[\w-]+)"""
_KEY = re.compile(rf"\s*(?P<key>{_PART}(?:\s*\.\s*{_PART})*)\s*=")


def load(path: Path | None) -> Settings:
    """Return the settings in a registry.toml, or the defaults without a path.

    Raises:
        BackendUnavailable: the file is missing, is not TOML, or has unknown keys or invalid or contradictory values.
    """
    if path is None:
        return Settings()
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except OSError as error:
        raise BackendUnavailable(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BackendUnavailable(f"{path} is not valid TOML: expected UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        line, problem = toml_problem(error, text)
        raise BackendUnavailable(f"{path}, line {line}: invalid TOML: {problem}") from error
    try:
        settings = read(raw)
        Rulebook(settings)
    except Misconfigured as error:
        found = line_of(text, error.place, error.value)
        raise BackendUnavailable(f"{path}{f', line {found}' if found else ''}: {error}") from error
    return settings


def read(raw: dict[str, Any]) -> Settings:
    """Return the settings in a parsed file.

    Raises:
        Misconfigured: an unknown key, or a value of the wrong type.
    """
    settings: Settings = convert(raw, Settings, ())
    return settings


def line_of(text: str, place: Place, value: str = "") -> int | None:
    """Return the line of a path of keys, or of its longest prefix that exists; `value` selects an entry of a list."""
    best, depth = None, 0
    begins = 0
    table: Place = ()
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            name = header["name"]
            table = _parts(name)
            if header["many"]:  # arrays of tables are numbered
                seen[name] = seen.get(name, -1) + 1
                table = (*table, seen[name])
            here: Place = table
        else:
            key = _KEY.match(line)
            here = (*table, *_parts(key["key"])) if key else ()
        matched = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(here, place, strict=False)))
        if matched > depth and matched in (len(here), len(place)):
            best, depth, begins = number, matched, number
    if value and best is not None:
        for number, line in enumerate(text.splitlines()[begins - 1 :], begins):
            if number > begins and _HEADER.match(line):
                break
            if f'"{value}"' in line or f"'{value}'" in line:
                return number
    return best


def _parts(dotted: str) -> Place:
    return tuple(part.strip("\"'") for part in re.findall(_PART, dotted))
