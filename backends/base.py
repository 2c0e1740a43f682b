"""What every backend is, and who is calling it: the seam between those who ask and those who answer."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, Self, TypeVar

import msgspec
import regex

from .errors import UnknownOperationException, ValidationException
from .service import model
from .settings import Settings

__all__ = ["Backend", "BackendOptions", "Caller"]

DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
ANONYMOUS = "anonymous"
MAX_CONTENT = 2**20
"""Bytes of an object a rule reads."""

Params = TypeVar("Params", bound=msgspec.Struct)


class Identity(msgspec.Struct, frozen=True):
    """Who an access key belongs to, where that is known: by registry.toml, or by the STS and IAM beside the registry.

    `groups` are those of registry.toml. `principal` is AWS's PrincipalId; of an identity of registry.toml its name, as
    an access key shown to others would let them be somebody else.
    """

    name: str
    arn: str
    account: str
    groups: tuple[str, ...] = ()
    principal: str = ""


class Caller(msgspec.Struct, frozen=True):
    """Who is calling, and in which account and region: what AWS reads from the signature."""

    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    access_key: str = ANONYMOUS
    request_id: str = ""
    """The id of the request, as its answer's header and its history name it."""
    identity: Identity | None = None
    """Who that is, once a registry has recognised the access key."""

    @classmethod
    def from_access_key(cls, access_key: str | None, region: str | None, request_id: str = "") -> Caller:
        """Return the caller behind an access key id: a 12-digit one is the account id itself (our choice)."""
        key = access_key or ANONYMOUS
        account = key if key.isascii() and key.isdigit() and len(key) == 12 else DEFAULT_ACCOUNT
        return cls(account, region or DEFAULT_REGION, key, request_id)

    def asking(self, request_id: str) -> Caller:
        """Return the same caller with another request: quicker than `replace`, as it is done for each."""
        return Caller(self.account, self.region, self.access_key, request_id, self.identity)

    @property
    def partition(self) -> str:
        return partition_of(self.region)

    @property
    def name(self) -> str:
        """What registry.toml calls the caller; the access key of somebody it does not know."""
        return self.identity.name if self.identity else self.access_key

    @property
    def groups(self) -> tuple[str, ...]:
        return self.identity.groups if self.identity else ()

    @property
    def arn(self) -> str:
        """The identity's ARN: the root of the account for a 12-digit key, else a user named as the key (our choice)."""
        if self.identity:
            return self.identity.arn
        who = "root" if self.access_key == self.account else f"user/{self.access_key}"
        return f"arn:{self.partition}:iam::{self.account}:{who}"

    @property
    def principal(self) -> str:
        """AWS's PrincipalId: of a known identity what that says, never its access key, for whoever has that is it."""
        return (self.identity.principal if self.identity else "") or self.access_key

    @property
    def user_context(self) -> dict[str, Any]:
        """The identity as the shape UserContext, for CreatedBy and LastModifiedBy."""
        return {"IamIdentity": {"Arn": self.arn, "PrincipalId": self.principal}}


@lru_cache(maxsize=256)  # whoever signs names a region, of any length
def partition_of(region: str) -> str:
    """Return the partition of a region: `aws`, `aws-cn`, `aws-us-gov` ...; of an unknown region, `aws`."""
    for partition in model.partitions():
        if region in partition["regions"] or regex.match(partition["regionRegex"], region):
            return str(partition["id"])
    return "aws"


class Probe(Protocol):
    """Looks for what a package names: artefacts in S3, images in ECR, models. None is "nobody here could hold it"."""

    def artifact_exists(self, caller: Caller, bucket: str, key: str, *, is_prefix: bool) -> bool | None:
        """Whether an object has that key, or one begins with it; None if there is no such bucket."""
        ...

    def image_exists(self, caller: Caller, image: str) -> bool | None:
        """Whether the registry holds the image; None if there is no such repository."""
        ...

    def containers(self, caller: Caller, model: str) -> list[dict[str, Any]] | None:
        """Return the containers of a SageMaker model by its name, as ContainerDefinition; None if there is none."""
        ...

    def content(self, caller: Caller, bucket: str, key: str) -> bytes | None:
        """Return an object of at most MAX_CONTENT bytes, such as a metrics file; None if there is none.

        Raises:
            ValidationException: it is larger.
        """
        ...


class NoProbe:
    """Looks nowhere."""

    def artifact_exists(self, caller: Caller, bucket: str, key: str, *, is_prefix: bool) -> bool | None:
        return None

    def image_exists(self, caller: Caller, image: str) -> bool | None:
        return None

    def containers(self, caller: Caller, model: str) -> list[dict[str, Any]] | None:
        return None

    def content(self, caller: Caller, bucket: str, key: str) -> bytes | None:
        return None


def no_identity(caller: Caller) -> Identity | None:
    return None


class BackendOptions(msgspec.Struct, frozen=True):
    """What a backend is opened with besides its URL: its switches, and where artefacts and images are looked for."""

    settings: Settings = msgspec.field(default_factory=Settings)
    probe: Probe = msgspec.field(default_factory=NoProbe)
    identify: Callable[[Caller], Identity | None] = no_identity
    """Knows callers that registry.toml does not name: those with keys of the STS or IAM beside the registry."""
    clock: Callable[[], float] = time.time
    """The time, in epoch seconds."""


class Backend(ABC):
    """Anything that answers the registry API: AWS member names and Python values in, the same out."""

    operations: frozenset[str]
    """The names of the operations it answers: capability is data."""
    extensions: Mapping[str, bool] = MappingProxyType({})
    """The names of its extensions, which are not in AWS's API, each with whether it writes."""
    outbox: Any = None
    """The `Outbox` of its events; None where events are not kept."""

    @abstractmethod
    def call(self, operation: str, params: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Answer one operation of `operations`.

        Args:
            operation: AWS's name, as in `DescribeModelPackage`.
            params: the members of its input shape; timestamps are aware datetimes.
            caller: who asks, in which account and region.

        Returns:
            The members of its output shape, timestamps as aware datetimes; empty for an operation without output.

        Raises:
            RegistryError: the refusal, with AWS's code and sentence; nothing was changed.
            NotHandled: the operation is shared with the rest of SageMaker (tags, search, models), and this request
                is not about the registry's resources, or only had to be allowed by it.
        """

    def extension(self, name: str, params: Mapping[str, Any], caller: Caller) -> Any:
        """Answer one of `extensions`, within the caller's account and region.

        Args:
            name: of the extension.
            params: its parameters, as JSON values; numbers may be text, as in a query string.
            caller: who asks.

        Returns:
            JSON values.

        Raises:
            RegistryError: the refusal; nothing was changed.
        """
        there = ", ".join(sorted(self.extensions)) or "nothing beyond AWS's API"
        raise UnknownOperationException(f"This registry has no {name!r}: it has {there}.")

    @abstractmethod
    def ping(self) -> None:
        """Return when it can answer, else raise a RegistryError that says what is wrong."""

    @abstractmethod
    def close(self) -> None:
        """Release files and connections; what was acknowledged stays."""

    def request_id(self) -> str:
        """Return a new id for a request, as AWS gives one to each."""
        return random_id()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Empty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters of an extension that takes none."""


class Extension(msgspec.Struct, frozen=True):
    """One row of a table of extensions.

    Args:
        answer: returns the answer, which is then converted to JSON values, for a context and parameters. The context
            is the transaction of the registry, or the registry under test control.
        params: the type of the parameters; unknown names are refused.
        writes: whether it changes something.
        prefetch: returns a callable that asks other services, before the transaction, what the rules need.
        operation: AWS's name of what it does, for policies and history; its own name if that is empty.
        needs_positions: whether every event must have its position before the transaction begins.
        needs_store: whether it requires a store that belongs to the backend alone.
    """

    answer: Callable[[Any, Any], Any]
    params: type[msgspec.Struct] = Empty
    writes: bool = False
    prefetch: Callable[[Any, Any], Callable[[], object]] | None = None
    operation: str = ""
    needs_positions: bool = False
    needs_store: bool = False


def parsed(name: str, params: Mapping[str, Any], kind: type[Params]) -> Params:
    """Return the parameters of an extension as its type.

    Raises:
        ValidationException: they are not of that type; the message names the extension.
    """
    try:
        return msgspec.convert(params, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ValidationException(f"{name}: {error}") from error


def random_id() -> str:
    """Return a random id as AWS gives them to requests, a UUID of version 4: as `uuid` makes them, in half its time."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
