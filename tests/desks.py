"""Consoles for tests, in process or served: with a registry behind them, and eyes on what a browser does there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagemaker_registry.backends.base import Backend, Caller
from sagemaker_registry.emulator.console import Console

if TYPE_CHECKING:
    from playwright.sync_api import Page

REBOUND = "rebound.example"
"""A name of somebody else's that resolves to this machine, as DNS rebinding does."""

WAIT_MS = 10_000
AXE = Path(__file__).parent / "data" / "axe.min.js"


@dataclass(frozen=True)
class Desk:
    """A served console of a test's own, with the backend behind it."""

    url: str
    console: Console
    backend: Backend

    def call(self, operation: str, user: str = "pipeline", **params: Any) -> dict[str, Any]:
        """Make one of AWS's calls as somebody."""
        return self.backend.call(operation, params, Caller.of(user, None))

    def register(self, group: str, user: str = "pipeline", **members: Any) -> str:
        """Register a version that waits; return its ARN."""
        found = self.call("ListModelPackageGroups", NameContains=group)["ModelPackageGroupSummaryList"]
        if group not in [one["ModelPackageGroupName"] for one in found]:
            self.call("CreateModelPackageGroup", user, ModelPackageGroupName=group)
        record = {"ModelApprovalStatus": "PendingManualApproval", **members}
        return str(self.call("CreateModelPackage", user, ModelPackageGroupName=group, **record)["ModelPackageArn"])

    def status(self, arn: str) -> tuple[str, str]:
        """Return the status of a version, and the reason."""
        record = self.call("DescribeModelPackage", ModelPackageName=arn)
        return record["ModelApprovalStatus"], record.get("ApprovalDescription", "")

    def link(self, user: str) -> str:
        return self.url + self.console.path_of_link(user)


@dataclass
class Watched:
    """What pages did that they must not."""

    faults: list[str] = field(default_factory=list)
    allowed_statuses: set[int] = field(default_factory=set)


def watch(page: Page, home: str, watched: Watched) -> None:
    """Note what a page does that none of the console's may."""

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


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong on a page: each rule with the first elements that break it."""
    page.evaluate(AXE.read_text(encoding="utf-8") + "; null")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", tags)
    return [f"{one['id']}: {[node['html'][:200] for node in one['nodes'][:3]]}" for one in found["violations"]]
