"""The command that copies a registry in a file while it is in use: `backup`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .output import NO, print_json, refusals

if TYPE_CHECKING:
    from ..backup import Backup


@click.command()
@click.argument("file", type=click.Path())
@click.option("--url", envvar="SAGEMAKER_REGISTRY_URL", show_envvar=True, help="The registry, as for connect().")
@click.option(
    "--objects/--no-objects",
    default=True,
    help="Copy the S3 objects kept beside it, too (the default); without, --force also removes those of the copy that "
    "was there.",
)
@click.option("--force", is_flag=True, help="Put the copy in the place of one that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a sentence.")
def backup(file: str, url: str | None, objects: bool, force: bool, as_json: bool) -> None:
    """Copy a registry in a file to another FILE, while it is in use, and check the copy.

    The copy is of one moment, readable by its owner alone, and there when it is whole; the S3 objects kept beside a
    served registry are in FILE.s3. To restore it, serve it: it is a registry. PostgreSQL has pg_dump; `export` writes
    any registry as lines of JSON. Exit code 1 if the history in it is not as it was written.

    \b
    Examples:
      sagemaker-registry backup monday.db --url sqlite:///registry.db
      sagemaker-registry backup "backups/$(date +%F).db" --url sqlite:////data/registry.db --json
      sagemaker-registry serve --backend sqlite:///monday.db
    """
    from ..backup import backup as make

    with refusals():
        made = make(url, file, force=force, objects=objects, progress=_progress())
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    if as_json:
        print_json({**asdict(made), "file": str(made.file)})
    else:
        click.echo(_told(made))
    if made.broken:
        sys.exit(NO)


def _progress() -> Callable[[str, int, int], object]:
    """Return what shows how far it is: on a terminal only."""
    if not sys.stderr.isatty():
        return lambda what, done, total: None

    def show(what: str, done: int, total: int) -> None:
        share = f" of {total:,}" if total else ""
        click.echo(f"\r\x1b[K{done:,}{share} {what}", nl=False, err=True)

    return show


def _told(made: Backup) -> str:
    counts = f"{made.bytes:,} bytes, {made.objects:,} S3 objects, whole, {made.history:,} changes of history verified"
    lines = [f"{made.file}, as of {made.at}: {counts}"]
    for one in made.broken:
        version = f"/{one['version']}" if one["version"] else ""
        lines.append(f"history of {one['name']}{version} is not as it was written, there and here: {one['why']}")
    return "\n".join(lines)
