"""moto's own API answers a reset under test control and nothing else; pages of other sites reach nothing that acts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from support.server import Emulator

NAVIGATION = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
PATHS = [
    "recorder/start-recording",
    "recorder/stop-recording",
    "recorder/replay-recording",
    "recorder/download-recording",
    "recorder/reset-recording",
    "data.json",
    "state-manager/get-transition",
    "config",
    "seed",
    "reset-auth",
    "",
    "reset/",
]


@pytest.fixture(params=[(), ("--test-controls",)], ids=["uncontrolled", "controlled"])
def server(request: pytest.FixtureRequest, serve: Callable[..., Emulator]) -> Emulator:
    server = serve("--backend", "sqlite:///registry.db", *request.param)
    server.client("s3").create_bucket(Bucket="models")  # loads moto
    return server


def test_only_a_reset_is_answered(server: Emulator) -> None:
    with requests.Session() as session:
        for place in (f"{prefix}{path}" for prefix in ("/moto-api/", "//moto-api/", "/%6doto-api/") for path in PATHS):
            for method in ("GET", "POST", "PUT", "DELETE"):
                request = requests.Request(method, server.url, data=b"{}").prepare()
                request.url = f"{server.url}{place}"
                answer = session.send(request, timeout=30)
                assert 400 <= answer.status_code < 500, (method, place, answer.text)
                assert "AccessDenied" in answer.text or "UnknownOperation" in answer.text, (method, place, answer.text)


def test_a_navigation_from_another_site_starts_no_recorder(server: Emulator, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    answer = requests.get(f"{server.url}/moto-api/recorder/start-recording", headers=NAVIGATION, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["__type"] == "UnknownOperationException"
    server.client("s3").list_buckets()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_navigation_from_another_site_calls_no_operation_of_the_query_protocol(server: Emulator) -> None:
    scope = "AKIAEVIL/20260101/us-east-1/iam/aws4_request"
    query = f"Action=CreateUser&Version=2010-05-08&UserName=mallory&X-Amz-Credential={scope.replace('/', '%2F')}"
    for spelled in (query, query.replace("Action", "%41ction"), query.replace("Action", "action")):
        answer = requests.get(f"{server.url}/?{spelled}", headers=NAVIGATION, timeout=30)
        assert answer.status_code == 400
        assert "rejects requests from pages of other sites" in answer.text
    assert server.client("iam").list_users()["Users"] == []


def test_a_reset_needs_post_and_test_control(serve: Callable[..., Emulator]) -> None:
    server = serve("--backend", "sqlite:///registry.db")
    answer = requests.post(f"{server.url}/moto-api/reset", timeout=30)
    assert (answer.status_code, answer.json()["__type"]) == (400, "AccessDeniedException")
    assert "start the server with --test-controls" in answer.text
