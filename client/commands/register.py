"""The commands that write and find versions: `register`, `search`, `delete`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import click

from . import completion
from .output import NO, REFUSED, Command, end, on_registry, print_json, print_rows
from .review import COLUMNS, row_of

if TYPE_CHECKING:
    from ..registry.registry import ModelRegistry

STATUSES = ["Approved", "Rejected", "PendingManualApproval"]
METADATA = "CustomerMetadataProperties"
OPTION_MEMBERS: dict[str, tuple[tuple[str, ...], ...]] = {
    # option: where in CreateModelPackage it goes, in place of what a file has there
    "description": (("ModelPackageDescription",),),
    "approval": (("ModelApprovalStatus",),),
    "token": (("ClientToken",),),
    "metrics": (("ModelMetrics", "ModelQuality", "Statistics"),),
    "training_job": (("MetadataProperties", "GeneratedBy"), (METADATA, "training_job")),
    "dataset_version": ((METADATA, "dataset_version"),),
    "git_commit": (("MetadataProperties", "CommitId"), (METADATA, "git_commit")),
}
CONTAINER_MEMBERS = {"image": "Image", "model_data": "ModelDataUrl"}
TYPE_MEMBERS = {"content_types": "SupportedContentTypes", "response_types": "SupportedResponseMIMETypes"}

GROUP_MARK, VERSION_MARK = ":model-package-group/", ":model-package/"


def _pairs(_: click.Context, option: click.Parameter, said: tuple[str, ...]) -> dict[str, str]:
    """Return what `--metadata KEY=VALUE` and the like say."""
    pairs = {}
    for text in said:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise click.BadParameter(f"{text!r} is not KEY=VALUE")
        pairs[key] = value
    return pairs


def _of_pairs(name: str, *declared: str, help: str) -> Callable[[Command], Command]:  # noqa: A002 - click's own word
    return click.option(name, *declared, multiple=True, callback=_pairs, metavar="KEY=VALUE", help=help)


@click.command()
@click.argument("group", required=False, shell_complete=completion.groups)
@click.option("--from", "source", type=click.File("rb"), metavar="FILE", help="A request in JSON; - reads stdin.")
@click.option("--image", help="The image that serves the model.")
@click.option("--model-data", metavar="S3URI", help="The model's archive.")
@click.option("--content-type", "content_types", multiple=True, help="What it reads; text/csv if nobody says.")
@click.option("--response-type", "response_types", multiple=True, help="What it answers; text/csv if nobody says.")
@_of_pairs("--metadata", help="What describes the version; may be repeated.")
@click.option("--metrics", metavar="S3URI", help="A model quality report in JSON.")
@click.option("--description", help="Of the version.")
@_of_pairs("--tag", "tags", help="Of the group, if this creates it; may be repeated.")
@click.option("--training-job", help="What made the model; also kept as metadata.")
@click.option("--dataset-version", help="What it was trained on; kept as metadata.")
@click.option("--git-commit", help="The commit of its code; also kept as metadata.")
@click.option("--approval", type=click.Choice(STATUSES), help="PendingManualApproval if nobody says.")
@click.option("--token", help="The same token registers the same version once, however often it is sent.")
@on_registry
def register(
    registry: ModelRegistry,
    group: str | None,
    source: IO[bytes] | None,
    metadata: dict[str, str],
    tags: dict[str, str],
    as_json: bool,
    **options: Any,
) -> None:
    """Register a version of GROUP, which is created if nobody has, and print the version's ARN.

    FILE is what `aws sagemaker create-model-package --cli-input-json` takes; options win over what is in it, and
    without GROUP its ModelPackageGroupName is the group.

    \b
    Examples:
      sagemaker-registry register churn --image registry/churn:3 --model-data s3://models/churn/model.tar.gz
      sagemaker-registry register churn --image registry/churn:3 --metadata accuracy=0.93 --git-commit 4f5c2a9
      arn=$(sagemaker-registry register churn --from request.json --token "$CI_JOB_ID")
    """
    members = _request(source) if source is not None else {}
    in_file = members.pop("ModelPackageGroupName", None)
    name = group or in_file
    if not name:
        end("name a GROUP, or a file that has a ModelPackageGroupName", REFUSED)
    given = {option: value for option, value in options.items() if value}
    _make_way(members, given, metadata)
    version = registry.register(name, metadata=metadata, tags=tags, **given, **members)
    print_json(version.record) if as_json else click.echo(version.arn)


@click.command()
@click.argument("terms", metavar="[TERM]...", nargs=-1)
@click.option("--groups", "of_groups", is_flag=True, help="Search groups instead of versions.")
@click.option("--sort", metavar="NAME", help="A property to sort by; the time of the last change if nobody says.")
@click.option("--ascending", is_flag=True, help="From the least to the most; else from the most.")
@click.option("--limit", type=click.IntRange(min=1), help="How many to print; all if nobody says.")
@on_registry
def search(
    registry: ModelRegistry,
    terms: tuple[str, ...],
    of_groups: bool,
    sort: str | None,
    ascending: bool,
    limit: int | None,
    as_json: bool,
) -> None:
    """Find the versions for which every TERM holds, with SageMaker Search; without a TERM, all.

    A TERM is Name=value, Name!=value, Name>=value (or <= > <), Name~text (contains), Name (is there) or !Name (is not);
    quote those with < > or !. Names are AWS's: ModelApprovalStatus, CreationTime, ModelLifeCycle.Stage, Tags.KEY (of
    the group), CustomerMetadataProperties.KEY ...; times are written 2026-11-24T00:00:00, in UTC.

    \b
    Examples:
      sagemaker-registry search ModelApprovalStatus=Approved Tags.team=risk
      sagemaker-registry search 'CustomerMetadataProperties.accuracy>=0.9' --sort CreationTime --limit 5
      sagemaker-registry search --groups Tags.team
    """
    if of_groups:
        groups = registry.search_groups(*terms, sort=sort, ascending=ascending)
        named = [
            {"name": group.name, "created": group.created, "description": group.description}
            for group in islice(groups, limit)
        ]
        print_rows(named, ("name", "created", "description"), as_json=as_json)
        return
    found = registry.search(*terms, sort=sort, ascending=ascending)
    print_rows(map(row_of, islice(found, limit)), COLUMNS, as_json=as_json)


@click.command()
@click.argument("name", metavar="VERSION|GROUP", shell_complete=completion.versions)
@click.option("--with-versions", is_flag=True, help="Delete a group with the versions in it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_registry
def delete(registry: ModelRegistry, name: str, with_versions: bool, yes: bool, as_json: bool) -> None:
    """Delete a VERSION (its ARN, or GROUP/N), whose number is not given again; or a GROUP (its name or ARN).

    Asks first; where nobody can be asked, --yes is needed. Exit code 1 if the answer is no.

    \b
    Examples:
      sagemaker-registry delete churn/3
      sagemaker-registry delete churn --with-versions --yes
    """
    is_group = GROUP_MARK in name or (VERSION_MARK not in name and "/" not in name)
    if is_group:
        registry.boto3.describe_model_package_group(ModelPackageGroupName=name)
        doomed = _versions_of(registry, name) if with_versions else []
        what = f"the group {name}" + _with(doomed)
    else:
        version = registry.get(name)
        doomed, what = [version.arn], f"{version.group}/{version.version} ({version.status})"
    _ask(what, yes=yes)
    if is_group:
        registry.delete_group(name, with_versions=with_versions)
    else:
        registry.delete(name)
    print_json({"deleted": [*doomed, *([name] if is_group else [])]}) if as_json else click.echo(f"deleted {what}")


ALL = (register, search, delete)


def _request(source: IO[bytes]) -> dict[str, Any]:
    """Return what a file says; a sentence and exit code 2 if that is no request."""
    where = getattr(source, "name", "<stdin>")
    try:
        value = json.loads(source.read())
    except ValueError as error:
        end(f"{where} is not JSON: {error}", REFUSED)
    if not isinstance(value, dict):
        end(f"{where} is not a JSON object with members of CreateModelPackage", REFUSED)
    return value


def _make_way(members: dict[str, Any], given: dict[str, Any], metadata: Iterable[str]) -> None:
    """Take out of a file's members what options say otherwise, and out of options what has its place in a list."""
    paths = [path for option in given for path in OPTION_MEMBERS.get(option, ())]
    for path in [*paths, *((METADATA, key) for key in metadata)]:
        _remove(members, path)
    specification = members.get("InferenceSpecification")
    if not isinstance(specification, dict):
        return
    for option, member in TYPE_MEMBERS.items():
        if option in given:
            specification[member] = [*given.pop(option)]
    containers = specification.get("Containers")
    if isinstance(containers, list) and containers and isinstance(containers[0], dict):
        for option, member in CONTAINER_MEMBERS.items():
            if option in given:
                containers[0][member] = given.pop(option)
    elif CONTAINER_MEMBERS.keys() & given.keys():
        for option, member in TYPE_MEMBERS.items():
            if member in specification:
                given[option] = specification.pop(member)


def _remove(members: Any, path: Sequence[str]) -> None:
    for name in path[:-1]:
        members = members.get(name) if isinstance(members, Mapping) else None
    if isinstance(members, dict):
        members.pop(path[-1], None)


def _with(doomed: Sequence[str]) -> str:
    return f" and its {len(doomed)} version{'s' * (len(doomed) > 1)}" if doomed else ""


def _versions_of(registry: ModelRegistry, group: str) -> list[str]:
    from ..registry.requests import listed

    return [version["ModelPackageArn"] for version in listed(registry.boto3, ModelPackageGroupName=group)]


def _ask(what: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        end(f"would delete {what}: say --yes where nobody can be asked", REFUSED)
    if not click.confirm(f"Delete {what}?", err=True):
        end("nothing is deleted", NO)
