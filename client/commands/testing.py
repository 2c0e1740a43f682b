"""The commands for tests and demonstrations: `seed`, and `control` for registries under test control."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from .output import REFUSED, TIMED_OUT, end, on_registry, print_json, print_rows

if TYPE_CHECKING:
    from ..registry.registry import ModelRegistry
    from ..testing.control import Control

Command = Callable[..., Any]
FAULTS = ("number", "kind", "operation", "rate", "count", "seconds", "hits")
CALLS = ("number", "at", "operation", "principal", "outcome", "milliseconds")


def _on_control(command: Command) -> Command:
    """Give a command what tests can do to the registry of --url, if that is under test control."""

    @wraps(command)
    def run(registry: ModelRegistry, **arguments: Any) -> None:
        from ..extensions import offers
        from ..testing.control import Control

        if not offers(registry.boto3, "calls"):
            end("this registry is not under test control: serve it in memory, or with --test-controls", REFUSED)
        command(Control(registry.boto3), **arguments)

    return on_registry(run)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True))
@on_registry
def seed(registry: ModelRegistry, files: tuple[str, ...], as_json: bool) -> None:
    """Put groups and versions of seed FILES, in YAML or JSON, or folders of such, into a registry.

    What is there already is left as it is. A registry of ours takes all of it or nothing.

    \b
    A seed reads:
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
    from ..seeding import sow

    sown = sow(registry.boto3, files)
    there = sown.groups_there, sown.versions_there
    if as_json:
        names = ("new_groups", "new_versions", "groups_there", "versions_there")
        print_json({name: getattr(sown, name) for name in names})
    else:
        click.echo(
            f"{_counted(sown.new_groups, 'group')} and {_counted(sown.new_versions, 'version')} are new"
            + (f"; {_counted(there[0], 'group')} and {_counted(there[1], 'version')} were there" if any(there) else "")
        )


@click.group("control")
def control_group() -> None:
    """Reset, snapshot and disturb a registry that is served for tests: in memory, or with --test-controls.

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
@click.option("--timeout", type=click.FloatRange(min=0), default=30.0, show_default=True, help="Seconds to wait.")
@on_registry
def ready(registry: ModelRegistry, timeout: float, as_json: bool) -> None:
    """Wait until the registry answers; exit code 3 if it does not in time. Of any server of ours.

    \b
    Examples:
      sagemaker-registry serve --backend sqlite:// &
      sagemaker-registry control ready --url http://127.0.0.1:8080
    """
    from ..testing.control import Control

    is_ready = Control(registry.boto3).ready(timeout)
    if not is_ready:
        end(f"not ready within {timeout:g} s", TIMED_OUT)
    _said({"ready": True}, "ready", as_json=as_json)


@control_group.command()
@click.option("--account", help="Only of this account: 12 digits.")
@click.option("--of-region", metavar="REGION", help="Only of this region.")
@click.option("--group", metavar="NAME", help="Only the group, or unversioned package, of this name.")
@_on_control
def reset(control: Control, account: str | None, of_region: str | None, group: str | None, as_json: bool) -> None:
    """Remove everything, history included, or what is of an account, a region, a group.

    \b
    Examples:
      sagemaker-registry control reset
      sagemaker-registry control reset --account 111111111111 --group churn
    """
    control.reset(account=account, region=of_region, group=group)
    _said({"reset": True}, "reset", as_json=as_json)


@control_group.command()
@click.argument("name")
@_on_control
def snapshot(control: Control, name: str, as_json: bool) -> None:
    """Keep the whole registry as it is under a NAME, in the memory of its server.

    \b
    Examples:
      sagemaker-registry control snapshot before
    """
    control.snapshot(name)
    _said({"snapshot": name}, f"kept as {name}", as_json=as_json)


@control_group.command()
@click.argument("name", default="start")
@_on_control
def restore(control: Control, name: str, as_json: bool) -> None:
    """Put the whole registry back to a snapshot, history included; to how it started, without a NAME.

    \b
    Examples:
      sagemaker-registry control restore
      sagemaker-registry control restore before
    """
    control.restore(name)
    _said({"restored": name}, f"put back to {name}", as_json=as_json)


@control_group.command()
@_on_control
def snapshots(control: Control, as_json: bool) -> None:
    """Print the names of the snapshots there are.

    \b
    Examples:
      sagemaker-registry control snapshots
    """
    print_rows([{"name": name} for name in control.snapshots()], ["name"], as_json=as_json)


@control_group.command()
@click.option("--freeze", metavar="MOMENT", help="Stop it: at 2026-11-24T12:00:00Z, say, or where it is, at now.")
@click.option("--advance", type=click.FloatRange(min=0), metavar="SECONDS", help="Move it on.")
@click.option("--resume", is_flag=True, help="Let it run again, with the time of the machine.")
@_on_control
def clock(control: Control, freeze: str | None, advance: float | None, resume: bool, as_json: bool) -> None:
    """Print the registry's time, after changing it as the options say.

    While the clock stands still, ids of requests are counted: the same script leaves the same registry, byte by byte.

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
    _said({"now": now}, now, as_json=as_json)


@control_group.command()
@click.argument("kind")
@click.option("--operation", default="*", show_default=True, help="Of which operation; a pattern with * and ?.")
@click.option("--rate", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="How many of its requests.")
@click.option("--count", type=click.IntRange(min=1), help="After how many it is over; never, unless said.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, 300),
    default=1.0,
    show_default=True,
    help="How long latency takes, or how far behind a stale-list is.",
)
@click.option("--message", default="", help="The sentence of the error, in place of the usual one.")
@_on_control
def fault(control: Control, as_json: bool, **given: Any) -> None:
    """Make something go wrong from now on.

    KIND is throttling, unavailable (503), failure (500), conflict, latency, answer-lost (after it was done),
    stale-list (what is new is not listed yet) or validation-fails (of a version that is registered).

    \b
    Examples:
      sagemaker-registry control fault throttling --operation 'Describe*' --rate 0.2
      sagemaker-registry control fault answer-lost --operation CreateModelPackage --count 1
    """
    made = control.fault(**given)
    _rows([made], FAULTS, as_json=as_json)


@control_group.command()
@click.option("--clear", is_flag=True, help="Take all of them away.")
@click.option("--clear-number", type=int, metavar="NUMBER", help="Take this one away.")
@_on_control
def faults(control: Control, clear: bool, clear_number: int | None, as_json: bool) -> None:
    """Print the faults there are, and how often each has hit.

    \b
    Examples:
      sagemaker-registry control faults
      sagemaker-registry control faults --clear
    """
    if clear or clear_number is not None:
        control.clear_faults(clear_number)
    _rows(control.faults(), FAULTS, as_json=as_json)


@control_group.command()
@click.option("--operation", help="Only of this one, as in UpdateModelPackage.")
@click.option("--since", type=int, default=0, help="Only those after the one of this number.")
@click.option("--clear", is_flag=True, help="Forget them afterwards.")
@_on_control
def calls(control: Control, operation: str | None, since: int, clear: bool, as_json: bool) -> None:
    """Print the requests the registry has answered, oldest first: the latest 10,000.

    With --json their parameters and messages too.

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


ALL = (seed, control_group)


def _rows(found: Iterable[Any], columns: tuple[str, ...], *, as_json: bool) -> None:
    print_rows([{name: getattr(one, name) for name in columns} for one in found], columns, as_json=as_json)


def _said(value: dict[str, Any], sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(value)
    else:
        click.echo(sentence)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
