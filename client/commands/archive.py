"""The commands that carry whole registries: `export` to a file, `import` from one."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from ...backends.files import atomic_write
from ...backends.urls import database_file, default_url
from .output import NO, REFUSED, end, print_json, refusals

if TYPE_CHECKING:
    from ..archive import Imported

NAMED = 20
"""Resources that a sentence lists at most."""

URL = click.option("--url", envvar="SAGEMAKER_REGISTRY_URL", show_envvar=True, help="The registry, as for connect().")
REGION = click.option("--region", help="The AWS region; us-east-1 unless the environment says otherwise.")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), default="-")
@click.option("--group", "groups", multiple=True, metavar="PATTERN", help="Only these names, with * and ?; repeatable.")
@click.option("--sqlite", is_flag=True, help="Write an SQLite database for queries, which import does not read.")
@URL
@REGION
def export(file: str, groups: tuple[str, ...], sqlite: bool, url: str | None, region: str | None) -> None:
    """Write a registry to a FILE, or to stdout: groups, versions with their numbers, policies, tags and history.

    From AWS and from moto comes what the API answers; they have no history. The file is for its owner alone, and is
    there when it is whole.

    \b
    Examples:
      sagemaker-registry export registry.jsonl --url sqlite:///registry.db
      sagemaker-registry export --sqlite registry.sqlite --url sqlite:///registry.db
      sagemaker-registry export --group 'churn*' --url http://127.0.0.1:8080 | gzip > churn.jsonl.gz
    """
    from .. import archive
    from ..extensions import offers
    from ..registry.registry import ModelRegistry

    if sqlite and file == "-" and sys.stdout.isatty():
        raise click.UsageError("--sqlite does not write to a terminal: name a FILE, or redirect stdout")
    with refusals():
        _check_target(file, url)
    with refusals(), ModelRegistry(url, **_boto(region)) as registry, _whole(file) as content:
        if sqlite:
            counts = archive.export_sqlite(registry.boto3, content, groups=groups, progress=_progress())
            if not offers(registry.boto3, "export"):
                click.echo("this registry has no history: the tables decisions and events are empty", err=True)
        else:
            counts = archive.export(registry.boto3, content, source=url or "", groups=groups, progress=_progress())
    _say(f"exported {_words(counts)}")


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--account-as", metavar="ID", help="The account it goes into: 12 digits; else that of the credentials.")
@click.option("--replace", is_flag=True, help="Replace what is there with other content; history keeps both.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a sentence.")
@URL
@REGION
def import_(
    file: BinaryIO,
    account_as: str | None,
    replace: bool,
    dry_run: bool,
    as_json: bool,
    url: str | None,
    region: str | None,
) -> None:
    """Store an exported FILE (- is stdin) in a registry of ours: as it was, under the ids of the account it goes into.

    Numbers, times, authors and history stay as they were. What is there already with the same content is left alone, so
    an import that was interrupted can be made again; what is there with other content is refused, and nothing is
    changed, unless --replace is given.

    \b
    Examples:
      sagemaker-registry import registry.jsonl --url sqlite:///offline.db
      sagemaker-registry import registry.jsonl --url postgresql://registry@db/models --dry-run
    """
    from .. import archive
    from ..registry.registry import ModelRegistry

    boto = _boto(region)
    if account_as is not None:
        if not (account_as.isascii() and account_as.isdigit() and len(account_as) == 12):
            raise click.BadParameter("an account id has 12 digits", param_hint="--account-as")
        boto |= {"aws_access_key_id": account_as, "aws_secret_access_key": "any"}
    with refusals(), _rewindable(file) as content, ModelRegistry(url, **boto) as registry:
        try:
            found = archive.load(
                registry.boto3, content, file.name, replace=replace, dry_run=dry_run, progress=_progress()
            )
        except archive.NotTaken as error:
            end(_refusal(str(error), error.different), REFUSED)
    if as_json:
        print_json({"new": found.new, "same": found.same, "different": found.different, "history": found.history})
    else:
        click.echo(_told(found, replace=replace, dry_run=dry_run))
    if dry_run and found.different and not replace:
        sys.exit(NO)


ALL = (export, import_)


def _boto(region: str | None) -> dict[str, Any]:
    return {"region_name": region} if region else {}


def _check_target(file: str, url: str | None) -> None:
    """Refuse to replace the registry that is exported by its export."""
    own = database_file(url or default_url())
    if own is not None and own.is_file() and Path(file).is_file() and own.samefile(file):
        raise ValueError(f"{file} is the registry itself: name another FILE")


@contextmanager
def _whole(path: str) -> Iterator[BinaryIO]:
    """Open a file that gets its name when all of it is on the disk, readable by its owner alone; - is stdout.

    A pipe or a device, as /dev/null, is written to: it must not be replaced.
    """
    if path == "-":
        yield sys.stdout.buffer
        return
    target = Path(path)
    try:
        with target.open("wb") if target.exists() and not target.is_file() else atomic_write(target) as file:
            yield file
    except OSError as error:
        end(f"{path} cannot be written: {error.strerror}", REFUSED)


def _rewindable(file: BinaryIO) -> BinaryIO:
    """Return a file that can be read several times: of a pipe, a copy."""
    if file.seekable():
        return file
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by who asked for it
    shutil.copyfileobj(file, copy)
    return copy


def _progress() -> Callable[[int], None]:
    """Return what shows how many lines are through: on a terminal only."""
    if not sys.stderr.isatty():
        return lambda lines: None
    return lambda lines: click.echo(f"\r{lines:,} lines", nl=False, err=True) if lines % 100 == 0 else None


def _say(sentence: str) -> None:
    """Tell people what was done, beside the output."""
    if sys.stderr.isatty():
        click.echo(f"\r{sentence}", err=True)


def _told(found: Imported, *, replace: bool, dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    history = f", with {_words(Counter(change=found.history))} of history" if found.history else ""
    said = [f"{would}imported: {_words(found.new)}{history}"] if found.new else []
    if found.same:
        said.append(f"there already: {_words(found.same)}")
    if found.different:
        done = f"{would}replaced" if replace else "there with other content, so the import would be refused"
        said.append(f"{done}: {_names(found.different)}")
    return "\n".join(said) or "the file has nothing in it"


def _refusal(sentence: str, different: tuple[str, ...]) -> str:
    return (
        f"{sentence}: {_names(different)}; --replace puts those of the file in their place" if different else sentence
    )


def _names(names: Sequence[str]) -> str:
    listed = ", ".join(names[:NAMED])
    return listed if len(names) <= NAMED else f"{listed} and {len(names) - NAMED} more"


def _words(counts: Counter[str]) -> str:
    """Return counts as in "2 groups, 1 package"; policies are one word more than others."""
    plural = {"policy": "policies", "metadata": "metadata"}
    words = [
        f"{number:,} {kind if number == 1 else plural.get(kind, f'{kind}s')}"
        for kind, number in counts.items()
        if number
    ]
    return ", ".join(words) or "nothing"
