"""A model of a registry as a dict, with the simplest rules, to compare every backend with.

Calls take and return AWS's members, limited to those in `SEEN`; other members do not exist here. Errors are `Refused`
with AWS's code. Page tokens are the number of entries already returned.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

Record = dict[str, Any]

LIST_PAGE = 100
SEEN = {
    "ModelApprovalStatus",
    "ModelPackageArn",
    "ModelPackageDescription",
    "ModelPackageGroupArn",
    "ModelPackageGroupDescription",
    "ModelPackageGroupName",
    "ModelPackageGroupStatus",
    "ModelPackageVersion",
    "ApprovalDescription",
    "CustomerMetadataProperties",
    "ResourcePolicy",
    "Tags",
}


class Refused(Exception):
    """An AWS error with its code."""

    def __init__(self, code: str = "ValidationException") -> None:
        super().__init__(code)
        self.code = code


class Registry:
    """The registry of one account and region."""

    def __init__(self, account: str, region: str = "us-east-1") -> None:
        self.arn = f"arn:aws:sagemaker:{region}:{account}"
        self.groups: dict[str, Record] = {}
        self.versions: dict[str, dict[int, Record]] = {}
        self.last: dict[str, int] = {}
        self.policies: dict[str, str] = {}
        self.tokens: dict[str, tuple[Record, Record]] = {}

    def call(self, operation: str, params: Record) -> Record:
        """Execute an operation; a rejected one changes nothing."""
        answer: Callable[[Record], Record | None] = getattr(self, operation)
        return deepcopy(answer(deepcopy(params)) or {})

    def CreateModelPackageGroup(self, params: Record) -> Record:  # noqa: N802 - AWS's names
        name = params["ModelPackageGroupName"]
        if name in self.groups:
            raise Refused
        arn = f"{self.arn}:model-package-group/{name}"
        self.groups[name] = {"Tags": [], **params, "ModelPackageGroupArn": arn, "ModelPackageGroupStatus": "Completed"}
        self.versions[name], self.last[name] = {}, 0  # a recreated group starts at version 1
        return {"ModelPackageGroupArn": arn}

    def DescribeModelPackageGroup(self, params: Record) -> Record:  # noqa: N802
        return {name: value for name, value in self._group(params).items() if name != "Tags"}

    def ListModelPackageGroups(self, params: Record) -> Record:  # noqa: N802
        """Sorted by name, as two groups may have the same creation time in milliseconds."""
        found = sorted(name for name in self.groups if params.get("NameContains", "") in name)
        kept = [{**self.groups[name]} for name in _directed(found, params, "Ascending")]
        for group in kept:
            del group["Tags"]
        return _page("ModelPackageGroupSummaryList", kept, params)

    def DeleteModelPackageGroup(self, params: Record) -> None:  # noqa: N802
        self._group(params)
        name = params["ModelPackageGroupName"]
        if self.versions[name]:
            raise Refused("ConflictException")
        del self.groups[name]
        self.policies.pop(name, None)

    def CreateModelPackage(self, params: Record) -> Record:  # noqa: N802
        """A repeated token returns the first response, even if the version was changed or deleted."""
        token = params.pop("ClientToken", None)
        if token in self.tokens:
            first, answer = self.tokens[token]
            if first != params:
                raise Refused("ConflictException")
            return answer
        self._group(params)
        name = params["ModelPackageGroupName"]
        self.last[name] += 1  # not reused while the group exists
        arn = f"{self.arn}:model-package/{name}/{self.last[name]}"
        record = {"ModelApprovalStatus": "PendingManualApproval", **params}
        record |= {"ModelPackageArn": arn, "ModelPackageVersion": self.last[name]}
        self.versions[name][self.last[name]] = record
        if token is not None:
            self.tokens[token] = (params, {"ModelPackageArn": arn})
        return {"ModelPackageArn": arn}

    def DescribeModelPackage(self, params: Record) -> Record:  # noqa: N802
        return self._version(params["ModelPackageName"])

    def ListModelPackages(self, params: Record) -> Record:  # noqa: N802
        """Newest first; a page is cut before the filter by approval; an unknown group has an empty list."""
        name = params["ModelPackageGroupName"]
        numbers = sorted(self.versions.get(name, {})) if params.get("NameContains", "") in name else []
        kept = [self.versions[name][number] for number in _directed(numbers, params, "Descending")]
        page = _page("ModelPackageSummaryList", kept, params)
        wanted = params.get("ModelApprovalStatus")
        summaries = [one for one in page["ModelPackageSummaryList"] if wanted in (None, one["ModelApprovalStatus"])]
        unlisted = ("ApprovalDescription", "CustomerMetadataProperties")
        shown = [{name: value for name, value in one.items() if name not in unlisted} for one in summaries]
        return {**page, "ModelPackageSummaryList": shown}

    def UpdateModelPackage(self, params: Record) -> Record:  # noqa: N802
        """Members that are not sent are kept; metadata is merged, then removed."""
        record = self._version(params.pop("ModelPackageArn"))
        gone = params.pop("CustomerMetadataPropertiesToRemove", [])
        metadata = {**record.get("CustomerMetadataProperties", {}), **params.pop("CustomerMetadataProperties", {})}
        record |= {**params, "CustomerMetadataProperties": {k: v for k, v in metadata.items() if k not in gone}}
        if not record["CustomerMetadataProperties"]:
            del record["CustomerMetadataProperties"]
        return {"ModelPackageArn": record["ModelPackageArn"]}

    def DeleteModelPackage(self, params: Record) -> None:  # noqa: N802
        record = self._version(params["ModelPackageName"])
        del self.versions[record["ModelPackageGroupName"]][record["ModelPackageVersion"]]

    def AddTags(self, params: Record) -> Record:  # noqa: N802
        group = self._tagged(params)
        tags = {tag["Key"]: tag for tag in [*group["Tags"], *params["Tags"]]}
        group["Tags"] = [*tags.values()]
        return {"Tags": group["Tags"]}

    def ListTags(self, params: Record) -> Record:  # noqa: N802
        return {"Tags": self._tagged(params)["Tags"]}

    def DeleteTags(self, params: Record) -> None:  # noqa: N802
        group = self._tagged(params)
        group["Tags"] = [tag for tag in group["Tags"] if tag["Key"] not in params["TagKeys"]]

    def PutModelPackageGroupPolicy(self, params: Record) -> Record:  # noqa: N802
        group = self._group(params)
        try:
            json.loads(params["ResourcePolicy"])
        except ValueError:
            raise Refused from None
        self.policies[params["ModelPackageGroupName"]] = params["ResourcePolicy"]
        return {"ModelPackageGroupArn": group["ModelPackageGroupArn"]}

    def GetModelPackageGroupPolicy(self, params: Record) -> Record:  # noqa: N802
        self._group(params)
        if params["ModelPackageGroupName"] not in self.policies:
            raise Refused
        return {"ResourcePolicy": self.policies[params["ModelPackageGroupName"]]}

    def DeleteModelPackageGroupPolicy(self, params: Record) -> None:  # noqa: N802
        self.GetModelPackageGroupPolicy(params)
        del self.policies[params["ModelPackageGroupName"]]

    def matching(self, **wanted: str) -> set[str]:
        """Return the ARNs of the versions with these properties, as Search finds them."""
        records = [record for versions in self.versions.values() for record in versions.values()]
        return {one["ModelPackageArn"] for one in records if wanted.items() <= {**one, **_dotted(one)}.items()}

    def _group(self, params: Record) -> Record:
        if params["ModelPackageGroupName"] not in self.groups:
            raise Refused
        return self.groups[params["ModelPackageGroupName"]]

    def _version(self, text: str) -> Record:
        """Return a version by ARN or `Group/N`."""
        name, _, number = text.rpartition(":model-package/")[2].partition("/")
        if int(number) not in self.versions.get(name, {}):
            raise Refused
        return self.versions[name][int(number)]

    def _tagged(self, params: Record) -> Record:
        return self._group({"ModelPackageGroupName": params["ResourceArn"].rpartition("/")[2]})


def _directed(found: list[Any], params: Record, default: str) -> list[Any]:
    return found[::-1] if params.get("SortOrder", default) == "Descending" else found


def _page(member: str, entries: list[Record], params: Record) -> Record:
    """Return a page; it has a token if there are more entries."""
    first, most = params.get("NextToken", 0), params.get("MaxResults", LIST_PAGE)
    more = {"NextToken": first + most} if len(entries) > first + most else {}
    return {member: entries[first : first + most], **more}


def _dotted(record: Record) -> Record:
    return {f"CustomerMetadataProperties.{k}": v for k, v in record.get("CustomerMetadataProperties", {}).items()}
