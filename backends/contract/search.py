"""Contract tests of Search and GetSearchSuggestions."""

from __future__ import annotations

from datetime import timedelta
from time import sleep
from typing import Any

import pytest

from .base import CONTAINER, PENDING, SPECIFICATION, UNVERSIONED_SPECIFICATION, Client, Contract, Register, refusal

CREATED_FORMAT = "%Y-%m-%dT%H:%M:%S"


def where(name: str, operator: str | None = None, value: str | None = None) -> Any:
    members = {"Name": name, "Operator": operator, "Value": value}
    return {member: given for member, given in members.items() if given is not None}


def versions(sagemaker: Client, *filters: Any, **expression: Any) -> set[str]:
    """Return the matching versions as `Group/N`."""
    sought: Any = {**expression, **({"Filters": list(filters)} if filters else {})}
    pages = sagemaker.get_paginator("search").paginate(Resource="ModelPackage", SearchExpression=sought)
    return {result["ModelPackage"]["ModelPackageName"] for page in pages for result in page["Results"]}


def groups(sagemaker: Client, **query: Any) -> list[str]:
    """Return the names of the groups on the first page, in order."""
    found = sagemaker.search(Resource="ModelPackageGroup", **query)["Results"]
    return [result["ModelPackageGroup"]["ModelPackageGroupName"] for result in found]


class SearchContract(Contract):
    @pytest.fixture
    def three(self, register: Register) -> list[str]:
        """Return the ARNs of three versions with different properties."""
        return [
            register(
                ModelApprovalStatus="Approved",
                ModelPackageDescription="gradient boosting, a=1",
                CustomerMetadataProperties={"data.set": "2026-11", "owner": "risk"},
                ModelLifeCycle={"Stage": "Staging", "StageStatus": "Done"},
            ),
            register(
                ModelApprovalStatus="Rejected",
                ModelPackageDescription="Gradient descent",
                CustomerMetadataProperties={"data.set": "2026-12"},
                ModelLifeCycle={"Stage": "Production", "StageStatus": "Done"},
            ),
            register(),
        ]

    def test_a_search_without_an_expression_returns_all_own_resources(
        self, sagemaker: Client, group: str, three: list[str]
    ) -> None:
        sagemaker.create_model_package(ModelPackageName="solo", InferenceSpecification=UNVERSIONED_SPECIFICATION)
        found = sagemaker.search(Resource="ModelPackage")
        assert {result["ModelPackage"]["ModelPackageName"] for result in found["Results"]} == {
            "churn/1",
            "churn/2",
            "churn/3",
            "solo",
        }
        assert found["TotalHits"]["Value"] >= len(found["Results"])  # a shared account has other resources
        assert found["TotalHits"]["Relation"] == "EqualTo"
        assert "NextToken" not in found
        assert groups(sagemaker) == ["churn"]
        assert groups(sagemaker, CrossAccountFilterOption="SameAccount") == ["churn"]
        assert groups(sagemaker, CrossAccountFilterOption="CrossAccount") == []

    def test_a_package_found_by_search_is_as_described_plus_its_name(
        self, sagemaker: Client, group: str, three: list[str]
    ) -> None:
        (result,) = sagemaker.search(
            Resource="ModelPackage", SearchExpression={"Filters": [where("ModelPackageVersion", value="1")]}
        )["Results"]
        found: dict[str, Any] = {**result["ModelPackage"]}
        described: dict[str, Any] = {**sagemaker.describe_model_package(ModelPackageName=three[0])}
        assert found.pop("ModelPackageName") == f"{group}/1"
        assert found == {member: value for member, value in described.items() if member != "ResponseMetadata"}

    def test_a_group_found_by_search_is_as_described_plus_its_tags(self, sagemaker: Client) -> None:
        tags: Any = [{"Key": "team", "Value": "risk"}]
        sagemaker.create_model_package_group(ModelPackageGroupName="fraud", Tags=tags)
        (result,) = sagemaker.search(Resource="ModelPackageGroup")["Results"]
        found: dict[str, Any] = {**result["ModelPackageGroup"]}
        described: dict[str, Any] = {**sagemaker.describe_model_package_group(ModelPackageGroupName="fraud")}
        assert found.pop("Tags") == tags
        assert found == {member: value for member, value in described.items() if member != "ResponseMetadata"}

    @pytest.mark.parametrize(
        ("name", "operator", "value", "expected"),
        [
            ("ModelApprovalStatus", None, "Approved", {1}),
            ("ModelApprovalStatus", "Equals", "approved", set()),
            ("ModelApprovalStatus", "NotEquals", "Approved", {2, 3}),
            ("ModelPackageVersion", "Equals", "2", {2}),
            ("ModelPackageVersion", "GreaterThan", "1", {2, 3}),
            ("ModelPackageVersion", "GreaterThanOrEqualTo", "1.5", {2, 3}),
            ("ModelPackageVersion", "LessThan", "2", {1}),
            ("ModelPackageVersion", "LessThanOrEqualTo", "2", {1, 2}),
            ("ModelPackageDescription", "Contains", "radient", {1, 2}),
            ("ModelPackageDescription", "Contains", "gradient", {1}),
            ("ModelApprovalStatus", "In", f"Rejected,{PENDING}", {2, 3}),
            ("ModelPackageDescription", "Exists", None, {1, 2}),
            ("ModelPackageDescription", "NotExists", None, {3}),
            ("ModelPackageDescription", "NotEquals", "Gradient descent", {1, 3}),
            ("CertifyForMarketplace", "Equals", "false", {1, 2, 3}),
            ("ModelLifeCycle.Stage", "Equals", "Production", {2}),
            ("ModelLifeCycle", "Exists", None, {1, 2}),
            ("InferenceSpecification.Containers.Image", "Contains", "churn:3", {1, 2, 3}),
            ("InferenceSpecification.SupportedContentTypes", "Equals", "text/csv", {1, 2, 3}),
            ("InferenceSpecification.SupportedContentTypes", "NotEquals", "text/csv", set()),
            ("CustomerMetadataProperties.owner", "Exists", None, {1}),
            ("CustomerMetadataProperties.data.set", "Equals", "2026-12", {2}),
            ("CustomerMetadataProperties.data.set", "In", "2026-11,2026-12", {1, 2}),
            ("CreatedBy.IamIdentity.Arn", "Contains", ":iam::", {1, 2, 3}),
            ("ModelPackageGroupName", "Equals", "churn", {1, 2, 3}),
            ("ModelPackageName", "Equals", "churn/3", {3}),
        ],
    )
    def test_a_filter_returns_the_matching_versions(
        self,
        sagemaker: Client,
        three: list[str],
        name: str,
        operator: str | None,
        value: str | None,
        expected: set[int],
    ) -> None:
        assert versions(sagemaker, where(name, operator, value)) == {f"churn/{number}" for number in expected}

    def test_times_are_compared_as_utc(self, sagemaker: Client, three: list[str]) -> None:
        created = sagemaker.describe_model_package(ModelPackageName=three[0])["CreationTime"]
        hour = timedelta(hours=1)
        before, after = (f"{moment:{CREATED_FORMAT}}" for moment in (created - hour, created + hour))
        assert len(versions(sagemaker, where("CreationTime", "GreaterThan", before))) == 3
        assert len(versions(sagemaker, where("CreationTime", "LessThanOrEqualTo", before))) == 0
        assert len(versions(sagemaker, where("CreationTime", "LessThan", f"{after}Z"))) == 3
        assert len(versions(sagemaker, where("LastModifiedTime", "Exists"))) == 0

    def test_filters_are_combined_with_and_by_default(self, sagemaker: Client, three: list[str]) -> None:
        approved, second = where("ModelApprovalStatus", value="Approved"), where("ModelPackageVersion", value="2")
        done = where("ModelLifeCycle.StageStatus", value="Done")
        assert versions(sagemaker, approved, second) == set()
        assert versions(sagemaker, approved, done, Operator="And") == {"churn/1"}
        assert versions(sagemaker, approved, second, Operator="Or") == {"churn/1", "churn/2"}

    def test_expressions_can_be_nested(self, sagemaker: Client, three: list[str]) -> None:
        either: Any = {
            "Filters": [where("ModelApprovalStatus", value="Approved"), where("ModelApprovalStatus", value=PENDING)],
            "Operator": "Or",
        }
        described = where("ModelPackageDescription", "Exists")
        assert versions(sagemaker, SubExpressions=[either]) == {"churn/1", "churn/3"}
        assert versions(sagemaker, described, SubExpressions=[either]) == {"churn/1"}
        assert versions(sagemaker, SubExpressions=[{"SubExpressions": [either]}, {"Filters": [described]}]) == {
            "churn/1"
        }

    def test_nested_filters_must_match_the_same_list_item(self, sagemaker: Client, register: Register) -> None:
        def containers(*pairs: tuple[str, str]) -> Any:
            made = [{**CONTAINER, "Image": image, "Framework": framework} for image, framework in pairs]
            return {**SPECIFICATION, "Containers": made}

        register(InferenceSpecification=containers(("a", "PYTORCH"), ("b", "XGBOOST")))
        register(InferenceSpecification=containers(("a", "XGBOOST"), ("b", "PYTORCH")))
        prefix = "InferenceSpecification.Containers"

        def nested(inner: str) -> Any:
            filters = [where(f"{inner}Image", value="a"), where(f"{inner}Framework", value="XGBOOST")]
            return {"NestedPropertyName": prefix, "Filters": filters}

        for inner in (f"{prefix}.", ""):
            assert versions(sagemaker, NestedFilters=[nested(inner)]) == {"churn/2"}
        loose = [where(f"{prefix}.Image", value="a"), where(f"{prefix}.Framework", value="XGBOOST")]
        assert versions(sagemaker, *loose) == {"churn/1", "churn/2"}

    def test_a_version_can_be_found_by_the_tags_of_its_group(self, sagemaker: Client) -> None:
        for name, team in (("fraud", "risk"), ("leads", "sales")):
            sagemaker.create_model_package_group(
                ModelPackageGroupName=name,
                Tags=[{"Key": "team", "Value": team}, {"Key": "sagemaker:project.id", "Value": f"p-{name}"}],
            )
            sagemaker.create_model_package(ModelPackageGroupName=name, InferenceSpecification=SPECIFICATION)
        sagemaker.create_model_package(
            ModelPackageName="solo",
            InferenceSpecification=UNVERSIONED_SPECIFICATION,
            Tags=[{"Key": "team", "Value": "risk"}],
        )
        assert versions(sagemaker, where("Tags.team", value="risk")) == {"fraud/1", "solo"}
        assert versions(sagemaker, where("Tags.sagemaker:project.id", "Contains", "leads")) == {"leads/1"}
        assert versions(sagemaker, where("Tags.team", "NotEquals", "sales")) == {"fraud/1", "solo"}
        assert versions(sagemaker, where("Tags.sagemaker:project.id", "NotExists")) == {"solo"}
        by_team: Any = {"Filters": [where("Tags.team", "In", "sales,support")]}
        assert groups(sagemaker, SearchExpression=by_team) == ["leads"]
        (found,) = sagemaker.search(
            Resource="ModelPackage", SearchExpression={"Filters": [where("ModelPackageName", value="leads/1")]}
        )["Results"]
        assert {"Key": "team", "Value": "sales"} in found["ModelPackage"]["Tags"]

    def test_a_visibility_condition_hides_resources_with_another_value(self, sagemaker: Client) -> None:
        for name, tags in (("ours", {"domain": "d-1"}), ("theirs", {"domain": "d-2"}), ("open", {"team": "risk"})):
            listed: Any = [{"Key": key, "Value": value} for key, value in tags.items()]
            sagemaker.create_model_package_group(ModelPackageGroupName=name, Tags=listed)
        conditions: Any = [{"Key": "Tags.domain", "Value": "d-1"}]
        assert set(groups(sagemaker, VisibilityConditions=conditions)) == {"ours", "open"}
        conditions.append({"Key": "Tags.team", "Value": "sales"})
        assert groups(sagemaker, VisibilityConditions=conditions) == ["ours"]
        code, _ = refusal(
            sagemaker.search, Resource="ModelPackageGroup", VisibilityConditions=[{"Key": "team", "Value": "risk"}]
        )
        assert code == "ValidationException"

    def test_search_returns_the_last_modified_resource_first(self, sagemaker: Client, three: list[str]) -> None:
        def order(**query: Any) -> list[str]:
            results = sagemaker.search(Resource="ModelPackage", **query)["Results"]
            return [result["ModelPackage"]["ModelPackageArn"] for result in results]

        assert order() == three[::-1]
        sleep(0.01)  # LastModifiedTime has millisecond precision
        sagemaker.update_model_package(ModelPackageArn=three[0], ModelApprovalStatus="Rejected")
        touched = [three[0], three[2], three[1]]
        assert order() == order(SortBy="LastModifiedTime") == touched
        assert order(SortOrder="Ascending") == touched[::-1]
        assert order(SortBy="CreationTime") == three[::-1]
        assert order(SortBy="ModelPackageVersion", SortOrder="Ascending") == three
        with_owner_first = order(SortBy="CustomerMetadataProperties.owner")
        assert with_owner_first == [three[0], three[2], three[1]]
        assert order(SortBy="ModelPackageDescription", SortOrder="Ascending") == [three[1], three[0], three[2]]

    def test_groups_can_be_sorted_by_any_property(self, sagemaker: Client) -> None:
        for name, team in (("b", "x"), ("a", "z"), ("c", "y")):
            sagemaker.create_model_package_group(
                ModelPackageGroupName=name,
                Tags=[{"Key": "team", "Value": team}],
                ModelPackageGroupDescription="d" + team,
            )
        assert groups(sagemaker, SortBy="ModelPackageGroupName", SortOrder="Ascending") == ["a", "b", "c"]
        assert groups(sagemaker, SortBy="Tags.team") == ["a", "c", "b"]
        assert groups(sagemaker, SortBy="ModelPackageGroupDescription", SortOrder="Ascending") == ["b", "c", "a"]

    def test_a_search_is_paged(self, sagemaker: Client, group: str, register: Register) -> None:
        for _ in range(5):
            register()
        query: Any = {
            "Resource": "ModelPackage",
            "SearchExpression": {
                "Filters": [where("ModelPackageGroupName", value=group), where("ModelPackageVersion", "LessThan", "5")]
            },
            "SortBy": "ModelPackageVersion",
        }
        pages = list(sagemaker.get_paginator("search").paginate(**query, PaginationConfig={"PageSize": 3}))
        numbers = [[result["ModelPackage"]["ModelPackageVersion"] for result in page["Results"]] for page in pages]
        assert numbers == [[4, 3, 2], [1]]
        assert [page["TotalHits"] for page in pages] == [{"Value": 4, "Relation": "EqualTo"}] * 2

    def test_a_token_is_only_valid_for_its_own_search(self, sagemaker: Client, group: str, three: list[str]) -> None:
        query: Any = {
            "Resource": "ModelPackage",
            "SearchExpression": {"Filters": [where("ModelPackageGroupName", value=group)]},
            "SortBy": "ModelPackageVersion",
            "SortOrder": "Ascending",
        }
        token = sagemaker.search(**query, MaxResults=2)["NextToken"]
        (last,) = sagemaker.search(**query, NextToken=token)["Results"]
        assert last["ModelPackage"]["ModelPackageArn"] == three[2]
        for wrong in (
            {**query, "SortOrder": "Descending", "NextToken": token},
            {**query, "Resource": "ModelPackageGroup", "SortBy": "CreationTime", "NextToken": token},
            {**query, "NextToken": token[:-4] + "AAAA"},
            {**query, "NextToken": ""},
        ):
            code, sentence = refusal(sagemaker.search, **wrong)
            assert code == "ValidationException"
            assert "NextToken" in sentence

    @pytest.mark.parametrize("name", ["Color", "ModelLifeCycle.Color", "ModelApprovalStatus.Stage", "Tags.", "."])
    def test_the_error_for_an_unknown_property_contains_its_name(self, sagemaker: Client, name: str) -> None:
        expression: Any = {"Filters": [where(name, value="red")]}
        unknown = ("ValidationException", f"Unknown property name: {name}")
        assert refusal(sagemaker.search, Resource="ModelPackage", SearchExpression=expression) == unknown
        assert refusal(sagemaker.search, Resource="ModelPackage", SortBy=name) == unknown

    def test_properties_of_another_resource_are_unknown(self, sagemaker: Client) -> None:
        expression: Any = {"Filters": [where("ModelPackageVersion", value="1")]}
        assert refusal(sagemaker.search, Resource="ModelPackageGroup", SearchExpression=expression) == (
            "ValidationException",
            "Unknown property name: ModelPackageVersion",
        )

    @pytest.mark.parametrize(
        ("filters", "said"),
        [
            ([where("ModelPackageDescription", "GreaterThan", "a")], "GreaterThan is not supported"),
            ([where("CustomerMetadataProperties.accuracy", "LessThan", "0.9")], "LessThan is not supported"),
            ([where("ModelPackageVersion", "Contains", "1")], "Contains is not supported"),
            ([where("CreationTime", "In", "2026-01-01T00:00:00")], "In is not supported"),
            ([where("ModelPackageVersion", value="one")], "'one'"),
            ([where("CreationTime", "LessThan", "yesterday")], "'yesterday'"),
            ([where("ModelApprovalStatus")], "requires a Value"),
            (
                [where("ModelPackageDescription", "Contains", "a"), where("ModelPackageDescription", "Contains", "b")],
                "'CONTAINS' operator usage limit of 1 exceeded.",
            ),
        ],
    )
    def test_an_invalid_filter_is_rejected(self, sagemaker: Client, filters: Any, said: str) -> None:
        code, sentence = refusal(sagemaker.search, Resource="ModelPackage", SearchExpression={"Filters": filters})
        assert code == "ValidationException"
        assert said in sentence

    def test_an_empty_expression_is_rejected(self, sagemaker: Client) -> None:
        for nothing in ({}, {"Operator": "Or"}):
            code, _ = refusal(sagemaker.search, Resource="ModelPackage", SearchExpression=nothing)
            assert code == "ValidationException"

    def test_tag_suggestions_match_a_prefix(self, sagemaker: Client) -> None:
        for name, keys in (("fraud", ["team", "tier"]), ("leads", ["team", "owner"])):
            listed: Any = [{"Key": key, "Value": "x"} for key in keys]
            sagemaker.create_model_package_group(ModelPackageGroupName=name, Tags=listed)
            sagemaker.create_model_package(ModelPackageGroupName=name, InferenceSpecification=SPECIFICATION)

        def suggested(resource: Any, **query: Any) -> list[str]:
            answer = sagemaker.get_search_suggestions(Resource=resource, **query)
            return [suggestion["PropertyName"] for suggestion in answer["PropertyNameSuggestions"]]

        def beginning(hint: str) -> Any:
            return {"PropertyNameQuery": {"PropertyNameHint": hint}}

        assert suggested("ModelPackageGroup") == ["Tags.owner", "Tags.team", "Tags.tier"]
        assert suggested("ModelPackageGroup", SuggestionQuery=beginning("Tags.t")) == ["Tags.team", "Tags.tier"]
        assert suggested("ModelPackage", SuggestionQuery=beginning("Tags.")) == ["Tags.owner", "Tags.team", "Tags.tier"]
        assert suggested("ModelPackage", SuggestionQuery=beginning("Hyper")) == []
