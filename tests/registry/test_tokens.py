"""ClientToken: a result is remembered for one day."""

from __future__ import annotations

from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.rows import TOKENS
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows

CALLER = Caller()
GROUP = {"ModelPackageGroupName": "churn"}
DAY = 24 * 60 * 60


class Registry:
    """A registry in memory with a settable clock."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.rows = SQLiteRows(None)
        self.registry = LocalRegistry(self.rows, clock=lambda: self.now)
        self.registry.call("CreateModelPackageGroup", GROUP, CALLER)

    def create(self, token: str) -> int:
        """Return the version in the response to a request with this token."""
        arn = self.registry.call("CreateModelPackage", {**GROUP, "ClientToken": token}, CALLER)["ModelPackageArn"]
        return int(arn.rpartition("/")[2])

    def remembered(self) -> set[str]:
        with self.rows.reading() as rows:
            return {row["token"] for row in rows.find(TOKENS, [], limit=1000)}


def test_a_token_is_remembered_for_a_day() -> None:
    registry = Registry()
    assert registry.create("token") == 1
    registry.now += DAY - 1
    assert registry.create("token") == 1
    registry.now += 2
    assert registry.create("token") == 2
    assert registry.create("token") == 2


def test_later_requests_remove_expired_tokens() -> None:
    registry = Registry()
    old, new = ({f"{age}-{number}" for number in range(100)} for age in ("old", "new"))
    for token in sorted(old):
        registry.create(token)
    registry.now += DAY + 1
    for token in sorted(new):
        registry.create(token)
    assert registry.remembered() == new
