"""Apply a seed to a registry: create the groups and versions that do not exist."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ...backends.errors import BackendUnavailable, RegistryError
from ...backends.views import PENDING
from ..extensions import ask, offers
from ..registry.requests import given, listed
from .files import BadSeed
from .parser import Group, Seed, Source, read

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from ...backends.base import Backend

ACCESS_KEY = "seed"
"""The access key that is recorded as the creator of seeded resources on a server."""


@dataclass(slots=True)
class SeedResult:
    """The number of groups and versions that were created, and that already existed."""

    new_groups: int = 0
    new_versions: int = 0
    groups_there: int = 0
    versions_there: int = 0


def apply_seed(client: SageMakerClient, source: Source | Sequence[Source] | Seed) -> SeedResult:
    """Apply a seed to the registry of a client.

    The first version of a group in a seed is its version 1, and so on; existing versions with these numbers are not
    changed. Registries of this project apply a seed in one transaction. Others receive one request after another; after
    an error, the seed can be applied again.

    Args:
        client: a client of any registry.
        source: files in YAML or JSON, folders of such files, or dicts with the same content.

    Raises:
        BadSeed: the seed is invalid, or the registry rejects part of it; the message says where.
        ClientError: the registry rejects a request that reads from it.
    """
    seed = source if isinstance(source, Seed) else read(source, client.meta.service_model)
    if offers(client, "seed"):
        try:
            return SeedResult(**ask(client, "seed", groups=seed.as_json()))
        except ClientError as error:
            raise BadSeed(error.response["Error"]["Message"]) from error
    result = SeedResult()
    for group in seed.groups:
        _apply_group(client, group, result)
    return result


def _apply_group(client: SageMakerClient, group: Group, result: SeedResult) -> None:
    with _located(group.where):
        try:
            client.create_model_package_group(**group.request)
            result.new_groups += 1
        except ClientError as error:
            if "already exist" not in error.response["Error"]["Message"]:
                raise
            result.groups_there += 1
        numbers = [one["ModelPackageVersion"] for one in listed(client, ModelPackageGroupName=group.name)]
    for number, version in enumerate(group.versions, start=1):
        if number <= max(numbers, default=0):
            result.versions_there += 1
            continue
        with _located(version.where):
            arn = client.create_model_package(**version.request)["ModelPackageArn"]
            if version.status != PENDING or version.reason is not None:
                decision: Any = given(ModelApprovalStatus=version.status, ApprovalDescription=version.reason)
                client.update_model_package(ModelPackageArn=arn, **decision)
        result.new_versions += 1


@contextmanager
def _located(where: str) -> Iterator[None]:
    """Add the place in the seed to errors of the registry."""
    try:
        yield
    except ClientError as error:
        raise BadSeed(f"{where}: {error.response['Error']['Message']}") from error


def seeder(sources: Sequence[Path]) -> Callable[[Backend], None]:
    """Return a function that applies seeds to a backend, in the default account and in the region of the environment.

    The function raises BackendUnavailable if the backend rejects the seeds.

    Raises:
        BadSeed: the seeds are invalid.
    """
    from ...backends.base import Caller
    from ...backends.remote import sessions
    from ...backends.service import model

    seed = read(sources, model.service())

    def apply(backend: Backend) -> None:
        if "seed" not in backend.extensions:
            raise BackendUnavailable(
                "--seed does not work for a gateway; use `sagemaker-registry seed FILES --url URL` instead"
            )
        region = sessions.local_session().region_name or sessions.DEFAULT_REGION
        try:
            backend.extension("seed", {"groups": seed.as_json()}, Caller(region=region, access_key=ACCESS_KEY))
        except RegistryError as error:
            raise BackendUnavailable(error.message) from error

    return apply
