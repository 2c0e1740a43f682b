"""A million invalid requests: each gets a response of the right form, and rejected ones change nothing."""

from __future__ import annotations

import copy
import json
import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest
import requests

from safety.fixtures_data import INITIAL_CALLS
from safety.hostile import Client, dump, operation_model
from safety.hostile_texts import ACCOUNT, ARN, FLOATS, NUMBERS, PLAUSIBLE, REGION, XSS
from safety.invariants import MAX_SECONDS, SCOPE, checked_registry, log_in, populate
from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.local.extensions import EXTENSIONS as LOCAL
from sagemaker_registry.backends.service import constraints
from sagemaker_registry.backends.service.operations import OPERATIONS
from sagemaker_registry.backends.testing.clock import Clock
from sagemaker_registry.backends.testing.controlled import EXTENSIONS as STAGED
from sagemaker_registry.backends.testing.controlled import ControlledBackend
from support.server import Emulator

REQUESTS_PER_REGISTRY = 500
"""Requests after which a new registry starts, so that it does not only grow."""


@pytest.mark.sized(ci=5_000, nightly=100_000, release=1_000_000)
def test_operations_answer_any_request_in_the_right_form(
    rounds: Iterator[int], rng: Random, figures: dict[str, Any]
) -> None:
    client = Client(rng)
    with checked_registry() as checked:
        for number in rounds:
            if number % REQUESTS_PER_REGISTRY == 0:
                populate(checked)
                client.seen.clear()
            answer = checked.call(*client.request())
            if answer.status == 200 and answer.body:
                client.note(answer.json)
        figures |= {"requests": number + 1, "answered": checked.statuses[200], "refused": checked.statuses[400]}


@pytest.mark.sized(ci=1_000, nightly=60_000, release=300_000)
def test_extensions_answer_any_request_in_the_right_form(
    rounds: Iterator[int], rng: Random, figures: dict[str, Any]
) -> None:
    client = Client(rng)
    with checked_registry(stage=lambda registry: ControlledBackend(registry, Clock())) as checked:
        archive = checked.registry.extension("export", {}, Caller())["lines"]
        extensions = sorted(checked.backend.extensions)
        for number in rounds:
            if number % 50 == 0:
                checked.backend.forget()
                populate(checked)
            name = rng.choice(extensions)
            params = _params(client, name, archive)
            is_read = rng.random() < 0.3
            query = urlencode({key: str(value) for key, value in params.items()}, errors="replace") if is_read else ""
            body = b"" if is_read else dump(client.broken(params) if rng.random() < 0.3 else params)
            sent = client.mangled(body) if body and rng.random() < 0.2 else body
            checked.assign_positions()
            checked.extension("GET" if is_read else "POST", f"/_registry/{name}?{query}", sent)
            checked.backend.faults.clear()  # otherwise they would take effect
        figures |= {"requests": number + 1, "answered": checked.statuses[200], "refused": checked.statuses[400]}


def _params(client: Client, name: str, archive: list[Any]) -> dict[str, Any]:
    """Return the parameters of an extension with any content."""
    if name == "import":
        lines = copy.deepcopy(client.rng.sample(archive, client.rng.randint(0, len(archive))))
        line = client.rng.choice(lines) if lines else {}
        broken = client.broken(line) if client.rng.random() < 0.7 else line
        assert broken is line or not lines
        return {"account": ACCOUNT, "region": REGION, "lines": lines, "replace": client.rng.random() < 0.5}
    if name == "seed" and client.rng.random() < 0.7:
        group = {"ModelPackageGroupName": client.rng.choice(PLAUSIBLE)}
        version = {"where": "v", "request": client.valid(operation_model("CreateModelPackage").input_shape)}
        seeds = {"groups": [{"where": "here", "request": group, "versions": [version]}]}
        return client.broken(seeds)
    takes = {**STAGED, **LOCAL}[name].params
    wanted = [
        field for field in msgspec.structs.fields(takes) if client.rng.random() < (0.7 if field.required else 0.4)
    ]
    return {field.name: _argument(client, field.type) for field in wanted}


def _argument(client: Client, kind: Any) -> Any:
    if client.rng.random() < 0.3:
        return client.wrong()
    if "Literal" in str(kind):
        return client.rng.choice(["Ascending", "Descending", "pending", "done", "x"])
    if "int" in str(kind) or "float" in str(kind):
        return client.rng.choice([*NUMBERS, *FLOATS, 1, 1, "1", "NaN", "inf", "2026-11-24", "2026-11-24T00:00:00Z"])
    return client.rng.choice([client.hostile(), client.rng.choice(PLAUSIBLE), client.rng.choice(PLAUSIBLE[:14])])


@pytest.mark.sized(ci=500, nightly=20_000, release=100_000)
def test_the_console_answers_any_request_with_a_page(
    rounds: Iterator[int], rng: Random, figures: dict[str, Any]
) -> None:
    client = Client(rng)
    with checked_registry() as checked:
        for number in rounds:
            if number % REQUESTS_PER_REGISTRY == 0:
                populate(checked)
                log_in(checked)
                for text in XSS:  # pages list rejected requests with their content
                    target = f"SageMaker.{text}".encode().decode("latin-1")
                    checked.send("POST", "/", b"{}", {"HTTP_X_AMZ_TARGET": target})
                    checked.call("DescribeModelPackage", dump({"ModelPackageName": text}))
            path = rng.choice(PAGES).format(*(quote(_name(client), safe="/") for _ in range(4)))
            query = urlencode(
                [(rng.choice(QUERIES), _name(client)) for _ in range(rng.randint(0, 4))], errors="replace"
            )
            shown = checked.page("GET", f"{path}?{query}").body.decode()
            assert not [text for text in XSS if "<" in text and text in shown], (path, query)
            if number % 4 == 0:
                form = [(rng.choice(FIELDS), _name(client)) for _ in range(rng.randint(0, 6))]
                checked.page("POST", path, urlencode(form, errors="replace").encode())
        figures |= {"requests": sum(checked.statuses.values()), "pages": checked.statuses[200]}


PAGES = (
    *("/console/", "/console/groups", "/console/groups/{0}", "/console/groups/churn/{0}", "/console/groups/churn/1"),
    *("/console/groups/churn/1/decide", "/console/groups/{0}/1/decide", "/console/groups/churn/1/reviewed"),
    *("/console/compare", "/console/history", "/console/health", "/console/keys", "/console/login", "/console/link"),
    *("/console/reprint", "/console/at/{0}/{1}/", "/console/at/123456789012/us-east-1/groups/{0}", "/console/{0}"),
    *("/console/static/{0}", "/console"),
)
QUERIES = (
    *("q", "sort", "page", "status", "metric", "v", "base", "all", "format", "group", "creator", "days", "whose", "to"),
    *("actor", "operation", "since", "until", "verify", "decided", "token"),
)
FIELDS = ("token", "to", "reason", "revision", "status", "part", "reviewed", "user", "rev")


def _name(client: Client) -> str:
    return client.rng.choice([client.hostile(), client.rng.choice(PLAUSIBLE), str(client.rng.choice(NUMBERS)), "csv"])


@pytest.mark.sized(ci=1_000, nightly=50_000, release=200_000)
def test_any_method_path_and_headers_get_a_response_in_the_right_form(
    rounds: Iterator[int], rng: Random, figures: dict[str, Any]
) -> None:
    """Methods, paths and headers are checked before the body."""
    client = Client(rng)
    with checked_registry() as checked:
        for number in rounds:
            operation, body = client.request()
            headers = {"HTTP_X_AMZ_TARGET": f"SageMaker.{operation}", "CONTENT_TYPE": "application/x-amz-json-1.1"}
            for _ in range(rng.randint(1, 3)):
                headers[rng.choice(HEADERS)] = _header(client)
            path = rng.choice(
                ["/", "/", "/", "/_registry/", "/_registry/info", "/_registry/health", "/x", _header(client)]
            )
            method = rng.choice(
                ["POST", "POST", "POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "X"]
            )
            answer = checked.send(method, path, body, headers)
            assert answer.status < 500, (method, path, headers, body, answer)
            assert not [name for name in answer.headers if name.lower().startswith("access-control")]
            target = headers.get("HTTP_X_AMZ_TARGET", "").removeprefix("SageMaker.")
            checked.assert_unchanged(
                has_changed_things=answer.status in (200, 303) and checked.may_change(method, path, target)
            )
            if number % REQUESTS_PER_REGISTRY == 0:
                populate(checked)
        figures |= {"requests": sum(checked.statuses.values()), "answered": checked.statuses[200]}


HEADERS = (
    *("HTTP_HOST", "HTTP_ORIGIN", "HTTP_X_AMZ_TARGET", "CONTENT_TYPE", "HTTP_AUTHORIZATION", "HTTP_CONTENT_ENCODING"),
    *("HTTP_SEC_FETCH_SITE", "HTTP_SEC_FETCH_MODE", "HTTP_ACCEPT", "HTTP_COOKIE", "HTTP_X_AMZ_DATE", "QUERY_STRING"),
    *("HTTP_X_AMZ_SECURITY_TOKEN", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_EXPECT", "CONTENT_LENGTH"),
    *("HTTP_TRANSFER_ENCODING", "HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_RANGE", "HTTP_IF_NONE_MATCH"),
)


def _header(client: Client) -> str:
    """Return a header as a server passes it on: Latin-1, without line breaks."""
    chosen = client.rng.choice([client.hostile(), client.rng.choice(PLAUSIBLE), client.rng.choice(ABOUT_HEADERS)])
    return re.sub(r"[\r\n]", "", chosen).encode().decode("latin-1")[:4000]


ABOUT_HEADERS = (
    *("localhost", "localhost:80", "LOCALHOST.", "[::1]:8080", "[::", "127.0.0.1:99999", "evil.example", "*", "a@b"),
    *("http://localhost", "null", "cross-site", "same-origin", "navigate", "gzip", "identity", "chunked", "-1", "0"),
    *("AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/sagemaker/aws4_request, SignedHeaders=host, Signature=x",),
    *("AWS4-HMAC-SHA256 Credential=////aws4_request", "AWS4-HMAC-SHA256 Credential=a/b/'; DROP/d/aws4_request"),
    *(
        "Basic Og==",
        "Bearer x",
        "X-Amz-Credential=a%2Fb%2Fc%2Fd%2Faws4_request&X-Amz-Signature=x",
        "http://[",
        "http://a:b",
    ),
    *(
        "SageMaker.",
        "SageMaker.Create",
        "sagemaker.Search",
        "DynamoDB_20120810.ListTables",
        "text/html",
        "application/json",
    ),
)


FOUND_BY_FUZZING = (
    # faults found by fuzzing, with their date
    ("GET", "/_registry/info", b"", {"HTTP_ORIGIN": "http://["}),
    ("POST", "/", b"{}", {"HTTP_ORIGIN": "http://[::1", "HTTP_X_AMZ_TARGET": "SageMaker.ListModelPackages"}),
    ("GET", "/_registry/events/deliveries?version=18446744073709551616&before=1", b"", {}),
    ("GET", f"/_registry/history?version={10**30}&until=2", b"", {}),
    ("POST", "/_registry/clock/advance", b'{"seconds": 9223372036854775808}', {}),
    ("POST", "/_registry/clock/freeze", b'{"at": 1e300}', {}),
)


@pytest.mark.parametrize(("method", "path", "body", "headers"), FOUND_BY_FUZZING)
def test_requests_that_once_broke_something_are_rejected(
    method: str, path: str, body: bytes, headers: dict[str, str]
) -> None:
    with checked_registry(stage=lambda registry: ControlledBackend(registry, Clock())) as checked:
        assert checked.extension(method, path, body, **headers).status == 400
        assert checked.extension("GET", "/_registry/clock").json["stopped"] is False


def test_the_last_value_of_a_duplicate_member_counts() -> None:
    """Our choice, as AWS's is unknown: one parser reads a body once, so that no other code sees the first value.

    Rejecting it would need a second parser, at five times the cost of the first.
    """
    with checked_registry() as checked:
        body = b'{"ModelPackageGroupName": "first", "ModelPackageGroupName": "last"}'
        assert checked.call("CreateModelPackageGroup", body).json["ModelPackageGroupArn"].endswith("/last")
        assert checked.call("DescribeModelPackageGroup", b'{"ModelPackageGroupName": "first"}').status == 400
        (change, *_) = checked.extension("GET", "/_registry/history?group=last").json["changes"]
        assert change["after"]["ModelPackageGroupName"] == "last"


@pytest.mark.sized(ci=200, nightly=10_000, release=50_000)
def test_any_bytes_on_a_socket_get_a_response_or_are_disconnected(
    serve: Callable[..., Emulator], rounds: Iterator[int], rng: Random, figures: dict[str, Any]
) -> None:
    """The same over HTTP, with other AWS services: only moto may fail, for requests that are not about the registry.

    Invalid HTTP gets a response, or the connection is closed.
    """
    client = Client(rng)
    served = serve("--backend", "sqlite://")
    statuses: Counter[int] = Counter()
    outcomes = Counter({"answered": 0, "hung up": 0})
    with requests.Session() as session:
        for account, operation, params in (*INITIAL_CALLS, *SHARED):
            signed = {"Authorization": SCOPE.format(account, REGION), **headers_of(operation)}
            assert session.post(served.url, data=dump(params), headers=signed, timeout=60).ok, operation
        for number in rounds:
            operation, body = client.request()
            answer = session.post(served.url, data=body, headers=headers_of(operation), timeout=60)
            statuses[answer.status_code] += 1
            assert answer.status_code < 500 or is_for_other_services(operation, body), (operation, body, answer.text)
            assert answer.headers["x-amzn-RequestId"], (operation, body)
            assert answer.status_code == 200 or answer.json()["__type"], (operation, body)
            if number % 10 == 0:
                outcomes["answered" if everything(served, client.garbled(_http(body))) else "hung up"] += 1
    assert outcomes["answered"], "every connection was closed without a response"
    assert requests.get(f"{served.url}/_registry/health", timeout=30).json() == {"status": "ok"}
    figures |= {
        "requests": sum(statuses.values()),
        "answered": statuses[200],
        "refused": statuses[400],
        "failures of moto": statuses[500],
        "answered of what is not quite HTTP": outcomes["answered"],
        "hung up on": outcomes["hung up"],
    }


SHARED = (
    # valid registry requests to operations that moto supports too
    (ACCOUNT, "Search", {"Resource": "ModelPackage"}),
    (ACCOUNT, "GetSearchSuggestions", {"Resource": "ModelPackageGroup"}),
    (ACCOUNT, "ListTags", {"ResourceArn": f"{ARN}:model-package-group/churn"}),
    (ACCOUNT, "DeleteTags", {"ResourceArn": f"{ARN}:model-package-group/churn", "TagKeys": ["absent"]}),
)


def headers_of(operation: str) -> dict[str, str]:
    return {"X-Amz-Target": f"SageMaker.{operation}", "Content-Type": "application/x-amz-json-1.1"}


def is_for_other_services(operation: str, body: bytes) -> bool:
    """Return whether a request is about other parts of SageMaker, judging only by the request."""
    try:
        params = json.loads(body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(params, dict):
        return False
    if operation in ("Search", "GetSearchSuggestions"):
        return params.get("Resource") not in ("ModelPackage", "ModelPackageGroup")
    if operation in ("AddTags", "ListTags", "DeleteTags"):
        return OTHER_ARNS.match(str(params.get("ResourceArn"))) is not None
    return operation == "CreateModel" and b"ModelPackageName" not in body


OTHER_ARNS = re.compile(r"arn:[^:]*:sagemaker:[^:]*:[^:]*:(?!model-package(-group)?(/|$))")
"""SageMaker ARNs that are not of groups or packages."""


def _http(body: bytes) -> bytes:
    head = (
        "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.ListModelPackages\r\nContent-Length: {}\r\n\r\n"
    )
    return json.dumps(head.format(len(body))).encode()[1:-1].replace(b"\\r\\n", b"\r\n") + body


def everything(served: Emulator, sent: bytes) -> bytes:
    """Send invalid HTTP; return the whole response until the server closes the connection.

    Raises:\n    TimeoutError: The server neither responds nor closes the connection.
    """
    host, port = served.url.removeprefix("http://").split(":")
    answer = b""
    with (
        socket.create_connection((host, int(port)), timeout=60) as connection,
        suppress(ConnectionError),  # the server may close the connection before everything was sent
    ):
        connection.sendall(sent)
        with suppress(OSError):  # already closed
            connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65536):
            answer += piece
    assert not answer.startswith(b"HTTP/1.1 5") or b" 501 " in answer[:20], (sent, answer)
    assert b"Traceback" not in answer
    return answer


REPEATED = ("a", "-", "a-", "/", "a/", "arn:aws", "s3://", "é", " ", "1.", "0", "..")


def test_patterns_match_any_text_in_limited_time() -> None:
    """The patterns of the model on texts of the maximum length that almost match; the slowest takes a second."""
    patterns = {text for operation in OPERATIONS for text in patterns_of(operation_model(operation).input_shape, set())}
    assert len(patterns) > 30
    for pattern in patterns:
        for text in REPEATED:
            long = (text * constraints.MAX_PATTERN_INPUT)[: constraints.MAX_PATTERN_INPUT - 1] + "\0"
            began = time.thread_time()
            constraints.pattern(pattern).fullmatch(long)
            assert time.thread_time() - began < MAX_SECONDS, (pattern, text)


def patterns_of(shape: Any, seen: set[str]) -> Iterator[str]:
    """Yield the patterns of a shape and of all nested shapes."""
    if shape.name in seen:
        return
    seen.add(shape.name)
    if "pattern" in shape.metadata:
        yield shape.metadata["pattern"]
    inside = {"structure": ["members"], "list": ["member"], "map": ["key", "value"]}.get(shape.type_name, [])
    for part in inside:
        found = getattr(shape, part)
        for inner in found.values() if part == "members" else [found]:
            yield from patterns_of(inner, seen)
