"""The command that says why: which decisions a version allows, to whom, and what each rule thinks of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .output import on_registry, print_json

if TYPE_CHECKING:
    from ..registry.explanations import PossibleMove, Ruling
    from ..registry.registry import ModelRegistry

SIGNS = {
    # outcome, or whether a move is allowed: word and colour
    "holds": ("yes", "green"),
    "broken": ("no", "red"),
    "waits": ("wait", "yellow"),
    "asks": ("ask", "yellow"),
    True: ("yes", "green"),
    False: ("no", "red"),
    None: ("maybe", "yellow"),
}


@click.command()
@click.argument("version")
@click.option("--as", "identity", metavar="IDENTITY", help="For somebody else: a name, an ARN or an access key.")
@click.option("--reason", help="As if sent along with the decision.")
@on_registry
def explain(registry: ModelRegistry, version: str, identity: str | None, reason: str | None, as_json: bool) -> None:
    """Say what may become of a VERSION (its ARN, or GROUP/N), and what each rule says of it.

    "yes" holds, "no" is broken, "ask" depends on what is sent along, "wait" on others who must approve too.

    \b
    Examples:
      sagemaker-registry explain churn/3
      sagemaker-registry explain churn/3 --as alice --reason "ticket 42"
      sagemaker-registry explain churn/3 --json
    """
    found = registry.explain(version, identity=identity, reason=reason)
    if as_json:
        print_json(found.answer)
        return
    click.echo(f"{found.arn} is {found.status}, {found.since}")
    click.echo(f"profile {found.profile}, for {found.caller}")
    for move in found.moves:
        _print_move(move, "")
    for move in found.life_cycle:
        _print_move(move, "life cycle ")
    for ruling in found.always:
        _print_ruling(ruling)


ALL = (explain,)


def _print_move(move: PossibleMove, prefix: str) -> None:
    word, colour = SIGNS[move.allowed]
    click.echo(f"{click.style(f'{word:6}', fg=colour)}{prefix}{click.style(move.to, bold=True)}{_after(move.why)}")
    for ruling in move.rules:
        _print_ruling(ruling, "      ")


def _print_ruling(ruling: Ruling, indent: str = "") -> None:
    word, colour = SIGNS[ruling.outcome]
    click.echo(f"{indent}{click.style(f'{word:6}', fg=colour)}{ruling.rule}: {ruling.why}")


def _after(why: str) -> str:
    return f"  {why}" if why else ""
