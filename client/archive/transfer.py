"""Export a registry to a file, and import a file in batches, each in one transaction."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from botocore.exceptions import ClientError

from ...backends.urls import without_password
from ..extensions import ask, offers, pages
from . import reader
from .format import PARTS, InvalidArchive, Line, check, header, numbered, trailer, write

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

MAX_LINES, MAX_BYTES = 250, 2**20
"""The size of a batch."""

Progress = Callable[[int], None]


class ImportRefused(Exception):
    """A registry cannot import, or has resources with other content, which `different` names."""

    def __init__(self, message: str, different: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.different = tuple(different)


@dataclass(slots=True)
class ImportResult:
    """The effect of an import or of its dry run: how many resources of each kind are new or the same; which differ."""

    new: Counter[str] = field(default_factory=Counter)
    same: Counter[str] = field(default_factory=Counter)
    different: list[str] = field(default_factory=list)
    history: int = 0

    def add(self, batch: Mapping[str, Any]) -> None:
        self.new.update(batch["new"])
        self.same.update(batch["same"])
        self.different += batch["different"]
        self.history += batch["history"]


def export(
    client: SageMakerClient,
    file: BinaryIO,
    *,
    source: str = "",
    groups: Iterable[str] = (),
    progress: Progress = lambda lines: None,
) -> Counter[str]:
    """Write a registry, in the account and region of a client, to a file.

    Args:
        client: on any registry.
        file: the file to write to.
        source: the URL of the registry; written without its password and parameters.
        groups: patterns (`*`, `?`) of names of groups and unversioned packages; all by default.
        progress: called with the number of lines so far.

    Returns:
        How many lines of each type were written.

    Raises:
        ClientError: the registry rejects a request.
    """
    patterns = list(groups) or None
    place, lines = read(client, patterns)
    counts: Counter[str] = Counter()
    write(file, header(without_password(source).partition("?")[0], patterns, place))
    for line in lines:
        write(file, line)
        counts[line["type"]] += 1
        progress(counts.total())
    write(file, trailer(counts))
    return counts


def load(
    client: SageMakerClient,
    file: BinaryIO,
    name: str,
    *,
    replace: bool = False,
    dry_run: bool = False,
    progress: Progress = lambda lines: None,
) -> ImportResult:
    """Check a whole file, then import it into the registry of a client.

    Resources with the same content are left alone, so an interrupted import can be run again.

    Args:
        client: a client of a registry of this project; its account and region are the target.
        file: the output of `export`; read several times.
        name: the name of the file in messages.
        replace: replace resources whose content differs.
        dry_run: change nothing.
        progress: called with the number of lines so far.

    Raises:
        InvalidArchive: the file is not a complete export; nothing was changed.
        ImportRefused: the registry cannot import, or has other content under a name; nothing was changed.
        ClientError: the registry rejects a request.
    """
    place = check(file, name)
    if not offers(client, "import"):
        raise ImportRefused("this registry takes no import: promote versions through its API, with plan and apply")
    found = _send(client, file, name, place, progress, replace=replace, dry_run=True)
    if found.different and not replace and not dry_run:
        raise ImportRefused("there already, with other content than in the file; nothing was changed", found.different)
    return found if dry_run else _send(client, file, name, place, progress, replace=replace, dry_run=False)


def read(client: SageMakerClient, patterns: list[str] | None) -> tuple[Line, Iterator[Line]]:
    """Return the place of a registry and its lines, which include history if it is one of this project."""
    return (_read_ours if offers(client, "export") else reader.read)(client, patterns)


def _read_ours(client: SageMakerClient, patterns: list[str] | None) -> tuple[Line, Iterator[Line]]:
    following = pages(client, "export", groups=patterns)
    first = next(following)
    place = {name: first[name] for name in ("account", "region", "at")} | {"complete": True}
    return place, (line for page in chain([first], following) for line in page["lines"])


def _send(
    client: SageMakerClient, file: BinaryIO, name: str, place: Line, progress: Progress, *, replace: bool, dry_run: bool
) -> ImportResult:
    found = ImportResult()
    source = {"account": place["account"], "region": place["region"]}
    for first, lines in _batches(file, name):
        try:
            batch = ask(client, "import", **source, lines=lines, first_line=first, replace=replace, dry_run=dry_run)
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            if code == "ValidationException":
                raise InvalidArchive(f"{name}, {message}") from error
            if code == "ConflictException":
                raise ImportRefused(message) from error
            raise
        found.add(batch)
        progress(first + len(lines) - 1)
    return found


def _batches(file: BinaryIO, name: str) -> Iterator[tuple[int, list[Line]]]:
    """Yield batches of the lines between header and trailer, each with the number of its first line."""
    lines: list[Line] = []
    first, size = 2, 0
    for number, line in numbered(file, name):
        if line.get("type") not in PARTS:
            continue
        written = len(json.dumps(line))
        if lines and (len(lines) >= MAX_LINES or size + written > MAX_BYTES):
            yield first, lines
            lines, first, size = [], number, 0
        lines.append(line)
        size += written
    if lines:
        yield first, lines
