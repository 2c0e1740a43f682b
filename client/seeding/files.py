"""Read YAML and JSON files with line numbers, for the error messages of seeds."""

from __future__ import annotations

import json
from collections.abc import Callable
from json.decoder import JSONObject  # type: ignore[attr-defined]
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any

from ...backends.errors import json_problem

YAML, JSON = (".yaml", ".yml"), (".json",)
NEEDS_YAML = "requires the package 'PyYAML': pip install pyyaml, or write the seed in JSON"


class BadSeed(ValueError):
    """A seed is invalid; the message contains the file, the line, and the field."""


class NumberedDict(dict[str, Any]):
    """A dict with the line it starts on and, for YAML, the lines of its keys."""

    def __init__(self, items: Any = (), line: int = 0) -> None:
        super().__init__(items)
        self.line = line
        self.lines: dict[str, int] = {}

    def line_of(self, key: str) -> int:
        return self.lines.get(key, self.line)


def files_of(path: Path) -> list[Path]:
    """Return the file, or the seed files in the folder, sorted by name."""
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.suffix in (*YAML, *JSON) and file.is_file())
    if not found:
        raise BadSeed(f"{path} contains no seed files ({', '.join((*YAML, *JSON))})")
    return found


def load(path: Path) -> Any:
    loader = _LOADERS.get(path.suffix)
    if loader is None:
        raise BadSeed(f"{path}: unsupported file type; expected {', '.join(_LOADERS)}")
    try:
        return loader(path.read_text(encoding="utf-8"), path)
    except OSError as error:
        raise BadSeed(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise BadSeed(f"{path}: expected UTF-8 text that is not nested too deeply") from error


def _json(text: str, path: Path) -> Any:
    decoder: Any = json.JSONDecoder()  # the C scanner does not report positions

    def parse_object(at: tuple[str, int], *arguments: Any) -> tuple[NumberedDict, int]:
        found, end = JSONObject(at, *arguments)
        return NumberedDict(found, text.count("\n", 0, at[1]) + 1), end

    decoder.parse_object = parse_object
    decoder.scan_once = py_make_scanner(decoder)
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        problem = json_problem(error, has_lines=False)
        raise BadSeed(f"{path}, line {error.lineno}: invalid JSON: {problem}") from error


def _yaml(text: str, path: Path) -> Any:
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise BadSeed(f"{path} {NEEDS_YAML}") from error

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """A loader with line numbers that rejects duplicate keys."""

    def mapping(loader: Any, node: Any) -> NumberedDict:
        loader.flatten_mapping(node)
        found = NumberedDict(line=node.start_mark.line + 1)
        for key_node, value_node in node.value:
            key, line = str(loader.construct_object(key_node, deep=True)), key_node.start_mark.line + 1
            if key in found.lines:
                raise BadSeed(f"{path}, line {line}: duplicate key {key}, first on line {found.lines[key]}")
            found.lines[key] = line
            found[key] = loader.construct_object(value_node, deep=True)
        return found

    Loader.add_constructor("tag:yaml.org,2002:map", mapping)
    Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))
    try:
        return yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise BadSeed(f"{path}{line}: invalid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise BadSeed(f"{path}: invalid YAML: {' '.join(str(error).split())}") from error


_LOADERS: dict[str, Callable[[str, Path], Any]] = {**dict.fromkeys(YAML, _yaml), **dict.fromkeys(JSON, _json)}
