"""The commands that bring versions from one registry to another: `plan`, which shows what would be, and `apply`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from ...backends.urls import is_memory, without_password
from .output import NO, REFUSED, Command, end, print_json, refusals
from .planned import count, said, show

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from ..promotion import Done, Plan

INTERRUPTED = 130
STATUSES = click.Choice(["Approved", "Rejected", "PendingManualApproval"])
AGAIN = "It can be run again: what is done is not done twice."

OPTIONS = (
    click.option("--group", "groups", multiple=True, metavar="PATTERN", help="Only these groups, such as 'churn-*'."),
    click.option("--version", "versions", multiple=True, metavar="GROUP/N", help="Only this version; may be repeated."),
    click.option("--status", "statuses", multiple=True, type=STATUSES, help="Versions to take; Approved by default."),
    click.option("--newest", is_flag=True, help="Only the newest of them of each group."),
    click.option("--as", "as_status", type=STATUSES, help="Approval of new copies; the source's by default."),
    click.option("--map-arn", multiple=True, metavar="FROM=TO", help="ARNs that begin with FROM begin with TO there."),
    click.option("--map-account", multiple=True, metavar="FROM=TO", help="An account, in ARNs and ECR images."),
    click.option("--map-bucket", multiple=True, metavar="FROM=TO", help="A bucket, in s3:// and https:// addresses."),
    click.option("--map-image", multiple=True, metavar="FROM=TO", help="Images that begin with FROM."),
    click.option("--overwrite-decisions", is_flag=True, help="Also change the approval of copies in DST."),
    click.option("--region", help="The AWS region of SRC; us-east-1 unless the environment says otherwise."),
    click.option("--to-region", help="The AWS region of DST; the same."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text."),
)


def promotion(command: Command) -> Command:
    """Give a command the options that say what is promoted, as `wish`, and turn refusals into one sentence."""

    @wraps(command)
    def run(*, map_arn: Any, map_account: Any, map_bucket: Any, map_image: Any, **arguments: Any) -> None:
        from ..promotion import Mappings, pairs

        given = {"arn": map_arn, "account": map_account, "bucket": map_bucket, "image": map_image}
        names = ("groups", "versions", "statuses", "newest", "as_status", "overwrite_decisions")
        wish = {name: arguments.pop(name) for name in names}
        with refusals():
            wish["mappings"] = Mappings.of(**{kind: pairs(kind, texts) for kind, texts in given.items()})
            wish["statuses"] = wish["statuses"] or ("Approved",)
            command(wish=wish, **arguments)

    for option in reversed(OPTIONS):
        run = option(run)
    return run


@click.command()
@click.argument("source", metavar="SRC")
@click.argument("destination", metavar="DST")
@promotion
@click.option("--out", type=click.Path(dir_okay=False), metavar="FILE", help="Write the plan to FILE, for apply.")
@click.option("--check", is_flag=True, help="Exit code 1 if there is anything to do.")
def plan(
    source: str,
    destination: str,
    wish: dict[str, Any],
    region: str | None,
    to_region: str | None,
    as_json: bool,
    out: str | None,
    check: bool,
) -> None:
    """Show what would bring versions from the registry SRC to DST, and change nothing.

    SRC and DST are URLs, as for connect(). Without --group and --version every Approved version of every group is
    taken. Shown are what would be created (+) and changed (~), with old and new values, what is the same (=), and what
    is skipped and why. A copy is known by its metadata "promoted_from". Unversioned packages are left alone, and
    objects in S3 and images in ECR are not copied. Image digests are left out, unless the image names one (@sha256:).

    Mappings say how things are called in DST; they are applied in this order: images, ARNs, buckets, accounts.

    \b
    Examples:
      sagemaker-registry plan sqlite:///registry.db http://staging:8080 --newest
      sagemaker-registry plan http://staging:8080 sqlite:///copy.db --group 'churn-*' --map-bucket dev=prod
      sagemaker-registry plan sqlite:///registry.db http://staging:8080 --out promotion.json
      sagemaker-registry plan sqlite:///registry.db http://staging:8080 --check    # for a pipeline
    """
    with _clients(source, destination, region, to_region) as clients:
        made = _planned(clients, source, destination, wish)
    if out:
        _write(made, out)
    click.echo(made.to_json()) if as_json else show(made)
    if check and made.steps:
        sys.exit(NO)


@click.command()
@click.argument("source", metavar="SRC|PLANFILE")
@click.argument("destination", metavar="[DST]", required=False)
@promotion
@click.option("--yes", is_flag=True, help="Do not ask.")
def apply(
    source: str,
    destination: str | None,
    wish: dict[str, Any],
    region: str | None,
    to_region: str | None,
    as_json: bool,
    yes: bool,
) -> None:
    """Bring versions from the registry SRC to DST; or carry out the PLANFILE of `plan --out`.

    The plan is shown, and carried out when you agree (--yes: at once). Groups that are missing are created with their
    description and tags. Versions are created in the source's order, and DST gives them its numbers. A copy whose
    original has changed since is changed too, except for its approval (--overwrite-decisions), and keeps metadata keys
    that the original lacks. An apply that was interrupted can be run again: what is done is not done twice. See
    `plan --help` for what is taken, and for mappings.

    A PLANFILE is refused if DST has changed since in what it touches. It holds no password of a URL: give it in the
    environment (PGPASSWORD).

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
        made = _planned(clients, source, destination, wish)
        _agreed_and_applied(made, clients[1], yes=yes, as_json=as_json)


ALL = (plan, apply)


@contextmanager
def _client(url: str, region: str | None) -> Iterator[SageMakerClient]:
    from ..connection import connect

    client = connect(url, **({"region_name": region} if region else {}))
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _clients(
    source: str, destination: str, region: str | None, to_region: str | None
) -> Iterator[tuple[SageMakerClient, SageMakerClient]]:
    with _client(source, region) as one, _client(destination, to_region) as other:
        same_place = source.rstrip("/") == destination.rstrip("/") and not is_memory(source)
        if same_place and one.meta.region_name == other.meta.region_name:
            raise ValueError(f"SRC and DST are the same registry: {without_password(source)}")
        yield one, other


def _planned(
    clients: tuple[SageMakerClient, SageMakerClient], source: str, destination: str, wish: dict[str, Any]
) -> Plan:
    from .. import promotion

    with _progress("Reading") as progress:
        urls = (without_password(source), without_password(destination))
        return promotion.plan(*clients, **wish, names=urls, on_group=progress)


def _agreed_and_applied(made: Plan, client: SageMakerClient, *, yes: bool, as_json: bool) -> None:
    show(made, err=as_json)
    if made.steps and not yes:
        if not sys.stdin.isatty():
            end("nothing was changed: say --yes, as there is no terminal to ask on", REFUSED)
        if not click.confirm("Carry it out?", err=as_json):
            end("nothing was changed", NO)
    _applied(made, client, as_json=as_json)


def _applied(made: Plan, client: SageMakerClient, *, as_json: bool) -> None:
    """Carry out a plan and say what was done, also when it ends in the middle."""
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
                    click.echo(said(one))

            promotion.apply(made, client, on_step=on_step)
    except KeyboardInterrupt:
        _conclude(done, total, shown=shown, as_json=as_json)
        end(f"interrupted after {len(done)} of {total} steps. {AGAIN}", INTERRUPTED)
    except Exception as error:
        _conclude(done, total, shown=shown, as_json=as_json)
        if not isinstance(error, promotion.Stale | promotion.Forgotten):
            click.echo(f"Stopped after {len(done)} of {total} steps. {AGAIN}", err=True)
        raise
    _conclude(done, total, shown=shown, as_json=as_json)


def _conclude(done: list[Done], total: int, *, shown: bool, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "outcome": one.outcome,
                    "action": one.step.action,
                    "group": one.step.group,
                    "source": one.step.source,
                    "copy": one.copy,
                }
                for one in done
            ]
        )
        return
    for one in done if shown else ():
        click.echo(said(one))
    if len(done) == total:
        click.echo(f"Done: {count(total, 'step')}." if total else "Nothing to do.")


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows how many are done of how many: on a terminal, beside what is printed."""
    if not sys.stderr.isatty():
        yield lambda done, of: None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def advance(done: int, of: int) -> None:
            bar.length = of
            bar.update(done - bar.pos)

        yield advance


def _write(made: Plan, path: str) -> None:
    """Write a plan to a file that only its owner reads: it holds whatever versions hold."""
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(made.to_json() + "\n")
    except OSError as error:
        raise ValueError(f"the plan cannot be written to {path}: {error.strerror}") from error


def _read(path: str) -> Plan:
    from ..promotion import Plan

    try:
        with open(path, encoding="utf-8") as file:
            return Plan.from_json(file.read())
    except OSError as error:
        what = "give SRC and DST, or the file of a plan" if "://" in path else "plan --out writes such a file"
        raise ValueError(f"{path}: {error.strerror}; {what}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _refuse_options_of_a_planfile() -> None:
    """Refuse options that say what is planned: the file says it."""
    context = click.get_current_context()
    for parameter in context.command.params:
        given = parameter.name and context.get_parameter_source(parameter.name)
        made_of = isinstance(parameter, click.Option) and parameter.name not in ("yes", "as_json")
        if made_of and given is click.core.ParameterSource.COMMANDLINE:
            raise ValueError(f"{parameter.opts[0]} is for making a plan: a plan file is carried out as it is")
