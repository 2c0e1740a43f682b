"""Commands that list, show, compare, approve, and reject versions, and explain possible decisions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from ...backends.text import HIDDEN_VALUE, is_environment, printable, without_environment
from . import completion
from .output import (
    INCOMPLETE,
    NO,
    STATUSES,
    TIMED_OUT,
    fail,
    on_registry,
    print_json,
    print_result,
    print_rows,
    require_existing,
)

if TYPE_CHECKING:
    from ...backends.views import Group, RuleResult, Transition, Version
    from ..registry import ModelRegistry

COLUMNS = ("version", "status", "created", "description")
DECISION_COLUMNS = (*COLUMNS, "reason")
GROUP_COLUMNS = ("name", "created", "description")
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

VERSION = click.argument("version", shell_complete=completion.versions)
GROUP = click.argument("group", shell_complete=completion.groups)
SHOW_ENVIRONMENT = click.option(
    "--show-environment", is_flag=True, help="Print the values of containers' environment variables."
)


@click.command()
@on_registry
def groups(registry: ModelRegistry, as_json: bool) -> None:
    """List model groups.

    Groups are listed from the oldest to the newest.

    \b
    Examples:
      sagemaker-registry groups --url http://127.0.0.1:8080
      sagemaker-registry groups --url sqlite:///registry.db --json
    """
    print_rows(map(group_row, registry.groups()), GROUP_COLUMNS, as_json=as_json)


@click.command()
@GROUP
@click.option("--status", type=STATUSES, help="Only versions with this status.")
@on_registry
def versions(registry: ModelRegistry, group: str, status: Any, as_json: bool) -> None:
    """List the versions of a group.

    Versions of GROUP are listed from the newest to the oldest.

    \b
    Examples:
      sagemaker-registry versions churn
      sagemaker-registry versions churn --status Approved --json
    """
    found = [*map(version_row, registry.versions(group, status=status))]
    if not found:
        require_existing(registry, group)
    print_rows(found, COLUMNS, as_json=as_json)


@click.command()
@click.argument("group", required=False, shell_complete=completion.groups)
@on_registry
def pending(registry: ModelRegistry, group: str | None, as_json: bool) -> None:
    """List versions waiting for a decision, oldest first.

    Lists the pending versions of GROUP, or of all groups.

    \b
    Examples:
      sagemaker-registry pending
      sagemaker-registry pending churn --json
    """
    found = [*map(version_row, registry.pending(group))]
    if group and not found:
        require_existing(registry, group)
    print_rows(found, COLUMNS, as_json=as_json)


@click.command()
@VERSION
@SHOW_ENVIRONMENT
@on_registry
def show(registry: ModelRegistry, version: str, show_environment: bool, as_json: bool) -> None:
    """Show the full record of a version.

    VERSION is GROUP/NUMBER, such as churn/3, or an ARN. The values of containers' environment variables are hidden,
    because they may contain secrets; --json and --show-environment print them.

    \b
    Examples:
      sagemaker-registry show churn/3
      sagemaker-registry show churn/3 --json
    """
    record = registry.get(version).record
    shown = record if show_environment else without_environment(record)
    lines = (
        f"{name:28} {printable(value if isinstance(value, str) else json.dumps(value, default=str))}"
        for name, value in shown.items()
    )
    print_result(record, "\n".join(lines), as_json=as_json)


@click.command()
@VERSION
@click.option("--reason", help="Reason, visible to all readers.")
@on_registry
def approve(registry: ModelRegistry, version: str, reason: str | None, as_json: bool) -> None:
    """Approve a version.

    VERSION is GROUP/NUMBER, such as churn/3, or an ARN. If the rules require several approvals, the version stays
    pending until the last one: the command exits with code 6 if the approval is recorded but does not suffice.

    \b
    Examples:
      sagemaker-registry approve churn/3 --reason "ticket 42"
    """
    decided = registry.approve(version, reason)
    print_rows([version_row(decided)], DECISION_COLUMNS, as_json=as_json)
    if not decided.is_approved:
        fail(
            f"{decided.name} is still {decided.status}: the approval is recorded, but the rules require more"
            f"{f': {decided.reason}' if decided.reason else ''}",
            INCOMPLETE,
        )


@click.command()
@VERSION
@click.option("--reason", required=True, help="Reason, visible to all readers.")
@on_registry
def reject(registry: ModelRegistry, version: str, reason: str, as_json: bool) -> None:
    """Reject a version.

    VERSION is GROUP/NUMBER, such as churn/4, or an ARN.

    \b
    Examples:
      sagemaker-registry reject churn/4 --reason "accuracy below 0.95"
    """
    print_rows([version_row(registry.reject(version, reason))], DECISION_COLUMNS, as_json=as_json)


@click.command()
@GROUP
@on_registry
def latest(registry: ModelRegistry, group: str, as_json: bool) -> None:
    """Print the newest approved version of a group.

    Prints the ARN of the version, or its full record with --json. Exits with code 1 if GROUP has no approved version.

    \b
    Examples:
      deploy.sh "$(sagemaker-registry latest churn)"
    """
    from ..registry.versions import NoApprovedVersion

    try:
        found = registry.latest_approved(group)
    except NoApprovedVersion as error:
        require_existing(registry, group)
        fail(str(error), NO)
    print_result(found.record, found.arn, as_json=as_json)


@click.command()
@VERSION
@click.option("--timeout", type=float, default=3600, show_default=True, metavar="SECONDS", help="Time limit.")
@on_registry
def wait(registry: ModelRegistry, version: str, timeout: float, as_json: bool) -> None:
    """Wait until a version is approved or rejected.

    VERSION is GROUP/NUMBER, such as churn/3, or an ARN. Exits with code 0 if it is approved, 1 if it is rejected, and 3
    after --timeout.

    \b
    Examples:
      sagemaker-registry wait churn/3 --timeout 600 && ./deploy.sh
    """
    from ..registry.versions import Rejected

    try:
        decided = registry.wait_for_decision(version, timeout=timeout)
    except Rejected as error:
        fail(str(error), NO)
    except TimeoutError as error:
        fail(str(error), TIMED_OUT)
    print_rows([version_row(decided)], DECISION_COLUMNS, as_json=as_json)


@click.command()
@click.argument("a", shell_complete=completion.versions)
@click.argument("b", shell_complete=completion.versions)
@SHOW_ENVIRONMENT
@on_registry
def diff(registry: ModelRegistry, a: str, b: str, show_environment: bool, as_json: bool) -> None:
    """Compare two versions.

    Prints each field that differs between the versions A and B (GROUP/NUMBER or an ARN), with both values and, for
    numbers, the change. The values of environment variables are hidden; --json and --show-environment print them.

    \b
    Examples:
      sagemaker-registry diff churn/2 churn/3
    """
    found = registry.compare(a, b).differences
    rows = [{"path": one.path, "a": one.a, "b": one.b, "delta": one.delta} for one in found]
    for row in rows if not (as_json or show_environment) else ():
        if is_environment(str(row["path"])):
            row |= {side: HIDDEN_VALUE for side in ("a", "b") if row[side] is not None}
    print_rows(rows, ("path", "a", "b", "delta"), as_json=as_json)


@click.command()
@VERSION
@click.option(
    "--as", "identity", metavar="IDENTITY", help="Check for another caller: a name, an ARN, or an access key."
)
@click.option("--reason", help="Evaluate the rules as if this reason were given.")
@on_registry
def explain(registry: ModelRegistry, version: str, identity: str | None, reason: str | None, as_json: bool) -> None:
    """Check which decisions the rules allow.

    Prints the possible decisions about VERSION (GROUP/NUMBER or an ARN), and the result of each rule: "yes" (passed),
    "no" (failed), "ask" (the request must contain something more, such as a reason), or "wait" (more approvals are
    needed). A decision is "maybe" if it depends on the request or on further approvals.

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
    click.echo(printable(f"{found.arn} is {found.status}, {found.since}"))
    click.echo(printable(f"profile {found.profile}, for {found.caller}"))
    for transition in found.transitions:
        _print_transition(transition, "")
    for transition in found.life_cycle:
        _print_transition(transition, "life cycle ")
    for result in found.always:
        _print_result(result)


def group_row(group: Group) -> dict[str, Any]:
    return {"name": group.name, "created": group.created, "description": group.description}


def version_row(version: Version) -> dict[str, Any]:
    return {
        "version": version.name,
        "status": version.status,
        "created": version.created,
        "description": version.description,
        "reason": version.reason,
        "metadata": dict(version.metadata),
        "arn": version.arn,
    }


def _print_transition(transition: Transition, prefix: str) -> None:
    word, color = SIGNS[transition.allowed]
    why = f"  {printable(transition.why)}" if transition.why else ""
    click.echo(f"{click.style(f'{word:6}', fg=color)}{prefix}{click.style(transition.to, bold=True)}{why}")
    for result in transition.rules:
        _print_result(result, "      ")


def _print_result(result: RuleResult, indent: str = "") -> None:
    word, color = SIGNS[result.outcome]
    click.echo(f"{indent}{click.style(f'{word:6}', fg=color)}{result.rule}: {printable(result.why)}")
