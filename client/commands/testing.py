"""The `seed` command, and the `control` commands for registries under test control."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from .output import (
    TIMED_OUT,
    Command,
    SuggestingGroup,
    counted,
    fail,
    on_registry,
    print_json,
    print_result,
    print_rows,
)

if TYPE_CHECKING:
    from ..registry.registry import ModelRegistry
    from ..testing.control import Control

FAULTS = ("number", "kind", "operation", "rate", "count", "seconds", "hits")
CALLS = ("number", "at", "operation", "principal", "outcome", "milliseconds")


def _on_control(command: Command) -> Command:
    """Add --url, --region, and --json to a command, and call it with the test control of the registry."""

    @wraps(command)
    def run(registry: ModelRegistry, **arguments: Any) -> None:
        from ..extensions import offers
        from ..testing.control import Control

        if not offers(registry.boto3, "calls"):
            fail("this registry is not under test control; serve it in memory or with --test-controls")
        command(Control(registry.boto3), **arguments)

    return on_registry(run)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True))
@on_registry
def seed(registry: ModelRegistry, files: tuple[str, ...], as_json: bool) -> None:
    """Load groups and versions from YAML or JSON.

    FILES are seed files or folders of them. Existing groups and versions are not changed. Registries of this project
    apply all files in one transaction.

    \b
    Example of a seed file:
      groups:
        churn:
          tags: {team: risk}
          versions:
            - {image: "registry/churn:1", metadata: {accuracy: 0.91}, status: Approved, reason: ticket 41}
            - {image: "registry/churn:2", metadata: {accuracy: 0.93}}

    \b
    Examples:
      sagemaker-registry seed churn.yaml --url http://127.0.0.1:8080
      sagemaker-registry seed seeds/ --url sqlite:///registry.db
    """
    from ..seeding import apply_seed

    result = apply_seed(registry.boto3, files)
    text = f"created {counted(result.new_groups, 'group')} and {counted(result.new_versions, 'version')}"
    if result.groups_there or result.versions_there:
        existing = f"{counted(result.groups_there, 'group')} and {counted(result.versions_there, 'version')}"
        text += f"; {existing} already existed"
    print_result(asdict(result), text, as_json=as_json)


@click.group("control", cls=SuggestingGroup)
def control_group() -> None:
    """Reset, snapshot, and inject faults into a test registry.

    The registry must be in memory or served with --test-controls.

    \b
    Examples:
      sagemaker-registry serve --backend sqlite:// --seed seeds/
      export SAGEMAKER_REGISTRY_URL=http://127.0.0.1:8080
      sagemaker-registry control snapshot before
      sagemaker-registry control fault throttling --operation CreateModelPackage --count 2
      sagemaker-registry control calls --operation CreateModelPackage
      sagemaker-registry control restore before
    """


@control_group.command()
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=30.0, show_default=True, metavar="SECONDS", help="Time limit."
)
@on_registry
def ready(registry: ModelRegistry, timeout: float, as_json: bool) -> None:
    """Wait until the registry responds.

    Exits with code 3 after --timeout. Works for any registry, also without test control.

    \b
    Examples:
      sagemaker-registry serve --backend sqlite:// &
      sagemaker-registry control ready --url http://127.0.0.1:8080
    """
    from ..testing.control import Control

    is_ready = Control(registry.boto3).ready(timeout)
    if not is_ready:
        fail(f"the registry did not respond within {timeout:g} seconds", TIMED_OUT)
    print_result({"ready": True}, "ready", as_json=as_json)


@control_group.command()
@click.option("--account", metavar="ID", help="Only this account (12 digits).")
@click.option("--of-region", metavar="REGION", help="Only this region.")
@click.option("--group", metavar="NAME", help="Only the group or unversioned package with this name.")
@_on_control
def reset(control: Control, account: str | None, of_region: str | None, group: str | None, as_json: bool) -> None:
    """Delete all data, including history.

    With options, deletes only the data of an account, a region, or a group.

    \b
    Examples:
      sagemaker-registry control reset
      sagemaker-registry control reset --account 111111111111 --group churn
    """
    control.reset(account=account, region=of_region, group=group)
    print_result({"reset": True}, "reset", as_json=as_json)


@control_group.command()
@click.argument("name")
@_on_control
def snapshot(control: Control, name: str, as_json: bool) -> None:
    """Save a snapshot of the registry as NAME.

    The server keeps the snapshot in memory.

    \b
    Examples:
      sagemaker-registry control snapshot before
    """
    control.snapshot(name)
    print_result({"snapshot": name}, f"saved snapshot {name}", as_json=as_json)


@control_group.command()
@click.argument("name", default="start")
@_on_control
def restore(control: Control, name: str, as_json: bool) -> None:
    """Restore the registry to the snapshot NAME.

    Restores all data, including history. Without NAME, restores the state in which the server started.

    \b
    Examples:
      sagemaker-registry control restore
      sagemaker-registry control restore before
    """
    control.restore(name)
    print_result({"restored": name}, f"restored snapshot {name}", as_json=as_json)


@control_group.command()
@_on_control
def snapshots(control: Control, as_json: bool) -> None:
    """List the snapshots.

    \b
    Examples:
      sagemaker-registry control snapshots
    """
    print_rows([{"name": name} for name in control.snapshots()], ["name"], as_json=as_json)


@control_group.command()
@click.option("--freeze", metavar="MOMENT", help="Stop the clock at a time such as 2026-11-24T12:00:00Z, or now.")
@click.option("--advance", type=click.FloatRange(min=0), metavar="SECONDS", help="Move the clock forward.")
@click.option("--resume", is_flag=True, help="Use the time of the machine again.")
@_on_control
def clock(control: Control, freeze: str | None, advance: float | None, resume: bool, as_json: bool) -> None:
    """Change the clock of the registry and print its time.

    While the clock is stopped, request IDs are sequential, and a script creates the same registry, byte for byte, every
    time it runs.

    \b
    Examples:
      sagemaker-registry control clock --freeze 2026-11-24T12:00:00Z
      sagemaker-registry control clock --advance 3600
      sagemaker-registry control clock --resume
    """
    if resume:
        control.resume()
    if freeze is not None:
        control.freeze(None if freeze == "now" else freeze)
    if advance is not None:
        control.advance(advance)
    from ...backends.views import iso

    now = iso(control.now())
    print_result({"now": now}, now, as_json=as_json)


@control_group.command()
@click.argument("kind")
@click.option(
    "--operation", default="*", show_default=True, metavar="PATTERN", help="Operations that match PATTERN (* and ?)."
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="Share of these requests that the fault affects.",
)
@click.option(
    "--count", type=click.IntRange(min=1), help="Remove the fault after this many requests. Default: no limit."
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, 300),
    default=1.0,
    show_default=True,
    help="Delay (latency) or age of the list (stale-list), in seconds.",
)
@click.option("--message", default="", help="Message of the error.")
@_on_control
def fault(control: Control, as_json: bool, **given: Any) -> None:
    """Inject a fault into the following requests.

    KIND is one of: throttling, unavailable (503), failure (500), conflict, latency, answer-lost (the request is done,
    but its response is lost), stale-list (new resources are not listed yet), or validation-fails (of a version that is
    registered).

    \b
    Examples:
      sagemaker-registry control fault throttling --operation 'Describe*' --rate 0.2
      sagemaker-registry control fault answer-lost --operation CreateModelPackage --count 1
    """
    _rows([control.fault(**given)], FAULTS, as_json=as_json)


@control_group.command()
@click.option("--clear", is_flag=True, help="Remove all faults.")
@click.option("--clear-number", type=int, metavar="NUMBER", help="Remove the fault with this number.")
@_on_control
def faults(control: Control, clear: bool, clear_number: int | None, as_json: bool) -> None:
    """List the faults, with the number of requests that each affected.

    \b
    Examples:
      sagemaker-registry control faults
      sagemaker-registry control faults --clear
    """
    if clear or clear_number is not None:
        control.clear_faults(clear_number)
    _rows(control.faults(), FAULTS, as_json=as_json)


@control_group.command()
@click.option("--operation", metavar="NAME", help="Only requests for this operation, such as UpdateModelPackage.")
@click.option("--since", type=int, default=0, metavar="NUMBER", help="Only requests after the one with this number.")
@click.option("--clear", is_flag=True, help="Clear the log after printing it.")
@_on_control
def calls(control: Control, operation: str | None, since: int, clear: bool, as_json: bool) -> None:
    """List the latest requests to the registry, oldest first.

    The registry keeps the latest 10,000 requests. --json includes their parameters and error messages.

    \b
    Examples:
      sagemaker-registry control calls
      sagemaker-registry control calls --operation UpdateModelPackage --json
    """
    found = control.calls(operation, since)
    if as_json:
        print_json([{name: getattr(call, name) for name in call.__slots__} for call in found])
    else:
        _rows(found, CALLS, as_json=False)
    if clear:
        control.clear_calls()


def _rows(found: Iterable[Any], columns: tuple[str, ...], *, as_json: bool) -> None:
    print_rows([{name: getattr(one, name) for name in columns} for one in found], columns, as_json=as_json)
