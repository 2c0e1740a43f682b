"""The Backend interface, and the types that its callers and its implementations share."""

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

from .conversion import Mismatch, convert
from .errors import UnknownOperationException, ValidationException
from .service import model
from .settings import Settings

__all__ = ["Backend", "BackendOptions", "Caller"]

DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
ANONYMOUS = "anonymous"
MAX_CONTENT = 2**20
"""Size of the largest object that a rule reads, in bytes."""

Params = TypeVar("Params", bound=msgspec.Struct)


class Identity(msgspec.Struct, frozen=True):
    """The owner of an access key, as known from registry.toml or from STS and IAM on the same endpoint.

    `groups` come from registry.toml. `principal` is AWS's PrincipalId; for an identity of registry.toml it is the name,
    because others could impersonate the identity if they saw its access key.
    """

    name: str
    arn: str
    account: str
    groups: tuple[str, ...] = ()
    principal: str = ""


class Caller(msgspec.Struct, frozen=True):
    """The caller of a request, with its account and region; AWS reads them from the signature."""

    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    access_key: str = ANONYMOUS
    request_id: str = ""
    """The request ID, as in the response header and in the history."""
    identity: Identity | None = None
    """The owner of the access key, once a registry has looked it up; None if it is unknown."""

    @classmethod
    def from_access_key(cls, access_key: str | None, region: str | None, request_id: str = "") -> Caller:
        """Return the caller for an access key ID; a 12-digit key is also the account ID (our choice)."""
        key = access_key or ANONYMOUS
        account = key if key.isascii() and key.isdigit() and len(key) == 12 else DEFAULT_ACCOUNT
        return cls(account, region or DEFAULT_REGION, key, request_id)

    def asking(self, request_id: str) -> Caller:
        """Return the same caller with another request ID; faster than `replace`, because every request needs it."""
        return Caller(self.account, self.region, self.access_key, request_id, self.identity)

    @property
    def partition(self) -> str:
        return partition_of(self.region)

    @property
    def name(self) -> str:
        """The name of the identity; for an unknown caller, the access key."""
        return self.identity.name if self.identity else self.access_key

    @property
    def groups(self) -> tuple[str, ...]:
        return self.identity.groups if self.identity else ()

    @property
    def arn(self) -> str:
        """The ARN of the identity.

        An unknown caller is the account root if its key has 12 digits, else a user with the key as name (our choice).
        """
        if self.identity:
            return self.identity.arn
        who = "root" if self.access_key == self.account else f"user/{self.access_key}"
        return f"arn:{self.partition}:iam::{self.account}:{who}"

    @property
    def principal(self) -> str:
        """AWS's PrincipalId: that of the identity; for a caller without one, the access key."""
        return (self.identity.principal if self.identity else "") or self.access_key

    @property
    def user_context(self) -> dict[str, Any]:
        """The caller as the shape UserContext, for CreatedBy and LastModifiedBy."""
        return {"IamIdentity": {"Arn": self.arn, "PrincipalId": self.principal}}


@lru_cache(maxsize=256)  # bounded because clients choose the region, at any length
def partition_of(region: str) -> str:
    """Return the partition of a region, such as `aws-cn` or `aws-us-gov`; `aws` for an unknown region."""
    for partition in model.partitions():
        if region in partition["regions"] or regex.match(partition["regionRegex"], region):
            return str(partition["id"])
    return "aws"


class Probe(Protocol):
    """Looks up the artifacts, images and models that packages refer to; None if no local store could hold them."""

    def artifact_exists(self, caller: Caller, bucket: str, key: str, *, is_prefix: bool) -> bool | None:
        """Return whether an object has this key or, for a prefix, begins with it; None if the bucket does not exist."""
        ...

    def image_exists(self, caller: Caller, image: str) -> bool | None:
        """Return whether the image exists in ECR; None if its repository does not exist."""
        ...

    def containers(self, caller: Caller, model: str) -> list[dict[str, Any]] | None:
        """Return the containers of a SageMaker model as ContainerDefinition; None if the model does not exist."""
        ...

    def content(self, caller: Caller, bucket: str, key: str) -> bytes | None:
        """Return an object of at most MAX_CONTENT bytes, such as a metrics file; None if it does not exist.

        Raises:
            ValidationException: the object is larger.
        """
        ...


class NoProbe:
    """A probe without access to other services: it returns None for everything."""

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
    """The options of a backend, in addition to its URL."""

    settings: Settings = msgspec.field(default_factory=Settings)
    probe: Probe = msgspec.field(default_factory=NoProbe)
    """Looks up artifacts, images and models."""
    identify: Callable[[Caller], Identity | None] = no_identity
    """Returns the identity of a caller whose key was issued by STS or IAM on the same endpoint."""
    clock: Callable[[], float] = time.time
    """Returns the current time in epoch seconds."""


class Backend(ABC):
    """A registry: performs operations on AWS member names and Python values, and returns the same."""

    operations: frozenset[str]
    """The names of the operations it supports."""
    extensions: Mapping[str, bool] = MappingProxyType({})
    """The names of its extensions (operations that are not in AWS's API), each with whether it writes."""
    outbox: Any = None
    """The `Outbox` of its events; None if events are not stored."""

    @abstractmethod
    def call(self, operation: str, params: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Perform one of `operations`.

        Args:
            operation: AWS's name, such as `DescribeModelPackage`.
            params: the members of its input shape; timestamps are aware datetimes.
            caller: the caller, with its account and region.

        Returns:
            The members of its output shape, timestamps as aware datetimes; empty for an operation without output.

        Raises:
            RegistryError: the request was rejected, with AWS's code and message; nothing has changed.
            NotHandled: the operation is shared with the rest of SageMaker (tags, search, models), and this request
                is not about the registry's resources, or the registry only had to allow it.
        """

    def extension(self, name: str, params: Mapping[str, Any], caller: Caller) -> Any:
        """Perform one of `extensions` in the caller's account and region.

        Args:
            name: the name of the extension.
            params: its parameters as JSON values; numbers may be text, as in a query string.
            caller: the caller, with its account and region.

        Returns:
            JSON values.

        Raises:
            RegistryError: the request was rejected; nothing has changed.
        """
        available = ", ".join(sorted(self.extensions)) or "none"
        raise UnknownOperationException(f"This registry has no extension {name!r}; available: {available}.")

    @abstractmethod
    def ping(self) -> None:
        """Check that the registry can perform operations.

        Raises:
            RegistryError: it cannot; the message contains the reason.
        """

    @abstractmethod
    def close(self) -> None:
        """Release files and connections; acknowledged changes remain stored."""

    def request_id(self) -> str:
        """Return a new request ID in the format of AWS."""
        return random_id()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Empty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters of an extension without any."""


class Extension(msgspec.Struct, frozen=True):
    """One row of a table of extensions.

    Args:
        answer: takes a context and the parameters, and returns the response, which is then converted to JSON values.
            The context is a transaction of the registry, or the registry under test control.
        params: the type of the parameters; unknown names are rejected.
        writes: whether the extension can change the registry.
        prefetch: returns a callable that fetches data for the rules from other services, before the transaction.
        operation: the AWS operation it corresponds to, for policies and history; empty if it has only its own name.
        needs_positions: whether every event must have its position before the transaction begins.
        needs_store: whether it requires a store that no other backend uses.
    """

    answer: Callable[[Any, Any], Any]
    params: type[msgspec.Struct] = Empty
    writes: bool = False
    prefetch: Callable[[Any, Any], Callable[[], object]] | None = None
    operation: str = ""
    needs_positions: bool = False
    needs_store: bool = False


def parsed(name: str, params: Mapping[str, Any], kind: type[Params]) -> Params:
    """Convert the parameters of an extension to their type.

    Args:
        name: the name of the extension, for the message.
        params: JSON values; numbers may be text.
        kind: the type.

    Raises:
        ValidationException: a parameter is unknown, missing or has the wrong type.
    """
    try:
        return convert(params, kind, strict=False)
    except Mismatch as error:
        raise ValidationException(f"{name}: {error.sentence}") from error


def random_id() -> str:
    """Return a version 4 UUID, the format of AWS's request IDs, in half the time that `uuid` needs."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
