"""The commands that look back: who changed what and why, whether that can be trusted, and how it was at a moment."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from .output import NO, end, on_registry, print_json, print_rows

if TYPE_CHECKING:
    from ..registry import HistoryEntry, ModelRegistry

COLUMNS = ("when", "who", "operation", "what", "change", "reason")


class _ListByDefault(click.Group):
    """A group of commands that takes what is none of them for arguments of `list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def _moment(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Give a moment without a time zone that of this machine; dates, epoch seconds and the rest are the registry's."""
    try:
        moment = datetime.fromisoformat(value or "")
    except ValueError:
        return value
    return value if len(value or "") <= len("2026-11-24") else moment.astimezone().isoformat()


@click.group(cls=_ListByDefault, no_args_is_help=False)
def history() -> None:
    """Show who changed what, when and why: of a GROUP, of a VERSION (GROUP/N, or an ARN), or of everything.

    The same as `history list`, whose options it takes; `history verify` tells whether history was tampered with.

    \b
    Examples:
      sagemaker-registry history
      sagemaker-registry history churn --since 2026-11-01 --actor alice
      sagemaker-registry history churn/3 --json
      sagemaker-registry history verify
    """


@history.command("list")
@click.argument("group_or_version", required=False)
@click.option("--actor", metavar="PATTERN", help="Only by these callers: a name or an ARN, with * and ?.")
@click.option("--operation", help="Only these changes, as UpdateModelPackage.")
@click.option(
    "--since", metavar="MOMENT", callback=_moment, help="Not before: 2026-11-24, 2026-11-24T12:00, or epoch seconds."
)
@click.option("--until", metavar="MOMENT", callback=_moment, help="Not after; a date alone is the whole day, in UTC.")
@click.option("--oldest-first", is_flag=True, help="In the order in which it happened.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@on_registry
def list_changes(
    registry: ModelRegistry, group_or_version: str | None, limit: int | None, as_json: bool, **filters: Any
) -> None:
    """List changes, newest first: when, who, which operation, what, from -> to, why.

    \b
    Examples:
      sagemaker-registry history list churn --limit 20
      sagemaker-registry history list verify           of a group that is called verify
    """
    from itertools import islice

    print_rows(
        map(asdict if as_json else _as_line, islice(registry.history(group_or_version, **filters), limit)),
        COLUMNS,
        as_json=as_json,
    )


@history.command()
@click.argument("group", required=False)
@on_registry
def verify(registry: ModelRegistry, group: str | None, as_json: bool) -> None:
    """Check that history, of a GROUP or of everything, is as it was written: exit code 1 if it is not.

    Finds rows that were changed, removed, exchanged or added past the registry, and resources that are not as their
    last change left them.

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
            click.echo(str(one))
        if found.unrecorded:
            click.echo(f"{_count(found.unrecorded, 'resource')} older than history: nothing is known of their making")
        if found.ok:
            click.echo(f"{_count(found.checked, 'change')} in {_count(found.chains, 'chain')}: all as written")
    if not found.ok:
        end(f"history is broken in {_count(len(found.broken), 'place')}", NO)


@click.command("as-of")
@click.argument("group")
@click.argument("moment", callback=_moment)
@click.option("--version", type=click.IntRange(min=1), help="That version, instead of the newest approved one.")
@on_registry
def as_of(registry: ModelRegistry, group: str, moment: Any, version: int | None, as_json: bool) -> None:
    """Print the ARN of the version of a GROUP that was the newest approved one at a MOMENT; exit code 1 if none was.

    A MOMENT is ISO 8601 or epoch seconds; a date alone is the end of that day, in UTC. With --json, the whole version
    as it was then.

    \b
    Examples:
      sagemaker-registry as-of churn 2026-11-24T12:00
      sagemaker-registry as-of churn 2026-11-24 --version 3 --json
    """
    try:
        found = registry.as_of(group, moment, version)
    except LookupError as error:
        end(f"{error} ({moment})", NO)
    print_json(found.record) if as_json else click.echo(found.arn)


ALL = (history, as_of)


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
    """Say in a word or two what a change was: of an approval from -> to, else what it did to the resource."""
    if change.is_transition:
        return f"{change.was or 'new'} -> {change.became}"
    if change.before is None:
        return f"new {change.kind}"
    if change.after is None:
        return f"{change.kind} deleted"
    paths = [one.path for one in change.differences if not one.path.startswith("LastModified")]
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
