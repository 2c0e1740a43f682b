"""The `verify` command, which compares the behavior of two registries."""

from __future__ import annotations

import logging
import signal
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ...backends.text import printable
from ...backends.urls import without_password
from .output import INTERRUPTED, NO, REGION, errors_reported, fail, print_json, region_option

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from ..verification import Report, StepReport, Verdict

FRESH = "sqlite://"
MAX_VALUE = 200
MAX_SHOWN = 8
COLORS: dict[Verdict, str] = {"differs": "red", "not answered": "yellow", "not run": "yellow"}


@click.command()
@click.argument("url", envvar="SAGEMAKER_REGISTRY_URL")
@click.option(
    "--against",
    metavar="URL",
    default=FRESH,
    show_default="a fresh registry in memory",
    help="Registry to compare with.",
)
@REGION
@click.option("--image", metavar="IMAGE", help="Image of all versions; AWS requires one in ECR in the same region.")
@click.option("--on-aws", is_flag=True, help="Allow creating and deleting groups named verify-... in an AWS account.")
@click.option("--keep", is_flag=True, help="Do not delete the created groups.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the full report as JSON, including steps with the same result."
)
def verify(
    url: str, against: str, region: str | None, image: str | None, on_aws: bool, keep: bool, as_json: bool
) -> None:
    """Compare the behavior of two registries.

    Sends a hundred requests to URL (default: SAGEMAKER_REGISTRY_URL) and to --against: groups, versions, lists and
    pages, updates, tags, policies, searches, deletions, and invalid requests. Prints the responses, errors, and orders
    that differ, and separately the operations that a registry does not support.

    All resources are created in groups named verify- and eight random characters, which are deleted at the end. Exits
    with code 0 if the registries behave the same, 1 if they differ, and 2 after an error.

    \b
    Examples:
      sagemaker-registry verify http://127.0.0.1:8080
      sagemaker-registry verify aws://sandbox@eu-west-1 --on-aws
      sagemaker-registry verify http://127.0.0.1:8080 --against postgresql://registry@db.example/models
    """
    with errors_reported():
        from ..connection import connect
        from ..verification import CONFIG, IMAGE, PATIENCE_WITH_AWS, compare, is_aws, reaches_aws

        for asked in (url, against):
            if is_aws(asked) and not on_aws:
                fail(
                    f"{without_password(asked)} is AWS; add --on-aws to allow creating and deleting groups named "
                    "verify-... in that account"
                )
        clients = [connect(asked, config=CONFIG, **region_option(region)) for asked in (url, against)]
        if any(map(reaches_aws, clients)) and not on_aws:
            fail("a server forwards requests to AWS; add --on-aws to allow creating and deleting groups there")
        report = _interruptible(
            compare,
            *clients,
            names=_names(url, against),
            image=image or IMAGE,
            on_aws=on_aws,
            keep=keep,
            patience=PATIENCE_WITH_AWS if any(map(reaches_aws, clients)) else None,
            progress=_progress,
        )
    if not (report.steps_with("same") or report.steps_with("differs")):
        fail(f"no step could be compared: {report.steps[0].note}")
    print_json({"same": report.same, **asdict(report)}) if as_json else _print(report)
    for left in report.left_behind:
        click.echo(f"sagemaker-registry: not deleted: {left}", err=True)
    if not report.same:
        sys.exit(NO)


def _names(*urls: str) -> tuple[str, ...]:
    """Return the URLs of the two registries, numbered if they are the same."""
    shown = tuple(map(without_password, urls))
    return shown if shown[0] != shown[1] else (f"{shown[0]} (first)", f"{shown[1]} (second)")


def _interruptible(compare: Any, *clients: SageMakerClient, **options: Any) -> Report:
    """Compare, and name resources that were not deleted after an error, Ctrl-C, or SIGTERM (which CI sends)."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    logging.disable()  # a registry in this process logs errors that are expected here
    try:
        report: Report = compare(*clients, **options)
    except KeyboardInterrupt as interrupt:
        notes = getattr(interrupt, "__notes__", None) or ["all resources were deleted"]
        fail("\n".join(["interrupted", *notes]), INTERRUPTED)
    except Exception as error:
        for note in getattr(error, "__notes__", ()):
            click.echo(f"sagemaker-registry: {note}", err=True)
        raise
    finally:
        logging.disable(logging.NOTSET)
        signal.signal(signal.SIGTERM, before)
        for client in clients:
            client.close()
    return report


def _progress(done: int, of: int, step: StepReport) -> None:
    if not sys.stderr.isatty():
        return
    click.echo(f"\r{done}/{of} {step.operation} {step.says}"[:78].ljust(79), nl=False, err=True)
    if done == of:
        click.echo(f"\r{'':79}\r", nl=False, err=True)


def _print(report: Report) -> None:
    for verdict, color in COLORS.items():
        for step in report.steps_with(verdict):
            click.echo(f"{click.style(verdict, fg=color)}  {step.operation}: {step.says}")
            if step.note:
                click.echo(f"    {printable(step.note)}")
            for found in step.differences[:MAX_SHOWN]:
                click.echo(f"    {printable(found.path)}")
                for name, value in ((report.left, found.left), (report.right, found.right)):
                    click.echo(f"      {name:{max(len(report.left), len(report.right))}}  {_shown(value)}")
            if len(step.differences) > MAX_SHOWN:
                click.echo(f"    ... and {len(step.differences) - MAX_SHOWN} more (use --json to see all)")
    counts = ", ".join(f"{len(report.steps_with(verdict))} {verdict}" for verdict in ("same", *COLORS))
    click.echo(f"{len(report.steps)} steps: {counts}")


def _shown(value: Any) -> str:
    is_names = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    text = "(absent)" if value is None else (" ".join(value) or "(none)") if is_names else str(value)
    return printable(text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}...")
