"""The pages of the console for every backend, and how they are served."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagemaker_registry.backends.base import Caller
from sagemaker_registry.emulator.console import Site
from support.console import PAGES, Desk, fields_of, send, text_of
from support.server import Emulator

pytest_plugins = ("support.console_fixtures", "support.postgres")


# Content of pages


def test_environment_values_are_not_shown(desk: Desk) -> None:
    first, second = desk.register(), desk.register()
    desk.call("UpdateModelPackage", ModelPackageArn=first, ModelApprovalStatus="Approved")
    desk.call(
        "UpdateModelPackage",
        ModelPackageArn=second,
        InferenceSpecification={
            "Containers": [{"Image": "registry/churn:2", "Environment": {"PASSWORD": "canary-of-another-secret"}}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )
    client = desk.browser()
    for path in (
        *PAGES,
        "/console/groups/churn/2",
        "/console/compare?v=churn/1&v=churn/2&format=csv",
        "/console/compare?v=churn/1&v=churn/2&format=json",
    ):
        assert "canary-of" not in client.get(path).text, path
    assert "Environment. PASSWORD" in text_of(client.get("/console/groups/churn/2"))


def test_the_inbox_is_sorted_oldest_first_and_compares_with_the_approved_version(desk: Desk) -> None:
    arns = [desk.register(CustomerMetadataProperties={"accuracy": f"0.9{number}"}) for number in range(3)]
    desk.register("fraud", CustomerMetadataProperties={"auc": "0.7"})
    desk.call("UpdateModelPackage", ModelPackageArn=arns[0], ModelApprovalStatus="Approved")
    page = text_of(desk.browser().get("/console/"))
    assert "3 versions are waiting" in page
    assert re.findall(r"(churn|fraud) / (\d)", page) == [("churn", "2"), ("churn", "3"), ("fraud", "1")]
    assert "▲ 0.01 higher than v1" in page
    assert "nothing approved yet" in page


def test_a_version_links_to_its_source_version_only(desk: Desk) -> None:
    parent = desk.register()
    desk.register(MetadataProperties={"GeneratedBy": parent, "Repository": "https://evil.example/"})
    page = desk.browser().get("/console/groups/churn/2")
    assert f'<a href="/console/groups/churn/1">{parent}</a>' in page.text
    assert "https://evil.example/" in text_of(page)
    assert 'href="https' not in page.text


def test_pages_of_the_inbox_have_no_gaps(desk: Desk) -> None:
    for _ in range(30):
        desk.register()
    client = desk.browser()
    first = client.get("/console/")
    assert "30 versions are waiting" in text_of(first)
    following = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert following
    second = client.get(following[1].replace("&amp;", "&"))
    seen = [int(number) for page in (first, second) for number in re.findall(r"churn / (\d+)", text_of(page))]
    assert seen == list(range(1, 31))


@pytest.mark.parametrize("path", ["/console/?page=x", "/console/groups?page=x", "/console/groups/churn?page=x"])
def test_an_invalid_page_token_is_rejected(desk: Desk, path: str) -> None:
    desk.register()
    page = desk.browser().get(path)
    assert page.status_code == 400
    assert "is not valid" in text_of(page)


def test_an_invalid_history_filter_is_reported(desk: Desk) -> None:
    desk.register()
    client = desk.browser()
    assert "expected a moment such as" in text_of(client.get("/console/history?since=yesterday"))
    assert "pipeline registered" in text_of(client.get("/console/history?group=churn/1&actor=pipe"))
    assert "No changes match these filters" in text_of(client.get("/console/history?actor=nobody"))
    assert "History is intact." in text_of(client.get("/console/history?verify=1"))


def test_a_rewritten_history_is_reported(desk: Desk) -> None:
    desk.register()
    rows: Any = desk.backend._rows  # type: ignore[attr-defined]
    rows._writer.execute("UPDATE history SET actor = 'nobody' WHERE version = 1")
    page = text_of(desk.browser().get("/console/history?verify=1"))
    assert "History was altered" in page
    assert "the entry was modified after it was written" in page


def test_other_accounts_and_regions_have_separate_pages(desk: Desk) -> None:
    caller = Caller("111122223333", "eu-west-1", "111122223333")
    desk.backend.call("CreateModelPackageGroup", {"ModelPackageGroupName": "elsewhere"}, caller)
    desk.backend.call("CreateModelPackage", {"ModelPackageGroupName": "elsewhere"}, caller)
    client = desk.browser()
    assert 'href="/console/at/111122223333/eu-west-1/"' in client.get("/console/").text
    page = client.get("/console/at/111122223333/eu-west-1/")
    assert "elsewhere / 1" in text_of(page)
    assert 'href="/console/at/111122223333/eu-west-1/groups/elsewhere/1"' in page.text
    answer = send(client, "/console/at/111122223333/eu-west-1/groups/elsewhere/1", "fine")
    assert answer.location == "/console/at/111122223333/eu-west-1/groups/elsewhere/1?decided=1"
    assert client.get("/console/at/1/eu-west-1/").status_code == 404


def test_two_to_five_versions_can_be_compared(desk: Desk) -> None:
    for number in range(7):
        metadata = {"accuracy": f"0.9{number}"}
        desk.register(CustomerMetadataProperties=metadata, ModelPackageDescription="=HYPERLINK(1)" * number or "-")
    client = desk.browser()
    page = client.get("/console/compare?v=churn/1&v=churn/3&v=churn/2&base=churn/3")
    assert "▼ 0.01 lower" in text_of(page)
    assert "highest" in text_of(page)
    table = client.get("/console/compare?v=churn/1&v=churn/2&format=csv").text
    assert "'=HYPERLINK(1)" in table
    as_json = client.get("/console/compare?v=churn/1&v=churn/2&format=json").json
    assert as_json["metrics"] == {"accuracy": {"churn/1": "0.90", "churn/2": "0.91"}}
    seven = "&".join(f"v=churn/{number}" for number in range(1, 8))
    assert "Showing the first 5 of 7" in text_of(client.get(f"/console/compare?{seven}"))
    assert "Not found: churn/99" in text_of(client.get("/console/compare?v=churn/1&v=churn/2&v=churn/99"))
    assert "at least 2" in text_of(client.get("/console/compare?v=../../etc/passwd"))


def test_rejected_requests_are_listed_with_their_error(desk: Desk) -> None:
    client = desk.browser()
    target = {"X-Amz-Target": "SageMaker.DescribeModelPackage", "Content-Type": "application/x-amz-json-1.1"}
    client.post("/", data=b'{"ModelPackageName": "nowhere"}', headers=target)
    page = text_of(client.get("/console/health"))
    assert "SageMaker.DescribeModelPackage" in page
    assert "400 ValidationException" in page


def test_deliveries_are_listed_with_their_result(serve: Callable[..., Emulator], tmp_path: Path) -> None:
    (tmp_path / "registry.toml").write_text('[events]\nfile = "events.jsonl"\n', encoding="utf-8")
    served = serve("--backend", "sqlite:///deliveries.db", "--config", "registry.toml", "--console-user", "alice")
    sagemaker = served.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    sagemaker.create_model_package(ModelPackageGroupName="churn")
    assert served.process.stdout is not None
    link = next(line for line in served.process.stdout if line.startswith("console:")).split()[1]
    with requests.Session() as browser:
        browser.post(link.partition("?")[0], data={"token": link.partition("token=")[2]}, timeout=10)
        deadline = time.monotonic() + 30
        page = ""
        while "done" not in page and time.monotonic() < deadline:
            page = browser.get(f"{served.url}/console/health", timeout=10).text
    row = page.partition("Event deliveries")[2].partition("<tbody>")[2].partition("</tbody>")[0]
    words = re.sub(r"<[^>]+>", " ", row).split()
    assert {"churn/1", "file", "done", "1"} <= set(words)


@pytest.mark.parametrize("store", ["file", "memory", "postgres"])
def test_the_health_page_describes_the_store(
    request: pytest.FixtureRequest, open_desk: Callable[..., Desk], tmp_path: Path, store: str
) -> None:
    file = tmp_path / "registry.db"
    if store == "file":
        desk = open_desk(f"sqlite:///{file}", site=Site(file=file))
        expected = [
            "Journal WAL",
            "Durability synchronous=FULL a power failure does not lose acknowledged writes",
            "Schema version 1",
        ]
    elif store == "memory":
        desk = open_desk()
        expected = ["Store SQLite 3.", "Storage in memory lost when the server stops", "Schema version 1"]
    else:
        desk = open_desk(request.getfixturevalue("postgres_url"))
        expected = ["Store PostgreSQL", "Durability", "Schema version 1"]
    text = text_of(desk.browser().get("/console/health"))
    assert [words for words in expected if words not in text] == []
    assert desk.backend.extension("store", {}, Caller())["schema"] == ["1"]


def test_a_store_without_durable_commits_is_reported(open_desk: Callable[..., Desk], postgres_url: str) -> None:
    unsafe = open_desk(f"{postgres_url}{'&' if '?' in postgres_url else '?'}options=-c%20synchronous_commit%3Doff")
    told = unsafe.backend.extension("store", {}, Caller())["durability"]
    assert told in (["synchronous_commit=off"], ["fsync=off"])
    text = text_of(unsafe.browser().get("/console/health"))
    assert f"Check: {told[0]} a power failure may lose acknowledged writes" in text


def test_a_bucket_called_console_stays_a_bucket(desk: Desk) -> None:
    scope = "AWS4-HMAC-SHA256 Credential=alice/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x"
    answer = desk.visitor().put("/console/", headers={"Authorization": scope})
    assert "<html" not in answer.text
    assert "Set-Cookie" not in answer.headers


ASKED = st.fixed_dictionaries(
    {},
    optional={
        name: st.text(max_size=40)
        for name in (
            *("group", "page", "q", "sort", "status", "metric", "to", "v", "base", "format"),
            *("actor", "operation", "since", "until", "verify", "decided"),
        )
    },
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    path=st.sampled_from([*PAGES, "/console/groups/{}", "/console/groups/{}/7"]), name=st.text(max_size=30), asked=ASKED
)
def test_any_address_gets_a_status_below_500(desk: Desk, path: str, name: str, asked: dict[str, str]) -> None:
    page = desk.browser().get(path.format(quote(name, safe="")).partition("?")[0], query_string=asked)
    assert page.status_code < 500, page.text


# Other backends


def test_a_moto_registry_can_be_reviewed(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("moto://")
    arn = desk.register("console-on-moto")
    path = f"/console/groups/console-on-moto/{arn.rpartition('/')[2]}"
    client = desk.browser()
    assert "console-on-moto" in text_of(client.get("/console/"))
    assert "console-on-moto" in text_of(client.get("/console/groups"))
    assert "0.93" in text_of(client.get("/console/groups/console-on-moto"))
    assert "keeps no history" in text_of(client.get(path))
    assert "keeps no history" in text_of(client.get("/console/history"))
    decide = text_of(client.get(f"{path}/decide?to=Approved"))
    assert "no approval rules" in decide
    assert "Notifications" not in decide
    assert send(client, path, "fine").status_code == 303
    assert desk.status(arn)[0] == "Approved"


def test_an_aws_registry_is_reviewed_with_its_own_calls(
    open_desk: Callable[..., Desk], emulator: Emulator, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS has no lists by approval, rules or history; the pages say so and show the rest."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    desk = open_desk(f"aws://us-east-1?endpoint_url={emulator.url}&sts_endpoint_url={emulator.url}", remote=True)
    arns = [desk.register(CustomerMetadataProperties={"accuracy": f"0.9{number}"}) for number in range(3)]
    desk.call("UpdateModelPackage", ModelPackageArn=arns[0], ModelApprovalStatus="Approved")
    client = desk.browser()
    inbox = text_of(client.get("/console/"))
    assert re.findall(r"churn / (\d)", inbox) == ["2", "3"]
    assert "0.01 higher than v1" in inbox
    assert "2 waiting" in text_of(client.get("/console/groups"))
    assert "version 1" in text_of(client.get("/console/groups/churn"))
    assert "keeps no history" in text_of(client.get("/console/groups/churn/2"))
    stale = fields_of(client.get("/console/groups/churn/2/decide?to=Approved"))
    assert send(client, "/console/groups/churn/2", "fine").status_code == 303
    assert desk.status(arns[1]) == ("Approved", "fine")
    late = client.post("/console/groups/churn/2/decide", data={**stale, "reason": "late", "to": "Rejected"})
    assert late.status_code == 409
    assert "changed this version first" in text_of(late)
    assert desk.status(arns[1]) == ("Approved", "fine")


def test_a_gateway_forwards_decisions(open_desk: Callable[..., Desk], emulator: Emulator) -> None:
    desk = open_desk(emulator.url, remote=True)
    arn = desk.register("console-on-http")
    path = f"/console/groups/console-on-http/{arn.rpartition('/')[2]}"
    client = desk.browser()
    assert "console-on-http" in text_of(client.get("/console/?group=console-on-http"))
    for page in (
        "/console/groups?q=console-on-http",
        "/console/groups/console-on-http",
        "/console/history",
        "/console/health",
    ):
        assert client.get(page).status_code == 200
    assert send(client, path, "through the gateway").status_code == 303
    assert desk.status(arn) == ("Approved", "through the gateway")
    (change, *_) = desk.backend.extension("history", {"group": f"console-on-http/{arn.rpartition('/')[2]}"}, Caller())[
        "changes"
    ]
    assert change["actor"].endswith(":user/alice")


# Serving


def test_the_server_prints_the_login_link(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", "serve", "--port", "0", "--backend", "sqlite://"]
    with subprocess.Popen(
        [*command, "--console-user", "alice"], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("listening on http://127.0.0.1:")
        line = next(line for line in process.stdout if line.startswith("console:"))
        with requests.Session() as browser:
            link = line.split()[1]
            assert "alice" in browser.get(link, timeout=10).text
            token = link.partition("token=")[2]
            inbox = browser.post(link.partition("?")[0], data={"token": token}, timeout=10)
            assert inbox.url == f"{first.split()[2]}/console/"
            assert "Inbox" in inbox.text
        assert next(iter(process.stdout)) == "press Ctrl+C to stop\n"  # the last line, below the link
        process.terminate()
    assert process.returncode == 0


def test_a_server_without_a_console_prints_no_link(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", "serve", "--port", "0", "--backend", "sqlite://"]
    with subprocess.Popen([*command, "--no-console"], stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[2]
        assert requests.get(f"{url}/", headers={"Accept": "text/html"}, timeout=10).json()["name"]
        assert requests.get(f"{url}/console/", timeout=10).headers["Content-Type"] != "text/html; charset=utf-8"
        process.terminate()
        assert "console:" not in process.stdout.read()


def test_an_invalid_user_name_is_rejected_at_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", "serve", "--port", "0", "--backend", "sqlite://"]
    done = subprocess.run(
        [*command, "--console-user", "a b"], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "'a b' is not a valid console user" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("path", "page"), [("histroy", "history"), ("group/churn", "groups"), ("compair", "compare")])
def test_a_mistyped_page_gets_a_suggestion(desk: Desk, path: str, page: str) -> None:
    found = desk.browser().get(f"/console/{path}")
    assert found.status_code == 404
    assert f"did you mean &#39;{page}&#39;?" in text_of(found)
