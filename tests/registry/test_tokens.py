"""ClientToken: an answer is remembered for a day, and not for ever."""

from __future__ import annotations

from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.rows import TOKENS
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows

CALLER = Caller()
GROUP = {"ModelPackageGroupName": "churn"}
DAY = 24 * 60 * 60


class At:
    """A registry in memory, at a time of ours."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.rows = SQLiteRows(None)
        self.registry = LocalRegistry(self.rows, clock=lambda: self.now)
        self.registry.call("CreateModelPackageGroup", GROUP, CALLER)

    def create(self, token: str) -> int:
        """Return the version that a request with a token is answered with."""
        arn = self.registry.call("CreateModelPackage", {**GROUP, "ClientToken": token}, CALLER)["ModelPackageArn"]
        return int(arn.rpartition("/")[2])

    def remembered(self) -> set[str]:
        with self.rows.reading() as rows:
            return {row["token"] for row in rows.find(TOKENS, [], limit=1000)}


def test_a_token_is_remembered_for_a_day() -> None:
    at = At()
    assert at.create("token") == 1
    at.now += DAY - 1
    assert at.create("token") == 1
    at.now += 2
    assert at.create("token") == 2
    assert at.create("token") == 2


def test_what_is_no_longer_remembered_is_cleared_away_by_those_who_come_later() -> None:
    at = At()
    old, new = ({f"{age}-{number}" for number in range(100)} for age in ("old", "new"))
    for token in sorted(old):
        at.create(token)
    at.now += DAY + 1
    for token in sorted(new):
        at.create(token)
    assert at.remembered() == new
