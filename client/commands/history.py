"""The `history` and `as-of` commands."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from ...backends.text import printable
from .output import NO, counted, fail, on_registry, print_json, print_result, print_rows, require_existing

if TYPE_CHECKING:
    from ..registry import HistoryEntry, ModelRegistry

COLUMNS = ("when", "who", "operation", "what", "change", "reason")


class _ListByDefault(click.Group):
    """A group that passes arguments other than a command name to `list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def _moment(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Add the local time zone to a time without one; the registry interprets dates and epoch seconds."""
    try:
        moment = datetime.fromisoformat(value or "")
    except ValueError:
        return value
    return value if len(value or "") <= len("2026-11-24") else moment.astimezone().isoformat()


@click.group(cls=_ListByDefault, no_args_is_help=False)
def history() -> None:
    """Show who changed what, when, and why.

    Without a subcommand, `history` is the same as `history list` and accepts its arguments and options.

    \b
    Examples:
      sagemaker-registry history
      sagemaker-registry history churn --since 2026-11-01 --actor alice
      sagemaker-registry history churn/3 --json
      sagemaker-registry history verify
    """


@history.command("list")
@click.argument("group_or_version", required=False)
@click.option("--actor", metavar="PATTERN", help="Only changes by callers whose name or ARN matches PATTERN (* and ?).")
@click.option("--operation", metavar="NAME", help="Only changes by this operation, such as UpdateModelPackage.")
@click.option(
    "--since",
    metavar="MOMENT",
    callback=_moment,
    help="Only changes since then: 2026-11-24, 2026-11-24T12:00, or epoch seconds.",
)
@click.option(
    "--until", metavar="MOMENT", callback=_moment, help="Only changes until then; a date includes that whole day (UTC)."
)
@click.option("--oldest-first", is_flag=True, help="List the oldest changes first.")
@click.option("--limit", type=click.IntRange(min=1), help="Maximum number of changes. Default: no limit.")
@on_registry
def list_changes(
    registry: ModelRegistry, group_or_version: str | None, limit: int | None, as_json: bool, **filters: Any
) -> None:
    """List changes, newest first.

    GROUP_OR_VERSION is a group, a version (GROUP/NUMBER), or an ARN; without it, all changes are listed. The columns
    are: time, caller, operation, resource, change, and reason.

    \b
    Examples:
      sagemaker-registry history list churn --limit 20
      sagemaker-registry history list verify           # history of a group named "verify"
    """
    from itertools import islice

    found = list(islice(registry.history(group_or_version, **filters), limit))
    if group_or_version and not found:
        require_existing(registry, group_or_version)
    print_rows(map(asdict if as_json else _as_line, found), COLUMNS, as_json=as_json)


@history.command()
@click.argument("group", required=False)
@on_registry
def verify(registry: ModelRegistry, group: str | None, as_json: bool) -> None:
    """Find changes that were made outside the registry.

    Checks the history of GROUP or of the whole registry. Finds entries that were changed, removed, reordered, or added
    without the registry, and resources that differ from their last entry. Exits with code 1 if it finds any. Cannot
    find that all rows of a group were deleted, set back, or rewritten with new hashes.

    \b
    Examples:
      sagemaker-registry history verify
      sagemaker-registry history verify churn --json
    """
    found = registry.verify_history(group)
    if as_json:
        print_json({**asdict(found), "ok": found.ok})
    else:
        for one in found.broken:
            click.echo(printable(str(one)))
        if found.unrecorded:
            click.echo(
                f"{counted(found.unrecorded, 'resource')} not verified: created before history was recorded, imported "
                "without history, or the history was deleted"
            )
        if found.ok:
            click.echo(f"{counted(found.checked, 'change')} in {counted(found.chains, 'chain')}, no faults found")
    if not found.ok:
        fail(f"history was altered in {counted(len(found.broken), 'place')}", NO)


@click.command("as-of")
@click.argument("group")
@click.argument("moment", callback=_moment)
@click.option(
    "--version",
    type=click.IntRange(min=1),
    metavar="NUMBER",
    help="Print this version instead of the newest approved one.",
)
@on_registry
def as_of(registry: ModelRegistry, group: str, moment: Any, version: int | None, as_json: bool) -> None:
    """Show which version was approved at a given time.

    Prints the ARN of the version of GROUP that was the newest approved one at MOMENT, or with --json the full record
    as it was then. MOMENT is an ISO 8601 time or epoch seconds; a date means the end of that day in UTC. Exits with
    code 1 if no version was approved.

    \b
    Examples:
      sagemaker-registry as-of churn 2026-11-24T12:00
      sagemaker-registry as-of churn 2026-11-24 --version 3 --json
    """
    try:
        found = registry.as_of(group, moment, version)
    except LookupError as error:
        fail(f"{error} ({moment})", NO)
    print_result(found.record, found.arn, as_json=as_json)


def _as_line(change: HistoryEntry) -> dict[str, Any]:
    return {
        "when": change.at.astimezone(),
        "who": change.actor.rpartition(":")[2],
        "operation": change.operation,
        "what": change.name,
        "change": _change(change),
        "reason": change.reason or None,
    }


def _change(change: HistoryEntry) -> str:
    """Summarize a change: the old and the new status, or the members that changed."""
    if change.is_transition:
        return f"{change.was or 'new'} -> {change.became}"
    if change.progress is not None:
        return f"approved, {change.progress}"
    if change.before is None:
        return f"new {change.kind}"
    if change.after is None:
        return f"{change.kind} deleted"
    paths = [one.path for one in change.differences if not one.path.startswith("LastModified")]
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
