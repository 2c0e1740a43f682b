"""Parts of a version marked as reviewed: counted with the decision, and reset by a change."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest
from playwright.sync_api import Page, expect
from werkzeug.test import Client, TestResponse

from sagemaker_registry.emulator.console.checklist import MAX_MARKS, PARTS, Marks
from sagemaker_registry.emulator.console.records import Version
from support.console import Desk, send, text_of, violations

pytest_plugins = ("support.console_fixtures", "support.browser")

PATH = "/console/groups/churn/1"


def mark(client: Client, part: str, changes: Mapping[str, str] | None = None) -> TestResponse:
    """Send the form of a part as shown on the page."""
    forms = re.findall(r'<form class="reviewed".*?</form>', client.get(PATH).text)
    fields = [dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)) for form in forms]
    (given,) = [one for one in fields if one["part"] == part]
    return client.post(f"{PATH}/reviewed", data={**given, **(changes or {})})


def counted(client: Client) -> str:
    match = re.search(r"\d of \d parts reviewed", text_of(client.get(PATH)))
    assert match
    return match[0]


def test_parts_can_be_marked_counted_and_unmarked(desk: Desk) -> None:
    desk.register()
    client = desk.browser()
    assert counted(client) == "0 of 4 parts reviewed"
    answer = mark(client, "metrics")
    assert (answer.status_code, answer.location) == (303, f"{PATH}#metrics")
    mark(client, "containers")
    assert counted(client) == "2 of 4 parts reviewed"
    assert client.get(PATH).text.count('aria-checked="true"') == 2
    decide = text_of(client.get(f"{PATH}/decide?to=Approved"))
    assert "2 of 4 parts reviewed; not yet: Changes, Where it comes from." in decide
    mark(client, "metrics")
    assert counted(client) == "1 of 4 parts reviewed"


def test_the_five_parts_of_a_version_can_be_marked(desk: Desk) -> None:
    desk.register(
        ModelCard={"ModelCardStatus": "Draft", "ModelCardContent": "{}"},
        CustomerMetadataProperties={"accuracy": "0.9", "owner": "risk"},
    )
    client = desk.browser()
    parts = re.findall(r'name="part" value="(\w+)"', client.get(PATH).text)
    for part in parts:
        mark(client, part)
    assert sorted(parts) == sorted(PARTS)
    assert counted(client) == "5 of 5 parts reviewed"
    assert "not yet" not in text_of(client.get(f"{PATH}/decide?to=Approved"))


def test_a_change_of_the_version_removes_every_mark(desk: Desk) -> None:
    arn = desk.register()
    client = desk.browser()
    mark(client, "metrics")
    desk.call("UpdateModelPackage", ModelPackageArn=arn, CustomerMetadataProperties={"accuracy": "0.1"})
    assert counted(client) == "0 of 4 parts reviewed"
    assert "This version changed after you reviewed" in text_of(client.get(PATH))
    mark(client, "metrics")
    assert counted(client) == "1 of 4 parts reviewed"
    assert "This version changed after you reviewed" not in text_of(client.get(PATH))


def test_a_mark_on_an_outdated_page_does_not_count(desk: Desk) -> None:
    arn = desk.register()
    client = desk.browser()
    stale = client.get(PATH)
    desk.call("UpdateModelPackage", ModelPackageArn=arn, CustomerMetadataProperties={"accuracy": "0.1"})
    form = re.findall(r'<form class="reviewed".*?</form>', stale.text)[0]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    assert client.post(f"{PATH}/reviewed", data=fields).status_code == 303
    assert "This version changed after you reviewed" in text_of(client.get(PATH))
    assert counted(client) == "0 of 4 parts reviewed"
    mark(client, "origin")
    client.post(f"{PATH}/reviewed", data=fields)  # once more, from the outdated page
    assert counted(client) == "1 of 4 parts reviewed"


def test_marks_belong_to_one_session(desk: Desk) -> None:
    desk.register()
    alice = desk.browser()
    mark(alice, "metrics")
    assert counted(desk.browser("bob")) == "0 of 4 parts reviewed"
    assert counted(desk.browser("alice")) == "0 of 4 parts reviewed"
    assert counted(alice) == "1 of 4 parts reviewed"


def test_a_reviewer_s_own_decision_is_not_a_change_to_review(desk: Desk) -> None:
    desk.register()
    client = desk.browser()
    mark(client, "metrics")
    assert send(client, PATH, "fine").status_code == 303
    assert "This version changed after" not in text_of(client.get(f"{PATH}?decided=1"))
    assert "This version changed after" not in text_of(client.get(PATH))


@pytest.mark.parametrize(
    "change", [{"part": "everything"}, {"part": "timeline"}, {"token": "0" * 64}, {"token": ""}, {"revision": "x"}]
)
def test_an_invalid_form_marks_nothing(desk: Desk, change: dict[str, str]) -> None:
    desk.register()
    client = desk.browser()
    assert mark(client, "metrics", change).status_code == 403
    assert counted(client) == "0 of 4 parts reviewed"


def test_marking_a_deleted_version_is_not_found(desk: Desk) -> None:
    desk.register()
    client = desk.browser()
    assert client.post("/console/groups/churn/9/reviewed", data={"part": "metrics"}).status_code == 404
    assert client.get(f"{PATH}/reviewed").status_code in (404, 405)


def test_a_session_keeps_a_limited_number_of_marks(desk: Desk) -> None:
    marks = Marks()
    record = desk.call("DescribeModelPackage", ModelPackageName=desk.register())
    versions = [Version.from_answer({**record, "ModelPackageArn": f"{number}"}) for number in range(MAX_MARKS + 1)]
    for version in versions:
        marks.set(version, version.revision, "metrics", is_reviewed=True)
    assert marks.reviewed(versions[0]).done == ()
    assert marks.reviewed(versions[1]).done == ("metrics",)


@pytest.mark.parametrize("javascript", [True, False], ids=["with-js", "without-js"])
def test_parts_can_be_marked_in_a_browser(served: Desk, open_page: Callable[..., Page], javascript: bool) -> None:
    served.register()
    page = open_page(served, java_script_enabled=javascript)
    page.goto(f"{served.url}{PATH}")
    button = page.get_by_role("checkbox", name="Reviewed").nth(1)
    expect(button).to_have_attribute("aria-checked", "false")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**#changed")
    expect(page.get_by_text("1 of 4 parts reviewed")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Reviewed").nth(1)).to_have_attribute("aria-checked", "true")
    expect(page.get_by_role("heading", name="What changed")).to_be_in_viewport()
    if javascript:
        assert violations(page) == []
