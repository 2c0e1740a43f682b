"""Reads for pages from any backend: through its extensions, or a bounded number of AWS calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Final, TypeVar

from ...backends.base import Backend, Caller
from ...backends.errors import RegistryError
from ...backends.views import APPROVED, PENDING, moment
from .records import Group, Version

MAX_COUNTED: Final = 100

PAGE: Final = 20
OVERVIEW: Final = 12
"""Newest versions of a group that its row in the list of groups is based on."""
LIST_PAGE: Final = 100
MAX_READ: Final = 1000
"""Maximum versions read for one page when no index supports the filter."""
MIN_READ: Final = 10
"""Minimum versions read at a time for a page that is nearly full."""
MAX_LISTS: Final = 5
"""Maximum pages of an AWS list read for one page of the console."""
MAX_CONCURRENT: Final = 8
"""Concurrent calls to a remote registry."""

One = TypeVar("One")
Other = TypeVar("Other")


class Reader:
    """Reads from a backend on behalf of one caller; `remote` if every call goes over a network."""

    def __init__(self, backend: Backend, caller: Caller, *, remote: bool = False) -> None:
        self.caller = caller
        self._backend = backend
        self.remote = remote
        self._approved: dict[str, Version | None] = {}

    def offers(self, name: str) -> bool:
        return name in self._backend.extensions

    def extension(self, name: str, **params: Any) -> Any:
        """Call an extension, without parameters that are None."""
        given = {key: value for key, value in params.items() if value is not None}
        return self._backend.extension(name, given, self.caller)

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """Call an AWS operation, without parameters that are None; raise Gone if the resource does not exist."""
        given = {key: value for key, value in params.items() if value is not None}
        with _gone("does not exist", "Cannot find"):
            return self._backend.call(operation, given, self.caller)

    def optional(self, operation: str, **params: Any) -> dict[str, Any] | None:
        """Call an AWS operation that a page can do without; return None if it is unsupported or rejected."""
        if operation not in self._backend.operations:
            return None
        try:
            return self.call(operation, **params)
        except Gone:
            return None
        except RegistryError as error:
            if error.status >= 500:
                raise
            return None

    def version(self, group: str, number: int) -> Version:
        record = self.call("DescribeModelPackage", ModelPackageName=self.named(group, number))
        if "ModelPackageVersion" not in record:
            raise Gone(f"{record['ModelPackageArn']} is not a version of a group.")
        return Version.from_answer(record)

    def versions(self, names: Iterable[tuple[str, int]]) -> list[Version]:
        """Return versions by group and number, in order, without those that do not exist."""
        return self._described(self.named(*name) for name in names)

    def group(self, name: str) -> Group:
        return Group.from_answer(self.call("DescribeModelPackageGroup", ModelPackageGroupName=name))

    def groups(self, contains: str, sort: str, token: str | None) -> tuple[list[Group], str | None]:
        """Return a page of groups, by name or newest first, and the token of the next page."""
        order = {"SortBy": "Name", "SortOrder": "Ascending"}
        if sort == "new":
            order = {"SortBy": "CreationTime", "SortOrder": "Descending"}
        found = self.call(
            "ListModelPackageGroups", NameContains=contains or None, MaxResults=PAGE, NextToken=token, **order
        )
        return [Group.from_answer(one) for one in found["ModelPackageGroupSummaryList"]], found.get("NextToken")

    def overviews(self, groups: Sequence[Group]) -> list[Overview]:
        return self._each(self._overview, groups)

    def waiting(
        self,
        group: str | None = None,
        token: str | None = None,
        *,
        before: datetime | None = None,
        keep: Callable[[Version], bool] | None = None,
    ) -> Page:
        """Return a page of pending versions, oldest first, with their count.

        `before` limits the list to versions registered before a moment. `keep` filters without an index, so a page
        reads at most MAX_READ versions.
        """
        if not self.offers("versions"):
            return self._listed_waiting(group, token, before, keep)
        asked: dict[str, Any] = {"group": group, "approval": PENDING, "order": "Ascending"}
        shown: list[Version] = []
        count_read, following = 0, token
        while True:
            most = max(PAGE - len(shown), MIN_READ)
            found = self.extension("versions", **asked, max_results=most, next_token=following)
            read = _versions(found)
            in_time = [one for one in read if before is None or one.created < before]
            following = found.get("next_token") if len(in_time) == len(read) else None
            shown += [one for one in in_time if keep is None or keep(one)]
            count_read += len(read)
            if following is None or len(shown) >= PAGE or count_read >= MAX_READ:
                break
        is_all = token is None and following is None
        count = len(shown) if is_all else None if keep is not None else self._count(before, **asked)
        return Page(tuple(shown), following, count)

    def count(self, group: str, approval: str) -> str:
        """Return the number of versions of a group with a status, as text; requires the extension `versions`."""
        return Page((), None, self._count(None, group=group, approval=approval)).counted

    def of_group(self, group: str, token: str | None = None, approval: str | None = None) -> Page:
        """Return a page of the versions of a group, newest first."""
        if self.offers("versions"):
            found = self.extension("versions", group=group, approval=approval, max_results=PAGE, next_token=token)
            return Page(_versions(found), found.get("next_token"))
        arns, next_token = self._list(
            token, PAGE, MAX_LISTS, ModelPackageGroupName=group, ModelApprovalStatus=approval, SortOrder="Descending"
        )
        return Page(tuple(self._described(arns)), next_token)

    def newest(self, group: str, count: int) -> tuple[Version, ...]:
        return _versions(self.extension("versions", group=group, max_results=count))

    def approved(self, group: str) -> Version | None:
        """Return the newest approved version of a group; None if MAX_LISTS pages of a list have none."""
        if group not in self._approved:
            self._approved[group] = next(iter(self._newest_approved(group, 1)), None)
        return self._approved[group]

    def find_approved(self, groups: Iterable[str]) -> None:
        """Read and cache the newest approved version of several groups."""
        self._each(self.approved, dict.fromkeys(groups))

    def approved_before(self, version: Version) -> Version | None:
        """Return the newest approved version of the same group other than the given one."""
        return next((one for one in self._newest_approved(version.group, 2) if one.number != version.number), None)

    def explanation(self, group: str, number: int) -> Mapping[str, Any]:
        """Return the answer of the extension `explain` for a version; raise Gone if the version does not exist."""
        with _gone("does not exist"):
            answer: Mapping[str, Any] = self.extension("explain", arn=self.named(group, number))
        return answer

    def explanations(self, versions: Sequence[Version], seconds: float) -> dict[str, Mapping[str, Any]]:
        """Return the answers of `explain` by ARN, for as many versions as the time allows."""
        found: dict[str, Mapping[str, Any]] = {}
        deadline = monotonic() + seconds
        for version in versions if self.offers("explain") else ():
            if monotonic() > deadline:
                break
            try:
                found[version.arn] = self.extension("explain", arn=version.arn)
            except RegistryError as error:
                if error.status >= 500:
                    raise
        return found

    def history(self, **asked: Any) -> tuple[list[Mapping[str, Any]], str | None] | None:
        """Return a page of changes and the token of the next page; None if the backend keeps no history."""
        if not self.offers("history"):
            return None
        found = self.extension("history", **asked)
        return found["changes"], found.get("next_token")

    def named(self, group: str, number: int) -> str:
        """Return the name of a version for a call: `group/number` if the account is unknown, else its ARN."""
        caller = self.caller
        if self.remote:
            return f"{group}/{number}"
        return f"arn:{caller.partition}:sagemaker:{caller.region}:{caller.account}:model-package/{group}/{number}"

    def _count(self, before: datetime | None, **asked: Any) -> int:
        found = self.extension("versions", **asked, max_results=MAX_COUNTED + 1)["versions"]
        return sum(before is None or moment(one["record"]["CreationTime"]) < before for one in found)

    def _overview(self, group: Group) -> Overview:
        if not self.offers("versions"):
            return self._listed_overview(group)
        newest = self.extension("versions", group=group.name, max_results=OVERVIEW)
        waiting = self.extension("versions", group=group.name, approval=PENDING, max_results=10)
        many = "next_token" in waiting
        return Overview(
            group, _versions(newest), self.approved(group.name), "10+" if many else str(len(waiting["versions"]))
        )

    def _listed_overview(self, group: Group) -> Overview:
        """Return the overview from one page of a list; only the newest and the approved version are described."""
        listed = self.call(
            "ListModelPackages", ModelPackageGroupName=group.name, MaxResults=LIST_PAGE, SortOrder="Descending"
        )
        found = listed["ModelPackageSummaryList"]
        more = "+" if "NextToken" in listed else ""
        waiting = sum(one.get("ModelApprovalStatus") == PENDING for one in found)
        newest = [one["ModelPackageArn"] for one in found[:1]]
        approved = [one["ModelPackageArn"] for one in found if one.get("ModelApprovalStatus") == APPROVED][:1]
        read = {version.arn: version for version in map(self._read, dict.fromkeys([*newest, *approved])) if version}
        return Overview(
            group,
            tuple(read[arn] for arn in newest if arn in read),
            next((read[arn] for arn in approved if arn in read), None),
            f"{waiting}{more}",
        )

    def _newest_approved(self, group: str, count: int) -> Sequence[Version]:
        if self.offers("versions"):
            return _versions(self.extension("versions", group=group, approval=APPROVED, max_results=count))
        arns, _ = self._list(
            None, count, MAX_LISTS, ModelPackageGroupName=group, ModelApprovalStatus=APPROVED, SortOrder="Descending"
        )
        return self._described(arns[:count])

    def _listed_waiting(
        self,
        group: str | None,
        token: str | None,
        before: datetime | None,
        keep: Callable[[Version], bool] | None,
    ) -> Page:
        where = {"ModelPackageGroupName": group} if group is not None else {"ModelPackageType": "Versioned"}
        order = {"SortBy": "CreationTime", "SortOrder": "Ascending", "CreationTimeBefore": before}
        arns, next_token = self._list(token, PAGE, MAX_LISTS, **where, ModelApprovalStatus=PENDING, **order)
        shown = [
            version
            for version in self._described(arns)
            if version.status == PENDING
            and (before is None or version.created < before)
            and (keep is None or keep(version))
        ]
        return Page(tuple(shown), next_token, None if token or next_token else len(shown))

    def _list(self, token: str | None, wanted: int, pages: int, **query: Any) -> tuple[list[str], str | None]:
        """Return ARNs from whole pages of a list until there are enough, and the token of the next page."""
        arns: list[str] = []
        for _ in range(pages):
            found = self.call("ListModelPackages", **query, MaxResults=PAGE, NextToken=token)
            arns += [one["ModelPackageArn"] for one in found["ModelPackageSummaryList"]]
            token = found.get("NextToken")
            if token is None or len(arns) >= wanted:
                break
        return arns, token

    def _described(self, arns: Iterable[str]) -> list[Version]:
        return [version for version in self._each(self._read, arns) if version is not None]

    def _read(self, arn: str) -> Version | None:
        try:
            record = self.call("DescribeModelPackage", ModelPackageName=arn)
        except Gone:  # deleted after it was listed
            return None
        return Version.from_answer(record) if "ModelPackageVersion" in record else None

    def _each(self, ask: Callable[[One], Other], subjects: Iterable[One]) -> list[Other]:
        """Call a function for each subject; concurrently if the registry is remote."""
        if not self.remote:
            return [ask(subject) for subject in subjects]
        with ThreadPoolExecutor(MAX_CONCURRENT) as pool:
            return list(pool.map(ask, subjects))


def _versions(answer: Mapping[str, Any]) -> tuple[Version, ...]:
    return tuple(Version.from_answer(one["record"], one["rev"]) for one in answer["versions"])


@contextmanager
def _gone(*sentences: str) -> Iterator[None]:
    """Raise Gone for an error that contains one of these sentences."""
    try:
        yield
    except RegistryError as error:
        if any(sentence in error.message for sentence in sentences):
            raise Gone(error.message) from error
        raise


class Gone(Exception):
    """A requested group or version does not exist; the message is the registry's."""


class Overtaken(Exception):
    """A version changed while a user was deciding; `version` is the current record."""

    def __init__(self, version: Version) -> None:
        super().__init__(version)
        self.version = version


@dataclass(frozen=True, slots=True)
class Page:
    """Some versions, the token of the next page, and the total count; None if it is unknown."""

    versions: tuple[Version, ...]
    next_token: str | None = None
    count: int | None = None

    @property
    def counted(self) -> str:
        if self.count is None:
            return f"{len(self.versions)}+" if self.next_token else str(len(self.versions))
        return f"{MAX_COUNTED}+" if self.count > MAX_COUNTED else str(self.count)


@dataclass(frozen=True, slots=True)
class Overview:
    """A summary of a group: its newest versions, the latest approved one, and the number that are pending."""

    group: Group
    newest: tuple[Version, ...]
    approved: Version | None
    waiting: str
