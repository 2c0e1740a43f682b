"""The commands that react: what has happened, a command for each event, and who was told of it."""

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
from typing import TYPE_CHECKING, Any, NoReturn

import click

from .output import NO, REFUSED, end, on_registry, print_json, print_rows

if TYPE_CHECKING:
    from ..registry.events import Event, Run
    from ..registry.registry import ModelRegistry

COLUMNS = ("position", "when", "version", "status", "updated", "reason")
STATUSES = click.Choice(["Approved", "Rejected", "PendingManualApproval"])

ELSEWHERE = (
    "this registry gives out no events of its own. On AWS, EventBridge does: make a rule for source aws.sagemaker and "
    "detail-type 'SageMaker Model Package State Change', whose target is what should happen"
)


def _begin(context: click.Context, parameter: click.Parameter, value: str) -> str | int:
    """Read where to begin: a word, or a position."""
    if value in ("now", "start"):
        return value
    if value.isascii() and value.isdigit():
        return int(value)
    raise click.BadParameter(f"{value!r} is neither now, nor start, nor a position such as 12")


FROM = click.option(
    "--from",
    "begin",
    default="now",
    show_default=True,
    callback=_begin,
    metavar="now|start|POSITION",
    help="Where to begin: with what happens from now on, with the oldest event, or behind a position.",
)


@click.command()
@click.argument("group_or_version", required=False)
@click.option("--on", type=STATUSES, help="Only versions that got this status.")
@click.option("--every", is_flag=True, help="With --on: also changes of versions that have the status already.")
@click.option("--follow", is_flag=True, help="Wait for more, and print each as it comes; with --json, one on a line.")
@FROM
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
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
    """List events, newest first: versions that were registered or changed, as AWS's EventBridge would tell of them.

    Of a GROUP (with * and ? of several), of a VERSION (GROUP/N, or an ARN), or of everything. With --follow, events as
    they come, oldest first, beginning as --from says.

    \b
    Examples:
      sagemaker-registry events --limit 20
      sagemaker-registry events churn --on Approved --json
      sagemaker-registry events --follow --json | jq --unbuffered .detail.ModelPackageArn
      sagemaker-registry events "churn-*" --follow --from start
    """
    _offered(registry)
    if not follow:
        found = registry.events(group_or_version, on=on, every=every, newest_first=True)
        rows = (dict(event.envelope) if as_json else _row(event) for event in islice(found, limit))
        print_rows(rows, COLUMNS, as_json=as_json)
        return
    asked = {"group": group_or_version, "on": on, "every": every or on is None}
    for event in islice(_followed(registry, _position(registry, begin), **asked), limit):
        click.echo(json.dumps(dict(event.envelope)) if as_json else _line(event))


@click.command()
@click.option("--on", type=STATUSES, help="Only versions that got this status.")
@click.option("--every", is_flag=True, help="With --on: also changes of versions that have the status already.")
@click.option("--group", metavar="PATTERN", help="Only of these groups, with * and ?; or of one version, GROUP/N.")
@click.option("--exec", "command", required=True, metavar="COMMAND", help="What to run, as a shell would split it.")
@click.option("--once", is_flag=True, help="End after the first event.")
@FROM
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Remember there what was done, and go on from there the next time; then --from counts for the first time.",
)
@click.option("--attempts", type=click.IntRange(min=1), default=3, show_default=True, help="How often to try COMMAND.")
@click.option(
    "--pause", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Seconds before the second attempt."
)
@click.option("--keep-going", is_flag=True, help="Go on with the next event after a command that failed for good.")
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
    """Run a COMMAND for each event, one at a time and in order: a deploy pipeline, offline.

    The command reads the event, as AWS's EventBridge sends it, from its standard input, and finds in its environment
    REGISTRY_EVENT_ID, MODEL_PACKAGE_ARN, MODEL_PACKAGE_GROUP, MODEL_PACKAGE_VERSION, MODEL_APPROVAL_STATUS,
    MODEL_APPROVAL_DESCRIPTION, MODEL_DATA_URL and MODEL_IMAGE, those that there are. No shell is asked, unless COMMAND
    is one.

    A command that fails is tried again; then watch ends with exit code 1, and the next watch with the same --state
    begins with the same event. After a crash a command may run twice for an event: its id is the same.

    \b
    Examples:
      sagemaker-registry watch --on Approved --exec ./deploy.sh --state deployed.json
      sagemaker-registry watch --on Approved --group "churn-*" --exec "bash -c 'echo deploy $MODEL_DATA_URL'"
      sagemaker-registry watch --on PendingManualApproval --exec ./ask-for-review.sh --keep-going
      sagemaker-registry watch --on Approved --exec ./deploy.sh --once --from start
    """
    from ..registry.events import Position, run

    words = _words(command)
    _offered(registry)
    remembered = Position(state)
    after = remembered.value
    if after is None:
        after = _position(registry, begin)
        remembered.save(after)
    elif after > _position(registry, "now"):
        end(f"{state} has come further than this registry: it is another's; remove it to begin anew", REFUSED)
    asked = {"group": group, "on": on, "every": every or on is None}
    with _stoppable() as stopping:
        for event in _followed(registry, after, **asked):
            with stopping.later():
                done = run(words, event, attempts=attempts, pause=pause, sleep=time.sleep)
                _report(event, done, command, as_json=as_json)
                if done.exit_code == 0 or keep_going:
                    remembered.save(event.position)
            if done.exit_code != 0 and (once or not keep_going):
                end(f"{command} failed for {event.name} after attempt {done.attempts}", NO)
            if once:
                return


@click.command()
@click.argument("group_or_version", required=False)
@click.option("--sink", metavar="NAME", help="Only to this one: eventbridge, file, or the name of a webhook.")
@click.option("--state", type=click.Choice(["pending", "failed", "done", "dead", "skipped"]), help="Only these.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@on_registry
def deliveries(
    registry: ModelRegistry, group_or_version: str | None, limit: int, as_json: bool, **filters: Any
) -> None:
    """List who was told of which event, newest first, and what came of it.

    `failed` will be tried again; `dead` was given up, and is sent again by `replay`.

    \b
    Examples:
      sagemaker-registry deliveries --state dead
      sagemaker-registry deliveries churn/3 --sink ci --json
    """
    from ..registry.events import deliveries as listed

    _offered(registry)
    found = list(islice(listed(registry.boto3, group_or_version, **filters), limit))
    columns = ("position", "version", "sink", "state", "attempts", "changed", "error")
    print_rows(found, columns, as_json=as_json)


@click.command()
@click.argument("group_or_version", required=False)
@click.option("--id", "identity", metavar="ID", help="The event with this id.")
@click.option("--since", metavar="MOMENT", help="Events not before: 2026-11-24, 2026-11-24T12:00Z, or epoch seconds.")
@click.option("--sink", metavar="NAME", help="Only to this one; without, to all there are.")
@on_registry
def replay(
    registry: ModelRegistry,
    group_or_version: str | None,
    identity: str | None,
    since: str | None,
    sink: str | None,
    as_json: bool,
) -> None:
    """Deliver events again: one, those of a GROUP or VERSION, or those since a moment.

    A sink is told of nothing that its settings leave out.

    \b
    Examples:
      sagemaker-registry replay --id 5b0c2a52-6c7e-4c55-9a19-0d6b7e1f4a10
      sagemaker-registry replay churn/3 --sink ci
      sagemaker-registry replay --since 2026-11-24
    """
    from ..extensions import ask

    _offered(registry)
    asked = {"group": group_or_version, "id": identity, "since": since, "sink": sink}
    count = ask(registry.boto3, "events/replay", **asked)["deliveries"]
    if as_json:
        print_json({"deliveries": count})
    else:
        click.echo(f"{count:,} {'delivery' if count == 1 else 'deliveries'} will be made")


ALL = (events, watch, deliveries, replay)


class _Stop:
    """SIGTERM: at once while waiting, after the command while one runs, so that no deploy is cut in half."""

    def __init__(self) -> None:
        self._is_busy = self._is_wanted = False

    def __call__(self, number: int, frame: object) -> None:
        self._is_wanted = True
        if not self._is_busy:
            self._now()

    @contextmanager
    def later(self) -> Iterator[None]:
        self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False
        if self._is_wanted:
            self._now()

    def _now(self) -> NoReturn:
        sys.exit(0)


@contextmanager
def _stoppable() -> Iterator[_Stop]:
    stop = _Stop()
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)


def _followed(registry: ModelRegistry, after: int, **asked: Any) -> Iterator[Event]:
    from ..registry.events import follow

    def is_away(sentence: str) -> None:
        click.echo(f"sagemaker-registry: {sentence}; asking again", err=True)

    return follow(registry.boto3, after, time.sleep, is_away, **asked)


def _position(registry: ModelRegistry, begin: str | int) -> int:
    from ..registry.events import last_position

    if isinstance(begin, int):
        return begin
    return 0 if begin == "start" else last_position(registry.boto3)


def _offered(registry: ModelRegistry) -> None:
    """End with a sentence if the registry has no events."""
    from ..extensions import offers

    if not offers(registry.boto3, "events"):
        end(ELSEWHERE, REFUSED)


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        end(f"--exec {command!r} cannot be split into words: {error}", REFUSED)
    if not words or shutil.which(words[0]) is None:
        end(f"--exec: {words[0] if words else command!r} is not a program that can be run", REFUSED)
    return words


def _report(event: Event, done: Run, command: str, *, as_json: bool) -> None:
    if as_json:
        result = {"exit_code": done.exit_code, "attempts": done.attempts}
        click.echo(json.dumps({"position": event.position, "id": event.id, "version": event.name, **result}))
        return
    code = "could not be started" if done.exit_code is None else f"ended with {done.exit_code}"
    again = "" if done.attempts == 1 else f" after attempt {done.attempts}"
    click.echo(f"{event.name} {event.status}: {command} {code}{again}", err=True)


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
