"""How a registry becomes lines of a file, and lines of a file a registry, in batches that each are whole."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from ..extensions import ask, offers
from . import reader
from .format import PARTS, Broken, Line, check, header, numbered, trailer, write

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


MAX_LINES, MAX_BYTES = 250, 2**20
"""What is sent to a registry at once."""

Progress = Callable[[int], None]


class NotTaken(Exception):
    """A registry takes no import, or has resources with other content; `different` names those."""

    def __init__(self, sentence: str, different: Iterable[str] = ()) -> None:
        super().__init__(sentence)
        self.different = tuple(different)


@dataclass(slots=True)
class Imported:
    """What became, or would become, of a file: resources by kind that are new, the same, or different."""

    new: Counter[str] = field(default_factory=Counter)
    same: Counter[str] = field(default_factory=Counter)
    different: list[str] = field(default_factory=list)
    history: int = 0

    def add(self, told: Mapping[str, Any]) -> None:
        self.new.update(told["new"])
        self.same.update(told["same"])
        self.different += told["different"]
        self.history += told["history"]


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
        file: where the lines go.
        source: the URL of the registry; its password is not written.
        groups: patterns (`*`, `?`) of names of groups and unversioned packages; without one, all.
        progress: told the number of lines now and then.

    Returns:
        How many lines of each type were written.

    Raises:
        ClientError: the registry's refusal.
    """
    patterns = list(groups) or None
    place, lines = read(client, patterns)
    counts: Counter[str] = Counter()
    write(file, header(_without_password(source), patterns, place))
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
) -> Imported:
    """Store a whole file in the registry behind a client: first all of it is checked, then it is written.

    What is there already with the same content stays, so an import that was interrupted can be made again.

    Args:
        client: on one of our registries, whose account and region it goes into.
        file: what `export` has written; it is read several times.
        name: of the file, for sentences.
        replace: put resources of the file in the place of those that differ.
        dry_run: only tell what would be.
        progress: told the number of lines now and then.

    Raises:
        Broken: the file is no whole export; nothing was changed.
        NotTaken: the registry takes no import, or has something else under a name; nothing was changed.
        ClientError: the registry's refusal.
    """
    place = check(file, name)
    if not offers(client, "import"):
        raise NotTaken("this registry takes no import: promote versions through its API, with plan and apply")
    found = _send(client, file, name, place, progress, replace=replace, dry_run=True)
    if found.different and not replace and not dry_run:
        raise NotTaken("there already, with other content than in the file; nothing was changed", found.different)
    return found if dry_run else _send(client, file, name, place, progress, replace=replace, dry_run=False)


def read(client: SageMakerClient, patterns: list[str] | None) -> tuple[Line, Iterator[Line]]:
    """Return where a registry is, and its lines: with history from a registry of ours, without from any other."""
    return (_read_ours if offers(client, "export") else reader.read)(client, patterns)


def _read_ours(client: SageMakerClient, patterns: list[str] | None) -> tuple[Line, Iterator[Line]]:
    page = ask(client, "export", groups=patterns)
    place = {name: page[name] for name in ("account", "region", "at")} | {"complete": True}

    def lines() -> Iterator[Line]:
        found = page
        while True:
            yield from found["lines"]
            if "next_token" not in found:
                return
            found = ask(client, "export", groups=patterns, next_token=found["next_token"])

    return place, lines()


def _without_password(url: str) -> str:
    """Return a URL without what may be secret in it: the password, and the parameters."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}" if url else ""


def _send(
    client: SageMakerClient,
    file: BinaryIO,
    name: str,
    place: Line,
    progress: Progress,
    *,
    replace: bool,
    dry_run: bool,
) -> Imported:
    found = Imported()
    for first, lines in _batches(file, name):
        source = {"account": place["account"], "region": place["region"]}
        try:
            told = ask(client, "import", **source, lines=lines, first_line=first, replace=replace, dry_run=dry_run)
        except ClientError as error:
            said = error.response["Error"]
            if said["Code"] == "ValidationException":
                raise Broken(f"{name}, {said['Message']}") from error
            if said["Code"] == "ConflictException":
                raise NotTaken(said["Message"]) from error
            raise
        found.add(told)
        progress(first + len(lines) - 1)
    return found


def _batches(file: BinaryIO, name: str) -> Iterator[tuple[int, list[Line]]]:
    """Yield the lines between header and end, as many as are sent at once, with the number of the first."""
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
