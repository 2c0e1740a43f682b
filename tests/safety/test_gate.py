"""Host and origin checks: no route, existing or not, answers requests that another site could make a browser send."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.test import Client

from sagemaker_registry.backends import credentials
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows
from sagemaker_registry.emulator import flask_app
from sagemaker_registry.emulator.api.metrics import Metrics
from sagemaker_registry.emulator.app import create_app
from sagemaker_registry.emulator.auth.authentication import HEALTH, Authentication
from sagemaker_registry.emulator.auth.host_check import HostCheck
from sagemaker_registry.emulator.console import Console
from sagemaker_registry.emulator.error_log import ErrorLog
from sagemaker_registry.emulator.http.server import Server, listen
from sagemaker_registry.emulator.responses import COMMON_HEADERS, CONSOLE_HEADERS

KEYS = {one.access_key: one for one in [credentials.generate("alice")]}
OTHERS = [
    "/",
    "/bucket",
    "/bucket/key",
    "/moto-api/reset",
    "/moto-api/data.json",
    "/nothing/at/all",
    "/console",
    "/_registry",
    "/_registry/nothing",
    "/_registryx",
    "//",
    "/%2e%2e/_registry/info",
    "/2015-03-31/functions",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


def other_services(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html"), ("Cache-Control", "max-age=60")])
    return [b"<script>alert(1)</script>"]


@pytest.fixture(scope="module")
def apps() -> Iterator[dict[str, Any]]:
    """Return an application that requires signed requests, and one that does not."""
    with LocalRegistry(SQLiteRows(None)) as backend:

        def authenticated(app: Any, **others: Any) -> Any:
            return Authentication(app, KEYS, **others)

        common: dict[str, Any] = {"other_services": other_services, "allowed_hosts": ["registry", "Team.Example."]}
        yield {
            "open": create_app(backend, **common, reviewed_at=Console()),
            "locked": create_app(backend, **common, reviewed_at=Console(), authenticated=authenticated),
        }


def every_path() -> list[str]:
    """Return a path for every route, and some without a route."""
    with LocalRegistry(SQLiteRows(None)) as backend:
        own = flask_app.own(backend, "", Metrics(), ErrorLog(), has_console=True)
        pages = flask_app.pages(backend, Console(), ErrorLog(), print)
    rules = [rule.rule for app in (own, pages) for rule in app.url_map.iter_rules()]
    assert len(rules) > 20
    found = []
    for rule in rules:
        path = rule.replace("<int:version>", "1").replace("<int:", "<")
        while "<" in path:
            before, _, rest = path.partition("<")
            path = before + "1" + rest.partition(">")[2]
        found.append(path)
    return [*found, *OTHERS]


FOREIGN: list[dict[str, str]] = [
    {"Host": "evil.example"},
    {"Host": "localhost.evil.example"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Origin": "http://localhost"},
    {"Host": "evil.example", "X-Forwarded-Host": "localhost", "Forwarded": "host=localhost"},
]


@pytest.mark.parametrize("kind", ["open", "locked"])
def test_no_route_answers_a_foreign_host_or_origin(apps: dict[str, Any], kind: str) -> None:
    client = Client(apps[kind])
    for path in every_path():
        for method in METHODS:
            for headers in FOREIGN:
                answer = client.open(path, method=method, headers={"Host": "localhost", **headers})
                assert answer.status_code in (400, 421), (method, path, headers)
                assert_guarded(answer, (method, path))
                assert b"alert(1)" not in answer.data


def test_only_health_and_login_answer_unsigned_requests(apps: dict[str, Any]) -> None:
    client, answered = Client(apps["locked"]), set()
    for path in every_path():
        for method in METHODS:
            answer = client.open(path, method=method, headers={"Host": "localhost"})
            assert answer.status_code < 500 or b"SlowDown" in answer.data, (method, path, answer.data)
            assert b"alert(1)" not in answer.data, (method, path)
            assert_guarded(answer, (method, path))
            if answer.status_code == 200 and method != "OPTIONS":
                answered.add(path)
            elif answer.status_code < 400:
                assert path.startswith("/console") or answer.headers["Location"] == "/console/", (method, path)
    assert {path for path in answered if not path.startswith("/console/")} == HEALTH
    shown = {path for path in answered if path.startswith("/console/")}
    assert {path for path in shown if "static" not in path} <= {"/console/login", "/console/reprint"}, shown


def assert_guarded(answer: Any, what: object) -> None:
    given = {name.lower(): value for name, value in answer.headers.items()}
    for name in COMMON_HEADERS:
        assert name.lower() in given, (what, name)
    assert given["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in given["content-security-policy"]
    assert not [name for name in given if name.startswith("access-control")], what


def test_s3_objects_are_sandboxed_in_a_browser_and_keep_their_headers(apps: dict[str, Any]) -> None:
    answer = Client(apps["open"]).get("/bucket/page.html", headers={"Host": "localhost"})
    assert answer.data == b"<script>alert(1)</script>"
    assert answer.headers["Content-Security-Policy"].endswith("sandbox")
    assert answer.headers.getlist("Cache-Control") == ["max-age=60"]
    console = Client(apps["open"]).get("/console/login", headers={"Host": "localhost"})
    assert console.headers["Content-Security-Policy"] == CONSOLE_HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/bucket/key", "/_registry/info", "/_registry/nothing", "/console/login"])
def test_a_response_to_head_has_no_body(apps: dict[str, Any], path: str) -> None:
    for host in ("localhost", "evil.example"):
        answer = Client(apps["open"]).head(path, headers={"Host": host})
        assert answer.data == b""


def test_guessing_login_links_is_throttled() -> None:
    with LocalRegistry(SQLiteRows(None)) as backend:
        console = Console()
        client = Client(create_app(backend, other_services=other_services, reviewed_at=console))

        def log_in(token: str, address: str = "127.0.0.1") -> int:
            sent = {"Host": "localhost", "Origin": "http://localhost"}
            return client.post(
                "/console/login", data={"token": token}, headers=sent, environ_base={"REMOTE_ADDR": address}
            ).status_code

        token = console.sessions.link("alice")
        assert log_in(token) == 303
        assert [log_in(token) for _ in range(31)] == [403] * 30 + [429]
        assert log_in(token, "127.0.0.2") == 403
        assert log_in(console.sessions.link("bob")) == 303


# Hosts: known bypasses of other software, and random variations

HOSTS = {
    "localhost": 200,
    "LOCALHOST": 200,
    "localhost.": 200,
    "localhost:1": 200,
    "localhost:65535": 200,
    "bucket.localhost": 200,
    "127.0.0.1": 200,
    "127.0.0.1:8080": 200,
    "[::1]": 200,
    "[::1]:8080": 200,
    "10.1.2.3:80": 200,
    "registry": 200,
    "REGISTRY:8080": 200,
    "team.example": 200,
    "team.example.": 200,
    "other": 421,
    "127.0.0.1.nip.io": 421,
    "127.1": 421,
    "0x7f.1": 421,
    "2130706433": 421,
    "localhost:0": 421,
    "localhost:65536": 421,
    "localhost:": 421,
    "localhost:80:80": 421,
    "localhost:8080x": 421,
    "localhost..": 421,
    ".localhost.evil": 421,
    "registry.evil.example": 421,
    "user@localhost": 421,
    "localhost/path": 421,
    "localhost, evil.example": 421,
    "evil.example, localhost": 421,
    "localhost\0": 421,
    "localhost\n": 421,
    " localhost": 421,
    "local host": 421,
    "[::1": 421,
    "::1": 421,
    "[::1]evil": 421,
    "[localhost]": 421,
    "\uff4cocalhost": 421,
    "localho\u017ft": 421,
    "buc\u212aet.localhost": 421,
    "": 421,
    "a" * 5000: 421,
}


def gate() -> Callable[[str], int]:
    """Return a function that returns the status for a host."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return []

    guarded = HostCheck(app, ["registry", "Team.Example."])

    def status(host: str) -> int:
        statuses: list[str] = []
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_HOST": host}
        list(guarded(environ, lambda status, headers: statuses.append(status)))  # type: ignore[arg-type, return-value]
        return int(statuses[0][:3])

    return status


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: ascii(host[:40]))
def test_a_host_is_accepted_or_rejected(host: str) -> None:
    assert gate()(host) == HOSTS[host]


@pytest.mark.sized(ci=2_000, nightly=20_000, release=100_000)
def test_no_host_bypasses_the_check_or_makes_it_fail(
    rounds: Iterator[int], rng: random.Random, figures: dict[str, Any]
) -> None:
    ask, counts = gate(), {200: 0, 421: 0}
    alphabet = "localhst127.0:[]@/%\\ \t\r\n\0,;#?-_registyGEn\xe9\u0130\u212a\u2024\uff0e0123456789abcdef"
    seeds = list(HOSTS)
    for _ in rounds:
        host = rng.choice(seeds) if rng.random() < 0.7 else "".join(rng.choices(alphabet, k=rng.randrange(40)))
        for _ in range(rng.randrange(4)):
            place = rng.randrange(len(host) + 1)
            host = host[:place] + rng.choice(alphabet) + host[place + rng.randrange(2) :]
        status = ask(host)
        counts[status] += 1  # a KeyError is an unexpected status
        if status == 200:
            name = host.lower().rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host.lower()
            assert host.isascii(), ascii(host)
            assert not set(name) & set(" \t\r\n\0,;@/\\%?#"), ascii(host)
    figures.update(hosts=sum(counts.values()), answered=counts[200])


@pytest.mark.parametrize(
    "head",
    [
        "GET http://evil.example/_registry/info HTTP/1.1\r\nHost: localhost",
        "GET http://localhost/_registry/info HTTP/1.1\r\nHost: localhost",
        "GET /_registry/info HTTP/1.1\r\nHost: localhost\r\nHost: evil.example",
        "GET /_registry/info HTTP/1.1\r\nHost: evil.example\r\nHost: localhost",
        "GET /_registry/info HTTP/1.1",
        "GET /_registry/info HTTP/1.1\r\nHost: \xff\xfe",
        "GET /_registry/info#x HTTP/1.1\r\nHost: localhost",
    ],
)
def test_a_request_with_an_ambiguous_host_is_rejected_by_the_server(apps: dict[str, Any], head: str) -> None:
    import threading

    listener = listen("127.0.0.1", 0)
    server = Server(apps["open"], listener)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        with socket.create_connection(listener.getsockname(), timeout=30) as connection:
            connection.sendall(head.encode("latin-1") + b"\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    finally:
        server.stop()
        thread.join(30)
    assert answer.split(b" ")[1] in (b"400", b"421")
    assert b'"__type"' in answer
    assert b"nosniff" in answer
