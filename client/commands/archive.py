"""The commands that copy whole registries: `export`, `import` and `backup`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from ...backends.files import atomic_write
from ...backends.urls import database_file, default_url
from .output import JSON, NO, REGION, URL, counted, errors_reported, fail, print_result, region_option

if TYPE_CHECKING:
    from ..archive import ImportResult
    from ..backup import Backup

MAX_NAMES = 20
"""Resources that a message lists at most."""


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), default="-")
@click.option("--group", "groups", multiple=True, metavar="PATTERN", help="Only these names, with * and ?; repeatable.")
@click.option("--sqlite", is_flag=True, help="Write an SQLite database for queries, which import does not read.")
@URL
@REGION
def export(file: str, groups: tuple[str, ...], sqlite: bool, url: str | None, region: str | None) -> None:
    """Export a registry to a FILE or to stdout: groups, versions with their numbers, policies, tags and history.

    AWS and moto have no history; only what their API returns is exported. Only the owner can read the file, which is
    written atomically.

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
    with errors_reported():
        own = database_file(url or default_url())
        if own is not None and own.is_file() and Path(file).is_file() and own.samefile(file):
            fail(f"{file} is the registry itself: name another FILE")
    with errors_reported(), ModelRegistry(url, **region_option(region)) as registry, _output(file) as content:
        if sqlite:
            counts = archive.export_sqlite(registry.boto3, content, groups=groups, progress=_show_lines)
            if not offers(registry.boto3, "export"):
                click.echo("this registry has no history: the tables decisions and events are empty", err=True)
        else:
            counts = archive.export(registry.boto3, content, source=url or "", groups=groups, progress=_show_lines)
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[Kexported {_counts(counts)}", err=True)


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--account-as", metavar="ID", help="The account to import into, 12 digits; by default the caller's.")
@click.option("--replace", is_flag=True, help="Replace resources whose content differs; history keeps both.")
@click.option("--dry-run", is_flag=True, help="Print what an import would do, and change nothing.")
@JSON
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
    """Import an exported FILE (- is stdin), with the ARNs of the account it is imported into.

    Numbers, times, authors and history are preserved. Resources that exist with the same content are left alone, so an
    interrupted import can be run again. If resources exist with other content, the import is refused and changes
    nothing, unless --replace is given.

    \b
    Examples:
      sagemaker-registry import registry.jsonl --url sqlite:///offline.db
      sagemaker-registry import registry.jsonl --url postgresql://registry@db/models --dry-run
    """
    from .. import archive
    from ..registry.registry import ModelRegistry

    boto = region_option(region)
    if account_as is not None:
        if not (account_as.isascii() and account_as.isdigit() and len(account_as) == 12):
            raise click.BadParameter("an account id has 12 digits", param_hint="--account-as")
        boto |= {"aws_access_key_id": account_as, "aws_secret_access_key": "any"}
    with errors_reported(), _seekable(file) as content, ModelRegistry(url, **boto) as registry:
        try:
            result = archive.load(
                registry.boto3, content, file.name, replace=replace, dry_run=dry_run, progress=_show_lines
            )
        except archive.ImportRefused as error:
            names = f": {_names(error.different)}; --replace puts those of the file in their place"
            fail(f"{error}{names if error.different else ''}")
    value = {"new": result.new, "same": result.same, "different": result.different, "history": result.history}
    print_result(value, _import_summary(result, replace=replace, dry_run=dry_run), as_json=as_json)
    if dry_run and result.different and not replace:
        sys.exit(NO)


@click.command()
@click.argument("file", type=click.Path())
@URL
@click.option(
    "--objects/--no-objects",
    default=True,
    help="Also copy the S3 objects stored next to the registry (the default). Replacing a backup also deletes its S3 "
    "objects, even with --no-objects.",
)
@click.option("--force", is_flag=True, help="Replace an existing backup.")
@JSON
def backup(file: str, url: str | None, objects: bool, force: bool, as_json: bool) -> None:
    """Copy the file of a registry to another FILE while the registry is in use, and verify the copy.

    The copy is a snapshot of one moment, written atomically and readable by its owner only; the S3 objects of a served
    registry are copied to FILE.s3. To restore a backup, serve it. For PostgreSQL, use pg_dump; `export` writes any
    registry as JSON Lines. Exit code 1 if the history in the copy was tampered with.

    \b
    Examples:
      sagemaker-registry backup monday.db --url sqlite:///registry.db
      sagemaker-registry backup "backups/$(date +%F).db" --url sqlite:////data/registry.db --json
      sagemaker-registry serve --backend sqlite:///monday.db
    """
    from ..backup import backup as make

    with errors_reported():
        made = make(url, file, force=force, objects=objects, progress=_show_progress)
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    print_result({**asdict(made), "file": str(made.file)}, _backup_summary(made), as_json=as_json)
    if made.broken:
        sys.exit(NO)


@contextmanager
def _output(path: str) -> Iterator[BinaryIO]:
    """Open a private file that is written atomically; - is stdout.

    A pipe or a device such as /dev/null is written to, not replaced.
    """
    if path == "-":
        yield sys.stdout.buffer
        return
    target = Path(path)
    try:
        with target.open("wb") if target.exists() and not target.is_file() else atomic_write(target) as file:
            yield file
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}")


def _seekable(file: BinaryIO) -> BinaryIO:
    """Return a file that can be read several times: a copy of a pipe."""
    if file.seekable():
        return file
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the caller
    shutil.copyfileobj(file, copy)
    return copy


def _show_lines(lines: int) -> None:
    if lines % 100 == 0:
        _show_progress("lines", lines, 0)


def _show_progress(what: str, done: int, total: int) -> None:
    """Show on a terminal how much is done; a total of 0 is unknown."""
    if sys.stderr.isatty():
        share = f" of {total:,}" if total else ""
        click.echo(f"\r\x1b[K{done:,}{share} {what}", nl=False, err=True)


def _import_summary(result: ImportResult, *, replace: bool, dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    history = f", with {counted(result.history, 'change')} of history" if result.history else ""
    lines = [f"{would}imported: {_counts(result.new)}{history}"] if result.new else []
    if result.same:
        lines.append(f"there already: {_counts(result.same)}")
    if result.different:
        done = f"{would}replaced" if replace else "there with other content, so the import would be refused"
        lines.append(f"{done}: {_names(result.different)}")
    return "\n".join(lines) or "the file has nothing in it"


def _backup_summary(made: Backup) -> str:
    counts = f"{made.bytes:,} bytes, {made.objects:,} S3 objects, whole, {made.history:,} changes of history verified"
    lines = [f"{made.file}, as of {made.at}: {counts}"]
    for one in made.broken:
        version = f"/{one['version']}" if one["version"] else ""
        lines.append(f"history of {one['name']}{version} is not as it was written, there and here: {one['why']}")
    return "\n".join(lines)


def _names(names: Sequence[str]) -> str:
    listed = ", ".join(names[:MAX_NAMES])
    return listed if len(names) <= MAX_NAMES else f"{listed} and {len(names) - MAX_NAMES} more"


def _counts(counts: Counter[str]) -> str:
    return ", ".join(counted(number, kind) for kind, number in counts.items() if number) or "nothing"
