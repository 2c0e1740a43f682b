"""The `plan` and `apply` commands, which promote versions from one registry to another."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from ...backends.text import HIDDEN_VALUE, is_environment, printable
from ...backends.urls import is_memory, without_password
from .output import (
    INTERRUPTED,
    JSON,
    NO,
    STATUSES,
    YES,
    Command,
    confirm,
    counted,
    errors_reported,
    fail,
    print_json,
    region_option,
    require_file,
)

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from ..promotion import Done, Plan, Step

MARKS = {"create-group": ("+", "green"), "create": ("+", "green"), "update": ("~", "yellow")}
AGAIN = "run the command again to continue; completed steps are not repeated"

OPTIONS = (
    click.option(
        "--group",
        "groups",
        multiple=True,
        metavar="PATTERN",
        help="Only groups that match PATTERN (* and ?); may be repeated.",
    ),
    click.option(
        "--version", "versions", multiple=True, metavar="GROUP/NUMBER", help="Only this version; may be repeated."
    ),
    click.option(
        "--status",
        "statuses",
        multiple=True,
        type=STATUSES,
        help="Only versions with this status; may be repeated. Default: Approved.",
    ),
    click.option("--newest", is_flag=True, help="Only the newest selected version of each group."),
    click.option("--as", "as_status", type=STATUSES, help="Status of new copies. Default: the status in SRC."),
    click.option(
        "--map-arn", multiple=True, metavar="FROM=TO", help="Replace the prefix FROM of ARNs; may be repeated."
    ),
    click.option(
        "--map-account",
        multiple=True,
        metavar="FROM=TO",
        help="Replace the account FROM in ARNs and ECR images; may be repeated.",
    ),
    click.option(
        "--map-bucket",
        multiple=True,
        metavar="FROM=TO",
        help="Replace the bucket FROM in s3:// and https:// URLs; may be repeated.",
    ),
    click.option(
        "--map-image", multiple=True, metavar="FROM=TO", help="Replace the prefix FROM of images; may be repeated."
    ),
    click.option("--overwrite-decisions", is_flag=True, help="Also change the approval status of existing copies."),
    click.option(
        "--region",
        metavar="REGION",
        help="AWS region of SRC. Default: the region of your AWS configuration, or us-east-1.",
    ),
    click.option(
        "--to-region",
        metavar="REGION",
        help="AWS region of DST. Default: the region of your AWS configuration, or us-east-1.",
    ),
    JSON,
)


def promotion(command: Command) -> Command:
    """Add the options that select and map versions to a command, pass them as `selection`, and report errors."""

    @wraps(command)
    def run(*, map_arn: Any, map_account: Any, map_bucket: Any, map_image: Any, **arguments: Any) -> None:
        from ..promotion import Mappings, pairs

        given = {"arn": map_arn, "account": map_account, "bucket": map_bucket, "image": map_image}
        names = ("groups", "versions", "statuses", "newest", "as_status", "overwrite_decisions")
        selection = {name: arguments.pop(name) for name in names}
        with errors_reported():
            selection["mappings"] = Mappings.from_names(**{kind: pairs(kind, texts) for kind, texts in given.items()})
            selection["statuses"] = selection["statuses"] or ("Approved",)
            command(selection=selection, **arguments)

    for option in reversed(OPTIONS):
        run = option(run)
    return run


@click.command()
@click.argument("source", metavar="SRC")
@click.argument("destination", metavar="DST")
@promotion
@click.option("--out", type=click.Path(dir_okay=False), metavar="FILE", help="Write the plan to FILE, for `apply`.")
@click.option("--check", is_flag=True, help="Exit with code 1 if the plan has steps.")
def plan(
    source: str,
    destination: str,
    selection: dict[str, Any],
    region: str | None,
    to_region: str | None,
    as_json: bool,
    out: str | None,
    check: bool,
) -> None:
    """Preview a promotion to another registry.

    SRC and DST are registry URLs; neither registry is changed. Without --group and --version, the approved versions of
    all groups are selected.

    The plan lists the versions to create (+) and to change (~), with old and new values, those that are the same (=),
    and those that are skipped, with the reason. A copy is identified by its metadata "promoted_from". Unversioned
    packages, objects in S3, and images in ECR are not promoted. Image digests are left out unless the image name
    contains one (@sha256:).

    The --map options replace names for DST. They are applied in this order: images, ARNs, buckets, accounts.

    \b
    Examples:
      sagemaker-registry plan sqlite:///registry.db http://staging:8080 --newest
      sagemaker-registry plan http://staging:8080 sqlite:///copy.db --group 'churn-*' --map-bucket dev=prod
      sagemaker-registry plan sqlite:///registry.db http://staging:8080 --out promotion.json
      sagemaker-registry plan sqlite:///registry.db http://staging:8080 --check
    """
    require_file(destination)
    with _clients(source, destination, region, to_region) as clients:
        made = _planned(clients, source, destination, selection)
    if out:
        _write(made, out)
    click.echo(made.to_json()) if as_json else _show(made)
    if check and made.steps:
        sys.exit(NO)


@click.command()
@click.argument("source", metavar="SRC|PLANFILE")
@click.argument("destination", metavar="[DST]", required=False)
@promotion
@YES
def apply(
    source: str,
    destination: str | None,
    selection: dict[str, Any],
    region: str | None,
    to_region: str | None,
    as_json: bool,
    yes: bool,
) -> None:
    """Promote versions to another registry.

    Promotes versions from the registry SRC to DST, or applies the PLANFILE that `plan --out` wrote. Prints the plan and
    asks for confirmation, unless you add --yes. See `plan --help` for how versions are selected and names replaced.

    Missing groups are created with their description and tags. Versions are created in the order of SRC; DST assigns
    their numbers. Copies are updated if their original has changed. They keep their approval status (unless you add
    --overwrite-decisions) and metadata keys that the original lacks. You can run an interrupted `apply` again;
    completed steps are not repeated.

    A PLANFILE is rejected if the affected part of DST has changed since the plan was made. It contains no passwords;
    set them in the environment (PGPASSWORD).

    \b
    Examples:
      sagemaker-registry apply sqlite:///registry.db http://staging:8080 --newest
      sagemaker-registry apply sqlite:///registry.db http://staging:8080 --as PendingManualApproval --yes
      sagemaker-registry apply promotion.json --yes
    """
    if destination is None:
        made = _read(source)
        _refuse_options_of_a_planfile()
        source, destination, to_region = made.source, made.destination, made.region
        with _client(destination, to_region) as client:
            _agreed_and_applied(made, client, yes=yes, as_json=as_json)
        return
    with _clients(source, destination, region, to_region) as clients:
        made = _planned(clients, source, destination, selection)
        _agreed_and_applied(made, clients[1], yes=yes, as_json=as_json)


@contextmanager
def _client(url: str, region: str | None) -> Iterator[SageMakerClient]:
    from ..connection import connect

    with closing(connect(url, **region_option(region))) as client:
        yield client


@contextmanager
def _clients(
    source: str, destination: str, region: str | None, to_region: str | None
) -> Iterator[tuple[SageMakerClient, SageMakerClient]]:
    require_file(source)
    with _client(source, region) as one, _client(destination, to_region) as other:
        same_place = source.rstrip("/") == destination.rstrip("/") and not is_memory(source)
        if same_place and one.meta.region_name == other.meta.region_name:
            raise ValueError(f"SRC and DST are the same registry: {without_password(source)}")
        yield one, other


def _planned(
    clients: tuple[SageMakerClient, SageMakerClient], source: str, destination: str, selection: dict[str, Any]
) -> Plan:
    from .. import promotion

    with _progress("Reading") as progress:
        urls = (without_password(source), without_password(destination))
        return promotion.plan(*clients, **selection, names=urls, on_group=progress)


def _agreed_and_applied(made: Plan, client: SageMakerClient, *, yes: bool, as_json: bool) -> None:
    _show(made, err=as_json)
    if made.steps and not yes:
        unattended = "nothing was changed: add --yes when there is no terminal to confirm"
        confirm("Apply this plan?", unattended, "nothing was changed", err=as_json)
    _applied(made, client, as_json=as_json)


def _applied(made: Plan, client: SageMakerClient, *, as_json: bool) -> None:
    """Apply a plan and print the completed steps, also after an error."""
    from .. import promotion

    done: list[Done] = []
    shown = sys.stderr.isatty() or as_json
    total = len(made.steps)
    try:
        with _progress("Applying") as progress:

            def on_step(one: Done) -> None:
                done.append(one)
                progress(len(done), total)
                if not shown:
                    click.echo(printable(_outcome(one)))

            promotion.apply(made, client, on_step=on_step)
    except KeyboardInterrupt:
        _conclude(done, total, shown=shown, as_json=as_json)
        fail(f"interrupted after {len(done)} of {total} steps: {AGAIN}", INTERRUPTED)
    except Exception as error:
        _conclude(done, total, shown=shown, as_json=as_json)
        if not isinstance(error, promotion.Stale | promotion.Forgotten):
            click.echo(f"Stopped after {len(done)} of {total} steps: {AGAIN}.", err=True)
        raise
    _conclude(done, total, shown=shown, as_json=as_json)


def _conclude(done: list[Done], total: int, *, shown: bool, as_json: bool) -> None:
    if as_json:
        steps = ((one, one.step) for one in done)
        names = ("action", "group", "source")
        print_json(
            [{"outcome": one.outcome, **{n: getattr(step, n) for n in names}, "copy": one.copy} for one, step in steps]
        )
        return
    for one in done if shown else ():
        click.echo(printable(_outcome(one)))
    if len(done) == total:
        click.echo(f"Done: {counted(total, 'step')}." if total else "Nothing to do.")


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Return a function that shows a progress bar on a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, of: None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def advance(done: int, of: int) -> None:
            bar.length = of
            bar.update(done - bar.pos)

        yield advance


def _write(made: Plan, path: str) -> None:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(made.to_json() + "\n")
    except OSError as error:
        raise ValueError(f"cannot write the plan to {path}: {error.strerror}") from error


def _read(path: str) -> Plan:
    from ..promotion import Plan

    try:
        with open(path, encoding="utf-8") as file:
            return Plan.from_json(file.read())
    except OSError as error:
        what = "expected SRC and DST, or a plan file" if "://" in path else "create a plan file with `plan --out`"
        raise ValueError(f"{path}: {error.strerror}; {what}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _refuse_options_of_a_planfile() -> None:
    """Reject options that select or map versions, because a plan file is applied unchanged."""
    context = click.get_current_context()
    for parameter in context.command.params:
        given = parameter.name and context.get_parameter_source(parameter.name)
        made_of = isinstance(parameter, click.Option) and parameter.name not in ("yes", "as_json")
        if made_of and given is click.core.ParameterSource.COMMANDLINE:
            raise ValueError(f"{parameter.opts[0]} cannot be used with a plan file; use it with `plan --out`")


def _show(made: Plan, *, err: bool = False) -> None:
    """Print a plan: steps that create (+) or change (~), unchanged versions (=), skipped versions, and totals."""
    from ..promotion import name_of

    click.echo(f"{made.source} -> {made.destination} ({made.region})\n", err=err)
    for step in made.steps:
        mark, color = MARKS[step.action]
        click.secho(printable(f"{mark} {_title(step)}"), fg=color, err=err)
        for difference in step.differences:
            was = f"{_text(difference.path, difference.a)} -> " if step.action == "update" else ""
            click.echo(f"    {printable(difference.path)}: {was}{_text(difference.path, difference.b)}", err=err)
    for one in made.same:
        click.echo(printable(f"= {name_of(one.source)} (copy {name_of(one.copy)})"), err=err)
    skipped: dict[tuple[str, str], list[str]] = {}
    for left_out in made.skipped:
        name = name_of(left_out.source)
        skipped.setdefault((name.partition("/")[0], left_out.reason), []).append(name)
    for (_, reason), names in skipped.items():
        click.secho(f"skipped {', '.join(names)}: {printable(reason)}", dim=True, err=err)
    if made.steps or made.same or made.skipped:
        click.echo(err=err)
    if any(step.action == "create" for step in made.steps):
        click.echo("Versions are created in this order; the destination assigns their numbers.", err=err)
        click.echo(
            "Objects in S3 and images in ECR are not copied; the destination must be able to read them.", err=err
        )
    click.secho(_totals(made), bold=True, err=err)


def _title(step: Step) -> str:
    from ..promotion import name_of

    if step.action == "create-group":
        return f"group {step.group}"
    return name_of(step.source) + (f" (copy {name_of(step.copy)})" if step.copy else "")


def _text(path: str, value: Any) -> str:
    if value is not None and is_environment(path):
        return HIDDEN_VALUE
    return "(none)" if value is None else printable(json.dumps(value, ensure_ascii=False, default=str))


def _totals(made: Plan) -> str:
    actions = [step.action for step in made.steps]
    groups = f"{counted(actions.count('create-group'), 'group')} and " if "create-group" in actions else ""
    return (
        f"Plan: {groups}{counted(actions.count('create'), 'version')} to create, {actions.count('update')} to change, "
        f"{len(made.same)} the same, {len({one.source for one in made.skipped})} skipped."
    )


def _outcome(done: Done) -> str:
    from ..promotion import name_of

    if done.step.action == "create-group":
        return f"{done.outcome}: group {done.step.group}"
    return f"{done.outcome}: {name_of(done.copy)} from {name_of(done.step.source)}"
