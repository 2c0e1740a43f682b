"""The `register`, `search`, and `delete` commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import click

from . import completion
from .output import (
    STATUSES,
    YES,
    Command,
    confirm,
    counted,
    fail,
    is_group,
    on_registry,
    print_result,
    print_rows,
)
from .review import COLUMNS, GROUP_COLUMNS, group_row, version_row

if TYPE_CHECKING:
    from ..registry.registry import ModelRegistry

METADATA = "CustomerMetadataProperties"
OPTION_MEMBERS: dict[str, tuple[tuple[str, ...], ...]] = {
    # option: the members of CreateModelPackage that it replaces in a file
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


def _pairs(_: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise click.BadParameter(f"{text!r} does not have the form KEY=VALUE")
        pairs[key] = value
    return pairs


def _of_pairs(name: str, *declared: str, help: str) -> Callable[[Command], Command]:  # noqa: A002 - click's own word
    return click.option(name, *declared, multiple=True, callback=_pairs, metavar="KEY=VALUE", help=help)


@click.command()
@click.argument("group", required=False, shell_complete=completion.groups)
@click.option(
    "--from",
    "source",
    type=click.File("rb"),
    metavar="FILE",
    help="JSON file with a CreateModelPackage request; - reads stdin.",
)
@click.option("--image", metavar="IMAGE", help="Container image that serves the model.")
@click.option("--model-data", metavar="S3URI", help="Model archive (model.tar.gz).")
@click.option(
    "--content-type",
    "content_types",
    multiple=True,
    metavar="TYPE",
    help="Content type that the model accepts; may be repeated. Default: text/csv.",
)
@click.option(
    "--response-type",
    "response_types",
    multiple=True,
    metavar="TYPE",
    help="Content type that the model returns; may be repeated. Default: text/csv.",
)
@_of_pairs("--metadata", help="Metadata of the version; may be repeated.")
@click.option("--metrics", metavar="S3URI", help="Model quality report in JSON.")
@click.option("--description", help="Description of the version.")
@_of_pairs("--tag", "tags", help="Tag of the group if it is created; may be repeated.")
@click.option("--training-job", metavar="NAME", help="Training job that created the model; also stored as metadata.")
@click.option("--dataset-version", metavar="VERSION", help="Version of the training data; stored as metadata.")
@click.option("--git-commit", metavar="COMMIT", help="Git commit of the training code; also stored as metadata.")
@click.option("--approval", type=STATUSES, help="Approval status. Default: PendingManualApproval.")
@click.option("--token", help="Idempotency token: a request with the same token does not register a second version.")
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
    """Register a version.

    Creates GROUP if it does not exist, and prints the ARN of the new version.

    FILE has the format of `aws sagemaker create-model-package --cli-input-json`. Options override its values. If GROUP
    is omitted, ModelPackageGroupName in FILE names the group.

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
        fail("missing GROUP; add it, or --from FILE with a ModelPackageGroupName")
    given = {option: value for option, value in options.items() if value}
    _override(members, given, metadata)
    version = registry.register(name, metadata=metadata, tags=tags, **given, **members)
    print_result(version.record, version.arn, as_json=as_json)


@click.command()
@click.argument("terms", metavar="[TERM]...", nargs=-1)
@click.option("--groups", "of_groups", is_flag=True, help="Search groups instead of versions.")
@click.option("--sort", metavar="NAME", help="Property to sort by. Default: LastModifiedTime.")
@click.option("--ascending", is_flag=True, help="Sort in ascending order. Default: descending.")
@click.option("--limit", type=click.IntRange(min=1), help="Maximum number of results to print. Default: no limit.")
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
    """Find versions by status, metric, or tag.

    Prints the versions that match every TERM, or all versions without a TERM, as SageMaker Search returns them.

    A TERM is one of: Name=value, Name!=value, Name>=value (also <=, >, and <), Name~text (contains the text), Name
    (exists), or !Name (does not exist). Quote terms that contain <, >, or !. Names are those of SageMaker Search, such
    as ModelApprovalStatus, CreationTime, ModelLifeCycle.Stage, Tags.KEY (tags of the group), and
    CustomerMetadataProperties.KEY. Times have the form 2026-11-24T00:00:00, in UTC.

    \b
    Examples:
      sagemaker-registry search ModelApprovalStatus=Approved Tags.team=risk
      sagemaker-registry search 'CustomerMetadataProperties.accuracy>=0.9' --sort CreationTime --limit 5
      sagemaker-registry search --groups Tags.team
    """
    if of_groups:
        groups = registry.search_groups(*terms, sort=sort, ascending=ascending)
        print_rows(map(group_row, islice(groups, limit)), GROUP_COLUMNS, as_json=as_json)
        return
    found = registry.search(*terms, sort=sort, ascending=ascending)
    print_rows(map(version_row, islice(found, limit)), COLUMNS, as_json=as_json)


@click.command()
@click.argument("name", metavar="VERSION|GROUP", shell_complete=completion.versions)
@click.option("--with-versions", is_flag=True, help="Also delete the versions of the group.")
@YES
@on_registry
def delete(registry: ModelRegistry, name: str, with_versions: bool, yes: bool, as_json: bool) -> None:
    """Delete a version or a group.

    A VERSION is GROUP/NUMBER or an ARN; its number is not used again. A GROUP is a name or an ARN.

    Asks for confirmation on a terminal; elsewhere, --yes is required. Exits with code 1 if you answer no.

    \b
    Examples:
      sagemaker-registry delete churn/3
      sagemaker-registry delete churn --with-versions --yes
    """
    from ..registry.requests import listed

    of_group = is_group(name)
    if of_group:
        registry.boto3.describe_model_package_group(ModelPackageGroupName=name)
        found = listed(registry.boto3, ModelPackageGroupName=name) if with_versions else ()
        doomed = [one["ModelPackageArn"] for one in found]
        what = f"the group {name}" + (f" and its {counted(len(doomed), 'version')}" if doomed else "")
    else:
        version = registry.get(name)
        doomed, what = [version.arn], f"{version.group}/{version.version} ({version.status})"
    if not yes:
        unattended = f"not deleting {what}: add --yes when there is no terminal to confirm"
        confirm(f"Delete {what}?", unattended, "nothing was deleted")
    if of_group:
        registry.delete_group(name, with_versions=with_versions)
    else:
        registry.delete(name)
    print_result({"deleted": [*doomed, *([name] if of_group else [])]}, f"deleted {what}", as_json=as_json)


def _request(source: IO[bytes]) -> dict[str, Any]:
    where = getattr(source, "name", "<stdin>")
    try:
        value = json.loads(source.read())
    except json.JSONDecodeError as error:
        from ...backends.errors import json_problem

        fail(f"{where} is not valid JSON: {json_problem(error)}")
    except (UnicodeDecodeError, RecursionError):
        fail(f"{where} is not valid JSON: expected UTF-8 text that is not nested too deeply")
    if not isinstance(value, dict):
        fail(f"{where} is not a JSON object with members of CreateModelPackage")
    return value


def _override(members: dict[str, Any], given: dict[str, Any], metadata: Iterable[str]) -> None:
    """Remove members that options replace, and write options that replace an item of a list into the list."""
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
