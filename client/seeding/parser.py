"""Parse seeds into requests of AWS's API, and validate all of them before the first is sent."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

from botocore.validate import ParamValidator

from ...backends.views import PENDING
from ..registry.requests import given, request_of
from .files import BadSeed, NumberedDict, files_of, load

STATUSES = "ModelApprovalStatus"
OUR_FIELDS = tuple(
    name
    for name, parameter in inspect.signature(request_of).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY and name not in ("approval", "token")
)
VERSION_FIELDS = (*OUR_FIELDS, "status", "reason")
GROUP_FIELDS = ("description", "tags", "versions")
NOT_SEEDED = frozenset({"ModelPackageName", "ModelPackageGroupName", "ClientToken", STATUSES, "Tags"})
"""Members of CreateModelPackage that a seed must not contain, or contains under other names."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version to register: its place in the seed, the request, and the decision."""

    where: str
    request: dict[str, Any]
    status: str = PENDING
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    where: str
    name: str
    request: dict[str, Any]
    versions: list[Version] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Seed:
    groups: list[Group]

    def as_json(self) -> list[dict[str, Any]]:
        """Return the value of the parameter `groups` of the extension `seed`."""
        return [
            {
                "where": group.where,
                "request": group.request,
                "versions": [
                    {"where": one.where, "request": one.request, **given(status=one.status, reason=one.reason)}
                    for one in group.versions
                ],
            }
            for group in self.groups
        ]


Source: TypeAlias = str | Path | Mapping[str, Any]
"""A file, a folder of files, or the parsed content of a file."""


def read(sources: Source | Sequence[Source], model: Any) -> Seed:
    """Parse seed files, all seed files of folders, or dicts with the content of a file.

    A version accepts the keyword parameters of `ModelRegistry.register`, `status` and `reason`, and members of
    CreateModelPackage under AWS's names.

    Args:
        sources: paths or dicts.
        model: botocore's model of the service.

    Raises:
        BadSeed: the seed is invalid; the message describes the first error.
    """
    groups: dict[str, Group] = {}
    several = [sources] if isinstance(sources, str | Path | Mapping) else sources
    for content, name in (one for source in several for one in _contents(source)):
        for group in _Reader(name, model).seed(content):
            if group.name in groups:
                raise BadSeed(f"{group.where}: duplicate group, already defined in {groups[group.name].where}")
            groups[group.name] = group
    return Seed(list(groups.values()))


def _contents(source: Source) -> list[tuple[Any, str]]:
    if isinstance(source, Mapping):
        return [(source, "")]
    return [(load(file), str(file)) for file in files_of(Path(source))]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Parses one file; `name` is its name in messages."""

    name: str
    model: Any

    def seed(self, content: Any) -> list[Group]:
        top = self._mapping(content, "", content)
        self._known(top, "", ("groups",))
        groups = self._mapping(top.get("groups", {}), "groups", top)
        return [self._group(name, groups) for name in groups]

    def _group(self, name: str, groups: Mapping[str, Any]) -> Group:
        path = f"groups.{name}"
        found = self._mapping(groups[name] if groups[name] is not None else {}, path, groups)
        self._known(found, path, GROUP_FIELDS)
        tags = self._mapping(found.get("tags", {}), f"{path}.tags", found)
        request = given(
            ModelPackageGroupName=name,
            ModelPackageGroupDescription=found.get("description"),
            Tags=[{"Key": key, "Value": str(tags[key])} for key in tags],
        )
        where = self._where(path, _line(groups, name))
        self._fits("CreateModelPackageGroup", request, where)
        versions = found.get("versions", [])
        if not isinstance(versions, list):
            raise BadSeed(f"{self._where(f'{path}.versions', _line(found, 'versions'))}: expected a list")
        read = [
            self._version(name, one, f"{path}.versions[{place}]", _line(found, "versions"))
            for place, one in enumerate(versions)
        ]
        return Group(where, name, request, read)

    def _version(self, group: str, content: Any, path: str, line: int) -> Version:
        found = self._mapping(content, path, line)
        members = set(self._shape("CreateModelPackage").members) - NOT_SEEDED
        self._known(found, path, (*VERSION_FIELDS, *sorted(members)))
        status, reason = found.get("status", PENDING), found.get("reason")
        statuses = self.model.shape_for(STATUSES).enum
        if status not in statuses:
            where = self._where(f"{path}.status", _line(found, "status"))
            raise BadSeed(f"{where}: unknown status {status!r}; expected {', '.join(statuses)}")
        if reason is not None and not isinstance(reason, str):
            raise BadSeed(f"{self._where(f'{path}.reason', _line(found, 'reason'))}: expected a string")
        where = self._where(path, _line(found, ""))
        described = {name: _plain(value) for name, value in found.items() if name not in ("status", "reason")}
        try:
            request = request_of(group, **described)
        except (ValueError, TypeError, AttributeError) as error:
            raise BadSeed(f"{where}: {error}") from error
        self._fits("CreateModelPackage", request, where)
        return Version(where, request, status, reason)

    def _fits(self, operation: str, request: Mapping[str, Any], where: str) -> None:
        """Raise BadSeed for a request that botocore would reject."""
        report = ParamValidator().validate(request, self._shape(operation))
        if report.has_errors():
            raise BadSeed(f"{where}: {' '.join(report.generate_report().split())}")

    def _shape(self, operation: str) -> Any:
        return self.model.operation_model(operation).input_shape

    def _mapping(self, value: Any, path: str, around: Any) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            line = around if isinstance(around, int) else _line(around, path.rpartition(".")[2])
            raise BadSeed(f"{self._where(path, line)}: expected a mapping, not {str(value)[:50]!r}")
        return value

    def _known(self, found: Mapping[str, Any], path: str, fields: tuple[str, ...]) -> None:
        for name in found:
            if name in fields:
                continue
            where = self._where(f"{path}.{name}" if path else str(name), _line(found, name))
            close = get_close_matches(str(name), fields, 1)
            ours = ", ".join(field for field in fields if field[:1].islower())
            more = ", or a member of CreateModelPackage" if len(fields) > len(VERSION_FIELDS) else ""
            raise BadSeed(
                f"{where}: unknown field" + (f"; did you mean {close[0]}?" if close else f"; expected {ours}{more}")
            )

    def _where(self, path: str, line: int) -> str:
        place = f"{self.name}, line {line}" if self.name and line else self.name or "the seed"
        return f"{place}: {path}" if path else place


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _line(found: Any, key: str) -> int:
    return found.line_of(key) if isinstance(found, NumberedDict) else 0
