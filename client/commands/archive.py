"""The `export`, `import`, and `backup` commands."""

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
from .output import (
    JSON,
    NO,
    REGION,
    URL,
    counted,
    errors_reported,
    fail,
    names_suggested,
    print_result,
    region_option,
    require_existing,
    require_file,
)

if TYPE_CHECKING:
    from ..archive import ImportResult
    from ..backup import Backup
    from ..registry import ModelRegistry

MAX_NAMES = 20
"""Maximum number of resources listed in a message."""


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), default="-")
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="PATTERN",
    help="Only groups that match PATTERN (* and ?); may be repeated.",
)
@click.option("--sqlite", is_flag=True, help="Write a SQLite database for queries; import cannot read it.")
@URL
@REGION
def export(file: str, groups: tuple[str, ...], sqlite: bool, url: str | None, region: str | None) -> None:
    """Write a registry to a file.

    Exports groups, versions with their numbers, policies, tags, and history as JSON Lines, to FILE or to stdout. AWS
    and moto keep no history, so only the records that their API returns are exported. FILE is written atomically, and
    only its owner can read it.

    \b
    Examples:
      sagemaker-registry export registry.jsonl --url sqlite:///registry.db
      sagemaker-registry export --sqlite registry.sqlite --url sqlite:///registry.db
      sagemaker-registry export --group 'churn*' --url http://127.0.0.1:8080 | gzip > churn.jsonl.gz
    """
    from ..registry.registry import ModelRegistry

    if sqlite and file == "-" and sys.stdout.isatty():
        raise click.UsageError("--sqlite cannot write to a terminal; add a FILE or redirect stdout")
    with errors_reported():
        own = database_file(url or default_url())
        if own is not None and own.is_file() and Path(file).is_file() and own.samefile(file):
            fail(f"{file} is the registry itself; choose another FILE")
        require_file(url)
    with errors_reported(), ModelRegistry(url, **region_option(region)) as registry, names_suggested(registry):
        for name in groups:
            if not set("*?[") & set(name):
                require_existing(registry, name)
        with _output(file) as content:
            counts = _exported(registry, content, groups, url or "", sqlite=sqlite)
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[Kexported {_counts(counts)}", err=True)


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--account-as", metavar="ID", help="Account to import into (12 digits). Default: your account.")
@click.option("--replace", is_flag=True, help="Replace resources whose content differs; history keeps both contents.")
@click.option("--dry-run", is_flag=True, help="Print what the import would do without changing anything.")
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
    """Load an exported file into a registry.

    FILE is the output of `export`; - reads stdin. Version numbers, times, authors, and history are preserved; ARNs are
    changed to the account that you import into.

    Resources that already exist with the same content are skipped, so you can repeat an interrupted import. If any
    resource exists with different content, the import changes nothing and fails, unless you add --replace.

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
            raise click.BadParameter(f"{account_as!r} is not an account ID of 12 digits", param_hint="--account-as")
        boto |= {"aws_access_key_id": account_as, "aws_secret_access_key": "any"}
    with errors_reported(), _seekable(file) as content, ModelRegistry(url, **boto) as registry:
        try:
            result = archive.load(
                registry.boto3, content, file.name, replace=replace, dry_run=dry_run, progress=_show_lines
            )
        except archive.ImportRefused as error:
            names = f": {_names(error.different)}; add --replace to replace them"
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
    help="Whether to copy the S3 objects stored next to the registry (default: --objects). Replacing a backup also "
    "deletes its S3 objects, even with --no-objects.",
)
@click.option("--force", is_flag=True, help="Replace an existing backup.")
@JSON
def backup(file: str, url: str | None, objects: bool, force: bool, as_json: bool) -> None:
    """Copy a registry file while it is in use.

    The copy is a consistent snapshot, verified and written atomically; only its owner can read it. The S3 objects of a
    served registry are copied to FILE.s3. To restore a backup, serve it.

    Exits with code 1 if `history verify` finds faults in the copy. It cannot find changes of a whole group, such as its
    deletion together with its history.

    This command copies SQLite files. For PostgreSQL, use pg_dump. To copy any registry as JSON Lines, use `export`.

    \b
    Examples:
      sagemaker-registry backup monday.db --url sqlite:///registry.db
      sagemaker-registry backup "backups/$(date +%F).db" --url sqlite:////data/registry.db --json
      sagemaker-registry serve --backend sqlite:///monday.db
    """
    from ..backup import backup as make

    with errors_reported():
        require_file(url)
        made = make(url, file, force=force, objects=objects, progress=_show_progress)
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    print_result({**asdict(made), "file": str(made.file)}, _backup_summary(made), as_json=as_json)
    if made.broken:
        sys.exit(NO)


def _exported(
    registry: ModelRegistry, content: BinaryIO, groups: tuple[str, ...], source: str, *, sqlite: bool
) -> Counter[str]:
    from .. import archive
    from ..extensions import offers

    if not sqlite:
        return archive.export(registry.boto3, content, source=source, groups=groups, progress=_show_lines)
    counts = archive.export_sqlite(registry.boto3, content, groups=groups, progress=_show_lines)
    if not offers(registry.boto3, "export"):
        click.echo("this registry keeps no history; the tables decisions and events are empty", err=True)
    return counts


@contextmanager
def _output(path: str) -> Iterator[BinaryIO]:
    """Open a private file that is written atomically, or stdout for "-".

    An existing pipe or device, such as /dev/null, is written to and not replaced.
    """
    if path == "-":
        yield sys.stdout.buffer
        return
    target = Path(path)
    try:
        with target.open("wb") if target.exists() and not target.is_file() else atomic_write(target) as file:
            yield file
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror}")


def _seekable(file: BinaryIO) -> BinaryIO:
    """Return the file, or a copy of a pipe, which could be read only once."""
    if file.seekable():
        return file
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the caller
    shutil.copyfileobj(file, copy)
    return copy


def _show_lines(lines: int) -> None:
    if lines % 100 == 0:
        _show_progress("lines", lines, 0)


def _show_progress(what: str, done: int, total: int) -> None:
    """Show the progress on a terminal; a total of 0 means unknown."""
    if sys.stderr.isatty():
        share = f" of {total:,}" if total else ""
        click.echo(f"\r\x1b[K{done:,}{share} {what}", nl=False, err=True)


def _import_summary(result: ImportResult, *, replace: bool, dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    history = f", with {counted(result.history, 'change')} of history" if result.history else ""
    lines = [f"{would}imported: {_counts(result.new)}{history}"] if result.new else []
    if result.same:
        lines.append(f"already exists: {_counts(result.same)}")
    if result.different:
        done = f"{would}replaced" if replace else "exists with different content; the import would fail"
        lines.append(f"{done}: {_names(result.different)}")
    return "\n".join(lines) or "the file contains no resources"


def _backup_summary(made: Backup) -> str:
    counts = f"{made.bytes:,} bytes, {made.objects:,} S3 objects"
    checks = f"integrity check passed, {made.history:,} changes of history verified"
    lines = [f"{made.file}, as of {made.at}: {counts}, {checks}"]
    for one in made.broken:
        version = f"/{one['version']}" if one["version"] else ""
        lines.append(f"history of {one['name']}{version} was altered, in the registry and in the copy: {one['why']}")
    return "\n".join(lines)


def _names(names: Sequence[str]) -> str:
    listed = ", ".join(names[:MAX_NAMES])
    return listed if len(names) <= MAX_NAMES else f"{listed} and {len(names) - MAX_NAMES} more"


def _counts(counts: Counter[str]) -> str:
    return ", ".join(counted(number, kind) for kind, number in counts.items() if number) or "nothing"
