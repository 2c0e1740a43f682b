"""What clients choose (targets, hosts, keys, regions, names, parameters) does not stay in the server's memory."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import requests

from support.server import Emulator, start

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

LONG = 30_000
ROUNDS, BYTES = 150, 2 * 2**20
"""Requests of each kind in a round, and how much the memory may grow: half of what one copy of each text would take."""
NUMBERS = count()


def scope(key: str = "AKIA", region: str = "us-east-1", service: str = "sagemaker") -> str:
    return (
        f"AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )


def call(**headers: str) -> dict[str, str]:
    target = {"X-Amz-Target": "SageMaker.ListModelPackageGroups", "Content-Type": "application/x-amz-json-1.1"}
    return {**target, **{name.replace("_", "-"): value for name, value in headers.items()}}


REQUESTS: dict[str, Callable[[str], tuple[str, str, dict[str, str], str]]] = {
    # kind: a function from a made-up text to a method, path, headers and body
    "target": lambda text: ("POST", "/", call(X_Amz_Target=f"SageMaker.{text}"), "{}"),
    "other target": lambda text: ("POST", "/", call(X_Amz_Target=f"{text}.X", Authorization=scope()), "{}"),
    "key": lambda text: ("POST", "/", call(Authorization=scope(key=text)), "{}"),
    "region": lambda text: ("POST", "/", call(Authorization=scope(region=text)), "{}"),
    "service": lambda text: ("POST", "/", call(Authorization=scope(service=text), X_Amz_Target="X.Y"), "{}"),
    "bucket host": lambda text: ("GET", "/key", {"Host": f"b{text[:40]}.localhost"}, ""),
    "path": lambda text: ("GET", f"/{text}", {}, ""),
    "extension": lambda text: ("GET", f"/_registry/{text}", {}, ""),
    "parameter": lambda text: ("GET", f"/_registry/events?group={text}", {}, ""),
    "page": lambda text: ("GET", f"/console/{text}", {}, ""),
    "group": lambda text: ("POST", "/", call(), json.dumps({"NameContains": text[:63]})),
    "token": lambda text: ("POST", "/", call(), json.dumps({"NextToken": text[:8000]})),
    "search": lambda text: (
        "POST",
        "/",
        call(X_Amz_Target="SageMaker.Search"),
        json.dumps(
            {
                "Resource": "ModelPackage",
                "SearchExpression": {
                    "Filters": [{"Name": f"Tags.{text[:200]}", "Operator": "Equals", "Value": text[:1000]}]
                },
            }
        ),
    ),
}


def texts(number: int) -> Iterator[str]:
    for _ in range(number):
        start = f"x{next(NUMBERS)}-"
        yield start + "y" * (LONG - len(start))


def resident(server: Emulator) -> int:
    fields = Path(f"/proc/{server.process.pid}/statm").read_text().split()
    return int(fields[1]) * 4096


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    server = start("--backend", "sqlite://", "--console-user", "alice")
    yield server
    server.stop()


@pytest.mark.parametrize("kind", REQUESTS)
def test_made_up_texts_are_not_kept(server: Emulator, kind: str) -> None:
    with requests.Session() as session:

        def send(number: int) -> None:
            for text in texts(number):
                method, path, headers, body = REQUESTS[kind](text)
                answer = session.request(method, f"{server.url}{path}", headers=headers, data=body, timeout=30)
                assert answer.status_code < 500, answer.text[:500]

        send(30)  # loads what the server loads on the first such request
        for _ in range(4):  # memory grows for a while, but not by a copy of each text in every round
            before = resident(server)
            send(ROUNDS)
            if resident(server) - before < BYTES:
                break
        else:
            pytest.fail(f"memory grows by more than {BYTES:,} bytes in each round")
