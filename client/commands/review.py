"""The commands that look into a registry and decide: groups, versions, pending, show, diff, approve, reject ..."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from . import completion
from .output import NO, TIMED_OUT, end, on_registry, print_json, print_rows

if TYPE_CHECKING:
    from ..registry import ModelRegistry, Version

COLUMNS = ("version", "status", "created", "description")


@click.command()
@on_registry
def groups(registry: ModelRegistry, as_json: bool) -> None:
    """List the groups, newest last.

    \b
    Examples:
      sagemaker-registry groups --url http://127.0.0.1:8080
      sagemaker-registry groups --url sqlite:///registry.db --json
    """
    found = [
        {"name": group.name, "created": group.created, "description": group.description} for group in registry.groups()
    ]
    print_rows(found, ("name", "created", "description"), as_json=as_json)


@click.command()
@click.argument("group", shell_complete=completion.groups)
@click.option("--status", type=click.Choice(["Approved", "Rejected", "PendingManualApproval"]), help="Only these.")
@on_registry
def versions(registry: ModelRegistry, group: str, status: Any, as_json: bool) -> None:
    """List the versions of a GROUP, newest first.

    \b
    Examples:
      sagemaker-registry versions churn
      sagemaker-registry versions churn --status Approved --json
    """
    print_rows(map(row_of, registry.versions(group, status=status)), COLUMNS, as_json=as_json)


@click.command()
@click.argument("group", required=False, shell_complete=completion.groups)
@on_registry
def pending(registry: ModelRegistry, group: str | None, as_json: bool) -> None:
    """List what waits for a decision, oldest first, in a GROUP or in all of them.

    \b
    Examples:
      sagemaker-registry pending
    """
    print_rows(map(row_of, registry.pending(group)), COLUMNS, as_json=as_json)


@click.command()
@click.argument("version", shell_complete=completion.versions)
@on_registry
def show(registry: ModelRegistry, version: str, as_json: bool) -> None:
    """Show all there is of a VERSION: its ARN, or GROUP/N.

    \b
    Examples:
      sagemaker-registry show churn/3
    """
    _show(registry.get(version), as_json=as_json)


@click.command()
@click.argument("version", shell_complete=completion.versions)
@click.option("--reason", help="Why; kept with the version.")
@on_registry
def approve(registry: ModelRegistry, version: str, reason: str | None, as_json: bool) -> None:
    """Approve a VERSION: its ARN, or GROUP/N.

    \b
    Examples:
      sagemaker-registry approve churn/3 --reason "ticket 42"
    """
    print_rows([row_of(registry.approve(version, reason))], (*COLUMNS, "reason"), as_json=as_json)


@click.command()
@click.argument("version", shell_complete=completion.versions)
@click.option("--reason", required=True, help="Why; kept with the version.")
@on_registry
def reject(registry: ModelRegistry, version: str, reason: str, as_json: bool) -> None:
    """Reject a VERSION: its ARN, or GROUP/N.

    \b
    Examples:
      sagemaker-registry reject churn/4 --reason "accuracy below 0.95"
    """
    print_rows([row_of(registry.reject(version, reason))], (*COLUMNS, "reason"), as_json=as_json)


@click.command()
@click.argument("group", shell_complete=completion.groups)
@on_registry
def latest(registry: ModelRegistry, group: str, as_json: bool) -> None:
    """Print the ARN of the newest approved version of a GROUP; exit code 1 if there is none.

    \b
    Examples:
      deploy.sh "$(sagemaker-registry latest churn)"
    """
    from ..registry.versions import NoApprovedVersion

    try:
        found = registry.latest_approved(group)
    except NoApprovedVersion as error:
        end(str(error), NO)
    _show(found, as_json=True) if as_json else click.echo(found.arn)


@click.command()
@click.argument("version", shell_complete=completion.versions)
@click.option("--timeout", type=float, default=3600, show_default=True, help="Seconds to wait.")
@on_registry
def wait(registry: ModelRegistry, version: str, timeout: float, as_json: bool) -> None:
    """Wait until a VERSION is decided: exit code 0 approved, 1 rejected, 3 timed out.

    \b
    Examples:
      sagemaker-registry wait churn/3 --timeout 600 && ./deploy.sh
    """
    from ..registry.versions import Rejected

    try:
        print_rows(
            [row_of(registry.wait_for_decision(version, timeout=timeout))], (*COLUMNS, "reason"), as_json=as_json
        )
    except Rejected as error:
        end(str(error), NO)
    except TimeoutError as error:
        end(str(error), TIMED_OUT)


@click.command()
@click.argument("a", shell_complete=completion.versions)
@click.argument("b", shell_complete=completion.versions)
@on_registry
def diff(registry: ModelRegistry, a: str, b: str, as_json: bool) -> None:
    """Show in what two versions differ.

    \b
    Examples:
      sagemaker-registry diff churn/2 churn/3
    """
    found = registry.compare(a, b).differences
    rows = [{"path": one.path, "a": one.a, "b": one.b, "delta": one.delta} for one in found]
    print_rows(rows, ("path", "a", "b", "delta"), as_json=as_json)


ALL = (groups, versions, pending, show, approve, reject, latest, wait, diff)


def row_of(version: Version) -> dict[str, Any]:
    """Return a version as a row of a table."""
    return {
        "version": version.name,
        "status": version.status,
        "created": version.created,
        "description": version.description,
        "reason": version.reason,
        "metadata": dict(version.metadata),
        "arn": version.arn,
    }


def _show(version: Version, *, as_json: bool) -> None:
    if as_json:
        print_json(version.record)
        return
    for name, value in version.record.items():
        click.echo(f"{name:28} {value if isinstance(value, str) else json.dumps(value, default=str)}")
