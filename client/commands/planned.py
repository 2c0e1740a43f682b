"""How a plan, and what was done of it, looks on a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..promotion import Done, Plan, Skipped, Step

MARKS = {"create-group": ("+", "green"), "create": ("+", "green"), "update": ("~", "yellow")}


def show(made: Plan, *, err: bool = False) -> None:
    """Print a plan for a reviewer: what is created (+), changed (~), the same (=) and skipped, and how many of each."""
    from ..promotion import name_of

    click.echo(f"{made.source} -> {made.destination} ({made.region})\n", err=err)
    for step in made.steps:
        mark, colour = MARKS[step.action]
        click.secho(f"{mark} {_title(step)}", fg=colour, err=err)
        for line in _values(step):
            click.echo(f"    {line}", err=err)
    for one in made.same:
        click.echo(f"= {name_of(one.source)} (there {name_of(one.copy)})", err=err)
    for reason, names in _by_reason(made.skipped):
        click.secho(f"skipped {', '.join(names)}: {reason}", dim=True, err=err)
    if made.steps or made.same or made.skipped:
        click.echo(err=err)
    if any(step.action == "create" for step in made.steps):
        click.echo("New versions are created in this order; the destination gives the numbers.", err=err)
        click.echo("Objects in S3 and images in ECR are not copied: they must be there.", err=err)
    click.secho(_counted(made), bold=True, err=err)


def _title(step: Step) -> str:
    from ..promotion import name_of

    if step.action == "create-group":
        return f"group {step.group}"
    return name_of(step.source) + (f" (there {name_of(step.copy)})" if step.copy else "")


def _values(step: Step) -> Iterator[str]:
    """Yield a line for each value that will be, with the one that is."""
    for difference in step.differences:
        was = f"{_text(difference.a)} -> " if step.action == "update" else ""
        yield f"{difference.path}: {was}{_text(difference.b)}"


def _text(value: Any) -> str:
    return "(none)" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _by_reason(skipped: tuple[Skipped, ...]) -> Iterator[tuple[str, list[str]]]:
    from ..promotion import name_of

    names: dict[tuple[str, str], list[str]] = {}
    for one in skipped:
        name = name_of(one.source)
        names.setdefault((name.partition("/")[0], one.reason), []).append(name)
    for (_, reason), those in names.items():
        yield reason, those


def _counted(made: Plan) -> str:
    actions = [step.action for step in made.steps]
    groups = f"{count(actions.count('create-group'), 'group')} and " if "create-group" in actions else ""
    return (
        f"Plan: {groups}{count(actions.count('create'), 'version')} to create, {actions.count('update')} to change, "
        f"{len(made.same)} the same, {len({one.source for one in made.skipped})} skipped."
    )


def count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def said(done: Done) -> str:
    """Return the line that tells of a step that was done."""
    from ..promotion import name_of

    if done.step.action == "create-group":
        return f"{done.outcome}: group {done.step.group}"
    return f"{done.outcome}: {name_of(done.copy)} from {name_of(done.step.source)}"
