"""Consoles for tests: with a registry, browserless clients, and a recorder of forbidden page activity."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from werkzeug.test import Client, TestResponse

from sagemaker_registry.backends.base import Backend, Caller
from sagemaker_registry.backends.settings import Settings
from sagemaker_registry.emulator.app import create_app
from sagemaker_registry.emulator.console import Console, pages

if TYPE_CHECKING:
    from playwright.sync_api import Page

REBOUND = "rebound.example"
"""A foreign name that resolves to this machine, as in DNS rebinding."""

WAIT_MS = 10_000
CONSOLE = Path(__file__).parents[2] / "emulator" / "console"
AXE = Path(__file__).parents[1] / "data" / "axe.min.js"
VALUES = {"<group>": "churn", "<int:number>": "1"}
QUERY = "?to=Approved&v=churn/1&v=churn/2"
"""For pages that need a selection; the others ignore it."""


def _addresses() -> Iterator[str]:
    """Yield the address of every page that a reviewer can open."""
    for page in pages.PAGES:
        for rule in page.routes:
            method, path = rule.split(" ")
            for name, value in VALUES.items():
                path = path.replace(name, value)
            if method == "GET" and not page.is_open:
                yield f"/console{path}{QUERY}"


PAGES = tuple(_addresses())

ADDRESS = "http://127.0.0.1:8080"
"""The printed address of a console in this process; no server listens there."""


class Desk:
    """A console with its backend and browserless clients; `said` contains the messages to its owner."""

    def __init__(self, backend: Backend, **options: Any) -> None:
        self.said: list[str] = []
        self.url = "http://localhost"
        self.backend = backend
        self.console = Console(**{"users": ("alice",), "address": ADDRESS, **options})
        self.app = create_app(backend, reviewed_at=self.console, say=self.said.append)

    def visitor(self) -> Client:
        """Return a client without a session."""
        return Client(self.app)

    def browser(self, user: str = "alice") -> Client:
        """Return a client that logged in with a link."""
        client = self.visitor()
        token = self.console.path_of_link(user).partition("token=")[2]
        assert client.post("/console/login", data={"token": token}).status_code == 303
        return client

    def link(self, user: str) -> str:
        """Return a new login link for a user."""
        return self.url + self.console.path_of_link(user)

    def call(self, operation: str, user: str = "pipeline", **params: Any) -> dict[str, Any]:
        """Call an AWS operation as a user."""
        return self.backend.call(operation, params, Caller.from_access_key(user, None))

    def register(self, group: str = "churn", user: str = "pipeline", **members: Any) -> str:
        """Register a pending version, creating its group if needed, and return its ARN."""
        found = self.call("ListModelPackageGroups", NameContains=group)["ModelPackageGroupSummaryList"]
        if group not in [one["ModelPackageGroupName"] for one in found]:
            self.call("CreateModelPackageGroup", user, ModelPackageGroupName=group)
        specification = {
            "Containers": [{"Image": "registry/churn:1", "Environment": {"PASSWORD": "canary-of-a-secret"}}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        }
        record = {
            "ModelApprovalStatus": "PendingManualApproval",
            "InferenceSpecification": specification,
            "CustomerMetadataProperties": {"accuracy": "0.93"},
            **members,
        }
        return str(self.call("CreateModelPackage", user, ModelPackageGroupName=group, **record)["ModelPackageArn"])

    def status(self, arn: str) -> tuple[str, str]:
        """Return the approval status and the reason of a version."""
        record = self.call("DescribeModelPackage", ModelPackageName=arn)
        return record["ModelApprovalStatus"], record.get("ApprovalDescription", "")


def settings_of(**tables: Any) -> Settings:
    return msgspec.convert(tables, Settings)


def fields_of(page: TestResponse) -> dict[str, str]:
    """Return the fields that the decision form would send, without a reason."""
    assert page.status_code == 200, page.text
    form = page.text.partition("<main")[2]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


def send(client: Client, path: str, reason: str, **changes: str) -> TestResponse:
    """Open the decision form and send it."""
    fields = fields_of(client.get(f"{path}/decide?to=Approved"))
    return client.post(f"{path}/decide", data={**fields, "reason": reason, **changes})


def text_of(page: TestResponse) -> str:
    """Return the text of a page without tags."""
    main = page.text.partition("<main")[2].partition("</main>")[0].partition(">")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


@dataclass
class Watched:
    """Forbidden activity of pages."""

    faults: list[str] = field(default_factory=list)
    allowed_statuses: set[int] = field(default_factory=set)


def watch(page: Page, home: str, watched: Watched) -> None:
    """Record forbidden activity of a console page."""

    def asked(request: Any) -> None:
        if not request.url.startswith((home, "data:")):
            watched.faults.append(f"asked {request.url}")

    def said(message: Any) -> None:
        is_refusal = any(f"status of {status}" in message.text for status in watched.allowed_statuses)
        if message.type in ("error", "warning") and not is_refusal:
            watched.faults.append(f"said {message.text}")

    def opened(dialog: Any) -> None:
        watched.faults.append(f"opened a dialog: {dialog.message}")
        dialog.dismiss()

    page.on("request", asked)
    page.on("console", said)
    page.on("pageerror", lambda error: watched.faults.append(f"failed: {error}"))
    page.on("dialog", opened)


WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
"""The tags of the rules of axe for the Web Content Accessibility Guidelines."""


def violations(page: Page, tags: Sequence[str] = WCAG) -> list[str]:
    """Return the violations that axe finds on a page, with the first elements of each."""
    page.evaluate(AXE.read_text(encoding="utf-8") + "; null")
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", [*tags])
    return [f"{one['id']}: {[node['html'][:200] for node in one['nodes'][:3]]}" for one in found["violations"]]
