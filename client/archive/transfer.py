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
"""Maximum size of a batch."""

Progress = Callable[[int], None]


class ImportRefused(Exception):
    """A registry cannot import, or contains resources with different content, which `different` names."""

    def __init__(self, message: str, different: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.different = tuple(different)


@dataclass(slots=True)
class ImportResult:
    """The effect of an import or of a dry run: the number of new and same resources by kind, and those that differ."""

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
    """Write a registry to a file.

    Registries of this project export their records and history; others export what their API returns.

    Args:
        client: a client of any registry; its account and region are exported.
        file: the file to write to.
        source: the URL of the registry; written without its password and parameters.
        groups: patterns (`*`, `?`) of names of groups and unversioned packages; all by default.
        progress: called with the number of lines so far.

    Returns:
        The number of lines written, by type.

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

    Resources with the same content are skipped, so an interrupted import can be repeated.

    Args:
        client: a client of a registry of this project; the file is imported into its account and region.
        file: the output of `export`; it must be seekable.
        name: the name of the file in messages.
        replace: replace resources whose content differs.
        dry_run: change nothing.
        progress: called with the number of lines so far.

    Raises:
        InvalidArchive: the file is not a complete export; nothing was changed.
        ImportRefused: the registry cannot import, or contains resources with different content; nothing was changed.
        ClientError: the registry rejects a request.
    """
    place = check(file, name)
    if not offers(client, "import"):
        raise ImportRefused(
            "this registry does not support import; use plan and apply to promote versions through its API"
        )
    found = _send(client, file, name, place, progress, replace=replace, dry_run=True)
    if found.different and not replace and not dry_run:
        raise ImportRefused("nothing was imported; these resources exist with different content", found.different)
    return found if dry_run else _send(client, file, name, place, progress, replace=replace, dry_run=False)


def read(client: SageMakerClient, patterns: list[str] | None) -> tuple[Line, Iterator[Line]]:
    """Return the account and region of a registry, and its lines, with history if it is one of this project."""
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
    """Yield batches of the lines between the header and the trailer, each with the number of its first line."""
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
