"""An application that requires signed requests, called without a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sagemaker_registry.backends import credentials
from sagemaker_registry.backends.settings import Authentication as Strictness
from sagemaker_registry.emulator.auth.authentication import Authentication
from support.signing import NOW

ALICE = credentials.generate("alice")
BOB = credentials.generate("bob")
JSON = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.ListModelPackageGroups"}
AT = NOW.timestamp()


@dataclass
class Answer:
    status: int
    body: str
    passed: bool


def verifier(strictness: Strictness | None = None, at: float = AT) -> Callable[..., Answer]:
    """Return a function that calls an application with authentication at the given time."""
    now = [at]

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"answered"]

    guarded = Authentication(app, {ALICE.access_key: ALICE, BOB.access_key: BOB}, strictness, clock=lambda: now[0])

    def ask(environ: dict[str, Any], later: float = 0.0) -> Answer:
        now[0] = at + later
        statuses: list[str] = []
        body = b"".join(guarded(environ, lambda status, headers: statuses.append(status)))  # type: ignore[arg-type, return-value]
        return Answer(int(statuses[0][:3]), body.decode(), body == b"answered")

    return ask
