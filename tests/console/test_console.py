"""Login and decisions in the console; entered text is never lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from sagemaker_registry.backends import open_backend
from sagemaker_registry.backends.base import Backend, Caller
from sagemaker_registry.backends.errors import ServiceUnavailable
from sagemaker_registry.emulator.app import create_app
from sagemaker_registry.emulator.auth.authentication import Authentication
from sagemaker_registry.emulator.console import Console
from sagemaker_registry.emulator.console.sessions import (
    LINK_SECONDS,
    MAX_LINKS,
    SESSION_SECONDS,
    Sessions,
)
from sagemaker_registry.emulator.console.site import console_of
from sagemaker_registry.emulator.responses import CONSOLE_HEADERS
from support.console import ADDRESS, PAGES, Desk, fields_of, send, settings_of, text_of

pytest_plugins = ("support.console_fixtures",)


# Login


def test_a_browser_at_the_root_url_is_redirected_to_the_console(desk: Desk) -> None:
    answer = desk.visitor().get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (answer.status_code, answer.location) == (302, "/console/")
    assert desk.visitor().get("/").json["name"] == "sagemaker-registry"
    assert desk.visitor().get("/console").location == "/console/"


def test_an_application_without_a_console_has_no_console_pages() -> None:
    with open_backend("sqlite://") as backend:
        client = Client(create_app(backend))
        assert client.get("/", headers={"Accept": "text/html"}).json["name"] == "sagemaker-registry"
        assert client.get("/console/").status_code != 200


@pytest.mark.parametrize("path", [*PAGES, "/console/nowhere", "/console/at/111122223333/eu-west-1/"])
def test_pages_require_a_session(desk: Desk, path: str) -> None:
    desk.register()
    page = desk.visitor().get(path)
    assert page.status_code == 403
    assert "the server prints in its terminal" in text_of(page)
    assert "churn" not in page.text.replace("churn" if "churn" in path else "\0", "", 0).partition("<main")[2]


def test_a_login_link_works_once_and_names_its_user(desk: Desk) -> None:
    client, link = desk.visitor(), desk.console.path_of_link("alice")
    for _ in range(2):  # opening a link does not use it up, as prefetching programs open links
        assert "This link is for alice" in text_of(client.get(link))
    token = link.partition("token=")[2]
    assert client.post("/console/login", data={"token": token}).location == "/console/"
    assert (
        "Nothing is waiting" in client.get("/console/").text
        or "No models registered yet" in client.get("/console/").text
    )
    other = desk.visitor()
    assert "is no longer valid" in text_of(other.get(link))
    assert other.post("/console/login", data={"token": token}).status_code == 403
    assert other.get("/console/").status_code == 403


def test_links_and_sessions_expire() -> None:
    now = [1000.0]
    sessions = Sessions(lambda: now[0])
    late, used = sessions.link("late"), sessions.link("used")
    value = sessions.open(used)
    assert value is not None
    assert sessions.open(used) is None
    now[0] += LINK_SECONDS
    assert (sessions.user_of(late), sessions.open(late)) == (None, None)
    assert sessions.find(value) is not None
    now[0] += SESSION_SECONDS
    assert sessions.find(value) is None


def test_a_limited_number_of_older_links_stays_valid() -> None:
    """Otherwise, requesting new links would lock out users with an older one."""
    sessions = Sessions()
    first, second = sessions.link("alice"), sessions.link("alice")
    assert (sessions.user_of(first), sessions.user_of(second)) == ("alice", "alice")
    for _ in range(MAX_LINKS):
        sessions.link("bob")
    assert sessions.user_of(first) is None


def test_a_lost_link_can_be_printed_again(desk: Desk) -> None:
    visitor = desk.visitor()
    assert "A new link was printed" in text_of(visitor.post("/console/reprint"))
    (line,) = desk.said
    path = line.partition(ADDRESS)[2]
    assert line.startswith(f"console:   {ADDRESS}/console/login?token=")
    assert "This link is for alice" in text_of(visitor.get(path))
    for _ in range(100):
        assert "shows a link that is still valid" in text_of(visitor.post("/console/reprint"))
    assert len(desk.said) == 1, "requests without a session cannot fill the terminal"
    token = path.partition("token=")[2]
    visitor.post("/console/login", data={"token": token})
    assert "A new link was printed" in text_of(desk.visitor().post("/console/reprint"))


@pytest.mark.parametrize("address", [ADDRESS, ""], ids=["of a server", "of an embedded application"])
def test_printed_links_ignore_the_host_header(open_desk: Callable[..., Desk], address: str) -> None:
    now = [1000.0]
    desk = open_desk(users=("alice", "bob"), is_strict=True, address=address, sessions=Sessions(lambda: now[0]))
    foreign_host = {"base_url": "http://203.0.113.66:8080"}
    desk.visitor().post("/console/reprint", **foreign_host)
    client = desk.browser("bob")
    page = client.get("/console/health").text
    token = re.search(r'action="/console/link">\s*<input type="hidden" name="token" value="([^"]+)"', page)
    assert token
    cookie = client.get_cookie("registry-console-80", path="/console")
    assert cookie
    client.set_cookie("registry-console-8080", cookie.value, domain="203.0.113.66", path="/console")
    now[0] += LINK_SECONDS
    client.post("/console/link", data={"token": token[1], "user": "alice"}, **foreign_host)
    assert len(desk.said) == 3, "one for each user, and another one for alice"
    assert all(line.startswith(f"console:   {address}/console/login?token=") for line in desk.said)


def test_the_session_cookie_is_httponly_and_same_site(desk: Desk) -> None:
    token = desk.console.path_of_link("alice").partition("token=")[2]
    answer = desk.visitor().post("/console/login", data={"token": token}, base_url="http://localhost:8123")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("registry-console-8123=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/console"} <= {part.strip() for part in cookie.split(";")}


def test_logging_out_ends_the_session(desk: Desk) -> None:
    client = desk.browser()
    token = re.search(
        r'action="/console/leave"><input type="hidden" name="token" value="([^"]+)"', client.get("/console/").text
    )
    assert token
    client.post("/console/leave", data={"token": "wrong"})
    assert client.get("/console/").status_code == 200
    client.post("/console/leave", data={"token": token[1]})
    assert client.get("/console/").status_code == 403


def ask_for_link(client: Client, user: str) -> TestResponse:
    """Request a login link with the form on the Health page."""
    token = re.search(
        r'action="/console/link">\s*<input type="hidden" name="token" value="([^"]+)"',
        client.get("/console/health").text,
    )
    assert token
    return client.post("/console/link", data={"token": token[1], "user": user})


def link_in(text: str) -> str | None:
    """Return the path of the login link in a text."""
    found = re.search(r"http://[\w.:]+(/console/login\?token=[\w-]+)", text)
    return found[1] if found else None


def test_a_user_can_create_a_link_for_another_user(desk: Desk) -> None:
    client = desk.browser()
    path = link_in(ask_for_link(client, "bob").text)
    assert path
    assert "This link is for bob" in text_of(desk.visitor().get(path))
    assert client.post("/console/link", data={"token": "no", "user": "bob"}).status_code == 403
    assert "is not a valid user name" in text_of(ask_for_link(client, "1\n2"))
    assert desk.said == []


def test_a_user_of_a_strict_console_cannot_become_another_user(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(users=("alice", "bob"), is_strict=True)
    client = desk.browser("alice")
    own = link_in(ask_for_link(client, "alice").text)
    assert own
    assert "This link is for alice" in text_of(desk.visitor().get(own))
    assert desk.said == []
    page = ask_for_link(client, "bob")
    assert "A login link for bob was printed in the server's terminal" in text_of(page)
    assert link_in(page.text) is None
    (line,) = desk.said
    assert line.startswith(f"console:   {ADDRESS}/console/login?token=")
    assert line.endswith("  (bob)")
    assert "This link is for bob" in text_of(desk.visitor().get(link_in(line) or ""))
    assert "shows a link for this user that is still valid" in text_of(ask_for_link(client, "bob"))
    for name in ("carol", "Alice", "bob2"):
        refused = ask_for_link(client, name)
        assert refused.status_code == 403
        assert f"serve --console-user {name}" in text_of(refused)
        assert link_in(refused.text) is None
    assert len(desk.said) == 1


@pytest.mark.parametrize(
    ("settings", "is_strict"),
    [
        ({}, False),
        ({"identities": {"alice": {"access_key": "AKIAALICE"}}}, False),
        ({"approval": [{"groups": ["*"], "rules": ["creator-may-not-approve"]}]}, True),
        ({"authentication": {"credentials": "keys.ini"}}, True),
    ],
)
def test_a_console_with_keys_or_rules_is_strict(settings: dict[str, Any], is_strict: bool) -> None:
    assert console_of("sqlite://", [], settings_of(**settings), ["alice"]).is_strict == is_strict


def test_a_console_of_an_application_with_authentication_is_strict(desk: Desk) -> None:
    console = Console(users=("alice",))
    app = create_app(desk.backend, reviewed_at=console, authenticated=partial(Authentication, keys={}))
    client = Client(app)
    token = console.path_of_link("alice").partition("token=")[2]
    assert client.post("/console/login", data={"token": token}).status_code == 303
    assert ask_for_link(client, "bob").status_code == 403


def test_every_response_has_the_security_headers(desk: Desk) -> None:
    desk.register()
    client = desk.browser()
    for path in (*PAGES, "/console", "/console/nowhere", "/console/groups/churn/99", "/console/login?token=x"):
        for answer in (
            client.get(path),
            desk.visitor().get(path),
            client.put(path),
            client.get(path, headers={"Host": "evil.example"}),
        ):
            assert {name: answer.headers[name] for name in CONSOLE_HEADERS} == dict(CONSOLE_HEADERS), (
                path,
                answer.status,
            )
            assert "Access-Control-Allow-Origin" not in answer.headers
    with client.get("/console/static/console.css") as static:
        assert {name for name in CONSOLE_HEADERS if static.headers[name] != CONSOLE_HEADERS[name]} == {"Cache-Control"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:81"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_decision_from_another_origin_is_rejected(desk: Desk, headers: dict[str, str]) -> None:
    arn = desk.register()
    client = desk.browser()
    fields = fields_of(client.get("/console/groups/churn/1/decide?to=Approved"))
    answer = client.post("/console/groups/churn/1/decide", data={**fields, "reason": "x"}, headers=headers)
    assert answer.status_code in (400, 421)
    assert answer.content_type.startswith("text/plain")
    assert desk.status(arn)[0] == "PendingManualApproval"


# Decisions


def test_a_decision_is_recorded_with_its_user(desk: Desk) -> None:
    arn = desk.register()
    answer = send(desk.browser("carol"), "/console/groups/churn/1", "ticket 42\r\nand more")
    assert answer.location == "/console/groups/churn/1?decided=1"
    assert desk.status(arn) == ("Approved", "ticket 42\nand more")
    (change, *_) = desk.backend.extension("history", {"group": "churn/1"}, Caller())["changes"]
    assert change["actor"] == "arn:aws:iam::123456789012:user/carol"
    assert (change["operation"], change["reason"]) == ("UpdateModelPackage", "ticket 42\nand more")
    assert change["request_id"]


def test_users_decide_with_their_identity_of_registry_toml(open_desk: Callable[..., Desk]) -> None:
    settings = settings_of(
        identities={
            "alice": {"access_key": "AKIAALICE", "groups": ["reviewers"]},
            "dora": {"arn": "arn:aws:iam::*:user/dora", "groups": ["reviewers"]},
        },
        approval=[{"groups": ["*"], "rules": ["reviewers"]}],
        rules={"reviewers": {"is": "only", "who": ["group:reviewers"]}},
    )
    desk = open_desk(settings=settings, people=settings.identities)
    for user in ("alice", "dora"):
        arn = desk.register(user)
        assert send(desk.browser(user), f"/console/groups/{user}/1", "fine").status_code == 303
        assert desk.status(arn) == ("Approved", "fine")
        (change, *_) = desk.backend.extension("history", {"group": f"{user}/1"}, Caller())["changes"]
        assert change["actor"] == f"arn:aws:iam::123456789012:user/{user}"
    desk.register("bob")
    page = send(desk.browser("bob"), "/console/groups/bob/1", "let me")
    assert page.status_code == 400
    assert "is not one of group:reviewers" in text_of(page)
    assert "let me" in page.text


@pytest.mark.parametrize("change", [{"token": ""}, {"token": "0" * 64}, {"revision": "0" * 32}, {"rev": "17"}])
def test_a_form_is_bound_to_its_session_version_and_revision(desk: Desk, change: dict[str, str]) -> None:
    arn = desk.register()
    page = send(desk.browser(), "/console/groups/churn/1", "typed with care", **change)
    assert page.status_code in (403, 409)
    assert "typed with care" in page.text
    assert desk.status(arn)[0] == "PendingManualApproval"


def test_a_form_of_another_version_or_user_is_rejected(desk: Desk) -> None:
    first, second = desk.register(), desk.register()
    alice, bob = desk.browser("alice"), desk.browser("bob")
    fields = fields_of(alice.get("/console/groups/churn/1/decide?to=Approved")) | {"reason": "kept"}
    for client, path in ((alice, "/console/groups/churn/2"), (bob, "/console/groups/churn/1")):
        page = client.post(f"{path}/decide", data=fields)
        assert page.status_code == 403
        assert "kept" in page.text
    assert {desk.status(first)[0], desk.status(second)[0]} == {"PendingManualApproval"}


def test_a_form_sent_after_the_session_expired_keeps_its_text(desk: Desk) -> None:
    desk.register()
    page = desk.visitor().post("/console/groups/churn/1/decide", data={"reason": "three <b>paragraphs"})
    assert page.status_code == 403
    assert "three &lt;b&gt;paragraphs" in page.text
    assert "Your text is kept here" in text_of(page)


def test_the_second_reviewer_sees_the_first_decision(desk: Desk) -> None:
    arn = desk.register()
    alice, bob = desk.browser("alice"), desk.browser("bob")
    fields = fields_of(alice.get("/console/groups/churn/1/decide?to=Approved"))
    assert send(bob, "/console/groups/churn/1", "too old", to="Rejected").status_code == 303
    page = alice.post("/console/groups/churn/1/decide", data={**fields, "reason": "my reason"})
    assert page.status_code == 409
    assert "bob decided first" in text_of(page)
    assert "too old" in text_of(page)
    assert "my reason" in page.text
    assert desk.status(arn) == ("Rejected", "too old")
    assert 'name="to"' not in page.text  # no button of the page overturns bob's decision
    buttons = re.findall(r'<a class="button( decisive)?" href="([^"]+)">(?:<bdi>)?([^<]+)', page.text)
    assert buttons == [
        (" decisive", "/console/", "Keep bob&#39;s decision"),
        ("", "/console/groups/churn/1", "Review the version again"),
    ]
    overturning = page.text.split("<summary>Overturn <bdi>bob&#39;s</bdi> decision</summary>")[1].split("</details>")[0]
    assert "to=Approved" in overturning
    assert page.text.count("to=Approved") == 1  # nothing outside of this section overturns the decision
    assert send(alice, "/console/groups/churn/1", "still").status_code == 303
    assert desk.status(arn) == ("Approved", "still")


def test_after_a_change_that_decided_nothing_the_safe_action_is_another_review(desk: Desk) -> None:
    arn = desk.register()
    alice = desk.browser("alice")
    fields = fields_of(alice.get("/console/groups/churn/1/decide?to=Approved"))
    desk.call("UpdateModelPackage", "bob", ModelPackageArn=arn, CustomerMetadataProperties={"accuracy": "0.5"})
    page = alice.post("/console/groups/churn/1/decide", data={**fields, "reason": "my reason"})
    assert page.status_code == 409
    assert '<a class="button decisive" href="/console/groups/churn/1">Review the version again' in page.text
    assert "Overturn" not in page.text


def test_a_form_sent_twice_decides_once(desk: Desk) -> None:
    """For example, after a lost response."""
    arn = desk.register()
    client = desk.browser()
    fields = fields_of(client.get("/console/groups/churn/1/decide?to=Approved")) | {"reason": "once"}
    assert client.post("/console/groups/churn/1/decide", data=fields).status_code == 303
    page = client.post("/console/groups/churn/1/decide", data=fields)
    assert page.status_code == 409
    assert "You already decided" in text_of(page)
    changes = desk.backend.extension("history", {"group": "churn/1"}, Caller())["changes"]
    assert [change["operation"] for change in changes] == ["UpdateModelPackage", "CreateModelPackage"]
    assert desk.status(arn) == ("Approved", "once")


def test_one_of_two_concurrent_decisions_succeeds(desk: Desk) -> None:
    """Two reviewers read the same state; the revision of the second decision is out of date by then."""
    from threading import Barrier, Thread

    for round_ in range(5):
        arn = desk.register(f"group-{round_}")
        clients = [desk.browser(name) for name in ("alice", "bob")]
        path = f"/console/groups/group-{round_}/1"
        forms = [fields_of(client.get(f"{path}/decide?to=Approved")) for client in clients]
        barrier, statuses = Barrier(2), []

        def decide(client: Client, form: dict[str, str], path: str = path) -> None:
            barrier.wait()  # noqa: B023 - joined within the round
            statuses.append(client.post(f"{path}/decide", data={**form, "reason": "me"}).status_code)  # noqa: B023

        threads = [Thread(target=decide, args=pair) for pair in zip(clients, forms, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [303, 409]
        assert desk.status(arn)[0] == "Approved"


def test_a_decision_on_a_deleted_version_keeps_its_text(desk: Desk) -> None:
    arn = desk.register()
    client = desk.browser()
    fields = fields_of(client.get("/console/groups/churn/1/decide?to=Approved"))
    desk.call("DeleteModelPackage", ModelPackageName=arn)
    page = client.post("/console/groups/churn/1/decide", data={**fields, "reason": "all for nothing?"})
    assert page.status_code == 404
    assert "does not exist" in text_of(page)
    assert "all for nothing?" in page.text


class UnreliableBackend:
    """A backend that can become unavailable, like a database."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.is_gone = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def call(self, operation: str, params: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        self.ping()
        return self._backend.call(operation, params, caller)

    def extension(self, name: str, params: Mapping[str, Any], caller: Caller) -> Any:
        self.ping()
        return self._backend.extension(name, params, caller)

    def ping(self) -> None:
        if self.is_gone:
            raise ServiceUnavailable("The registry's database cannot be reached.")


def test_a_decision_during_an_outage_keeps_its_text_and_can_be_repeated() -> None:
    with open_backend("sqlite://") as inner:
        backend: Any = UnreliableBackend(inner)
        desk = Desk(backend)
        arn = desk.register()
        client = desk.browser()
        fields = fields_of(client.get("/console/groups/churn/1/decide?to=Approved"))
        backend.is_gone = True
        for path in PAGES:
            if "/health" in path or "/keys" in path:  # pages that do not read the registry
                continue
            page = client.get(path)
            assert page.status_code == 503
            assert "The registry is not responding" in text_of(page)
            assert "Try again in a moment" in text_of(page)
        health = client.get("/console/health")
        assert health.status_code == 200
        assert "cannot be reached" in text_of(health)
        page = client.post("/console/groups/churn/1/decide", data={**fields, "reason": "kept"})
        assert page.status_code == 503
        assert "kept" in page.text
        backend.is_gone = False
        again = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text.partition("<main")[2]))
        assert client.post("/console/groups/churn/1/decide", data={**again, "reason": "kept"}).status_code == 303
        assert desk.status(arn) == ("Approved", "kept")


def test_a_reason_that_is_too_long_is_rejected_and_kept(desk: Desk) -> None:
    arn = desk.register()
    page = send(desk.browser(), "/console/groups/churn/1", "x" * 1025)
    assert page.status_code == 400
    assert "x" * 1025 in page.text
    assert desk.status(arn)[0] == "PendingManualApproval"


@pytest.mark.parametrize("to", ["", "Deployed", "approved"])
def test_an_unknown_status_is_rejected(desk: Desk, to: str) -> None:
    arn = desk.register()
    page = send(desk.browser(), "/console/groups/churn/1", "why", to=to)
    assert page.status_code == 400
    assert desk.status(arn)[0] == "PendingManualApproval"


def test_a_new_decision_clears_the_old_reason(desk: Desk) -> None:
    arn = desk.register()
    client = desk.browser()
    send(client, "/console/groups/churn/1", "not yet", to="Rejected")
    send(client, "/console/groups/churn/1", "", to="Approved")
    assert desk.status(arn) == ("Approved", "")
    assert "Approved without a reason" in text_of(client.get("/console/groups/churn/1"))


def test_the_shown_command_makes_the_same_decision(desk: Desk) -> None:
    desk.register()
    page = desk.browser().get("/console/groups/churn/1/decide?to=Rejected")
    line = re.search(r'id="command">(.*?)</pre>', page.text, re.DOTALL)
    assert line
    words = line[1].replace("\\\n", "").replace("&#34;", '"').split()
    assert words[:3] == ["aws", "sagemaker", "update-model-package"]
    assert words[words.index("--model-package-arn") + 1].endswith(":model-package/churn/1")
    assert words[words.index("--model-approval-status") + 1] == "Rejected"
    assert words[words.index("--endpoint-url") + 1] == "http://localhost"


def test_two_required_approvals_are_counted(open_desk: Callable[..., Desk]) -> None:
    settings = settings_of(
        approval=[{"groups": ["*"], "profile": "strict", "rules": ["two"]}], rules={"two": {"is": "approvers"}}
    )
    desk = open_desk(settings=settings)
    arn = desk.register()
    alice, bob = desk.browser("alice"), desk.browser("bob")
    assert "More approvals needed" in text_of(alice.get("/console/"))
    assert send(alice, "/console/groups/churn/1", "first").status_code == 303
    assert desk.status(arn)[0] == "PendingManualApproval"
    version = text_of(bob.get("/console/groups/churn/1"))
    assert "alice: first" in version
    for shown in (version, text_of(bob.get("/console/history"))):
        assert "alice approved churn/1 (1 of 2 approvals)" in shown
        assert "alice changed" not in shown
    twice = send(alice, "/console/groups/churn/1", "again")
    assert twice.status_code == 400
    assert "has already approved this version" in text_of(twice)
    assert send(bob, "/console/groups/churn/1", "second").status_code == 303
    assert desk.status(arn) == ("Approved", "second")


HOOKS = [
    {"name": "deployer", "url": "https://ci.example/canary-path?key=canary", "secret": "canary", "on": ["Approved"]},
    {"url": "https://chat.example/canary-path", "on": ["Rejected", "Approved"], "groups": ["fra*"]},
    {"name": "audit", "url": "https://audit.example/", "groups": ["churn", "fraud"]},
]


@pytest.mark.parametrize(
    ("group", "to", "expected"),
    [
        ("churn", "Approved", ["deployer", "audit", "out.jsonl", "EventBridge"]),
        ("churn", "Rejected", ["audit", "out.jsonl", "EventBridge"]),
        ("fraud", "Approved", ["deployer", "chat.example", "audit", "out.jsonl", "EventBridge"]),
        ("other", "Rejected", ["out.jsonl", "EventBridge"]),
    ],
)
def test_event_targets_are_shown_before_a_decision(
    open_desk: Callable[..., Desk], group: str, to: str, expected: list[str]
) -> None:
    desk = open_desk(settings=settings_of(events={"file": "out.jsonl", "webhooks": HOOKS}))
    desk.register(group)
    page = desk.browser().get(f"/console/groups/{group}/1/decide?to={to}")
    told = page.text.partition('id="notified"')[2].partition("</section>")[0]
    assert re.findall(r"<strong[^>]*>([^<]+)</strong>", told) == expected
    assert "canary" not in told


def test_missing_event_targets_are_shown(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(settings=settings_of(events={"eventbridge": False, "webhooks": HOOKS[:1]}))
    desk.register()
    client = desk.browser()
    assert "No subscriber is configured" in text_of(client.get("/console/groups/churn/1/decide?to=Rejected"))
    assert "Notifications" not in text_of(client.get("/console/groups/churn/1/decide"))


def test_targets_receive_no_event_for_a_partial_approval(open_desk: Callable[..., Desk]) -> None:
    settings = settings_of(approval=[{"groups": ["*"], "rules": ["two"]}], rules={"two": {"is": "approvers"}})
    desk = open_desk(settings=settings)
    desk.register()
    assert "After the last required approval: EventBridge" in text_of(
        desk.browser().get("/console/groups/churn/1/decide?to=Approved")
    )


def test_a_version_and_its_decision_show_the_results_of_rules(open_desk: Callable[..., Desk]) -> None:
    rules = {"accurate": {"is": "metric", "metric": "accuracy", "min": 0.95}}
    settings = settings_of(approval=[{"groups": ["*"], "profile": "strict", "rules": ["accurate"]}], rules=rules)
    desk = open_desk(settings=settings)
    desk.register()
    browser = desk.browser()
    version = browser.get("/console/groups/churn/1").text
    assert "Not met</span> at least 0.95" in version
    assert "Blocked by accurate" in version
    decision = browser.get("/console/groups/churn/1/decide?to=Approved").text
    assert 'class="outcome outcome-failed"' in decision
    assert "accuracy is 0.93; at least 0.95 is required." in decision
    assert "Needs input" in decision
    for outcome in ("passed", "failed", "needs_input", "pending"):
        assert f'id="sign-{outcome}"' in decision
