"""Amazon Resource Names (ARNs) of groups and packages."""

from __future__ import annotations

import re

import msgspec

from .base import Caller
from .errors import ValidationException
from .settings import ACCOUNT_ID

GROUP = "model-package-group"
PACKAGE = "model-package"

_ARN = re.compile(
    rf"arn:(?P<partition>aws[a-z-]*):sagemaker:(?P<region>[a-z0-9-]*):(?P<account>{ACCOUNT_ID})"
    r":(?P<kind>[a-z-]*)/(?P<path>.+)"
)
_VERSIONED = re.compile(r"(?P<name>[^/]+)/(?P<version>[1-9][0-9]{0,8})")


class Arn(msgspec.Struct, frozen=True):
    """The ARN of a group (`kind` GROUP) or a package (`kind` PACKAGE; `version` is 0 if it is unversioned).

    It keeps the case of the name, as AWS has done since about 2022; lookups are case-sensitive.
    """

    partition: str
    region: str
    account: str
    kind: str
    name: str
    version: int | str = 0

    def __str__(self) -> str:
        version = f"/{self.version}" if self.version else ""
        return f"arn:{self.partition}:sagemaker:{self.region}:{self.account}:{self.kind}/{self.name}{version}"

    @property
    def group_key(self) -> tuple[str, str, str]:
        return (self.account, self.region, self.name)

    @property
    def package_key(self) -> tuple[str, str, str, int | str]:
        return (self.account, self.region, self.name, self.version)


def version_of(group: Arn, version: int | str) -> Arn:
    """Return the ARN of a version of a group; the version `*` matches all of them, as in policies."""
    return Arn(group.partition, group.region, group.account, PACKAGE, group.name, version)


def own(caller: Caller, kind: str, name: str, version: int = 0) -> Arn:
    return Arn(caller.partition, caller.region, caller.account, kind, name, version)


def resolve(caller: Caller, kind: str, text: str) -> Arn:
    """Return the ARN for a name, a `Group/N` or an ARN; a bare name belongs to the caller's account and region.

    Raises:
        ValidationException: the ARN has another region (captured error) or another kind of resource.
    """
    found = parse(caller, kind, text)
    if found.region != caller.region:
        raise ValidationException(f"ARN should be scoped to correct region: {caller.region}")
    if found.kind != kind or found.partition != caller.partition:
        raise ValidationException(f"{_NOUNS[kind]} {found} does not exist.")
    return found


def kind_of(text: str) -> str | None:
    """Return the resource kind in a SageMaker ARN; None for any other text."""
    match = _ARN.fullmatch(text)
    return match["kind"] if match else None


def parse(caller: Caller, kind: str, text: str) -> Arn:
    """Parse a name, a `Group/N` or an ARN; a bare name belongs to the caller's account and region."""
    match = _ARN.fullmatch(text)
    if match is None:
        name, version = _name_and_version(text)
        return own(caller, kind, name, version)
    name, version = _name_and_version(match["path"])
    return Arn(match["partition"], match["region"], match["account"], match["kind"], name, version)


def does_not_exist(arn: Arn) -> ValidationException:
    """Return AWS's error for a missing resource (captured: the message shows the ARN even if a name was sent)."""
    return ValidationException(f"{_NOUNS[arn.kind]} {arn} does not exist.")


_NOUNS = {GROUP: "ModelPackageGroup", PACKAGE: "ModelPackage"}


def _name_and_version(path: str) -> tuple[str, int]:
    match = _VERSIONED.fullmatch(path)
    return (match["name"], int(match["version"])) if match else (path, 0)
