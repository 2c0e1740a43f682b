"""The command `explain`: the possible decisions about a version, and the result of each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .output import on_registry, print_json

if TYPE_CHECKING:
    from ...backends.views import RuleResult, Transition
    from ..registry import ModelRegistry

SIGNS = {
    # outcome, or whether a transition is allowed: word and color
    "passed": ("yes", "green"),
    "failed": ("no", "red"),
    "pending": ("wait", "yellow"),
    "needs_input": ("ask", "yellow"),
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

    "yes" is passed, "no" is failed, "ask" needs input with the request, "wait" needs further approvals.

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
    for transition in found.transitions:
        _print_transition(transition, "")
    for transition in found.life_cycle:
        _print_transition(transition, "life cycle ")
    for result in found.always:
        _print_result(result)


ALL = (explain,)


def _print_transition(transition: Transition, prefix: str) -> None:
    word, color = SIGNS[transition.allowed]
    why = f"  {transition.why}" if transition.why else ""
    click.echo(f"{click.style(f'{word:6}', fg=color)}{prefix}{click.style(transition.to, bold=True)}{why}")
    for result in transition.rules:
        _print_result(result, "      ")


def _print_result(result: RuleResult, indent: str = "") -> None:
    word, color = SIGNS[result.outcome]
    click.echo(f"{indent}{click.style(f'{word:6}', fg=color)}{result.rule}: {result.why}")
