"""The console in a real browser: decisions by mouse, keyboard and without JavaScript, and attacks from other sites."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from sagemaker_registry.backends.service import model
from support.console import REBOUND, WCAG, Desk, Watched, settings_of, violations

pytest_plugins = ("support.browser",)

OpenPage = Callable[..., Page]

SCREENS = {
    "inbox": "/console/",
    "inbox of a group": "/console/?group=churn",
    "filtered inbox": "/console/?group=churn&whose=open&days=0&creator=pipe",
    "inbox of nobody": "/console/?creator=nobody&days=x",
    "groups": "/console/groups",
    "no such groups": "/console/groups?q=zzz",
    "group": "/console/groups/churn",
    "rejected of a group": "/console/groups/churn?status=Rejected",
    "pending version": "/console/groups/churn/12",
    "approved version": "/console/groups/churn/9",
    "decide": "/console/groups/churn/12/decide",
    "approve": "/console/groups/churn/12/decide?to=Approved",
    "reject": "/console/groups/churn/12/decide?to=Rejected",
    "compare": "/console/compare?v=churn/9&v=churn/11&v=churn/12&all=1",
    "compare nothing": "/console/compare",
    "history": "/console/history?verify=1",
    "history of nobody": "/console/history?actor=nobody",
    "health": "/console/health",
    "keys": "/console/keys",
    "no page": "/console/nowhere",
    "no version": "/console/groups/churn/99",
}

RULES = {
    "identities": {"alice": {"access_key": "AKIAALICE", "groups": ["reviewers"]}, "bob": {"access_key": "AKIABOB"}},
    "approval": [{"groups": ["churn"], "profile": "strict", "rules": ["reviewers", "accurate"]}],
    "rules": {
        "reviewers": {"is": "only", "who": ["group:reviewers"]},
        "accurate": {"is": "metric", "metric": "accuracy", "min": 0.9},
    },
}


def filled(served: Desk, count: int = 12) -> list[str]:
    """Register versions of a group, some of them decided, with content for every part of a page."""
    arns = []
    for number in range(1, count + 1):
        arn = served.register(
            "churn",
            ModelPackageDescription=f"The {number}th",
            CustomerMetadataProperties={
                "accuracy": f"0.9{number:02}",
                "recall": f"0.8{number:02}",
                "git_commit": "4f5",
            },
            InferenceSpecification={
                "Containers": [{"Image": f"registry/churn:{number}", "Environment": {"KEY": "canary"}}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            ModelCard={"ModelCardStatus": "Draft", "ModelCardContent": json.dumps({"business_details": {}})},
            MetadataProperties={"CommitId": "4f5c2a9"},
        )
        arns.append(arn)
        if number % 3 == 0 and number < count:
            decide(served, arn, "Approved")
        elif number < count - 1:
            decide(served, arn, "Rejected")
    return arns


def decide(served: Desk, arn: str, status: str, user: str = "AKIAALICE", reason: str = "as discussed") -> None:
    served.call("UpdateModelPackage", user, ModelPackageArn=arn, ModelApprovalStatus=status, ApprovalDescription=reason)


@pytest.mark.parametrize(("verb", "status"), [("Approve", "Approved"), ("Reject", "Rejected")])
@pytest.mark.parametrize("javascript", [True, False], ids=["with-js", "without-js"])
def test_a_version_can_be_decided_by_mouse(
    served: Desk, open_page: OpenPage, verb: str, status: str, javascript: bool
) -> None:
    arn = served.register("churn", CustomerMetadataProperties={"accuracy": "0.93"})
    page = open_page(served, java_script_enabled=javascript)
    page.get_by_role("link", name="churn/1").click()
    page.get_by_role("link", name=f"{verb}…").click()
    page.get_by_label("Reason").fill("ticket 42")
    page.get_by_role("button", name=f"{verb} churn/1").click()
    expect(page.get_by_text("Your decision was recorded.")).to_be_visible()
    assert served.status(arn) == (status, "ticket 42")
    page.get_by_role("link", name="All history").click()
    expect(page.locator(".events li").first).to_contain_text("alice decided on churn/1")
    expect(page.locator(".events li").first).to_contain_text("ticket 42")


def test_a_version_can_be_decided_by_keyboard(served: Desk, open_page: OpenPage) -> None:
    arns = [served.register("churn", CustomerMetadataProperties={"accuracy": "0.93"}) for _ in range(3)]
    page = open_page(served)
    for key in ("j", "j", "k", "Enter"):  # to the second version and back to the first
        page.keyboard.press(key)
    page.wait_for_url("**/groups/churn/1")
    page.keyboard.press("a")
    page.wait_for_url("**/decide?to=Approved")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("a jolly good reason")  # letters are text in this field
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/groups/churn/1?decided=1")
    page.keyboard.press("n")
    page.wait_for_url("**/groups/churn/2")
    page.keyboard.press("r")
    page.wait_for_url("**/decide?to=Rejected")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("no")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/groups/churn/2?decided=1")
    assert [served.status(arn) for arn in arns] == [
        ("Approved", "a jolly good reason"),
        ("Rejected", "no"),
        ("PendingManualApproval", ""),
    ]
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/console/")
    page.keyboard.press("j")
    page.keyboard.press("a")  # directly from the list
    page.wait_for_url("**/groups/churn/3/decide?to=Approved")


def test_versions_can_be_selected_and_compared_by_keyboard(served: Desk, open_page: OpenPage) -> None:
    filled(served, 4)
    page = open_page(served)
    page.goto(f"{served.url}/console/groups/churn")
    for key in ("j", "x"):
        page.keyboard.press(key)
    page.locator("tbody a.primary").nth(1).focus()
    page.keyboard.press("x")
    page.keyboard.press("c")
    page.wait_for_url("**/compare?v=churn%2F4&v=churn%2F3")
    expect(page.get_by_role("row", name="accuracy")).to_contain_text("highest")


def test_keyboard_shortcuts_are_listed_and_can_be_disabled(served: Desk, open_page: OpenPage) -> None:
    served.register("churn")
    page = open_page(served)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    page.get_by_label("Shortcuts are on").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") != "group"
    page.keyboard.press("?")
    page.get_by_label("Shortcuts are on").check()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "group"


def test_groups_are_filtered_while_typing(served: Desk, open_page: OpenPage) -> None:
    for name in ("churn", "fraud"):
        served.register(name)
    page = open_page(served)
    page.goto(f"{served.url}/console/groups")
    page.get_by_label("Name contains").press_sequentially("fra")
    expect(page.get_by_role("link", name="churn")).to_have_count(0)
    expect(page.get_by_role("link", name="fraud")).to_be_visible()
    page.wait_for_url("**/groups?q=fra*")


def test_the_second_browser_sees_the_first_decision(served: Desk, open_page: OpenPage, watched: Watched) -> None:
    watched.allowed_statuses.add(409)
    arn = served.register("churn")
    alice, bob = open_page(served, "alice"), open_page(served, "bob")
    for page in (alice, bob):
        page.goto(f"{served.url}/console/groups/churn/1/decide?to=Approved")
        page.get_by_label("Reason").fill(f"because {page is bob}")
    bob.get_by_role("button", name="Approve churn/1").click()
    expect(bob.get_by_text("Your decision was recorded.")).to_be_visible()
    alice.get_by_role("button", name="Approve churn/1").click()
    expect(alice.get_by_role("heading", name="bob decided first")).to_be_visible()
    expect(alice.get_by_role("alert")).to_contain_text("because True")
    expect(alice.locator("textarea")).to_have_value("because False")
    assert served.status(arn) == ("Approved", "because True")


@pytest.mark.parametrize(
    ("theme", "sized", "tags"), [("light", 0, WCAG), ("light", 12, WCAG), ("dark", 12, ("cat.color",))]
)
def test_no_screen_has_accessibility_violations(
    serve_desk: Callable[..., Desk], open_page: OpenPage, watched: Watched, theme: str, sized: int, tags: Sequence[str]
) -> None:
    watched.allowed_statuses |= {404, 403, 400}
    served = serve_desk(settings_of(**RULES))
    filled(served, sized)
    page = open_page(served, color_scheme=theme)
    found = {}
    for name, path in SCREENS.items():
        page.goto(served.url + path)
        found[name] = violations(page, tags)
    page.goto(f"{served.url}/console/")
    page.keyboard.press("?")
    found["dialog"] = violations(page, tags)
    anonymous = open_page(served, None, color_scheme=theme)
    anonymous.goto(f"{served.url}/console/")
    found["nobody"] = violations(anonymous, tags)
    anonymous.goto(served.link("alice"))
    found["link"] = violations(anonymous, tags)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("width", [320, 640, 768])
def test_no_screen_scrolls_horizontally(served: Desk, open_page: OpenPage, watched: Watched, width: int) -> None:
    """640 pixels are 1280 pixels at 200% zoom."""
    watched.allowed_statuses.add(404)
    filled(served)
    served.register("a-group-whose-name-is-as-long-as-a-name-can-be-in-this-registry")
    page = open_page(served, viewport={"width": width, "height": 800})
    wide = {}
    for name, path in SCREENS.items():
        page.goto(served.url + path)
        wide[name] = page.evaluate("document.documentElement.scrollWidth")
    assert {name: found for name, found in wide.items() if found > width} == {}


def test_targets_are_large_enough(served: Desk, open_page: OpenPage) -> None:
    """WCAG 2.5.8: 24 by 24 pixels, except for links in sentences."""
    filled(served)
    page = open_page(served)
    small = """[...document.querySelectorAll("button, input:not([type=hidden]), select, .tabs a, .top nav a, .tick")]
        .filter(one => one.offsetParent && !one.closest(".tick > *, .switch > *"))
        .map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
        .filter(([, box]) => box.width < 24 || box.height < 24).map(([html]) => html)"""
    for path in SCREENS.values():
        if "99" not in path and "nowhere" not in path:
            page.goto(served.url + path)
            assert [html for html in page.evaluate(small) if "checkbox" not in html] == [], path


XSS = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg/onload=alert(3)>{{7*7}}",
    "javascript:alert(4)//</textarea></title></style><iframe srcdoc='<script>alert(5)</script>'>",
    '<a href="javascript:alert(6)" autofocus onfocus=alert(7)>x</a><!--\u202e<meta http-equiv=refresh content=0>',
)


def hostile(shape: Any, text: str, deep: int = 12) -> Any:
    """Return a value of a shape with this text in every unconstrained string."""
    if shape.type_name == "structure":
        return {name: hostile(one, text, deep - 1) for name, one in shape.members.items() if deep}
    if shape.type_name == "list":
        return [hostile(shape.member, text, deep - 1)] if deep else []
    if shape.type_name == "map":
        return {text: hostile(shape.value, text, deep - 1), "accuracy": "0.9"}
    if shape.type_name == "string":
        return shape.metadata.get("enum", [text])[0]
    return {"boolean": True, "timestamp": 1_700_000_000.5}.get(shape.type_name, 1)


@pytest.mark.parametrize("text", XSS, ids=range(len(XSS)))
def test_markup_in_a_record_is_shown_as_text(serve_desk: Callable[..., Desk], open_page: OpenPage, text: str) -> None:
    """Every string of every shape, written directly to the store, even if the constraints would reject it."""
    served = serve_desk()
    shape = model.output_shape("DescribeModelPackage")
    harmless = [served.register("churn", CustomerMetadataProperties={"accuracy": "0.9"}) for _ in range(2)]
    decide(served, harmless[0], "Approved")
    rows: Any = served.backend._rows  # type: ignore[attr-defined]
    from sagemaker_registry.backends.store.rows import GROUPS, PACKAGES

    with rows.writing() as writing:
        for number in (1, 2):
            key = ("123456789012", "us-east-1", "churn", number)
            row = writing.get(PACKAGES, key)
            kept = {name: row["record"][name] for name in ("ModelPackageArn", "ModelPackageVersion", "CreationTime")}
            bad = hostile(shape, f"{text}{number}")
            for name in ("ModelPackageStatusDetails", "LastModifiedTime"):
                bad.pop(name)
            record = bad | kept | {"ModelPackageGroupName": "churn", "ModelApprovalStatus": row["approval"]}
            assert writing.update(PACKAGES, key, row["rev"], {"record": record})
        group = writing.get(GROUPS, key[:3])
        described = group["record"] | {"ModelPackageGroupDescription": text, "Tags": [{"Key": text, "Value": text}]}
        writing.update(GROUPS, key[:3], group["rev"], {"record": described})
    decide(served, harmless[1], "Rejected", user="x", reason=text)
    decide(served, harmless[1], "PendingManualApproval", user="x", reason=text)
    page = open_page(served)
    for path in (
        "/console/",
        "/console/groups",
        "/console/groups/churn",
        "/console/groups/churn/1",
        "/console/groups/churn/2",
        "/console/groups/churn/2/decide?to=Approved",
        "/console/compare?v=churn/1&v=churn/2&all=1",
        "/console/history",
    ):
        answer = page.goto(served.url + path)
        assert answer is not None
        assert answer.status == 200, (path, page.inner_text("body"))
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert page.locator("main script, main iframe, main img, main [onerror], main a[href^=javascript]").count() == 0
        page.wait_for_load_state("networkidle")
    page.goto(f"{served.url}/console/groups/churn/2")
    assert text[:30] in page.inner_text("main")


@contextmanager
def attacker(body: str, host: str) -> Iterator[str]:
    """Serve a page of another site on another port, and yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Disable logging."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["other-site", "other-port"])
def test_a_page_of_another_origin_cannot_decide(served: Desk, chromium: Browser, host: str) -> None:
    """The browser sends the cookie from another port of the same host; Origin and the token prevent the decision."""
    arn = served.register("churn")
    decide_url = f"{served.url}/console/groups/churn/1/decide"
    context = chromium.new_context()
    page = context.new_page()
    page.goto(served.link("alice"))
    page.get_by_role("button", name="Continue as").click()
    page.goto(f"{decide_url}?to=Approved")
    fields = {
        name: page.locator(f"form [name={name}]").last.input_value() for name in ("to", "revision", "rev", "token")
    }  # as if the attacker had all of them
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    form = f"""<form method="post" action="{decide_url}">{inputs}</form><script>
        const body = new URLSearchParams(new FormData(document.forms[0]));
        const target = {{"X-Amz-Target": "SageMaker.UpdateModelPackage", "Content-Type": "application/x-amz-json-1.1"}};
        const api = JSON.stringify({{ModelPackageArn: "{arn}", ModelApprovalStatus: "Approved"}});
        Promise.allSettled([
            fetch("{decide_url}", {{method: "POST", body, credentials: "include"}}).then(a => a.text()),
            fetch("{decide_url}", {{method: "POST", body, credentials: "include", mode: "no-cors"}}),
            fetch("{served.url}/", {{method: "POST", body: api, headers: target}}),
            fetch("{served.url}/", {{method: "POST", body: api, mode: "no-cors"}}),
            fetch("{served.url}/console/", {{credentials: "include"}}).then(a => a.text()),
        ]).then(all => {{ document.title = all.map(one => one.status).join(); }});
    </script>"""
    with attacker(form, host) as evil:
        page.goto(evil)
        page.wait_for_function("document.title")
        first, _, api, _, read = page.title().split(",")
        assert (first, api, read) == ("rejected", "rejected", "rejected")
        page.evaluate("document.forms[0].submit()")
        page.wait_for_url(f"{decide_url}")
        assert "rejects requests from pages of other sites" in page.inner_text("body")
    assert served.status(arn) == ("PendingManualApproval", "")
    context.close()


def test_the_console_cannot_be_framed_by_another_site(served: Desk, chromium: Browser) -> None:
    context = chromium.new_context()
    page = context.new_page()
    with attacker(f'<iframe src="{served.url}/console/login" onload="document.title=1"></iframe>', "localhost") as evil:
        page.goto(evil)
        page.wait_for_function("document.title")
        assert "Log in" not in page.frames[1].content()
    context.close()


def test_a_rebound_host_name_is_rejected(served: Desk, chromium: Browser) -> None:
    context = chromium.new_context()
    page = context.new_page()
    answer = page.goto(f"{served.url.replace('127.0.0.1', REBOUND)}/console/")
    assert answer is not None
    assert answer.status == 421
    assert "Unknown host" in page.inner_text("body")
    context.close()


def test_a_link_from_another_site_keeps_the_session(served: Desk, chromium: Browser) -> None:
    """The browser does not send the cookie with such a link; the first page reloads itself."""
    served.register("churn")
    context = chromium.new_context()
    page = context.new_page()
    page.goto(served.link("alice"))
    page.get_by_role("button", name="Continue as").click()
    with attacker(f'<a href="{served.url}/console/groups/churn/1">look</a>', "localhost") as chat:
        page.goto(chat)
        page.get_by_text("look").click()
        expect(page.get_by_role("heading", name="churn/1")).to_be_visible()
    context.close()


def test_a_failed_rule_is_named_on_the_decision_page(
    serve_desk: Callable[..., Desk], open_page: OpenPage, watched: Watched
) -> None:
    watched.allowed_statuses |= {403, 400}
    served = serve_desk(settings_of(**RULES))
    arn = served.register("churn", CustomerMetadataProperties={"accuracy": "0.85"})
    page = open_page(served)
    expect(page.locator("li.item")).to_contain_text("Blocked by accurate")
    page.goto(f"{served.url}/console/groups/churn/1/decide?to=Approved")
    expect(page.get_by_role("listitem").filter(has_text="accurate")).to_contain_text(
        "accuracy is 0.85; at least 0.9 is required."
    )
    page.get_by_label("Reason").fill("it will do")
    page.get_by_role("button", name="Approve churn/1").click()
    expect(page.get_by_role("alert")).to_contain_text("accuracy is 0.85; at least 0.9 is required.")
    expect(page.locator("textarea")).to_have_value("it will do")
    assert served.status(arn)[0] == "PendingManualApproval"
