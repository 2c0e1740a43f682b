"""The `events`, `watch`, `deliveries`, and `replay` commands."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...backends.text import printable
from .output import NO, STATUSES, Choice, counted, fail, on_registry, print_result, print_rows, require_existing

if TYPE_CHECKING:
    from ..registry.events import Event, Run
    from ..registry.registry import ModelRegistry

COLUMNS = ("position", "when", "version", "status", "updated", "reason")

NO_EVENTS = (
    "this registry does not record events; on AWS, create an EventBridge rule for the source aws.sagemaker and the "
    "detail-type 'SageMaker Model Package State Change'"
)


def _begin(context: click.Context, parameter: click.Parameter, value: str) -> str | int:
    if value in ("now", "start"):
        return value
    if value.isascii() and value.isdigit():
        return int(value)
    raise click.BadParameter(f"{value!r} is not a position; expected now, start, or a number such as 12")


FROM = click.option(
    "--from",
    "begin",
    default="now",
    show_default=True,
    callback=_begin,
    metavar="now|start|POSITION",
    help="Start with new events (now), with the oldest event (start), or after POSITION.",
)
ON = click.option("--on", type=STATUSES, help="Only events that set this status.")
EVERY = click.option("--every", is_flag=True, help="With --on: also changes to versions that already have the status.")


@click.command()
@click.argument("group_or_version", required=False)
@ON
@EVERY
@click.option("--follow", is_flag=True, help="Print new events as they occur; with --json, one object per line.")
@FROM
@click.option("--limit", type=click.IntRange(min=1), help="Maximum number of events. Default: no limit.")
@on_registry
def events(
    registry: ModelRegistry,
    group_or_version: str | None,
    on: Any,
    every: bool,
    follow: bool,
    begin: str | int,
    limit: int | None,
    as_json: bool,
) -> None:
    """List or follow events.

    An event is recorded when a version is registered or changed. GROUP_OR_VERSION is a group, a pattern such as
    "churn-*", a version (GROUP/NUMBER), or an ARN; without it, all events are listed.

    Events are listed newest first. With --follow, new events are printed as they occur, oldest first, starting at
    --from. --json prints the format of Amazon EventBridge.

    \b
    Examples:
      sagemaker-registry events --limit 20
      sagemaker-registry events churn --on Approved --json
      sagemaker-registry events --follow --json | jq --unbuffered .detail.ModelPackageArn
      sagemaker-registry events "churn-*" --follow --from start
    """
    _require_events(registry)
    if not follow:
        found = [*islice(registry.events(group_or_version, on=on, every=every, newest_first=True), limit)]
        if not found:
            _require_matching(registry, group_or_version)
        rows = (dict(event.envelope) if as_json else _row(event) for event in found)
        print_rows(rows, COLUMNS, as_json=as_json)
        return
    _require_matching(registry, group_or_version)
    followed = _followed(registry, _position(registry, begin), group_or_version, on, every=every)
    for event in islice(followed, limit):
        click.echo(json.dumps(dict(event.envelope)) if as_json else printable(_line(event)))


@click.command()
@ON
@EVERY
@click.option(
    "--group", metavar="PATTERN", help="Only groups that match PATTERN (* and ?), or one version (GROUP/NUMBER)."
)
@click.option(
    "--exec", "command", required=True, metavar="COMMAND", help="Command to run, split into words as in a shell."
)
@click.option("--once", is_flag=True, help="Exit after the first event.")
@FROM
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save the position in FILE and resume from it. --from applies only if FILE does not exist.",
)
@click.option(
    "--attempts", type=click.IntRange(min=1), default=3, show_default=True, help="Number of attempts per event."
)
@click.option(
    "--pause", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Seconds before the second attempt."
)
@click.option("--keep-going", is_flag=True, help="After the last failed attempt, continue with the next event.")
@on_registry
def watch(
    registry: ModelRegistry,
    on: str | None,
    every: bool,
    group: str | None,
    command: str,
    once: bool,
    begin: str | int,
    state: Path | None,
    attempts: int,
    pause: float,
    keep_going: bool,
    as_json: bool,
) -> None:
    """Run a command for each event, such as a deployment.

    COMMAND runs for one event at a time, in order, and without a shell. It reads the event as JSON, in the format of
    Amazon EventBridge, from standard input. These environment variables are set if the event has a value for them:
    REGISTRY_EVENT_ID, REGISTRY_EVENT_POSITION, MODEL_PACKAGE_ARN, MODEL_PACKAGE_GROUP, MODEL_PACKAGE_VERSION,
    MODEL_APPROVAL_STATUS, MODEL_APPROVAL_DESCRIPTION, MODEL_DATA_URL, and MODEL_IMAGE.

    A command that fails is retried. After the last attempt, `watch` exits with code 1; the next `watch` with the same
    --state starts with the same event. After a crash, the command may run twice for one event, with the same
    REGISTRY_EVENT_ID.

    \b
    Examples:
      sagemaker-registry watch --on Approved --exec ./deploy.sh --state deployed.json
      sagemaker-registry watch --on Approved --group "churn-*" --exec "bash -c 'echo deploy $MODEL_DATA_URL'"
      sagemaker-registry watch --on PendingManualApproval --exec ./ask-for-review.sh --keep-going
      sagemaker-registry watch --on Approved --exec ./deploy.sh --once --from start
    """
    from ..registry.events import Position, run

    words = _words(command)
    _require_events(registry)
    _require_matching(registry, group)
    remembered = Position(state)
    after = remembered.value
    if after is None:
        after = _position(registry, begin)
        remembered.save(after)
    elif after > _position(registry, "now"):
        fail(f"{state} was saved for another registry (its position is higher); delete it to start again")
    with _stoppable() as stopping:
        for event in _followed(registry, after, group, on, every=every):
            with stopping.later():
                done = run(words, event, attempts=attempts, pause=pause, sleep=time.sleep)
                _report(event, done, command, as_json=as_json)
                if done.exit_code == 0 or keep_going:
                    remembered.save(event.position)
            if done.exit_code != 0 and (once or not keep_going):
                fail(f"{command} failed for {event.name} after attempt {done.attempts}", NO)
            if once:
                return


@click.command()
@click.argument("group_or_version", required=False)
@click.option(
    "--sink", metavar="NAME", help="Only deliveries to this target: eventbridge, file, or the name of a webhook."
)
@click.option(
    "--state",
    type=Choice(["pending", "failed", "done", "dead", "skipped"]),
    help="Only deliveries in this state.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Maximum number of deliveries."
)
@on_registry
def deliveries(
    registry: ModelRegistry, group_or_version: str | None, limit: int, as_json: bool, **filters: Any
) -> None:
    """List event deliveries and their results.

    Deliveries are listed newest first, for GROUP_OR_VERSION (a group, GROUP/NUMBER, or an ARN) or for all events. A
    `failed` delivery will be retried. A `dead` delivery will not; use `replay` to send it again.

    \b
    Examples:
      sagemaker-registry deliveries --state dead
      sagemaker-registry deliveries churn/3 --sink ci --json
    """
    from ..registry.events import deliveries as listed

    _require_events(registry)
    found = list(islice(listed(registry.boto3, group_or_version, **filters), limit))
    if not found:
        _require_matching(registry, group_or_version)
    columns = ("position", "version", "sink", "state", "attempts", "changed", "error")
    print_rows(found, columns, as_json=as_json)


@click.command()
@click.argument("group_or_version", required=False)
@click.option("--id", "identity", metavar="ID", help="Only the event with this ID.")
@click.option(
    "--since", metavar="MOMENT", help="Only events since then: 2026-11-24, 2026-11-24T12:00Z, or epoch seconds."
)
@click.option("--sink", metavar="NAME", help="Only this target. Default: all targets.")
@on_registry
def replay(
    registry: ModelRegistry,
    group_or_version: str | None,
    identity: str | None,
    since: str | None,
    sink: str | None,
    as_json: bool,
) -> None:
    """Deliver events again.

    Select the events with --id, --since, or GROUP_OR_VERSION (a group, a pattern such as "churn-*", GROUP/NUMBER, or an
    ARN). The filters of each target in registry.toml still apply.

    \b
    Examples:
      sagemaker-registry replay --id 5b0c2a52-6c7e-4c55-9a19-0d6b7e1f4a10
      sagemaker-registry replay churn/3 --sink ci
      sagemaker-registry replay --since 2026-11-24
    """
    from ..extensions import ask

    _require_events(registry)
    _require_matching(registry, group_or_version)
    asked = {"group": group_or_version, "id": identity, "since": since, "sink": sink}
    count = ask(registry.boto3, "events/replay", **asked)["deliveries"]
    print_result({"deliveries": count}, f"{counted(count, 'delivery')} scheduled", as_json=as_json)


def _require_matching(registry: ModelRegistry, name: str | None) -> None:
    """Raise the registry's error if a name, which is not a pattern, is that of no group or version."""
    if name is not None and not set("*?[") & set(name):
        require_existing(registry, name)


class _Stop:
    """A handler of SIGTERM that exits at once, or after the command that is running."""

    def __init__(self) -> None:
        self._is_busy = self._is_wanted = False

    def __call__(self, number: int, frame: object) -> None:
        self._is_wanted = True
        if not self._is_busy:
            sys.exit(0)

    @contextmanager
    def later(self) -> Iterator[None]:
        self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False
        if self._is_wanted:
            sys.exit(0)


@contextmanager
def _stoppable() -> Iterator[_Stop]:
    stop = _Stop()
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)


def _followed(registry: ModelRegistry, after: int, group: str | None, on: Any, *, every: bool) -> Iterator[Event]:
    from ..registry.events import follow

    def on_outage(message: str) -> None:
        click.echo(f"sagemaker-registry: {printable(message)}; retrying", err=True)

    return follow(registry.boto3, after, time.sleep, on_outage, group=group, on=on, every=every or on is None)


def _position(registry: ModelRegistry, begin: str | int) -> int:
    from ..registry.events import last_position

    if isinstance(begin, int):
        return begin
    return 0 if begin == "start" else last_position(registry.boto3)


def _require_events(registry: ModelRegistry) -> None:
    from ..extensions import offers

    if not offers(registry.boto3, "events"):
        fail(NO_EVENTS)


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        fail(f"--exec: cannot split {command!r} into words: {error}")
    if not words or shutil.which(words[0]) is None:
        fail(f"--exec: {words[0] if words else command!r} is not an executable program")
    return words


def _report(event: Event, done: Run, command: str, *, as_json: bool) -> None:
    if as_json:
        result = {"exit_code": done.exit_code, "attempts": done.attempts}
        click.echo(json.dumps({"position": event.position, "id": event.id, "version": event.name, **result}))
        return
    code = "could not be started" if done.exit_code is None else f"exited with {done.exit_code}"
    again = "" if done.attempts == 1 else f" after attempt {done.attempts}"
    click.echo(printable(f"{event.name} {event.status}: {command} {code}{again}"), err=True)


def _row(event: Event) -> dict[str, Any]:
    return {
        "position": event.position,
        "when": event.at.astimezone(),
        "version": event.name,
        "status": event.status,
        "updated": "registered" if event.updated is None else ", ".join(event.updated) or None,
        "reason": event.reason or None,
    }


def _line(event: Event) -> str:
    row = _row(event)
    return f"{row['when']:%Y-%m-%d %H:%M:%S}  {row['version']}  {row['status']}  {row['updated'] or '-'}"
