"""Contract tests of the resource policies of groups."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .base import Client, Contract, refusal

OTHER = "111122223333"
STATEMENT: dict[str, Any] = {
    "Sid": "Read",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
    "Action": ["sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages"],
    "Resource": "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/*",
}
POLICY: dict[str, Any] = {"Version": "2012-10-17", "Statement": [STATEMENT]}


def document(**members: Any) -> str:
    """Return a policy whose statement has the given members; None removes a member."""
    statement = {name: value for name, value in {**STATEMENT, **members}.items() if value is not None}
    return json.dumps({**POLICY, "Statement": statement})


ACCEPTED = {
    "one statement, no list": document(),
    "no version, and an id": json.dumps({"Id": "mine", "Statement": [STATEMENT]}),
    "the old version": json.dumps({**POLICY, "Version": "2008-10-17"}),
    "several statements": json.dumps({**POLICY, "Statement": [STATEMENT, {**STATEMENT, "Effect": "Deny"}]}),
    "any principal": document(Principal="*"),
    "any AWS principal": document(Principal={"AWS": "*"}),
    "accounts, users and roles": document(
        Principal={"AWS": [OTHER, f"arn:aws:iam::{OTHER}:user/a", f"arn:aws:sts::{OTHER}:assumed-role/b/c"]}
    ),
    "services and federated users": document(
        Principal={"AWS": OTHER, "Service": "sagemaker.amazonaws.com", "Federated": ["cognito-identity.amazonaws.com"]}
    ),
    "all principals except": document(Effect="Deny", Principal=None, NotPrincipal={"AWS": OTHER}),
    "any action": document(Action="*"),
    "wildcards in actions of any case": document(Action="SageMaker:describe*"),
    "all actions except": document(Action=None, NotAction=["sagemaker:Delete*"]),
    "any resource": document(Resource="*"),
    "all resources except": document(Resource=None, NotResource="arn:aws:sagemaker:*:*:model-package/churn/?"),
    "a condition": document(Condition={"StringEquals": {"aws:PrincipalOrgID": ["o-1"]}, "Bool": {"aws:x": True}}),
}
REFUSED = {
    "invalid JSON": ("{", "it is not valid JSON"),
    "not a number": (document(Condition={"StringEquals": {"a": float("nan")}}), "it is not valid JSON"),
    "a lone surrogate": (document(Sid="\ud800"), "it is not valid JSON"),
    "too deeply nested JSON": ("[" * 20_000, "it is not valid JSON"),
    "a too deeply nested policy": (
        document(Condition="it").replace('"it"', "[" * 900 + "]" * 900),
        "Condition in statement 1 must be",
    ),
    "a list": ("[]", "it must be a JSON object, not []"),
    "text": ('"Allow"', 'it must be a JSON object, not "Allow"'),
    "an unknown member": (
        json.dumps({**POLICY, "Statements": []}),
        '"Statements" is unknown; expected one of Version, Id, Statement',
    ),
    "a repeated member": ('{"Version": "2012-10-17", ' + document()[1:], '"Version" occurs twice in one object'),
    "an effect given twice": (document().replace('"Effect"', '"Effect": "Deny", "Effect"'), '"Effect" occurs twice'),
    "an unknown version": (json.dumps({**POLICY, "Version": "2020-01-01"}), "Version must be"),
    "no statement": (json.dumps({"Version": "2012-10-17"}), "it has no Statement"),
    "an empty list of statements": (
        json.dumps({"Statement": []}),
        "Statement must be an object or a non-empty list of objects",
    ),
    "a statement of text": (
        json.dumps({"Statement": ["Allow"]}),
        "Statement must be an object or a non-empty list of objects",
    ),
    "an unknown member of a statement": (
        document(Colour="red"),
        '"Colour" in statement 1 is unknown; expected one of Sid, Effect',
    ),
    "no effect": (document(Effect=None), "statement 1 must have Effect"),
    "an effect in lower case": (document(Effect="allow"), 'Effect in statement 1 must be "Allow" or "Deny"'),
    "an effect that is a list": (document(Effect=["Allow"]), "Effect in statement 1 must be"),
    "a number as sid": (document(Sid=1), "Sid in statement 1 must be text; it is 1"),
    "no principal": (document(Principal=None), "statement 1 must have Principal or NotPrincipal"),
    "an account without AWS": (document(Principal=OTHER), "Principal in statement 1 must be"),
    "an unknown kind of principal": (document(Principal={"User": OTHER}), "Principal in statement 1 must be"),
    "an empty principal": (document(Principal={}), "Principal in statement 1 must be"),
    "no accounts": (document(Principal={"AWS": []}), "Principal in statement 1 must be"),
    "a short account": (document(Principal={"AWS": "1111"}), "Principal in statement 1 must be"),
    "a principal with a wildcard": (document(Principal={"AWS": f"arn:aws:iam::{OTHER}:role/*"}), "Principal in"),
    "NotPrincipal with Allow": (
        document(Principal=None, NotPrincipal={"AWS": OTHER}),
        'NotPrincipal in statement 1 is only for the Effect "Deny"',
    ),
    "no action": (document(Action=None), "statement 1 must have Action or NotAction"),
    "both kinds of action": (document(NotAction="*"), "statement 1 must have only one of Action or NotAction"),
    "another service's action": (document(Action=["s3:GetObject"]), "Action in statement 1 must be"),
    "an action without a service": (document(Action="DescribeModelPackage"), "Action in statement 1 must be"),
    "no actions": (document(Action=[]), "Action in statement 1 must be"),
    "an action that is null": (json.dumps({"Statement": {**STATEMENT, "Action": None}}), "Action in statement 1 must"),
    "no resource": (document(Resource=None), "statement 1 must have Resource or NotResource"),
    "a resource that is a name": (document(Resource=["churn"]), "Resource in statement 1 must be an ARN"),
    "a resource with a variable": (document(Resource="arn:aws:sagemaker:*:${aws:x}:*"), "without policy variables"),
    "a condition that is text": (document(Condition="never"), "Condition in statement 1 must be an object"),
    "a condition without keys": (document(Condition={"Bool": True}), "Condition in statement 1 must be an object"),
    "an error in the second statement": (
        json.dumps({"Statement": [STATEMENT, {**STATEMENT, "Effect": "Forbid"}]}),
        'Effect in statement 2 must be "Allow" or "Deny"; it is "Forbid"',
    ),
}


class PolicyContract(Contract):
    @pytest.fixture
    def arn(self, sagemaker: Client, group: str) -> str:
        return sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"]

    @pytest.fixture
    def put(self, sagemaker: Client, group: str) -> Callable[[str], Any]:
        """Return a function that sets the policy of the group."""
        return lambda text: sagemaker.put_model_package_group_policy(ModelPackageGroupName=group, ResourcePolicy=text)

    def test_a_policy_is_stored_unchanged(
        self, sagemaker: Client, group: str, arn: str, put: Callable[[str], Any]
    ) -> None:
        text = f"  {document()} "
        assert put(text)["ModelPackageGroupArn"] == arn
        assert sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)["ResourcePolicy"] == text

    def test_a_second_policy_replaces_the_first(self, sagemaker: Client, group: str, put: Callable[[str], Any]) -> None:
        put(document())
        put(document(Effect="Deny"))
        stored = sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)["ResourcePolicy"]
        assert json.loads(stored)["Statement"]["Effect"] == "Deny"

    def test_deleting_a_policy_keeps_the_group(
        self, sagemaker: Client, group: str, arn: str, put: Callable[[str], Any]
    ) -> None:
        put(document())
        sagemaker.delete_model_package_group_policy(ModelPackageGroupName=group)
        missing = ("ValidationException", f"Cannot find resource policy for: {arn}")
        assert refusal(sagemaker.get_model_package_group_policy, ModelPackageGroupName=group) == missing
        assert refusal(sagemaker.delete_model_package_group_policy, ModelPackageGroupName=group) == missing
        assert sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"] == arn

    def test_reading_or_deleting_a_missing_policy_is_an_error(self, sagemaker: Client, group: str, arn: str) -> None:
        for call in (sagemaker.get_model_package_group_policy, sagemaker.delete_model_package_group_policy):
            assert refusal(call, ModelPackageGroupName=group) == (
                "ValidationException",
                f"Cannot find resource policy for: {arn}",
            )

    def test_the_policy_error_for_a_missing_group_contains_its_arn(self, sagemaker: Client, arn: str) -> None:
        missing = ("ValidationException", f"Cannot find Model Package Group: {arn.replace('churn', 'missing')}")
        for call, members in (
            (sagemaker.put_model_package_group_policy, {"ResourcePolicy": document()}),
            (sagemaker.get_model_package_group_policy, {}),
            (sagemaker.delete_model_package_group_policy, {}),
        ):
            assert refusal(call, ModelPackageGroupName="missing", **members) == missing

    def test_policy_operations_reject_the_arn_of_a_group(self, sagemaker: Client, arn: str) -> None:
        code, sentence = refusal(sagemaker.get_model_package_group_policy, ModelPackageGroupName=arn)
        assert code == "ValidationException"
        assert "'modelPackageGroupName' failed to satisfy constraint" in sentence

    def test_deleting_a_group_deletes_its_policy(
        self, sagemaker: Client, group: str, put: Callable[[str], Any]
    ) -> None:
        put(document())
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
        code, _ = refusal(sagemaker.get_model_package_group_policy, ModelPackageGroupName=group)
        assert code == "ValidationException"

    def test_a_policy_does_not_restrict_the_owner_of_the_group(
        self, sagemaker: Client, group: str, put: Callable[[str], Any]
    ) -> None:
        put(document(Effect="Deny", Principal="*", Action="*", Resource="*"))
        sagemaker.describe_model_package_group(ModelPackageGroupName=group)
        sagemaker.delete_model_package_group_policy(ModelPackageGroupName=group)

    @pytest.mark.parametrize("text", ACCEPTED.values(), ids=list(ACCEPTED))
    def test_a_valid_policy_is_accepted(
        self, sagemaker: Client, group: str, put: Callable[[str], Any], text: str
    ) -> None:
        put(text)
        assert sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)["ResourcePolicy"] == text

    @pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=list(REFUSED))
    def test_an_invalid_policy_is_rejected_with_the_reason(
        self, sagemaker: Client, group: str, put: Callable[[str], Any], text: str, sentence: str
    ) -> None:
        put(document())
        code, said = refusal(put, text=text)
        assert code == "ValidationException"
        assert said.startswith("The ResourcePolicy is not valid: ")
        assert sentence in said
        assert len(said) < 600
        stored = sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)["ResourcePolicy"]
        assert stored == document()

    def test_a_policy_has_at_most_20480_characters(self, group: str, put: Callable[[str], Any]) -> None:
        anything = document(Resource="*")
        put(anything + " " * (20_480 - len(anything)))
        code, sentence = refusal(put, text=anything + " " * 20_480)
        assert code == "ValidationException"
        assert sentence.startswith("1 validation error detected: Value ")
        assert "'resourcePolicy' failed to satisfy constraint: Member must have length less than" in sentence
