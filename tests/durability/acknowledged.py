"""Compare the changes acknowledged to clients with the database of a registry that is killed.

Each client changes only versions that it created, so it knows the last acknowledged change of each, and at most one
change without a response. That one may be stored once or not at all, and never in part.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 - botocore's own

PENDING = "PendingManualApproval"
RETRIED_TOKENS = 1
"""The number of tokens of completed requests that each client sends again after a restart."""

Query = Callable[[str], Sequence[Sequence[Any]]]
"""Reads the database directly, bypassing the registry."""


@dataclass
class Version:
    """A version as its client knows it: the last acknowledged change."""

    request: dict[str, Any]
    arn: str = ""
    status: str = PENDING
    reason: str | None = None
    changes: int = 0

    @property
    def token(self) -> str:
        return str(self.request["ClientToken"])

    @property
    def number(self) -> int:
        return int(self.arn.rpartition("/")[2])

    def is_stored_as(self, record: dict[str, Any]) -> bool:
        return (record["CustomerMetadataProperties"], record["ModelApprovalStatus"]) == (
            self.request["CustomerMetadataProperties"],
            self.status,
        ) and record.get("ApprovalDescription") == self.reason


@dataclass
class Doubt:
    """A change without a response: its effect on a version, or the value of a tag."""

    version: Version | None
    wanted: Any


@dataclass
class Group:
    """A group that all clients write to, with its known versions by number."""

    name: str
    arn: str
    versions: dict[int, Version] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    tagged: int = 0


@dataclass
class Client:
    """A writing client: a boto3 client, the versions it created, and the change in doubt."""

    name: str
    sagemaker: Any
    rng: random.Random
    gives_up_at: frozenset[str] = frozenset()
    """Error codes that mean the store is unavailable, so that the request is in doubt."""
    made: list[Version] = field(default_factory=list)
    doubt: Doubt | None = None
    acknowledged: int = 0
    failure: BaseException | None = None
    count: int = 0

    def work(self, group: Group, killed: threading.Event, stopped: threading.Event) -> None:
        """Write until stopped or until the registry is gone; an error before the kill is a failure."""
        try:
            while not stopped.is_set():
                self._step(group)
        except BaseException as failure:  # reported by the waiting thread
            self.failure = None if killed.is_set() and self._is_of_a_strike(failure) else failure

    def _is_of_a_strike(self, failure: BaseException) -> bool:
        if isinstance(failure, ClientError):
            return failure.response["Error"]["Code"] in self.gives_up_at
        return isinstance(failure, (ConnectionError, HTTPClientError))

    def _step(self, group: Group) -> None:
        self.count += 1
        chance = self.rng.random()
        if chance < 0.5 or not self.made:
            self._register(group)
        elif chance < 0.85:
            self._decide(self.rng.choice(self.made))
        else:
            self._tag(group)
        self.acknowledged += 1

    def _register(self, group: Group) -> None:
        token = f"{group.name}-{self.name}-{self.count}"
        properties = {"token": token, "client": self.name, "accuracy": f"{self.rng.random():.6f}"}
        request = {
            "ModelPackageGroupName": group.name,
            "ModelApprovalStatus": PENDING,
            "CustomerMetadataProperties": properties,
            "ClientToken": token,
        }
        version = Version(request)
        self.doubt = Doubt(version, None)
        self._created(group, version, self.sagemaker.create_model_package(**request))

    def _created(self, group: Group, version: Version, answer: dict[str, Any]) -> None:
        version.arn = answer["ModelPackageArn"]
        assert version.number not in group.versions, f"{version.arn} was assigned twice"
        group.versions[version.number] = version
        self.made.append(version)
        self.doubt = None

    def _decide(self, version: Version) -> None:
        wanted = (self.rng.choice(["Approved", "Rejected"]), f"{self.name} {self.count}")
        self.doubt = Doubt(version, wanted)
        self.sagemaker.update_model_package(
            ModelPackageArn=version.arn, ModelApprovalStatus=wanted[0], ApprovalDescription=wanted[1]
        )
        self._decided(version, wanted)

    def _decided(self, version: Version, wanted: tuple[str, str]) -> None:
        version.status, version.reason = wanted
        version.changes += 1
        self.doubt = None

    def _tag(self, group: Group) -> None:
        self.doubt = Doubt(None, str(self.count))
        self.sagemaker.add_tags(ResourceArn=group.arn, Tags=[{"Key": self.name, "Value": str(self.count)}])
        self._tagged(group, str(self.count))

    def _tagged(self, group: Group, value: str) -> None:
        group.tags[self.name] = value
        group.tagged += 1
        self.doubt = None

    def settle(self, group: Group) -> bool:
        """Find out, as a client would, whether the change in doubt is stored; return whether there is one that is."""
        for version in self.made[-RETRIED_TOKENS:]:
            again = self.sagemaker.create_model_package(**version.request)["ModelPackageArn"]
            assert again == version.arn, f"token {version.token} returned {version.arn} and then {again}"
        doubt = self.doubt
        if doubt is None:
            return False
        if doubt.version is None:
            found = {tag["Key"]: tag["Value"] for tag in self.sagemaker.list_tags(ResourceArn=group.arn)["Tags"]}
            stored = found.get(self.name) == doubt.wanted
            if stored:
                self._tagged(group, doubt.wanted)
        elif doubt.wanted is None:
            before = self.last_version(group)
            self._created(group, doubt.version, self.sagemaker.create_model_package(**doubt.version.request))
            stored = doubt.version.number <= before
        else:
            found = self.sagemaker.describe_model_package(ModelPackageName=doubt.version.arn)
            stored = (found["ModelApprovalStatus"], found.get("ApprovalDescription")) == doubt.wanted
            if stored:
                self._decided(doubt.version, doubt.wanted)
        self.doubt = None
        return stored

    def last_version(self, group: Group) -> int:
        found = self.sagemaker.list_model_packages(ModelPackageGroupName=group.name, MaxResults=1)
        return max((one["ModelPackageVersion"] for one in found["ModelPackageSummaryList"]), default=0)


def write_at_once(
    clients: Sequence[Client], group: Group, killed: threading.Event, stopped: threading.Event
) -> list[threading.Thread]:
    """Start a thread for each client."""
    threads = [threading.Thread(target=client.work, args=(group, killed, stopped)) for client in clients]
    for thread in threads:
        thread.start()
    return threads


def wait_for(clients: Sequence[Client], threads: Sequence[threading.Thread]) -> None:
    """Wait until every client has given up, and fail if one got a wrong response."""
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a client is still waiting for the killed registry"
    for client in clients:
        if client.failure is not None:
            raise client.failure


def acknowledged(query: Query, group: Group, doubts: Sequence[Doubt]) -> None:
    """Compare the database with the acknowledged changes, before any client retries."""
    stored = versions_of(query, group)
    unsure = {id(doubt.version): doubt for doubt in doubts if doubt.version is not None}
    for number, version in group.versions.items():
        record = stored[number]
        doubt = unsure.get(id(version))
        either = doubt is not None and doubt.wanted == (
            record["ModelApprovalStatus"],
            record.get("ApprovalDescription"),
        )
        assert version.is_stored_as(record) or either, f"{version.arn}: {version} is stored as {record}"
    tokens = [record["CustomerMetadataProperties"]["token"] for record in stored.values()]
    assert len(tokens) == len(set(tokens)), "one request was stored twice"
    created = {doubt.version.token for doubt in doubts if doubt.version is not None and doubt.wanted is None}
    known = {version.token for version in group.versions.values()}
    assert set(tokens) - known <= created, "there are versions without a request"


def everything(query: Query, group: Group) -> None:
    """Compare everything stored of a group with its known state, without changes in doubt."""
    stored = versions_of(query, group)
    assert list(stored) == list(range(1, len(stored) + 1)), "numbers are not consecutive"
    assert list(stored) == sorted(group.versions)
    for number, version in group.versions.items():
        assert version.is_stored_as(stored[number]), f"{version} is stored as {stored[number]}"
    ((record, last),) = query(f"SELECT record, last_version FROM model_package_groups WHERE name = '{group.name}'")
    assert last == len(stored)
    assert {tag["Key"]: tag["Value"] for tag in _record(record).get("Tags", [])} == group.tags
    written = dict(query(f"SELECT version, count(*) FROM history WHERE name = '{group.name}' GROUP BY version"))
    due = {number: 1 + version.changes for number, version in group.versions.items()}
    assert written == {0: 1 + group.tagged, **due}, "history does not have one entry per change"
    events = "SELECT name, version FROM events UNION ALL SELECT name, version FROM event_notes"
    counts = dict(query(f"SELECT version, count(*) FROM ({events}) AS e WHERE name = '{group.name}' GROUP BY version"))
    assert counts == due, "there is not one event per change of a version"


def versions_of(query: Query, group: Group) -> dict[int, dict[str, Any]]:
    found = query(f"SELECT version, record FROM model_packages WHERE name = '{group.name}' ORDER BY version")
    return {number: _record(record) for number, record in found}


def _record(stored: Any) -> dict[str, Any]:
    return json.loads(stored) if isinstance(stored, str) else stored
