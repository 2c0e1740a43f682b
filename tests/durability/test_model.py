"""Every backend compared with a model of a registry: the same responses and errors for any sequence of calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from durability.environment import image_folder  # noqa: F401 - a fixture
from durability.registry_model import SEEN, Record, Refused, Registry
from sagemaker_registry.client import connect
from sagemaker_registry.client.testing import control
from support.server import Emulator

pytest_plugins = ("support.postgres",)

EXAMPLES_PER_RUN = 1_000
"""Examples of one run: Hypothesis keeps all examples of a run in memory, 25,000 in 5 GiB."""
STEPS = {"ci": 50, "nightly": 100, "release": 100}
PHASES = {"ci": [Phase.generate], "nightly": [Phase.generate, Phase.shrink], "release": [Phase.generate, Phase.shrink]}
"""Shrinking a failure takes minutes, and the seed reproduces it."""

NAMES = st.sampled_from(["churn", "churn", "churn", "Churn", "churn-eu", "fraud"])
NUMBERS = st.integers(1, 5)
STATUSES = st.sampled_from(["Approved", "Rejected", "PendingManualApproval"])
KEYS = st.sampled_from(["accuracy", "owner"])
VALUES = st.sampled_from(["0.9", "risk", "é - 漢"])
METADATA = st.dictionaries(KEYS, VALUES, min_size=1)
DESCRIPTIONS = st.sampled_from(["first", "ticket 42", "two, or three"])
TAGS = st.lists(st.builds(lambda key, value: {"Key": key, "Value": value}, KEYS, VALUES), min_size=1, max_size=2)
ORDERS = st.sampled_from(["Ascending", "Descending"])
POLICY = (
    '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, '
    '"Action": "sagemaker:DescribeModelPackage", "Resource": "*"}}'
)

NAMING = ("ModelPackageGroupName", "ModelPackageName", "ModelPackageArn", "ResourceArn")

_accounts = (f"{number:012}" for number in count(300_000_000_001))


@dataclass(frozen=True)
class Kind:
    """A backend to compare with the model.

    Args:\n    url: its URL.\n    share: its percentage of all examples.\n    left_out: rules that it is known not to
    follow or support.\n    refuses: whether it rejects what the model rejects; otherwise such calls are not made.\n
    spell: how to spell names, for a backend that does not keep the case of ARNs.\n    connect: creates a client.\n
    is_reset: whether examples share one client and account, which is reset; otherwise each has its own, which is
    slower.
    """

    url: str
    share: int
    left_out: frozenset[str] = frozenset()
    refuses: bool = True
    spell: Callable[[str], str] = str
    connect: Callable[..., Any] = control.connect
    is_reset: bool = True


LEFT_OUT_FOR_MOTO = frozenset(
    # moto supports no deletes and policies, accepts any token, does not support `Group/N`, lists oldest first, sets
    # members that an update does not send, and accepts only the statuses of a registration.
    {"delete_group", "delete_version", "policies", "create_version_once", "describe_version_by_name", "list_versions"}
    | {"create_version_without_a_status", "decide_without_a_reason", "edit_metadata", "search"}
    # It also loses the metadata of a version on a decision.
    | {"metadata"}
)

KINDS = {
    "memory": Kind("sqlite://", 50),
    "file": Kind("sqlite:///{folder}/registry.db", 20),
    "http": Kind("{emulator}", 10, connect=connect),
    "postgres": Kind("{postgres}", 10),
    "moto": Kind("moto://", 10, LEFT_OUT_FOR_MOTO, refuses=False, spell=str.lower, is_reset=False),
}


def same(value: Any) -> Any:
    return value


def supports(name: str) -> Callable[[Any], bool]:
    return lambda machine: name not in machine.kind.left_out


class AgainstTheModel(RuleBasedStateMachine):
    """Random calls to a registry and to the model."""

    kind: Kind
    url: str
    asked: Counter[str]
    account: str
    client: Any

    def __init__(self) -> None:
        super().__init__()
        if self.kind.is_reset:
            control.Control(self.client).reset(account=self.account)
        else:
            self.open()
        self.model = Registry(self.account)

    @classmethod
    def open(cls) -> None:
        """Create a client in a new account, which is the slow part."""
        cls.account = next(_accounts)
        keys = {"aws_access_key_id": cls.account, "aws_secret_access_key": "any", "region_name": "us-east-1"}
        cls.client = cls.kind.connect(cls.url, **keys)

    def teardown(self) -> None:
        if not self.kind.is_reset:
            self.client.close()

    def both(self, operation: str, **params: Any) -> Record | None:
        """Call both; return the response that both gave, or None if both rejected the call."""
        spell = dict.fromkeys(NAMING, self.kind.spell)
        given = {name: spell.get(name, same)(value) for name, value in params.items() if value is not None}
        token = given.pop("NextToken", None)
        real, modelled = token or (None, None)
        expected = self.expected(operation, {**given, **({"NextToken": modelled} if token else {})})
        if isinstance(expected, Refused) and not self.kind.refuses:
            return None
        actual = self.actual(operation, {**given, **({"NextToken": real} if token else {})})
        self.asked[operation] += 1
        if isinstance(expected, Refused) or isinstance(actual, Refused):
            assert str(actual) == str(expected), (operation, given)
            return None
        tokens = actual.pop("NextToken", None), expected.pop("NextToken", None)
        assert seen(actual) == seen(expected), (operation, given)
        assert (tokens[0] is None) == (tokens[1] is None), (operation, given)
        return {**expected, **({"NextToken": tokens} if tokens[0] else {})}

    def actual(self, operation: str, params: Record) -> Any:
        try:
            answer: Record = getattr(self.client, xform_name(operation))(**params)
        except ClientError as error:
            return Refused(error.response["Error"]["Code"])
        del answer["ResponseMetadata"]
        return answer

    def expected(self, operation: str, params: Record) -> Any:
        try:
            return self.model.call(operation, params)
        except Refused as refused:
            return refused

    def page_through(self, operation: str, member: str, **params: Any) -> None:
        """Page through a list to its end."""
        token: Any = None
        while page := self.both(operation, **params, NextToken=token):
            token = page.get("NextToken")
            if token is None:
                break
            assert len(page[member]) <= params["MaxResults"]

    def arn(self, name: str, number: int) -> str:
        return f"{self.model.arn}:model-package/{name}/{number}"

    @initialize(statuses=st.lists(STATUSES, min_size=2, max_size=4))
    def begin_with_a_group(self, statuses: list[str]) -> None:
        """Create a group with versions, so that most calls refer to existing resources."""
        self.create_group(name="churn", description=None, tags=None)
        for status in statuses:
            self.create_version(name="churn", status=status, metadata=None, description=None)

    @rule(name=NAMES, description=st.none() | DESCRIPTIONS, tags=st.none() | TAGS)
    def create_group(self, name: str, description: str | None, tags: list[Any] | None) -> None:
        tags = [*{tag["Key"]: tag for tag in tags}.values()] if tags else None
        self.both(
            "CreateModelPackageGroup",
            ModelPackageGroupName=name,
            ModelPackageGroupDescription=description,
            Tags=tags,
        )

    @precondition(supports("describe_group"))
    @rule(name=NAMES)
    def describe_group(self, name: str) -> None:
        self.both("DescribeModelPackageGroup", ModelPackageGroupName=name)

    @precondition(supports("delete_group"))
    @rule(name=NAMES)
    def delete_group(self, name: str) -> None:
        self.both("DeleteModelPackageGroup", ModelPackageGroupName=name)

    @precondition(supports("list_groups"))
    @rule(part=st.sampled_from([None, "churn", "C", "none"]), order=st.none() | ORDERS, most=st.integers(1, 3))
    def list_groups(self, part: str | None, order: str | None, most: int) -> None:
        asked = {"NameContains": part, "SortOrder": order, "SortBy": "Name", "MaxResults": most}
        self.page_through("ListModelPackageGroups", "ModelPackageGroupSummaryList", **asked)

    @precondition(supports("create_version"))
    @rule(name=NAMES, status=STATUSES, metadata=st.none() | METADATA, description=st.none() | DESCRIPTIONS)
    def create_version(
        self, name: str, status: str | None, metadata: dict[str, str] | None, description: str | None
    ) -> None:
        self.both(
            "CreateModelPackage",
            ModelPackageGroupName=name,
            ModelApprovalStatus=status,
            CustomerMetadataProperties=metadata if supports("metadata")(self) else None,
            ModelPackageDescription=description,
        )

    @precondition(supports("create_version_without_a_status"))
    @rule(name=NAMES, metadata=st.none() | METADATA)
    def create_version_without_a_status(self, name: str, metadata: dict[str, str] | None) -> None:
        self.create_version(name=name, status=None, metadata=metadata, description=None)

    @precondition(supports("create_version_once"))
    @rule(name=NAMES, token=st.sampled_from(["job-1", "job-2"]), description=st.none() | DESCRIPTIONS)
    def create_version_once(self, name: str, token: str, description: str | None) -> None:
        asked = {"ModelPackageGroupName": name, "ModelPackageDescription": description, "ClientToken": token * 7}
        self.both("CreateModelPackage", **asked)

    @precondition(supports("describe_version"))
    @rule(name=NAMES, number=NUMBERS)
    def describe_version(self, name: str, number: int) -> None:
        self.both("DescribeModelPackage", ModelPackageName=self.arn(name, number))

    @precondition(supports("describe_version_by_name"))
    @rule(name=NAMES, number=NUMBERS)
    def describe_version_by_name(self, name: str, number: int) -> None:
        self.both("DescribeModelPackage", ModelPackageName=f"{name}/{number}")

    @precondition(supports("list_versions"))
    @rule(
        name=NAMES,
        part=st.sampled_from([None, "churn", "none"]),
        status=st.none() | STATUSES,
        order=st.none() | ORDERS,
        sort=st.sampled_from([None, "CreationTime", "Name"]),
        most=st.integers(1, 3),
    )
    def list_versions(self, most: int, **drawn: str | None) -> None:
        members = {
            "name": "ModelPackageGroupName",
            "part": "NameContains",
            "status": "ModelApprovalStatus",
            "order": "SortOrder",
            "sort": "SortBy",
        }
        asked = {members[name]: value for name, value in drawn.items()}
        self.page_through("ListModelPackages", "ModelPackageSummaryList", **asked, MaxResults=most)

    @rule(name=NAMES, number=NUMBERS, status=STATUSES, reason=DESCRIPTIONS)
    def decide(self, name: str, number: int, status: str, reason: str | None) -> None:
        asked = {"ModelApprovalStatus": status, "ApprovalDescription": reason}
        self.both("UpdateModelPackage", ModelPackageArn=self.arn(name, number), **asked)

    @precondition(supports("decide_without_a_reason"))
    @rule(name=NAMES, number=NUMBERS, status=STATUSES)
    def decide_without_a_reason(self, name: str, number: int, status: str) -> None:
        self.decide(name=name, number=number, status=status, reason=None)

    @precondition(supports("edit_metadata"))
    @rule(name=NAMES, number=NUMBERS, metadata=st.none() | METADATA, removed=st.none() | st.lists(KEYS, min_size=1))
    def edit_metadata(self, name: str, number: int, metadata: dict[str, str] | None, removed: list[str] | None) -> None:
        asked = {"CustomerMetadataProperties": metadata, "CustomerMetadataPropertiesToRemove": removed}
        self.both("UpdateModelPackage", ModelPackageArn=self.arn(name, number), **asked)

    @precondition(supports("delete_version"))
    @rule(name=NAMES, number=NUMBERS)
    def delete_version(self, name: str, number: int) -> None:
        self.both("DeleteModelPackage", ModelPackageName=self.arn(name, number))

    @precondition(supports("tag"))
    @rule(name=NAMES, tags=TAGS)
    def tag(self, name: str, tags: list[Any]) -> None:
        self.both("AddTags", ResourceArn=f"{self.model.arn}:model-package-group/{name}", Tags=tags)

    @precondition(supports("untag"))
    @rule(name=NAMES, keys=st.lists(KEYS, min_size=1, max_size=2, unique=True))
    def untag(self, name: str, keys: list[str]) -> None:
        self.both("DeleteTags", ResourceArn=f"{self.model.arn}:model-package-group/{name}", TagKeys=keys)

    @precondition(supports("list_tags"))
    @rule(name=NAMES)
    def list_tags(self, name: str) -> None:
        self.both("ListTags", ResourceArn=f"{self.model.arn}:model-package-group/{name}")

    @precondition(supports("policies"))
    @rule(name=NAMES, policy=st.sampled_from([POLICY, POLICY.replace("Describe", "Create"), "{"]))
    def put_policy(self, name: str, policy: str) -> None:
        self.both("PutModelPackageGroupPolicy", ModelPackageGroupName=name, ResourcePolicy=policy)

    @precondition(supports("policies"))
    @rule(name=NAMES)
    def get_policy(self, name: str) -> None:
        self.both("GetModelPackageGroupPolicy", ModelPackageGroupName=name)

    @precondition(supports("policies"))
    @rule(name=NAMES)
    def delete_policy(self, name: str) -> None:
        self.both("DeleteModelPackageGroupPolicy", ModelPackageGroupName=name)

    @precondition(supports("search"))
    @rule(
        wanted=st.fixed_dictionaries(
            {},
            optional={
                "ModelPackageGroupName": NAMES,
                "ModelApprovalStatus": STATUSES,
                "CustomerMetadataProperties.accuracy": VALUES,
            },
        ),
        most=st.integers(1, 3),
    )
    def search(self, wanted: dict[str, str], most: int) -> None:
        filters = [{"Name": name, "Operator": "Equals", "Value": value} for name, value in wanted.items()]
        sought: Any = {"SearchExpression": {"Filters": filters}} if filters else {}
        pages = self.client.get_paginator("search").paginate(
            Resource="ModelPackage", **sought, PaginationConfig={"PageSize": most}
        )
        found = [one["ModelPackage"]["ModelPackageArn"] for page in pages for one in page["Results"]]
        assert len(found) == len(set(found))
        assert set(found) == self.model.matching(**wanted)
        self.asked["Search"] += 1


def seen(answer: Any) -> Any:
    """Return the members of a response that the model knows, without empty values; tags have no order."""
    if isinstance(answer, list):
        return [seen(one) for one in answer]
    kept = {}
    for name, value in answer.items():
        if name == "Tags":
            kept[name] = {tag["Key"]: tag["Value"] for tag in value}
        elif name.endswith("SummaryList"):
            kept[name] = seen(value)
        elif name in SEEN:
            kept[name] = value
    return {name: value for name, value in kept.items() if value}


@pytest.mark.sized(ci=50, nightly=5_000, release=50_000)
@pytest.mark.parametrize("kind", KINDS)
def test_a_registry_behaves_like_the_model(
    kind: str,
    size: int,
    figures: dict[str, Any],
    image: Path,
    emulator: Emulator,
    request: pytest.FixtureRequest,
) -> None:
    """Each backend runs its share of all examples; fast backends have the largest shares."""
    chosen, steps = KINDS[kind], STEPS[request.config.option.size]
    postgres = request.getfixturevalue("postgres_url") if "postgres" in chosen.url else ""
    url = chosen.url.format(folder=image, emulator=emulator.url, postgres=postgres)
    examples = size * chosen.share // 100
    machine = type(f"On_{kind}", (AgainstTheModel,), {"kind": chosen, "url": url, "asked": Counter()})
    if chosen.is_reset:
        machine.open()
        request.addfinalizer(lambda: machine.client.close())
    for done in range(0, examples, EXAMPLES_PER_RUN):
        hypothesis.seed(request.config.option.random_seed + done)(machine)
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=min(EXAMPLES_PER_RUN, examples - done),
                stateful_step_count=steps,
                deadline=None,
                database=None,
                derandomize=False,
                print_blob=True,
                suppress_health_check=[*HealthCheck],
                phases=PHASES[request.config.option.size],
            ),
        )
    figures |= {"examples": examples, "steps each": steps, "calls": machine.asked.total()}


def test_the_shares_add_up_to_100() -> None:
    assert sum(kind.share for kind in KINDS.values()) == 100
