"""The commands that look into a registry and decide, for people at a terminal and for scripts.

Tables on a terminal and in pipes; `--json` for programs. Exit codes: 0 done, 1 no (nothing approved, rejected), 2 a
refusal or wrong usage, 3 timed out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from .registry import ModelRegistry
    from .versions import Version

NO, REFUSED, TIMED_OUT = 1, 2, 3
COLUMNS = ("version", "status", "created", "description")

Command = Callable[..., Any]


def on_registry(command: Command) -> Command:
    """Give a command a registry, opened by --url, and turn refusals into one sentence and exit code 2."""

    @click.option("--url", envvar="SAGEMAKER_REGISTRY_URL", show_envvar=True, help="The registry, as for connect().")
    @click.option("--region", help="The AWS region; us-east-1 unless the environment says otherwise.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
    @wraps(command)
    def run(url: str | None, region: str | None, **arguments: Any) -> None:
        from .registry import ModelRegistry

        boto: dict[str, Any] = {"region_name": region} if region else {}
        with _refusals(), ModelRegistry(url, **boto) as registry:
            command(registry, **arguments)

    return run


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
    _print(found, ("name", "created", "description"), as_json=as_json)


@click.command()
@click.argument("group")
@click.option("--status", type=click.Choice(["Approved", "Rejected", "PendingManualApproval"]), help="Only these.")
@on_registry
def versions(registry: ModelRegistry, group: str, status: Any, as_json: bool) -> None:
    """List the versions of a GROUP, newest first.

    \b
    Examples:
      sagemaker-registry versions churn
      sagemaker-registry versions churn --status Approved --json
    """
    _print(map(_row, registry.versions(group, status=status)), COLUMNS, as_json=as_json)


@click.command()
@click.argument("group", required=False)
@on_registry
def pending(registry: ModelRegistry, group: str | None, as_json: bool) -> None:
    """List what waits for a decision, oldest first, in a GROUP or in all of them.

    \b
    Examples:
      sagemaker-registry pending
    """
    _print(map(_row, registry.pending(group)), COLUMNS, as_json=as_json)


@click.command()
@click.argument("version")
@on_registry
def show(registry: ModelRegistry, version: str, as_json: bool) -> None:
    """Show all there is of a VERSION: its ARN, or GROUP/N.

    \b
    Examples:
      sagemaker-registry show churn/3
    """
    _show(registry.get(version), as_json=as_json)


@click.command()
@click.argument("version")
@click.option("--reason", help="Why; kept with the version.")
@on_registry
def approve(registry: ModelRegistry, version: str, reason: str | None, as_json: bool) -> None:
    """Approve a VERSION: its ARN, or GROUP/N.

    \b
    Examples:
      sagemaker-registry approve churn/3 --reason "ticket 42"
    """
    _print([_row(registry.approve(version, reason))], (*COLUMNS, "reason"), as_json=as_json)


@click.command()
@click.argument("version")
@click.option("--reason", required=True, help="Why; kept with the version.")
@on_registry
def reject(registry: ModelRegistry, version: str, reason: str, as_json: bool) -> None:
    """Reject a VERSION: its ARN, or GROUP/N.

    \b
    Examples:
      sagemaker-registry reject churn/4 --reason "accuracy below 0.95"
    """
    _print([_row(registry.reject(version, reason))], (*COLUMNS, "reason"), as_json=as_json)


@click.command()
@click.argument("group")
@on_registry
def latest(registry: ModelRegistry, group: str, as_json: bool) -> None:
    """Print the ARN of the newest approved version of a GROUP; exit code 1 if there is none.

    \b
    Examples:
      deploy.sh "$(sagemaker-registry latest churn)"
    """
    from .versions import NoApprovedVersion

    try:
        found = registry.latest_approved(group)
    except NoApprovedVersion as error:
        _end(str(error), NO)
    _show(found, as_json=True) if as_json else click.echo(found.arn)


@click.command()
@click.argument("version")
@click.option("--timeout", type=float, default=3600, show_default=True, help="Seconds to wait.")
@on_registry
def wait(registry: ModelRegistry, version: str, timeout: float, as_json: bool) -> None:
    """Wait until a VERSION is decided: exit code 0 approved, 1 rejected, 3 timed out.

    \b
    Examples:
      sagemaker-registry wait churn/3 --timeout 600 && ./deploy.sh
    """
    from .versions import Rejected

    try:
        _print([_row(registry.wait_for_decision(version, timeout=timeout))], (*COLUMNS, "reason"), as_json=as_json)
    except Rejected as error:
        _end(str(error), NO)
    except TimeoutError as error:
        _end(str(error), TIMED_OUT)


@click.command()
@click.argument("a")
@click.argument("b")
@on_registry
def diff(registry: ModelRegistry, a: str, b: str, as_json: bool) -> None:
    """Show in what two versions differ.

    \b
    Examples:
      sagemaker-registry diff churn/2 churn/3
    """
    found = registry.compare(a, b).differences
    rows = [{"path": one.path, "a": one.a, "b": one.b, "delta": one.delta} for one in found]
    _print(rows, ("path", "a", "b", "delta"), as_json=as_json)


ALL = (groups, versions, pending, show, approve, reject, latest, wait, diff)


def _row(version: Version) -> dict[str, Any]:
    return {
        "version": f"{version.group}/{version.version}",
        "status": version.status,
        "created": version.created,
        "description": version.description,
        "reason": version.reason,
        "metadata": dict(version.metadata),
        "arn": version.arn,
    }


def _show(version: Version, *, as_json: bool) -> None:
    if as_json:
        _print_json(version.record)
        return
    for name, value in version.record.items():
        click.echo(f"{name:28} {value if isinstance(value, str) else json.dumps(value, default=str)}")


def _print(rows: Iterable[dict[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows as they come: JSON, or a table with a heading on a terminal only."""
    found = list(rows)
    if as_json:
        _print_json(found)
        return
    cells = [[_cell(row[column]) for column in columns] for row in found]
    widths = [max([len(column), *(len(line[place]) for line in cells)]) for place, column in enumerate(columns)]
    if sys.stdout.isatty():
        click.secho(_line([column.upper() for column in columns], widths), bold=True)
    for line in cells:
        click.echo(_line(line, widths))


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, default=lambda moment: moment.isoformat()))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "strftime") else " ".join(str(value).split())


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


@contextmanager
def _refusals() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    from ..backends.errors import CannotOpen

    try:
        yield
    except ClientError as error:
        _end(f"{error.response['Error']['Code']}: {error.response['Error']['Message']}", REFUSED)
    except (BotoCoreError, CannotOpen, ValueError) as error:
        _end(str(error), REFUSED)


def _end(sentence: str, code: int) -> NoReturn:
    click.echo(f"sagemaker-registry: {sentence}", err=True)
    sys.exit(code)
