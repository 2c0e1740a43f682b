"""Resource policies: access from other accounts, and the discovery of shared groups."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sagemaker_registry.backends.arns import GROUP, PACKAGE, Arn
from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.contract.base import CONTAINER, SPECIFICATION, UNVERSIONED_SPECIFICATION, refusal
from sagemaker_registry.backends.errors import ValidationException
from sagemaker_registry.backends.local import permissions
from sagemaker_registry.backends.local.operations import policies
from sagemaker_registry.backends.store.rows import POLICIES
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows
from sagemaker_registry.backends.store.transactions import View
from sagemaker_registry.client import connect
from support.server import REGION, Emulator, checked

OWNER, READER, THIRD = "111111111111", "222222222222", "333333333333"
GROUP_ARN = f"arn:aws:sagemaker:{REGION}:{OWNER}:model-package-group/churn"
VERSIONS_ARN = f"arn:aws:sagemaker:{REGION}:{OWNER}:model-package/churn/*"
VERSION_ARN = VERSIONS_ARN.replace("*", "1")
DESCRIBE = "sagemaker:DescribeModelPackageGroup"


def statement(**members: Any) -> dict[str, Any]:
    """Return a statement that lets the reader describe the group, with these members replaced; None removes one."""
    statement_ = {"Effect": "Allow", "Principal": {"AWS": READER}, "Action": DESCRIBE, "Resource": GROUP_ARN, **members}
    return {name: value for name, value in statement_.items() if value is not None}


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


# The two statements of AWS's page about deploying a version from another account, with its actions.
DOCUMENTED = policy(
    statement(Sid="AddPermModelPackageGroup", Principal={"AWS": f"arn:aws:iam::{READER}:root"}),
    statement(
        Sid="AddPermModelPackageVersion",
        Principal={"AWS": f"arn:aws:iam::{READER}:root"},
        Action=[
            "sagemaker:CreateModelPackage",
            "sagemaker:DescribeModelPackage",
            "sagemaker:ListModelPackages",
            "sagemaker:UpdateModelPackage",
            "sagemaker:CreateModel",
        ],
        Resource=VERSIONS_ARN,
    ),
)


class TestOneFile:
    """Three accounts with one client each on one file."""

    @pytest.fixture
    def clients(self, tmp_path: Path) -> Iterator[dict[str, Any]]:
        clients = {
            account: connect(
                f"sqlite:///{tmp_path}/registry.db",
                region_name=REGION,
                aws_access_key_id=account,
                aws_secret_access_key="any",
            )
            for account in (OWNER, READER, THIRD)
        }
        yield {account: checked(client) for account, client in clients.items()}
        for client in clients.values():
            client.close()

    @pytest.fixture
    def owner(self, clients: dict[str, Any]) -> Any:
        """Return the client of an account with one version of one group, and no policy."""
        owner = clients[OWNER]
        owner.create_model_package_group(ModelPackageGroupName="churn")
        owner.create_model_package(ModelPackageGroupName="churn", InferenceSpecification=SPECIFICATION)
        return owner

    @pytest.fixture
    def reader(self, clients: dict[str, Any], owner: Any) -> Any:
        """Return the client of the account that the documented policy allows."""
        owner.put_model_package_group_policy(ModelPackageGroupName="churn", ResourcePolicy=DOCUMENTED)
        return clients[READER]

    @pytest.fixture
    def third(self, clients: dict[str, Any]) -> Any:
        return clients[THIRD]

    def test_without_a_policy_another_account_has_no_access(self, owner: Any, third: Any) -> None:
        assert refusal(third.describe_model_package, ModelPackageName=VERSION_ARN) == (
            "AccessDeniedException",
            f"User: arn:aws:iam::{THIRD}:root is not authorized to perform: sagemaker:DescribeModelPackage "
            f"on resource: {VERSION_ARN} because no resource-based policy allows the "
            "sagemaker:DescribeModelPackage action",
        )

    def test_a_version_registered_from_another_account_belongs_to_the_owner(self, owner: Any, reader: Any) -> None:
        arn = reader.create_model_package(ModelPackageGroupName=GROUP_ARN, InferenceSpecification=SPECIFICATION)[
            "ModelPackageArn"
        ]
        assert arn == VERSIONS_ARN.replace("*", "2")
        described = owner.describe_model_package(ModelPackageName="churn/2")
        assert described["ModelPackageGroupName"] == "churn"
        assert described["CreatedBy"]["IamIdentity"]["Arn"] == f"arn:aws:iam::{READER}:root"
        assert reader.list_model_packages(ModelPackageType="Both")["ModelPackageSummaryList"] == []

    def test_another_account_reads_lists_and_approves_versions_by_arn(self, owner: Any, reader: Any) -> None:
        reader.update_model_package(ModelPackageArn=VERSION_ARN, ModelApprovalStatus="Approved")
        assert reader.describe_model_package(ModelPackageName=VERSION_ARN)["ModelApprovalStatus"] == "Approved"
        listed = reader.list_model_packages(ModelPackageGroupName=GROUP_ARN)["ModelPackageSummaryList"]
        assert [summary["ModelPackageArn"] for summary in listed] == [VERSION_ARN]
        assert reader.describe_model_package_group(ModelPackageGroupName=GROUP_ARN)["ModelPackageGroupName"] == "churn"
        described = owner.describe_model_package(ModelPackageName="churn/1")
        assert described["LastModifiedBy"]["IamIdentity"]["Arn"] == f"arn:aws:iam::{READER}:root"

    def test_another_account_can_clone_a_version(self, reader: Any) -> None:
        reader.create_model_package_group(ModelPackageGroupName="mine")
        clone = reader.create_model_package(ModelPackageGroupName="mine", SourceUri=VERSION_ARN)["ModelPackageArn"]
        described = reader.describe_model_package(ModelPackageName=clone)
        assert described["InferenceSpecification"]["Containers"][0]["Image"] == CONTAINER["Image"]

    def test_another_account_can_page_through_versions(self, owner: Any, reader: Any) -> None:
        for _ in range(4):
            owner.create_model_package(ModelPackageGroupName="churn", InferenceSpecification=SPECIFICATION)
        pages = reader.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=GROUP_ARN, PaginationConfig={"PageSize": 2}
        )
        discovered = [summary["ModelPackageVersion"] for page in pages for summary in page["ModelPackageSummaryList"]]
        assert discovered == [5, 4, 3, 2, 1]

    def test_actions_that_the_policy_does_not_name_are_denied(self, owner: Any, reader: Any) -> None:
        for call, members in (
            (reader.delete_model_package, {"ModelPackageName": VERSION_ARN}),
            (reader.delete_model_package_group, {"ModelPackageGroupName": GROUP_ARN}),
        ):
            assert refusal(call, **members)[0] == "AccessDeniedException"
        assert len(owner.list_model_packages(ModelPackageGroupName="churn")["ModelPackageSummaryList"]) == 1

    def test_another_group_of_the_owner_is_denied(self, owner: Any, reader: Any) -> None:
        owner.create_model_package_group(ModelPackageGroupName="churn-2")
        code, _ = refusal(reader.list_model_packages, ModelPackageGroupName=GROUP_ARN + "-2")
        assert code == "AccessDeniedException"

    def test_a_policy_allows_access_only_to_its_own_group(self, owner: Any, reader: Any) -> None:
        owner.create_model_package_group(ModelPackageGroupName="other")
        everything = policy(statement(Action="*", Resource="*"))
        owner.put_model_package_group_policy(ModelPackageGroupName="churn", ResourcePolicy=everything)
        code, _ = refusal(
            reader.describe_model_package_group, ModelPackageGroupName=GROUP_ARN.replace("churn", "other")
        )
        assert code == "AccessDeniedException"

    def test_an_unversioned_package_cannot_be_shared(self, owner: Any, reader: Any) -> None:
        everything = policy(statement(Principal="*", Action="*", Resource="*"))
        owner.put_model_package_group_policy(ModelPackageGroupName="churn", ResourcePolicy=everything)
        arn = owner.create_model_package(ModelPackageName="churn", InferenceSpecification=UNVERSIONED_SPECIFICATION)[
            "ModelPackageArn"
        ]
        assert refusal(reader.describe_model_package, ModelPackageName=arn)[0] == "AccessDeniedException"

    def test_a_third_account_is_denied(self, reader: Any, third: Any) -> None:
        for call, members in (
            (third.describe_model_package_group, {"ModelPackageGroupName": GROUP_ARN}),
            (third.describe_model_package, {"ModelPackageName": VERSION_ARN}),
            (third.list_model_packages, {"ModelPackageGroupName": GROUP_ARN}),
            (third.create_model_package, {"ModelPackageGroupName": GROUP_ARN}),
            (third.update_model_package, {"ModelPackageArn": VERSION_ARN, "ModelApprovalStatus": "Approved"}),
        ):
            assert refusal(call, **members)[0] == "AccessDeniedException"

    def test_access_ends_with_the_policy(self, owner: Any, reader: Any) -> None:
        owner.delete_model_package_group_policy(ModelPackageGroupName="churn")
        assert refusal(reader.describe_model_package, ModelPackageName=VERSION_ARN)[0] == "AccessDeniedException"

    def test_a_group_name_refers_to_the_callers_account(self, reader: Any) -> None:
        code, sentence = refusal(reader.get_model_package_group_policy, ModelPackageGroupName="churn")
        assert code == "ValidationException"
        assert sentence == f"Cannot find Model Package Group: {GROUP_ARN.replace(OWNER, READER)}"

    def test_shared_groups_are_listed_for_the_accounts_they_are_shared_with(
        self, owner: Any, reader: Any, third: Any
    ) -> None:
        owner.create_model_package_group(ModelPackageGroupName="private")
        reader.create_model_package_group(ModelPackageGroupName="mine")

        def listed(client: Any) -> list[str]:
            answer = client.list_model_package_groups(CrossAccountFilterOption="CrossAccount")
            return [summary["ModelPackageGroupArn"] for summary in answer["ModelPackageGroupSummaryList"]]

        assert listed(reader) == [GROUP_ARN]
        assert listed(third) == listed(owner) == []

    def test_a_deny_overrides_an_allow(self, owner: Any, reader: Any) -> None:
        denied = statement(Effect="Deny", Action="sagemaker:Update*", Resource="*")
        opened = json.loads(DOCUMENTED)["Statement"]
        owner.put_model_package_group_policy(ModelPackageGroupName="churn", ResourcePolicy=policy(denied, *opened))
        code, _ = refusal(reader.update_model_package, ModelPackageArn=VERSION_ARN, ModelApprovalStatus="Approved")
        assert code == "AccessDeniedException"
        assert reader.describe_model_package(ModelPackageName=VERSION_ARN)["ModelPackageVersion"] == 1


def test_groups_are_shared_over_http(emulator: Emulator, account: str) -> None:
    owner, reader = emulator.client("sagemaker", account), emulator.client("sagemaker", READER)
    owner.create_model_package_group(ModelPackageGroupName="churn")
    shared = DOCUMENTED.replace(OWNER, account)
    owner.put_model_package_group_policy(ModelPackageGroupName="churn", ResourcePolicy=shared)
    arn = reader.create_model_package(
        ModelPackageGroupName=GROUP_ARN.replace(OWNER, account), InferenceSpecification=SPECIFICATION
    )["ModelPackageArn"]
    assert owner.describe_model_package(ModelPackageName="churn/1")["ModelPackageArn"] == arn


# Policies in a store, evaluated for one request.

ROOT, USER = f"arn:aws:iam::{READER}:root", "arn:aws:iam::123456789012:user/alice"
CHURN = Arn("aws", REGION, OWNER, GROUP, "churn")
VERSION = Arn("aws", REGION, OWNER, PACKAGE, "churn", 1)
VERSIONS = Arn("aws", REGION, OWNER, PACKAGE, "churn", "*")
SINCE_2020 = {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}


@contextmanager
def store(texts: Mapping[str, str], region: str = REGION) -> Iterator[View]:
    """Open a store with these policies of the owner, by group."""
    with closing(SQLiteRows(None)) as rows, rows.writing() as writing:
        for name, text in texts.items():
            row = {"region": region, "account": OWNER, "name": name, "rev": 0, "record": {"ResourcePolicy": text}}
            assert writing.insert(POLICIES, row)
        yield writing


def allowed(
    *statements: Mapping[str, Any],
    by: str = READER,
    to: str = "DescribeModelPackageGroup",
    on: Arn = CHURN,
) -> bool:
    """Return whether these statements, as the policy of the group, allow a caller to do something."""
    with store({"churn": policy(*statements)}) as rows:
        return permissions.allows(rows, Caller.from_access_key(by, REGION), to, on)


def discovered(by: str, **texts: str) -> list[str]:
    with store(texts) as rows:
        return [arn.name for arn in permissions.discoverable(rows, Caller.from_access_key(by, REGION))]


@pytest.mark.parametrize(
    ("principal", "by", "expected"),
    [
        ("*", THIRD, True),
        ({"AWS": "*"}, "alice", True),
        ({"AWS": READER}, READER, True),
        ({"AWS": ROOT}, READER, True),
        ({"AWS": [THIRD, ROOT]}, READER, True),
        ({"AWS": "123456789012"}, "alice", True),
        ({"AWS": "arn:aws:iam::123456789012:root"}, "alice", True),
        ({"AWS": USER}, "alice", True),
        ({"AWS": USER}, "bob", False),
        ({"AWS": USER}, "Alice", False),
        ({"AWS": READER}, THIRD, False),
        ({"AWS": f"arn:aws-cn:iam::{READER}:root"}, READER, False),
        ({"AWS": f"arn:aws:iam::{READER}:user/root"}, READER, False),
        ({"Service": "sagemaker.amazonaws.com"}, READER, False),
        ({"Federated": "*"}, READER, False),
    ],
)
def test_a_principal_is_everyone_an_account_or_one_identity(principal: Any, by: str, expected: bool) -> None:
    assert allowed(statement(Principal=principal), by=by) is expected


@pytest.mark.parametrize(
    ("exempt", "by", "expected"),
    [
        (READER, READER, True),
        (ROOT, READER, True),
        (READER, THIRD, False),
        (USER, "alice", True),
        (USER, "bob", False),
        # According to IAM's documentation, naming the account alone exempts none of its users.
        ("123456789012", "alice", False),
        (["arn:aws:iam::123456789012:root", USER], "alice", True),
        (["arn:aws:iam::123456789012:root", USER], "bob", False),
    ],
)
def test_not_principal_denies_everyone_else(exempt: Any, by: str, expected: bool) -> None:
    opened = statement(Principal="*")
    denied = statement(Effect="Deny", Principal=None, NotPrincipal={"AWS": exempt})
    assert allowed(opened, by=by)
    assert allowed(opened, denied, by=by) is expected


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ({"Action": "*"}, True),
        ({"Action": "sagemaker:*"}, True),
        ({"Action": "SAGEMAKER:describemodelpackageGROUP"}, True),
        ({"Action": ["sagemaker:DeleteModelPackage", "sagemaker:Describe*"]}, True),
        ({"Action": "sagemaker:Describe?odelPackageGroup"}, True),
        ({"Action": "sagemaker:DescribeModelPackage"}, False),
        ({"Action": "sagemaker:DescribeModelPackage?"}, False),
        ({"Action": None, "NotAction": "sagemaker:Delete*"}, True),
        ({"Action": None, "NotAction": ["sagemaker:describe*"]}, False),
    ],
)
def test_actions_are_case_insensitive_patterns(element: dict[str, Any], expected: bool) -> None:
    assert allowed(statement(**element)) is expected


@pytest.mark.parametrize(
    ("element", "on", "expected"),
    [
        ({"Resource": "*"}, CHURN, True),
        ({"Resource": GROUP_ARN}, CHURN, True),
        ({"Resource": GROUP_ARN}, VERSION, False),
        ({"Resource": VERSIONS_ARN}, VERSION, True),
        ({"Resource": VERSIONS_ARN}, VERSIONS, True),
        ({"Resource": VERSIONS_ARN}, CHURN, False),
        ({"Resource": VERSION_ARN}, VERSION, True),
        ({"Resource": VERSION_ARN}, VERSIONS, False),
        ({"Resource": VERSION_ARN + "?"}, VERSION, False),
        ({"Resource": GROUP_ARN.upper()}, CHURN, False),
        ({"Resource": GROUP_ARN.replace("churn", "CHURN")}, CHURN, False),
        ({"Resource": GROUP_ARN.replace("churn", "[c]hurn")}, CHURN, False),
        ({"Resource": ["arn:aws:s3:::churn", "arn:aws:sagemaker:*:*:model-package-group/c?urn"]}, CHURN, True),
        ({"Resource": None, "NotResource": VERSIONS_ARN}, CHURN, True),
        ({"Resource": None, "NotResource": VERSIONS_ARN}, VERSION, False),
    ],
)
def test_resources_are_case_sensitive_patterns(element: dict[str, Any], on: Arn, expected: bool) -> None:
    assert allowed(statement(**element), on=on) is expected


def test_conditions_are_not_evaluated_and_allow_nothing() -> None:
    opened = statement()
    assert not allowed(statement(Condition=SINCE_2020))
    assert allowed(opened, statement(Condition=SINCE_2020))
    assert not allowed(opened, statement(Effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}}))


def test_a_group_is_discovered_by_accounts_that_may_describe_it() -> None:
    texts = {
        "a": policy(statement(Resource="*")),
        "b": policy(statement(Principal={"AWS": [THIRD, ROOT]}, Resource="*")),
        "c": policy(statement(Principal="*", Resource="*")),
        "d": policy(statement(Principal="*", Resource="*", Action="sagemaker:ListModelPackages")),
    }
    assert discovered(READER, **texts) == ["a", "b", "c"]
    assert discovered(THIRD, **texts) == ["b", "c"]
    assert discovered("alice", **texts) == ["c"]
    assert discovered(OWNER, **texts) == []


def test_a_group_policy_does_not_apply_to_an_unversioned_package_of_the_same_name() -> None:
    everything = statement(Principal="*", Action="*", Resource="*")
    assert allowed(everything, on=VERSION)
    assert not allowed(everything, on=Arn("aws", REGION, OWNER, PACKAGE, "churn"))


@pytest.mark.parametrize(
    "undiscoverable",
    [
        statement(Action="*"),
        statement(Action=["sagemaker:ListModelPackages", "*"]),
        statement(Principal={"AWS": [READER, f"arn:aws:iam::{THIRD}:role/Role-1"]}),
        statement(Principal={"AWS": [READER, f"arn:aws:sts::{THIRD}:assumed-role/Role-1/session"]}),
    ],
)
def test_wildcard_actions_and_roles_give_access_but_are_not_discovered(undiscoverable: dict[str, Any]) -> None:
    assert allowed(undiscoverable)
    assert discovered(READER, churn=policy(undiscoverable)) == []
    assert discovered(READER, churn=policy(statement(), undiscoverable)) == []
    assert discovered(READER, churn=policy(statement(Action="sagemaker:*"))) == ["churn"]


def test_a_deny_for_a_role_hides_nothing() -> None:
    role = statement(Effect="Deny", Principal={"AWS": f"arn:aws:iam::{THIRD}:role/Role-1"}, Action="*")
    assert discovered(READER, churn=policy(statement(), role)) == ["churn"]


def test_a_group_is_discovered_in_its_region() -> None:
    with store({"churn": policy(statement(Resource="*"))}, region="eu-west-1") as rows:
        assert permissions.discoverable(rows, Caller.from_access_key(READER, REGION)) == []
        (arn,) = permissions.discoverable(rows, Caller.from_access_key(READER, "eu-west-1"))
        assert str(arn) == GROUP_ARN.replace(REGION, "eu-west-1")


NAMES = {account: [account, f"arn:aws:iam::{account}:root"] for account in (OWNER, READER, THIRD)}
ACTIONS = ["*", "sagemaker:*", "sagemaker:Describe*", DESCRIBE, "sagemaker:ListModelPackages", "sagemaker:delete*"]
RESOURCES = ["*", GROUP_ARN, VERSIONS_ARN, VERSION_ARN, "arn:aws:sagemaker:*:*:model-package*/churn*"]
OPERATIONS = ["DescribeModelPackageGroup", "ListModelPackages", "DescribeModelPackage", "DeleteModelPackage"]
targets = st.sampled_from([CHURN, VERSION, VERSIONS])
operations = st.sampled_from(OPERATIONS)


def one_or_more(choices: Sequence[str]) -> st.SearchStrategy[Any]:
    return st.sampled_from(choices) | st.lists(st.sampled_from(choices), min_size=1, max_size=3)


def statements(effects: Sequence[str], accounts: Sequence[str], *, everybody: bool) -> st.SearchStrategy[Any]:
    """Return a strategy of statements whose principals are in these accounts, or `*` if `everybody` is true."""
    named = one_or_more([name for account in accounts for name in NAMES[account]]).map(lambda names: {"AWS": names})
    principals = named | st.just("*") if everybody else named
    return st.fixed_dictionaries(
        {"Effect": st.sampled_from(effects), "Principal": principals},
        optional={"Condition": st.just(SINCE_2020)},
    ).flatmap(
        lambda statement_: st.builds(
            lambda *elements: {**statement_, **dict(elements)},
            st.tuples(st.sampled_from(["Action", "NotAction"]), one_or_more(ACTIONS)),
            st.tuples(st.sampled_from(["Resource", "NotResource"]), one_or_more(RESOURCES)),
        )
    )


any_statements = st.lists(
    statements(["Allow", "Allow", "Deny"], [OWNER, READER, THIRD], everybody=True), min_size=1, max_size=4
)


@settings(deadline=None)
@given(
    before=any_statements,
    deny=statements(["Deny"], [OWNER, READER, THIRD], everybody=True),
    to=operations,
    on=targets,
    data=st.data(),
)
def test_adding_a_deny_never_allows_more(
    before: list[Any], deny: dict[str, Any], to: str, on: Arn, data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(before)))
    after = [*before[:position], deny, *before[position:]]
    assert allowed(*before, to=to, on=on) or not allowed(*after, to=to, on=on)


@settings(deadline=None)
@given(
    granted=st.lists(statements(["Allow", "Deny"], [OWNER, READER], everybody=False), min_size=1, max_size=4),
    to=operations,
    on=targets,
)
def test_an_account_that_no_statement_names_is_denied_everything(granted: list[Any], to: str, on: Arn) -> None:
    assert not allowed(*granted, by=THIRD, to=to, on=on)
    assert discovered(THIRD, churn=policy(*granted)) == []


@settings(deadline=None)
@given(statement_=any_statements, to=operations, on=targets, data=st.data())
def test_the_order_of_statements_does_not_matter(statement_: list[Any], to: str, on: Arn, data: st.DataObject) -> None:
    assert allowed(*statement_, to=to, on=on) is allowed(*data.draw(st.permutations(statement_)), to=to, on=on)


def matches(pattern: str, text: str) -> bool:
    """Match a pattern in the simplest way."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(matches(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and matches(pattern[1:], text[1:])


@settings(deadline=None)
@given(pattern=st.text("ab*?[]!-|.", max_size=8), name=st.text("ab[]!-|.", min_size=1, max_size=8))
@example(pattern="*a*b", name="abab")
@example(pattern="[!b]", name="a")
def test_patterns_agree_with_a_naive_matcher(pattern: str, name: str) -> None:
    arn = Arn("aws", REGION, OWNER, GROUP, f"churn{name}")
    with store({arn.name: policy(statement(Resource=GROUP_ARN + pattern))}) as rows:
        assert permissions.allows(
            rows, Caller.from_access_key(READER, REGION), "DescribeModelPackageGroup", arn
        ) is matches(pattern, name)


@pytest.mark.parametrize("wildcards", ["*a" * 9_000, "*?" * 9_000, "*" * 18_000, "?" * 18_000, "*a*b*c*d*e*" * 1_600])
def test_patterns_are_matched_within_two_seconds(wildcards: str) -> None:
    began = time.perf_counter()
    assert not allowed(statement(Resource=GROUP_ARN[:-5] + wildcards + "!"))
    assert time.perf_counter() - began < 2


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(ACTIONS + RESOURCES),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("AWS"), children),
    max_leaves=8,
)
MEMBERS = [*policies.STATEMENT, *policies.POLICY]


@settings(deadline=None, max_examples=300)
@given(member=st.sampled_from(MEMBERS), value=json_values, data=st.data())
def test_a_policy_document_is_rejected_or_can_be_evaluated(member: str, value: Any, data: st.DataObject) -> None:
    statement_ = {**statement(), member: value}
    whole = {"Statement": statement_} if member in policies.STATEMENT else {"Statement": statement(), member: value}
    text = json.dumps(whole)
    cut = data.draw(st.just(len(text)) | st.integers(0, len(text)))
    try:
        policies.check(text[:cut])
    except ValidationException:
        return
    with store({"churn": text[:cut]}) as rows:
        opened = permissions.allows(rows, Caller.from_access_key(READER, REGION), "DescribeModelPackageGroup", CHURN)
        assert opened or permissions.discoverable(rows, Caller.from_access_key(READER, REGION)) == []


@given(st.text())
def test_text_that_is_not_a_policy_is_rejected(text: str) -> None:
    with pytest.raises(ValidationException, match=r"^The ResourcePolicy is not valid: .+\.$"):
        policies.check(text)
