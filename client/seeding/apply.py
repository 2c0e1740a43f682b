"""Puts a seed into a registry: what is missing, and nothing else, so that it can be done again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ...backends.errors import RegistryError
from ...backends.views import PENDING
from ..extensions import ask, offers
from ..registry.requests import given, listed
from .files import BadSeed
from .parser import Group, Seed, Source, Version, read

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from ...backends.base import Backend

GARDENER = "seed"
"""Who has created what a server was seeded with."""


@dataclass(slots=True)
class Sown:
    """How many groups and versions are new, and how many were there."""

    new_groups: int = 0
    new_versions: int = 0
    groups_there: int = 0
    versions_there: int = 0


def sow(client: SageMakerClient, source: Source | Sequence[Source] | Seed) -> Sown:
    """Put a seed into the registry behind a client.

    The first version of a group in a seed is its version 1, and so on: numbers that a group has given already are left
    as they are. A registry of ours takes all of a seed or nothing, in one transaction; on others it is one request
    after another, and what a refusal leaves undone can be done again.

    Args:
        client: on any registry.
        source: files in YAML or JSON, folders of such, or dicts that say the same.

    Raises:
        BadSeed: something in it is wrong, or refused by the registry; the sentence says where.
        ClientError: the registry cannot be asked.
    """
    seed = source if isinstance(source, Seed) else read(source, client.meta.service_model)
    if offers(client, "seed"):
        try:
            return Sown(**ask(client, "seed", groups=seed.as_json()))
        except ClientError as error:
            raise BadSeed(error.response["Error"]["Message"]) from error
    sown = Sown()
    for group in seed.groups:
        _sow_group(client, group, sown)
    return sown


def _sow_group(client: SageMakerClient, group: Group, sown: Sown) -> None:
    with _on(group.where):
        try:
            client.create_model_package_group(**group.request)
            sown.new_groups += 1
        except ClientError as error:
            if "already exist" not in error.response["Error"]["Message"]:
                raise
            sown.groups_there += 1
        numbers = [one["ModelPackageVersion"] for one in listed(client, ModelPackageGroupName=group.name)]
    for number, version in enumerate(group.versions, start=1):
        if number <= max(numbers, default=0):
            sown.versions_there += 1
            continue
        with _on(version.where):
            _sow_version(client, version)
        sown.new_versions += 1


def _sow_version(client: SageMakerClient, version: Version) -> None:
    arn = client.create_model_package(**version.request)["ModelPackageArn"]
    if version.status != PENDING or version.reason is not None:
        decision: Any = given(ModelApprovalStatus=version.status, ApprovalDescription=version.reason)
        client.update_model_package(ModelPackageArn=arn, **decision)


@contextmanager
def _on(where: str) -> Iterator[None]:
    """Say of a refusal where the seed asked for what was refused."""
    try:
        yield
    except ClientError as error:
        raise BadSeed(f"{where}: {error.response['Error']['Message']}") from error


def planting(sources: Sequence[Path]) -> Callable[[Backend], None]:
    """Return what puts seeds into a registry, in the default account and the region of the environment.

    Raises:
        BadSeed: something in them is wrong; what is returned raises it for what the registry refuses.
    """
    if not sources:
        return lambda backend: None
    from ...backends.base import Caller
    from ...backends.remote import sessions
    from ...backends.service import model

    seed = read(sources, model.service())

    def plant(backend: Backend) -> None:
        if "seed" not in backend.extensions:
            raise BadSeed("a registry that is elsewhere, or behind rules here, takes no --seed: seed it by itself")
        region = sessions.local_session().region_name or sessions.DEFAULT_REGION
        try:
            backend.extension("seed", {"groups": seed.as_json()}, Caller(region=region, access_key=GARDENER))
        except RegistryError as error:
            raise BadSeed(error.message) from error

    return plant
