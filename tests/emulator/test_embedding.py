"""`create_app` returns a Flask application that supports test clients and additional routes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from werkzeug.test import Client

from sagemaker_registry.backends import open_backend
from sagemaker_registry.emulator.app import application, create_app
from sagemaker_registry.emulator.aws.other_services import alone
from sagemaker_registry.emulator.console import Console

CALL = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.CreateModelPackageGroup"}
CHURN = b'{"ModelPackageGroupName": "churn"}'
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/s3/aws4_request, Signature=0"}


@pytest.fixture
def app() -> Iterator[Flask]:
    with open_backend("sqlite://") as backend:
        yield create_app(backend, other_services=alone, reviewed_at=Console(users=("alice",)))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_the_test_client_supports_calls_extensions_and_pages(app: Flask, client: FlaskClient) -> None:
    assert isinstance(app, Flask)
    called = client.post("/", data=CHURN, headers=CALL)
    assert called.status_code == 200
    assert called.json is None  # AWS's content type is not application/json
    assert json.loads(called.data)["ModelPackageGroupArn"].endswith("/churn")
    controlled = client.get("/_registry/health")
    assert (controlled.status_code, controlled.json) == (200, {"status": "ok"})
    page = client.get("/console/login")
    assert (page.status_code, page.content_type) == (200, "text/html; charset=utf-8")
    assert "Content-Security-Policy" in page.headers


def test_foreign_hosts_are_rejected_before_routing(client: FlaskClient) -> None:
    assert client.get("/_registry/health", headers={"Host": "rebound.example"}).status_code == 421


def test_an_added_blueprint_works_and_other_routes_are_unchanged(app: Flask, client: FlaskClient) -> None:
    mine = Blueprint("mine", __name__)
    mine.add_url_rule("/mine", view_func=lambda: {"mine": True})
    app.register_blueprint(mine)
    assert client.get("/mine").json == {"mine": True}
    assert client.post("/mine").status_code == 400  # no such route; without S3 the same holds for a bucket
    assert client.get("/", headers=SIGNED).status_code == 400  # a list of buckets, not the page at `/`
    assert client.get("/", headers={"Accept": "text/html"}).location == "/console/"


def test_a_route_with_a_trailing_slash_is_redirected_and_never_a_bucket(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/report/", "report", lambda: {"report": True})
    app.add_url_rule("/deep/report", "deep", lambda: {"report": True})
    assert client.get("/report").location == "http://localhost/report/"
    assert client.get("/report", follow_redirects=True).json == {"report": True}
    assert client.get("/report?x=1").location == "http://localhost/report/?x=1"
    assert client.post("/report").status_code == 400
    for path in ("/deep//report", "/console/at/111122223333/us-east-1"):  # an S3 key and a path of the console
        assert client.get(path, headers=SIGNED).status_code == 400, path


def test_the_flask_application_responds_like_the_server() -> None:
    requests: list[dict[str, Any]] = [
        {"path": "/", "method": "POST", "data": CHURN, "headers": CALL},
        {"path": "/", "method": "POST", "data": b"{", "headers": CALL},
        {"path": "/", "method": "GET", "headers": CALL},
        {"path": "/", "method": "GET", "headers": {"Accept": "text/html"}},
        {"path": "/_registry/history?group=churn"},
        {"path": "/_registry/nothing"},
        {"path": "/console"},
        {"path": "/console/"},
        {"path": "/console/nothing"},
        {"path": "/console/groups", "headers": SIGNED},
        {"path": "/bucket/key"},
    ]

    def answers(make: Any) -> list[Any]:
        with open_backend("sqlite://") as backend:
            client = Client(make(backend, other_services=alone, reviewed_at=Console(users=("alice",))))
            found = [client.open(**request) for request in requests]
            return [
                (one.status, one.headers.get("Content-Type"), one.headers.get("Location"), sorted(one.headers.keys()))
                for one in found
            ]

    assert answers(create_app) == answers(application)
