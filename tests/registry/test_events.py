"""Events: AWS's envelope for each change, delivered at least once and in order despite failures."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from sagemaker_registry.backends.base import Caller, NoProbe
from sagemaker_registry.backends.errors import ServiceUnavailable
from sagemaker_registry.backends.events import is_wanted
from sagemaker_registry.backends.local.history.outbox import Outbox
from sagemaker_registry.backends.local.operations import packages
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.settings import Events
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows
from sagemaker_registry.client import ModelRegistry, extensions
from sagemaker_registry.client.registry.events import deliveries
from sagemaker_registry.emulator.events.dispatcher import Dispatcher
from sagemaker_registry.emulator.events.sinks import AppendedFile
from sagemaker_registry.emulator.events.webhooks import Undelivered
from support.server import REGION, Emulator
from support.webhook_receiver import Receiver, eventually, receiving

pytest_plugins = ("support.postgres",)

SECRET = "canary-f00d"
URLS = ["{emulator}", "sqlite:///{folder}/registry.db"]


def opened(url: str, account: str = "123456789012") -> ModelRegistry:
    return ModelRegistry(url, region_name=REGION, aws_access_key_id=account, aws_secret_access_key="any")


@pytest.fixture(params=URLS, ids=["http", "file"])
def registry(
    request: pytest.FixtureRequest, emulator: Emulator, account: str, tmp_path: Path
) -> Iterator[ModelRegistry]:
    with opened(request.param.format(emulator=emulator.url, folder=tmp_path), account) as registry:
        yield registry


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as served:
        yield served


def configuration(folder: Path, url: str, **options: Any) -> str:
    """Write a registry.toml with one webhook and return its name."""
    hook = {"name": "ci", "url": url, "secret": SECRET} | options.pop("webhook", {})
    general = {"backoff": 0.01} | options
    lines = ["[events]", *(f"{name} = {json.dumps(value)}" for name, value in general.items())]
    lines += ["[[events.webhooks]]", *(f"{name} = {json.dumps(value)}" for name, value in hook.items())]
    (folder / "registry.toml").write_text("\n".join(lines), encoding="utf-8")
    return "registry.toml"


def states(registry: ModelRegistry, **request_: Any) -> list[tuple[str, str, int]]:
    return [(one["version"], one["state"], one["attempts"]) for one in deliveries(registry.boto3, **request_)]


def test_an_approval_sends_the_event_that_aws_sends(registry: ModelRegistry, account: str) -> None:
    """Compared field by field with `aws-samples` and the documentation."""
    container = {"Image": "churn@sha256:" + "0" * 64, "ModelDataUrl": "s3://models/churn/1/model.tar.gz"}
    version = registry.register("churn", image=container["Image"], model_data=container["ModelDataUrl"])
    registry.approve(version, "ticket 42")
    created, approved = (event.envelope for event in registry.events())
    record = registry.get("churn/1").record
    arn = f"arn:aws:sagemaker:us-east-1:{account}:model-package/churn/1"
    who = {"IamIdentity": {"Arn": f"arn:aws:iam::{account}:root", "PrincipalId": account}}
    specification = {
        "Containers": [container | {"ImageDigest": record["InferenceSpecification"]["Containers"][0]["ImageDigest"]}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    assert approved == {
        "version": "0",
        "id": approved["id"],
        "detail-type": "SageMaker Model Package State Change",
        "source": "aws.sagemaker",
        "account": account,
        "time": f"{record['LastModifiedTime']:%Y-%m-%dT%H:%M:%SZ}",
        "region": "us-east-1",
        "resources": [arn],
        "detail": {
            "ModelPackageName": "churn/1",
            "ModelPackageGroupName": "churn",
            "ModelPackageVersion": 1,
            "ModelPackageArn": arn,
            "CreationTime": round(record["CreationTime"].timestamp() * 1000),
            "CreatedBy": who,
            "InferenceSpecification": specification,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "CertifyForMarketplace": False,
            "ModelApprovalStatus": "Approved",
            "ApprovalDescription": "ticket 42",
            "LastModifiedTime": round(record["LastModifiedTime"].timestamp() * 1000),
            "LastModifiedBy": who,
            "UpdatedModelPackageFields": ["ModelApprovalStatus", "ApprovalDescription"],
        },
    }
    assert created["detail"]["ModelApprovalStatus"] == "PendingManualApproval"
    assert "UpdatedModelPackageFields" not in created["detail"]
    assert created["id"] != approved["id"]


UPDATES: list[tuple[dict[str, Any], list[str]]] = [
    ({"ModelApprovalStatus": "Rejected", "ApprovalDescription": "no"}, ["ModelApprovalStatus", "ApprovalDescription"]),
    ({"ModelApprovalStatus": "PendingManualApproval"}, []),
    ({"CustomerMetadataProperties": {"a": "1"}}, ["CustomerMetadataProperties"]),
    ({"CustomerMetadataPropertiesToRemove": ["accuracy"]}, ["CustomerMetadataProperties"]),
    ({"ModelLifeCycle": {"Stage": "QA", "StageStatus": "Approved"}}, ["ModelLifeCycle"]),
    ({"SourceUri": "s3://models/source"}, ["sourceUri"]),
    ({"InferenceSpecification": {"Containers": [{"Image": "churn:2"}]}}, ["InferenceSpecification"]),
]


@pytest.mark.parametrize(("update", "fields"), UPDATES, ids=[str(list(update)) for update, _ in UPDATES])
def test_an_update_lists_the_changed_fields_as_aws_spells_them(
    registry: ModelRegistry, update: dict[str, Any], fields: list[str]
) -> None:
    version = registry.register("churn", image="churn:1", metadata={"accuracy": 0.9})
    if "InferenceSpecification" in update:
        types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
        update = {"InferenceSpecification": update["InferenceSpecification"] | types}
    eventually(
        lambda: datetime.now().astimezone() > version.created
    )  # within the same millisecond, setting the status again would change nothing
    registry.boto3.update_model_package(ModelPackageArn=version.arn, **update)
    *_, event = registry.events()
    assert event.envelope["detail"]["UpdatedModelPackageFields"] == fields
    assert event.updated == tuple(fields)


def test_changes_without_an_aws_event_send_none(registry: ModelRegistry) -> None:
    sagemaker = registry.boto3
    version = registry.register("churn", image="churn:1", tags={"team": "ml"})
    specification = {
        "Containers": [{"Image": "churn:1"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
        "SupportedTransformInstanceTypes": ["ml.m5.large"],
        "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
    }
    sagemaker.create_model_package(ModelPackageName="alone", InferenceSpecification=specification)
    group = sagemaker.describe_model_package_group(ModelPackageGroupName="churn")["ModelPackageGroupArn"]
    sagemaker.add_tags(ResourceArn=group, Tags=[{"Key": "a", "Value": "b"}])
    with pytest.raises(ClientError):
        sagemaker.update_model_package(ModelPackageArn=version.arn + "9", ModelApprovalStatus="Approved")
    registry.delete(version)
    registry.delete_group("churn")
    assert [(event.name, event.updated) for event in registry.events()] == [("churn/1", None)]


def test_a_repeated_client_token_sends_one_event(registry: ModelRegistry) -> None:
    for _ in range(2):
        registry.register("churn", image="churn:1", token="the-same")
    assert len(list(registry.events())) == 1


def test_events_are_filtered_by_group_version_and_status_in_both_orders(registry: ModelRegistry) -> None:
    for group in ("churn-eu", "churn-us", "fraud"):
        registry.register(group, image="a:1")
    registry.approve("churn-eu/1", "good")
    registry.boto3.update_model_package(
        ModelPackageArn=registry.get("churn-eu/1").arn, CustomerMetadataProperties={"a": "1"}
    )

    def names(*arguments: Any, **filters: Any) -> list[str]:
        return [f"{event.name} {event.status}" for event in registry.events(*arguments, **filters)]

    pending = [f"{group}/1 PendingManualApproval" for group in ("churn-eu", "churn-us", "fraud")]
    approved = "churn-eu/1 Approved"
    assert names() == [*pending, approved, approved]
    assert names(newest_first=True) == [*reversed([*pending, approved, approved])]
    assert names("churn-*") == [*pending[:2], approved, approved]
    assert names("fraud") == names("fraud/1") == [pending[2]]
    assert names("fraud/2") == []
    assert names(on="Approved") == [approved]
    assert names(on="Approved", every=True) == [approved, approved]
    assert names(on="PendingManualApproval") == pending
    third = list(registry.events())[2]
    assert names(after=third.position) == [approved, approved]
    one = extensions.ask(registry.boto3, "events", id=third.id)["events"]
    assert [entry["event"] for entry in one] == [third.envelope]


def test_pages_of_events_have_no_gaps(registry: ModelRegistry) -> None:
    for _ in range(7):
        registry.register("churn", image="a:1")
    for order, edge in (("Ascending", "after"), ("Descending", "before")):
        seen: list[int] = []
        page: dict[str, Any] = {"more": True}
        request_: dict[str, Any] = {"order": order, "max_results": 3}
        while page["more"]:
            page = extensions.ask(registry.boto3, "events", **request_)
            seen += [entry["event"]["detail"]["ModelPackageVersion"] for entry in page["events"]]
            request_[edge] = page["position"]
        assert seen == sorted(range(1, 8), reverse=order == "Descending")


@pytest.mark.parametrize(
    ("name", "request_", "sentence"),
    [
        ("events", {"on": "approved"}, "on is 'approved'; expected one of Approved, Rejected"),
        ("events", {"after": -1}, "after"),
        ("events", {"colour": "red"}, "colour"),
        ("events", {"follow": "perhaps"}, "follow"),
        ("events/deliveries", {"state": "lost"}, "state"),
        ("events/deliveries", {"group": "churn*"}, "`group` is 'churn\\*', a pattern"),
        ("events/replay", {}, "requires one of: id, group, since"),
        ("events/replay", {"group": "churn", "sink": "nobody"}, "no event target is named 'nobody'; add one under"),
    ],
)
def test_an_invalid_event_request_is_rejected(
    registry: ModelRegistry, name: str, request_: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ClientError, match=sentence) as caught:
        extensions.ask(registry.boto3, name, **request_)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_accounts_see_their_own_events_only(emulator: Emulator, account: str) -> None:
    with opened(emulator.url, account) as one, opened(emulator.url, str(int(account) + 10**10)) as other:
        one.register("churn", image="a:1")
        assert len(list(one.events())) == 1
        assert list(other.events()) == []


STATUS = st.sampled_from(["Approved", "Rejected", "PendingManualApproval"])


@given(
    status=STATUS,
    updated=st.none() | st.lists(st.sampled_from(["ModelApprovalStatus", "ModelLifeCycle"]), unique=True),
    on=st.lists(STATUS, unique=True),
    every=st.booleans(),
)
def test_a_status_filter_matches_status_changes_and_other_updates_only_on_request(
    status: str, updated: list[str] | None, on: list[str], every: bool
) -> None:
    fields = {} if updated is None else {"UpdatedModelPackageFields": updated}
    envelope = {"detail": {"ModelPackageGroupName": "churn", "ModelApprovalStatus": status, **fields}}
    status_changed = updated is None or "ModelApprovalStatus" in updated
    assert is_wanted(envelope, on=on, every=every) == (not on or (status in on and (every or status_changed)))


@settings(max_examples=60, deadline=None)
@given(
    changes=st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 5), st.booleans()), max_size=12),
    again=st.booleans(),
)
def test_positions_are_stable_and_ordered_per_group_even_if_the_clock_goes_back(
    changes: list[tuple[str, int, bool]], again: bool
) -> None:
    now = [0]
    with LocalRegistry(SQLiteRows(None), clock=lambda: now[0]) as registry:
        for group in "abc":
            registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": group}, Caller())
        received: list[tuple[int, str]] = []
        for group, moment, is_read in changes:
            now[0] = moment
            registry.call("CreateModelPackage", {"ModelPackageGroupName": group}, Caller())
            if is_read:
                page = registry.extension("events", {"after": received[-1][0] if received else 0}, Caller())
                received += [(one["position"], one["event"]["detail"]["ModelPackageName"]) for one in page["events"]]
        page = registry.extension("events", {"after": received[-1][0] if received else 0}, Caller())
        received += [(one["position"], one["event"]["detail"]["ModelPackageName"]) for one in page["events"]]
        assert [position for position, _ in received] == list(range(1, len(changes) + 1))
        for group in "abc":
            of_group = [name for _, name in received if name.startswith(group)]
            assert of_group == [f"{group}/{number}" for number in range(1, len(of_group) + 1)]


def test_a_webhook_for_approvals_receives_each_approval_and_nothing_else(
    serve: Callable[..., Emulator], receiver: Receiver, tmp_path: Path
) -> None:
    hook = {"on": ["Approved"], "groups": ["churn*"]}
    served = serve("--backend", "sqlite://", "--config", configuration(tmp_path, receiver.url, webhook=hook))
    with opened(served.url) as registry:
        for group in ("fraud", "churn"):
            registry.register(group, image="a:1")
            registry.approve(f"{group}/1")
        registry.boto3.update_model_package(
            ModelPackageArn=registry.get("churn/1").arn, CustomerMetadataProperties={"a": "1"}
        )
        registry.register("churn-2", image="a:1", approval="Approved")
        posts = receiver.wait_for(2)
        assert [post.summary for post in posts] == [("churn/1", "Approved"), ("churn-2/1", "Approved")]
        eventually(lambda: [state for _, state, _ in states(registry)] == ["done", "done"])
        sent = [event.envelope for event in registry.events() if event.status == "Approved"]
        assert [post.event for post in posts] == [sent[1], sent[3]]


def test_the_next_server_delivers_the_events_of_a_killed_server(
    serve: Callable[..., Emulator], receiver: Receiver, tmp_path: Path
) -> None:
    options = ["--backend", "sqlite:///registry.db", "--config"]
    slow = configuration(tmp_path, receiver.url, backoff=3600)
    receiver.answer = lambda post: (500, {}, b"")
    served = serve(*options, slow)
    with opened(served.url) as registry:
        registry.register("churn", image="a:1")
        receiver.wait_for(1)
        eventually(lambda: states(registry) == [("churn/1", "failed", 1)])
        registry.approve("churn/1")  # queued behind the first
    served.kill()
    receiver.answer = lambda post: (200, {}, b"")
    with opened(f"sqlite:///{tmp_path}/registry.db") as registry:
        registry.register("fraud", image="a:1")  # no server is running
    served = serve(*options, configuration(tmp_path, receiver.url))
    with opened(served.url) as registry:
        received = [post.summary for post in receiver.wait_for(2)]
        assert received == [("churn/1", "PendingManualApproval"), ("fraud/1", "PendingManualApproval")]
        extensions.ask(registry.boto3, "events/replay", group="churn")
        posts = [post.summary for post in receiver.wait_for(4)]
        assert posts[2:] == [("churn/1", "PendingManualApproval"), ("churn/1", "Approved")]
        assert receiver.posts[0].event["id"] == receiver.posts[2].event["id"]
    assert served.stop() == 0


def test_an_event_waits_only_for_earlier_events_of_its_version(
    serve: Callable[..., Emulator], receiver: Receiver, tmp_path: Path
) -> None:
    failures = [503, 503]
    receiver.answer = lambda post: (failures.pop() if post.summary[0] == "churn/1" and failures else 200, {}, b"")
    served = serve("--backend", "sqlite://", "--config", configuration(tmp_path, receiver.url, backoff=0.2))
    with opened(served.url) as registry:
        registry.register("churn", image="a:1")
        registry.approve("churn/1")
        registry.register("churn", image="a:2")
        eventually(lambda: {state for _, state, _ in states(registry)} == {"done"})
        received = [post.summary for post in receiver.posts]
        first = ("churn/1", "PendingManualApproval")
        assert [said for said in received if said[0] == "churn/1"] == [first, first, first, ("churn/1", "Approved")]
        assert received.index(("churn/2", "PendingManualApproval")) < 3
        assert states(registry) == [("churn/2", "done", 1), ("churn/1", "done", 1), ("churn/1", "done", 3)]
        assert [post.event["id"] for post in receiver.posts if post.summary == first] == [
            receiver.posts[0].event["id"]
        ] * 3


def test_a_delivery_stops_after_its_attempts_and_can_be_replayed(
    serve: Callable[..., Emulator], receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answer = lambda post: (500, {}, b"")
    served = serve("--backend", "sqlite://", "--config", configuration(tmp_path, receiver.url, attempts=3))
    with opened(served.url) as registry:
        registry.register("churn", image="a:1")
        (dead,) = eventually(lambda: list(deliveries(registry.boto3, state="dead", sink="ci")))
        assert (dead["attempts"], dead["error"]) == (3, "127.0.0.1 returned status 500")
        assert dead["next_attempt"] is None
        receiver.answer = lambda post: (204, {}, b"")
        assert extensions.ask(registry.boto3, "events/replay", id=dead["id"], sink="ci") == {"deliveries": 1}
        eventually(lambda: states(registry) == [("churn/1", "done", 1)])
        assert len(receiver.posts) == 4
        assert {post.event["id"] for post in receiver.posts} == {dead["id"]}
        with pytest.raises(ClientError, match="no events match"):
            extensions.ask(registry.boto3, "events/replay", id="another")


def test_a_replay_respects_the_filters_of_a_webhook(
    serve: Callable[..., Emulator], receiver: Receiver, tmp_path: Path
) -> None:
    config = configuration(tmp_path, receiver.url, webhook={"on": ["Approved"]})
    served = serve("--backend", "sqlite://", "--config", config)
    with opened(served.url) as registry:
        registry.register("churn", image="a:1")
        registry.approve("churn/1")
        receiver.wait_for(1)
        assert extensions.ask(registry.boto3, "events/replay", since="2026-01-01") == {"deliveries": 2}
        eventually(lambda: states(registry) == [("churn/1", "done", 1), ("churn/1", "skipped", 1)])
        assert [post.summary for post in receiver.wait_for(2)] == [("churn/1", "Approved")] * 2


def test_a_new_target_receives_only_later_events(
    serve: Callable[..., Emulator], receiver: Receiver, tmp_path: Path
) -> None:
    with opened(f"sqlite:///{tmp_path}/registry.db") as registry:
        registry.register("old", image="a:1")
    options = ["--backend", "sqlite:///registry.db", "--config", configuration(tmp_path, receiver.url)]
    served = serve(*options)
    with opened(served.url) as registry:
        registry.register("new", image="a:1")
        assert receiver.wait_for(1)[0].summary[0] == "new/1"
        assert len(list(registry.events())) == 2


def test_a_webhook_secret_is_not_in_logs_responses_or_deliveries(
    serve: Callable[..., Emulator], receiver: Receiver, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    receiver.answer = lambda post: (500, {"X-Echo": SECRET}, SECRET.encode())
    config = configuration(tmp_path, f"{receiver.url}/{SECRET}", attempts=2)
    served = serve("--backend", "sqlite:///registry.db", "--config", config, "--log-level", "debug")
    with opened(served.url) as registry:
        registry.register("churn", image="a:1")
        eventually(lambda: states(registry) == [("churn/1", "dead", 2)])
        said = [extensions.ask(registry.boto3, name) for name in ("settings", "events", "events/deliveries")]
        pages = [requests.get(f"{served.url}/_registry/{name}", timeout=10).text for name in ("settings", "info")]
    assert "ci" in str(said)
    assert served.stop() == 0
    logged = capfd.readouterr()
    assert "abandoned after attempt 2" in logged.err
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("registry.db*"))
    assert SECRET not in str(said) + str(pages) + logged.out + logged.err
    assert SECRET.encode() not in kept
    assert receiver.posts[0].path.endswith(SECRET)


def test_an_eventbridge_rule_forwards_only_approvals_to_its_queue(serve: Callable[..., Emulator]) -> None:
    served = serve("--backend", "sqlite://")
    with opened(served.url) as registry:
        registry.register("before", image="a:1", approval="Approved")
        rules, queues = served.client("events"), served.client("sqs")
        queue = queues.create_queue(QueueName="deploys")["QueueUrl"]
        attributes = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
        pattern = {
            "source": ["aws.sagemaker"],
            "detail-type": ["SageMaker Model Package State Change"],
            "detail": {"ModelApprovalStatus": ["Approved"]},
        }
        rules.put_rule(Name="approved", EventPattern=json.dumps(pattern))
        rules.put_targets(Rule="approved", Targets=[{"Id": "queue", "Arn": attributes["QueueArn"]}])
        version = registry.register("churn", image="a:1")
        registry.approve(version, "ticket 42")
        registry.reject(registry.register("churn", image="a:2"), "worse")
        eventually(lambda: [state for _, state, _ in states(registry, sink="eventbridge")] == ["done"] * 4)
        messages = queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
        (event,) = (json.loads(message["Body"]) for message in messages)
        (ours,) = (event.envelope for event in registry.events("churn/1", on="Approved"))
        assert event == ours
        extensions.ask(registry.boto3, "events/replay", id=ours["id"], sink="eventbridge")
        again = eventually(lambda: queues.receive_message(QueueUrl=queue).get("Messages"))
        assert json.loads(again[0]["Body"]) == ours


def test_a_rule_with_an_unreachable_target_does_not_block_other_events(serve: Callable[..., Emulator]) -> None:
    served = serve("--backend", "sqlite://")
    with opened(served.url) as registry:
        rules = served.client("events")
        rules.put_rule(Name="all", EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
        target = "arn:aws:lambda:us-east-1:123456789012:function:deploy"
        rules.put_targets(Rule="all", Targets=[{"Id": "function", "Arn": target}])
        registry.register("churn", image="a:1")
        (dead,) = eventually(lambda: list(deliveries(registry.boto3, state="dead")))
        assert (dead["attempts"], dead["error"]) == (1, "rule all has a target that moto does not support")


def test_an_events_file_has_one_line_per_event_and_mode_0600(serve: Callable[..., Emulator], tmp_path: Path) -> None:
    (tmp_path / "registry.toml").write_text('[events]\nfile = "events.jsonl"\n', encoding="utf-8")
    served = serve("--backend", "sqlite://", "--config", "registry.toml")
    with opened(served.url) as registry:
        registry.register("churn", image="a:1")
        registry.approve("churn/1", "good\nand well")
        file = tmp_path / "events.jsonl"
        eventually(lambda: states(registry, sink="file") == [("churn/1", "done", 1)] * 2)
        lines = file.read_text(encoding="utf-8").splitlines()
        assert [json.loads(line) for line in lines] == [event.envelope for event in registry.events()]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_line_truncated_by_a_power_cut_is_ended_before_the_next(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b'{"id":"1"}\n{"id":')
    sink = AppendedFile(file)
    sink.tell({"id": "2"})
    sink.tell({"id": "3"})
    assert file.read_bytes() == b'{"id":"1"}\n{"id":\n{"id":"2"}\n{"id":"3"}\n'
    with pytest.raises(Undelivered, match="cannot be written: Is a directory"):
        AppendedFile(tmp_path).tell({"id": "4"})


def test_a_backend_without_events_cannot_have_targets(tmp_path: Path) -> None:
    (tmp_path / "registry.toml").write_text('[events]\nfile = "events.jsonl"\n', encoding="utf-8")
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", "serve", "--port", "0"]
    options = ["--backend", "moto://", "--config", "registry.toml"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "moto:// does not support event delivery" in done.stderr


def test_two_servers_on_one_database_deliver_each_event_once(
    serve: Callable[..., Emulator], receiver: Receiver, tmp_path: Path, postgres_url: str
) -> None:
    options = ["--backend", postgres_url, "--config", configuration(tmp_path, receiver.url)]
    one, two = serve(*options), serve(*options)
    with opened(one.url) as first, opened(two.url) as second:
        first.register("churn", image="a:1")
        for number in range(2, 22):
            (first if number % 2 else second).register("churn", image=f"a:{number}")
            (second if number % 2 else first).approve(f"churn/{number}")
        receiver.wait_for(41)
        eventually(lambda: {state for _, state, _ in states(first)} == {"done"})
        by_version: dict[str, list[str]] = {}
        for post in receiver.posts:
            by_version.setdefault(post.summary[0], []).append(post.summary[1])
        assert len(receiver.posts) == 41
        assert len({post.event["id"] for post in receiver.posts}) == 41
        del by_version["churn/1"]
        assert set(map(tuple, by_version.values())) == {("PendingManualApproval", "Approved")}
        assert [event.position for event in first.events()] == [event.position for event in second.events()]
    assert (one.stop(), two.stop()) == (0, 0)


def test_a_claimed_delivery_of_a_dead_server_is_retried_after_its_lease(tmp_path: Path) -> None:
    now = [1000.0]
    received: list[str] = []

    class Sink:
        name, lease = "test", 10.0

        def is_wanted(self, envelope: Any) -> bool:
            return True

        def tell(self, envelope: Any) -> None:
            received.append(envelope["detail"]["ModelPackageName"])

    with LocalRegistry(SQLiteRows(None), clock=lambda: now[0]) as registry:
        outbox = registry.outbox
        outbox.register("test")
        registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": "g"}, Caller())
        registry.call("CreateModelPackage", {"ModelPackageGroupName": "g"}, Caller())
        outbox.enqueue("test", lambda envelope: True)
        (delivery,) = outbox.open("test")
        assert outbox.claim(delivery, lease=10) is not None  # the server then dies
        dispatcher = Dispatcher(outbox, [], Events())
        assert dispatcher._deliver(Sink()) <= 10
        assert received == []
        assert outbox.claim(delivery, lease=10) is None
        now[0] += 10
        dispatcher._deliver(Sink())
        assert received == ["g/1"]
        assert list(outbox.open("test")) == []


def test_pruning_removes_old_events_with_their_deliveries_and_keeps_history() -> None:
    now = [1000.0]
    with LocalRegistry(SQLiteRows(None), clock=lambda: now[0]) as registry:
        registry.outbox.register("test")
        registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": "g"}, Caller())
        for day in range(5):
            now[0] = 1000.0 + day * 86_400
            registry.call("CreateModelPackage", {"ModelPackageGroupName": "g"}, Caller())
        registry.outbox.enqueue("test", lambda envelope: True)
        registry.outbox.prune(days=2.5)
        page = registry.extension("events", {}, Caller())
        assert [entry["position"] for entry in page["events"]] == [3, 4, 5]
        assert page["last"] == 5
        log = registry.extension("events/deliveries", {}, Caller())["deliveries"]
        assert [entry["position"] for entry in log] == [5, 4, 3]
        assert len(registry.extension("history", {}, Caller())["changes"]) == 6


def test_an_event_is_rolled_back_with_its_change() -> None:
    rows = SQLiteRows(None)
    with LocalRegistry(rows) as registry:
        registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": "g"}, Caller())
        opened = registry._transaction("CreateModelPackage", Caller(), NoProbe(), writes=True)
        with pytest.raises(RuntimeError), opened as call:
            packages.create(call, {"ModelPackageGroupName": "g"})
            raise RuntimeError
        assert registry.extension("events", {}, Caller())["events"] == []


def test_a_store_outage_delays_events_and_loses_none(caplog: pytest.LogCaptureFixture) -> None:
    received: list[str] = []
    failures = [True]

    class UnavailableOutbox(Outbox):
        def enqueue(self, sink: str, is_wanted: Any) -> None:
            if failures:
                failures.pop()
                raise ServiceUnavailable("The registry's disk is full")
            super().enqueue(sink, is_wanted)

    class Sink:
        name, lease = "test", 10.0

        def is_wanted(self, envelope: Any) -> bool:
            return True

        def tell(self, envelope: Any) -> None:
            received.append(envelope["id"])

    rows = SQLiteRows(None)
    with LocalRegistry(rows) as registry, Dispatcher(UnavailableOutbox(rows, time.time), [Sink()], Events()):
        registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": "g"}, Caller())
        registry.call("CreateModelPackage", {"ModelPackageGroupName": "g"}, Caller())
        eventually(lambda: received)
    assert "delivery to test is delayed: The registry's disk is full" in caplog.text


def test_a_follow_request_returns_when_an_event_occurs(serve: Callable[..., Emulator]) -> None:
    served = serve("--backend", "sqlite://")
    url = f"{served.url}/_registry/events"
    pages: list[Any] = []
    follower = threading.Thread(
        target=lambda: pages.append(requests.get(url, {"follow": "1", "after": "0"}, timeout=40).json())
    )
    follower.start()
    with opened(served.url) as registry:
        registry.register("churn", image="a:1")
    follower.join(10)
    (page,) = pages
    assert [entry["position"] for entry in page["events"]] == [1]
    assert (page["position"], page["ask_again"]) == (1, 0)
    assert requests.get(url, {"follow": "1", "max_results": "1"}, timeout=10).json()["events"] == page["events"]


def test_followers_do_not_block_other_requests_or_shutdown(serve: Callable[..., Emulator]) -> None:
    served = serve("--backend", "sqlite://")
    url = f"{served.url}/_registry/events?follow=1"
    answers: list[Any] = []
    followers = [
        threading.Thread(target=lambda: answers.append(requests.get(url, timeout=40).json())) for _ in range(3)
    ]
    for follower in followers:
        follower.start()
    eventually(lambda: answers)  # two of the three wait; the third gets the time of its next request
    assert answers[0]["ask_again"] > 0
    assert requests.get(f"{served.url}/_registry/health", timeout=5).status_code == 200
    began = time.monotonic()
    served.process.send_signal(signal.SIGTERM)
    for follower in followers:
        follower.join(15)
    served.process.communicate(timeout=15)
    assert served.process.returncode == 0
    assert time.monotonic() - began < 15
    assert [page["events"] for page in answers] == [[]] * 3


def test_a_client_follows_events(registry: ModelRegistry) -> None:
    registry.register("churn", image="a:1")
    followed = registry.events(follow=True, on="Approved")
    registry.approve("churn/1")
    event = next(followed)
    assert (event.name, event.status) == ("churn/1", "Approved")
    assert event.updated == ("ModelApprovalStatus",)


def test_a_gateway_forwards_events(emulator: Emulator, account: str, serve: Callable[..., Emulator]) -> None:
    gateway = serve("--backend", emulator.url)
    with opened(gateway.url, account) as registry:
        registry.register("churn", image="a:1")
        followed = registry.events(follow=True)
        assert next(followed).name == "churn/1"
