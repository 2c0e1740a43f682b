"""Filters of the inbox: group, creator, waiting time, and approval by the user."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest
from werkzeug.test import Client, TestResponse

from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows
from sagemaker_registry.emulator.console.reader import MAX_READ, PAGE
from support.console import Desk, settings_of, text_of
from support.server import Emulator

pytest_plugins = ("support.console_fixtures",)

DAY = 86_400.0


class Calendar:
    """A settable clock."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def dated(calendar: Calendar) -> Iterator[Desk]:
    """Return a console with a registry that uses the calendar."""
    with LocalRegistry(SQLiteRows(None), clock=calendar) as backend:
        yield Desk(backend)


def shown(page: TestResponse) -> list[str]:
    """Return the versions listed in an inbox."""
    assert page.status_code == 200
    return [
        f"{group}/{number}"
        for group, number in re.findall(r"<bdi>([\w-]+)</bdi><span .{0,20}>/</span>(\d+)</a></h2>", page.text)
    ]


def all_pages(client: Client, path: str) -> list[list[str]]:
    """Return the versions on each page of an inbox."""
    pages = []
    for _ in range(30):
        page = client.get(path)
        pages.append(shown(page))
        following = re.search(r'rel="next" href="([^"]+)"', page.text)
        if following is None:
            return pages
        path = following[1].replace("&amp;", "&")
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("group", ["", "churn"])
def test_the_inbox_can_be_filtered_by_waiting_time(dated: Desk, calendar: Calendar, group: str) -> None:
    today = calendar.now
    for days in (10, 5, 1, 0):
        calendar.now = today - days * DAY - 60
        dated.register()
    client = dated.browser()
    expected = {"0": 4, "1": 3, "4": 2, "7": 1, "10": 1, "11": 0, "": 4}
    found = {days: client.get("/console/", query_string={"days": days, "group": group}) for days in expected}
    assert {days: len(shown(page)) for days, page in found.items()} == expected
    counted = f"2 versions {'in churn ' if group else ''}are waiting for a decision (filtered)"
    assert counted in text_of(found["4"])
    assert "No versions match these filters" in text_of(found["11"])


def test_pages_filtered_by_waiting_time_end_at_newer_versions(dated: Desk, calendar: Calendar) -> None:
    calendar.now -= 5 * DAY
    for _ in range(PAGE + 3):
        dated.register()
    calendar.now += 5 * DAY
    for _ in range(PAGE):
        dated.register()
    client = dated.browser()
    assert [len(page) for page in all_pages(client, "/console/?days=4")] == [PAGE, 3]
    assert f"{PAGE + 3} versions are waiting" in text_of(client.get("/console/?days=4"))


@pytest.mark.parametrize("days", ["many", "-1", "1.5", "12345", "0000" + "9" * 30, "٣"])
def test_an_invalid_number_of_days_is_reported_and_ignored(desk: Desk, days: str) -> None:
    desk.register()
    page = desk.browser().get("/console/", query_string={"days": days})
    assert shown(page) == ["churn/1"]
    assert "Days must be a whole number" in text_of(page)


def test_the_creator_filter_matches_the_beginning_of_a_name(desk: Desk) -> None:
    for user in ("pipeline", "carol", "pipeline", "Caroline"):
        desk.register(user=user)
    client = desk.browser()
    assert shown(client.get("/console/?creator=pipe")) == ["churn/1", "churn/3"]
    assert shown(client.get("/console/?creator=CAROL")) == ["churn/2", "churn/4"]
    assert shown(client.get("/console/?creator=arn:aws:iam::123456789012:user/carol")) == ["churn/2"]
    assert shown(client.get("/console/?creator=carol&group=fraud")) == []
    assert "No versions match these filters" in text_of(client.get("/console/?creator=nobody"))


def test_versions_of_the_user_can_be_left_out(desk: Desk) -> None:
    for user in ("pipeline", "alice", "bob"):
        desk.register(user=user)
    page = desk.browser("alice").get("/console/?whose=others")
    assert shown(page) == ["churn/1", "churn/3"]
    assert "2 versions are waiting for a decision (filtered)" in text_of(page)
    assert shown(desk.browser("bob").get("/console/?whose=others")) == ["churn/1", "churn/2"]


def test_a_user_of_registry_toml_is_recognized_by_access_key(open_desk: Callable[..., Desk]) -> None:
    settings = settings_of(
        identities={"alice": {"access_key": "AKIAALICE", "arn": "arn:aws:iam::123456789012:user/a.l"}}
    )
    desk = open_desk(settings=settings, people=settings.identities)
    desk.register(user="AKIAALICE")
    desk.register()
    assert shown(desk.browser("alice").get("/console/?whose=others")) == ["churn/2"]


def test_the_inbox_can_be_limited_to_versions_that_the_user_may_approve(open_desk: Callable[..., Desk]) -> None:
    settings = settings_of(
        identities={"alice": {"groups": ["risk"], "access_key": "AKIAALICE"}},
        approval=[{"groups": ["churn"], "rules": ["risk"]}],
        rules={"risk": {"is": "only", "who": ["group:risk"]}},
    )
    desk = open_desk(settings=settings, people=settings.identities)
    for group in ("churn", "fraud", "churn"):
        desk.register(group)
    assert len(shown(desk.browser("alice").get("/console/?whose=open"))) == 3
    bobs = desk.browser("bob").get("/console/?whose=open")
    assert shown(bobs) == ["fraud/1"]
    assert "1 version is waiting" in text_of(bobs)
    assert "2 more versions on this page are blocked by rules" in text_of(bobs)
    nothing = text_of(desk.browser("bob").get("/console/?whose=open&group=churn"))
    assert "2 versions are waiting but blocked by rules" in nothing


def test_filtered_pages_show_each_version_once_and_read_a_limited_number(desk: Desk) -> None:
    count = MAX_READ + 50
    mine = {3, 40, 41, *range(100, 140), count}
    for number in range(1, count + 1):
        desk.register(user="carol" if number in mine else "pipeline")
    client = desk.browser()
    pages = all_pages(client, "/console/?creator=carol")
    assert [int(name.partition("/")[2]) for page in pages for name in page] == sorted(mine)
    assert all(len(page) < PAGE + 10 for page in pages)
    no_identity = client.get("/console/?creator=nobody")
    assert "Only the oldest versions were searched" in text_of(no_identity)
    assert all_pages(client, "/console/?creator=nobody") == [[], []]


def test_the_decided_versions_of_a_group_are_counted_up_to_a_hundred(desk: Desk) -> None:
    for number in range(1, 106):
        arn = desk.register()
        if number <= 103:
            status = "Rejected" if number <= 2 else "Approved"
            desk.call("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus=status)
    client = desk.browser()
    page = client.get("/console/?group=churn")
    text = text_of(page)
    assert "2 versions in churn are waiting" in text
    assert "Approved 100+" in text
    assert "Rejected 2" in text
    assert 'href="/console/groups/churn?status=Rejected"' in page.text
    assert "Rejected" not in text_of(client.get("/console/"))


def test_an_upstream_registry_is_filtered_with_its_own_calls(
    open_desk: Callable[..., Desk], emulator: Emulator, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    desk = open_desk(f"aws://us-east-1?endpoint_url={emulator.url}&sts_endpoint_url={emulator.url}", remote=True)
    for _ in range(2):
        desk.register()
    client = desk.browser()
    assert len(shown(client.get("/console/?days=0"))) == 2
    assert shown(client.get("/console/?days=1")) == []
    assert len(shown(client.get("/console/?creator=root"))) == 2
    assert shown(client.get("/console/?creator=carol")) == []
    assert "registered by others" not in text_of(client.get("/console/"))
