"""The parts of a version that somebody has looked at: ticked, counted where one decides, gone when it changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest
from playwright.sync_api import Page, expect
from werkzeug.test import Client, TestResponse

from sagemaker_registry.emulator.console.checklist import MAX_VERSIONS, Ticks
from sagemaker_registry.emulator.console.records import Version
from support.console import Desk, send, text_of, violations

pytest_plugins = ("support.console_fixtures", "support.browser")

PATH = "/console/groups/churn/1"


def tick(client: Client, part: str, changes: Mapping[str, str] | None = None) -> TestResponse:
    """Send the form of a part, as its page has it."""
    forms = re.findall(r'<form class="looked".*?</form>', client.get(PATH).text)
    fields = [dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)) for form in forms]
    (given,) = [one for one in fields if one["part"] == part]
    return client.post(f"{PATH}/looked", data={**given, **(changes or {})})


def counted(client: Client) -> str:
    match = re.search(r"\d of \d parts looked at", text_of(client.get(PATH)))
    assert match
    return match[0]


def test_parts_are_ticked_and_counted_and_the_tick_taken_away(desk: Desk) -> None:
    desk.register()
    client = desk.browser()
    assert counted(client) == "0 of 6 parts looked at"
    answer = tick(client, "metrics")
    assert (answer.status_code, answer.location) == (303, f"{PATH}#metrics")
    tick(client, "containers")
    assert counted(client) == "2 of 6 parts looked at"
    assert client.get(PATH).text.count('aria-pressed="true"') == 2
    decide = text_of(client.get(f"{PATH}/decide?to=Approved"))
    assert "2 of 6 parts looked at; not yet: What changed, Where it comes from, Timeline, Everything else." in decide
    tick(client, "metrics")
    assert counted(client) == "1 of 6 parts looked at"


def test_each_part_a_page_has_can_be_ticked(desk: Desk) -> None:
    desk.register(
        ModelCard={"ModelCardStatus": "Draft", "ModelCardContent": "{}"},
        CustomerMetadataProperties={"accuracy": "0.9", "owner": "risk"},
    )
    client = desk.browser()
    parts = re.findall(r'name="part" value="(\w+)"', client.get(PATH).text)
    for part in parts:
        tick(client, part)
    assert counted(client) == "8 of 8 parts looked at"
    assert f"{len(parts)} of 8" in counted(client)
    assert "not yet" not in text_of(client.get(f"{PATH}/decide?to=Approved"))


def test_a_change_of_the_version_opens_every_part_again(desk: Desk) -> None:
    arn = desk.register()
    client = desk.browser()
    tick(client, "metrics")
    desk.call("UpdateModelPackage", ModelPackageArn=arn, CustomerMetadataProperties={"accuracy": "0.1"})
    assert counted(client) == "0 of 6 parts looked at"
    assert "It has changed since you looked" in text_of(client.get(PATH))
    tick(client, "metrics")
    assert counted(client) == "1 of 6 parts looked at"
    assert "It has changed since you looked" not in text_of(client.get(PATH))


def test_a_tick_on_an_outdated_page_does_not_count(desk: Desk) -> None:
    arn = desk.register()
    client = desk.browser()
    stale = client.get(PATH)
    desk.call("UpdateModelPackage", ModelPackageArn=arn, CustomerMetadataProperties={"accuracy": "0.1"})
    form = re.findall(r'<form class="looked".*?</form>', stale.text)[0]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    assert client.post(f"{PATH}/looked", data=fields).status_code == 303
    assert "It has changed since you looked" in text_of(client.get(PATH))
    assert counted(client) == "0 of 6 parts looked at"
    tick(client, "timeline")
    client.post(f"{PATH}/looked", data=fields)  # once more, from the old page
    assert counted(client) == "1 of 6 parts looked at"


def test_ticks_are_one_s_own_and_do_not_outlive_the_session(desk: Desk) -> None:
    desk.register()
    alice = desk.browser()
    tick(alice, "metrics")
    assert counted(desk.browser("bob")) == "0 of 6 parts looked at"
    assert counted(desk.browser("alice")) == "0 of 6 parts looked at"
    assert counted(alice) == "1 of 6 parts looked at"


def test_one_s_own_decision_is_no_change_to_look_at(desk: Desk) -> None:
    desk.register()
    client = desk.browser()
    tick(client, "metrics")
    assert send(client, PATH, "fine").status_code == 303
    assert "It has changed since" not in text_of(client.get(f"{PATH}?decided=1"))
    assert "It has changed since" not in text_of(client.get(PATH))


@pytest.mark.parametrize("change", [{"part": "everything"}, {"token": "0" * 64}, {"token": ""}, {"revision": "x"}])
def test_a_form_that_is_not_this_one_ticks_nothing(desk: Desk, change: dict[str, str]) -> None:
    desk.register()
    client = desk.browser()
    assert tick(client, "metrics", change).status_code == 403
    assert counted(client) == "0 of 6 parts looked at"


def test_a_tick_of_what_is_gone_is_said(desk: Desk) -> None:
    desk.register()
    client = desk.browser()
    assert client.post("/console/groups/churn/9/looked", data={"part": "metrics"}).status_code == 404
    assert client.get(f"{PATH}/looked").status_code in (404, 405)


def test_a_session_does_not_remember_without_end(desk: Desk) -> None:
    ticks = Ticks()
    record = desk.call("DescribeModelPackage", ModelPackageName=desk.register())
    versions = [Version.of({**record, "ModelPackageArn": f"{number}"}) for number in range(MAX_VERSIONS + 1)]
    for version in versions:
        ticks.set(version, version.revision, "metrics", is_ticked=True)
    assert ticks.looked(versions[0]).done == 0
    assert ticks.looked(versions[1]).done == 1


@pytest.mark.parametrize("javascript", [True, False], ids=["with-js", "without-js"])
def test_parts_are_ticked_in_a_browser(served: Desk, open_page: Callable[..., Page], javascript: bool) -> None:
    served.register()
    page = open_page(served, java_script_enabled=javascript)
    page.goto(f"{served.url}{PATH}")
    button = page.get_by_role("button", name="Looked at").nth(1)
    expect(button).to_have_attribute("aria-pressed", "false")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**#changed")
    expect(page.get_by_text("1 of 6 parts looked at")).to_be_visible()
    expect(page.get_by_role("button", name="Looked at").nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("heading", name="What changed")).to_be_in_viewport()
    if javascript:
        assert violations(page) == []
