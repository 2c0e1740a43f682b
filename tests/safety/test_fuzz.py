"""A million requests nobody should send: each is answered in its form or refused in words, and what is refused changes
nothing.
"""

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

from safety.fixtures_data import FURNITURE
from safety.hostile import Client, dump, operation_model
from safety.hostile_texts import ACCOUNT, ARN, FLOATS, NUMBERS, PLAUSIBLE, REGION, XSS
from safety.invariants import MAX_SECONDS, SCOPE, furnish, log_in, watched
from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.local.extensions import EXTENSIONS as LOCAL
from sagemaker_registry.backends.service import constraints
from sagemaker_registry.backends.service.operations import OPERATIONS
from sagemaker_registry.backends.testing.clock import Clock
from sagemaker_registry.backends.testing.controlled import EXTENSIONS as STAGED
from sagemaker_registry.backends.testing.controlled import ControlledBackend
from support.server import Emulator

CHAPTER = 500
"""Requests after which a registry begins anew: it should live, and not only grow."""


@pytest.mark.sized(ci=5_000, nightly=100_000, release=1_000_000)
def test_whatever_is_sent_to_an_operation_is_answered_or_refused_in_its_form(
    rounds: Iterator[int], rng: Random, figures: dict[str, Any]
) -> None:
    client = Client(rng)
    with watched() as witness:
        for number in rounds:
            if number % CHAPTER == 0:
                furnish(witness)
                client.seen.clear()
            answer = witness.call(*client.request())
            if answer.status == 200 and answer.body:
                client.note(answer.json)
        figures |= {"requests": number + 1, "answered": witness.statuses[200], "refused": witness.statuses[400]}


@pytest.mark.sized(ci=1_000, nightly=60_000, release=300_000)
def test_whatever_is_sent_to_an_extension_is_answered_or_refused_in_its_form(
    rounds: Iterator[int], rng: Random, figures: dict[str, Any]
) -> None:
    client = Client(rng)
    with watched(stage=lambda registry: ControlledBackend(registry, Clock())) as witness:
        archive = witness.registry.extension("export", {}, Caller())["lines"]
        extensions = sorted(witness.backend.extensions)
        for number in rounds:
            if number % 50 == 0:
                witness.backend.forget()
                furnish(witness)
            name = rng.choice(extensions)
            params = _params(client, name, archive)
            is_read = rng.random() < 0.3
            query = urlencode({key: str(value) for key, value in params.items()}, errors="replace") if is_read else ""
            body = b"" if is_read else dump(client.broken(params) if rng.random() < 0.3 else params)
            sent = client.mangled(body) if body and rng.random() < 0.2 else body
            witness.assign_positions()
            witness.extension("GET" if is_read else "POST", f"/_registry/{name}?{query}", sent)
            witness.backend.faults.clear()  # which would do what they were asked to
        figures |= {"requests": number + 1, "answered": witness.statuses[200], "refused": witness.statuses[400]}


def _params(client: Client, name: str, archive: list[Any]) -> dict[str, Any]:
    """Return what an extension takes, by its name, with anything in it."""
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
def test_whatever_is_asked_of_the_console_is_a_page(
    rounds: Iterator[int], rng: Random, figures: dict[str, Any]
) -> None:
    client = Client(rng)
    with watched() as witness:
        for number in rounds:
            if number % CHAPTER == 0:
                furnish(witness)
                log_in(witness)
                for text in XSS:  # what was refused is told on a page, with what it said
                    target = f"SageMaker.{text}".encode().decode("latin-1")
                    witness.send("POST", "/", b"{}", {"HTTP_X_AMZ_TARGET": target})
                    witness.call("DescribeModelPackage", dump({"ModelPackageName": text}))
            path = rng.choice(PAGES).format(*(quote(_name(client), safe="/") for _ in range(4)))
            query = urlencode(
                [(rng.choice(QUERIES), _name(client)) for _ in range(rng.randint(0, 4))], errors="replace"
            )
            shown = witness.page("GET", f"{path}?{query}").body.decode()
            assert not [text for text in XSS if "<" in text and text in shown], (path, query)
            if number % 4 == 0:
                form = [(rng.choice(FIELDS), _name(client)) for _ in range(rng.randint(0, 6))]
                witness.page("POST", path, urlencode(form, errors="replace").encode())
        figures |= {"requests": sum(witness.statuses.values()), "pages": witness.statuses[200]}


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
def test_whatever_a_request_looks_like_it_is_answered_in_a_form_of_ours(
    rounds: Iterator[int], rng: Random, figures: dict[str, Any]
) -> None:
    """Methods, paths, headers: what comes before a body is looked at."""
    client = Client(rng)
    with watched() as witness:
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
            answer = witness.send(method, path, body, headers)
            assert answer.status < 500, (method, path, headers, body, answer)
            assert not [name for name in answer.headers if name.lower().startswith("access-control")]
            target = headers.get("HTTP_X_AMZ_TARGET", "").removeprefix("SageMaker.")
            witness.undisturbed(
                has_changed_things=answer.status in (200, 303) and witness.may_change(method, path, target)
            )
            if number % CHAPTER == 0:
                furnish(witness)
        figures |= {"requests": sum(witness.statuses.values()), "answered": witness.statuses[200]}


HEADERS = (
    *("HTTP_HOST", "HTTP_ORIGIN", "HTTP_X_AMZ_TARGET", "CONTENT_TYPE", "HTTP_AUTHORIZATION", "HTTP_CONTENT_ENCODING"),
    *("HTTP_SEC_FETCH_SITE", "HTTP_SEC_FETCH_MODE", "HTTP_ACCEPT", "HTTP_COOKIE", "HTTP_X_AMZ_DATE", "QUERY_STRING"),
    *("HTTP_X_AMZ_SECURITY_TOKEN", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_EXPECT", "CONTENT_LENGTH"),
    *("HTTP_TRANSFER_ENCODING", "HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_RANGE", "HTTP_IF_NONE_MATCH"),
)


def _header(client: Client) -> str:
    """Return a header as a server hands it on: Latin-1, without line breaks."""
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


BROKE_SOMETHING = (
    # what fuzzing has found, by the day it was found
    ("GET", "/_registry/info", b"", {"HTTP_ORIGIN": "http://["}),
    ("POST", "/", b"{}", {"HTTP_ORIGIN": "http://[::1", "HTTP_X_AMZ_TARGET": "SageMaker.ListModelPackages"}),
    ("GET", "/_registry/events/deliveries?version=18446744073709551616&before=1", b"", {}),
    ("GET", f"/_registry/history?version={10**30}&until=2", b"", {}),
    ("POST", "/_registry/clock/advance", b'{"seconds": 9223372036854775808}', {}),
    ("POST", "/_registry/clock/freeze", b'{"at": 1e300}', {}),
)


@pytest.mark.parametrize(("method", "path", "body", "headers"), BROKE_SOMETHING)
def test_what_once_broke_something_is_refused(method: str, path: str, body: bytes, headers: dict[str, str]) -> None:
    with watched(stage=lambda registry: ControlledBackend(registry, Clock())) as witness:
        assert witness.extension(method, path, body, **headers).status == 400
        assert witness.extension("GET", "/_registry/clock").json["stopped"] is False


def test_of_a_member_that_is_sent_twice_the_last_counts_for_everybody() -> None:
    """Our choice, for AWS's is not known: one parser reads a body once, so nobody sees the other value.

    Refusing it would take a second parser, at five times the price of the first.
    """
    with watched() as witness:
        body = b'{"ModelPackageGroupName": "first", "ModelPackageGroupName": "last"}'
        assert witness.call("CreateModelPackageGroup", body).json["ModelPackageGroupArn"].endswith("/last")
        assert witness.call("DescribeModelPackageGroup", b'{"ModelPackageGroupName": "first"}').status == 400
        (change, *_) = witness.extension("GET", "/_registry/history?group=last").json["changes"]
        assert change["after"]["ModelPackageGroupName"] == "last"


@pytest.mark.sized(ci=200, nightly=10_000, release=50_000)
def test_a_socket_takes_whatever_is_sent(
    serve: Callable[..., Emulator], rounds: Iterator[int], rng: Random, figures: dict[str, Any]
) -> None:
    """The same over HTTP, beside the rest of AWS: only moto may fail, of requests that are not about the registry.

    Bytes that are not quite HTTP are answered, or their connection is closed.
    """
    client = Client(rng)
    served = serve("--backend", "sqlite://")
    statuses: Counter[int] = Counter()
    heard = Counter({"answered": 0, "hung up": 0})
    with requests.Session() as session:
        for account, operation, params in (*FURNITURE, *SHARED):
            signed = {"Authorization": SCOPE.format(account, REGION), **headers_of(operation)}
            assert session.post(served.url, data=dump(params), headers=signed, timeout=60).ok, operation
        for number in rounds:
            operation, body = client.request()
            answer = session.post(served.url, data=body, headers=headers_of(operation), timeout=60)
            statuses[answer.status_code] += 1
            assert answer.status_code < 500 or is_a_neighbours(operation, body), (operation, body, answer.text)
            assert answer.headers["x-amzn-RequestId"], (operation, body)
            assert answer.status_code == 200 or answer.json()["__type"], (operation, body)
            if number % 10 == 0:
                heard["answered" if everything(served, client.garbled(_http(body))) else "hung up"] += 1
    assert heard["answered"], "whatever is sent, it hangs up"
    assert requests.get(f"{served.url}/_registry/health", timeout=30).json() == {"status": "ok"}
    figures |= {
        "requests": sum(statuses.values()),
        "answered": statuses[200],
        "refused": statuses[400],
        "failures of moto": statuses[500],
        "answered of what is not quite HTTP": heard["answered"],
        "hung up on": heard["hung up"],
    }


SHARED = (
    # of the operations that moto answers too, requests that are ours
    (ACCOUNT, "Search", {"Resource": "ModelPackage"}),
    (ACCOUNT, "GetSearchSuggestions", {"Resource": "ModelPackageGroup"}),
    (ACCOUNT, "ListTags", {"ResourceArn": f"{ARN}:model-package-group/churn"}),
    (ACCOUNT, "DeleteTags", {"ResourceArn": f"{ARN}:model-package-group/churn", "TagKeys": ["absent"]}),
)


def headers_of(operation: str) -> dict[str, str]:
    return {"X-Amz-Target": f"SageMaker.{operation}", "Content-Type": "application/x-amz-json-1.1"}


def is_a_neighbours(operation: str, body: bytes) -> bool:
    """Whether a request is about the rest of SageMaker: told from the request alone, without asking the registry."""
    try:
        params = json.loads(body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(params, dict):
        return False
    if operation in ("Search", "GetSearchSuggestions"):
        return params.get("Resource") not in ("ModelPackage", "ModelPackageGroup")
    if operation in ("AddTags", "ListTags", "DeleteTags"):
        return OF_OTHERS.match(str(params.get("ResourceArn"))) is not None
    return operation == "CreateModel" and b"ModelPackageName" not in body


OF_OTHERS = re.compile(r"arn:[^:]*:sagemaker:[^:]*:[^:]*:(?!model-package(-group)?(/|$))")
"""ARNs of SageMaker's that are of no group and no package."""


def _http(body: bytes) -> bytes:
    head = (
        "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.ListModelPackages\r\nContent-Length: {}\r\n\r\n"
    )
    return json.dumps(head.format(len(body))).encode()[1:-1].replace(b"\\r\\n", b"\r\n") + body


def everything(served: Emulator, sent: bytes) -> bytes:
    """Send bytes that are not quite HTTP and no more; return all that comes back before the server closes, as it must.

    Raises:
        TimeoutError: it neither answers nor closes, though there is nothing left to wait for.
    """
    host, port = served.url.removeprefix("http://").split(":")
    answer = b""
    with (
        socket.create_connection((host, int(port)), timeout=60) as connection,
        suppress(ConnectionError),  # it may have heard enough before all was sent
    ):
        connection.sendall(sent)
        with suppress(OSError):  # hung up already
            connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65536):
            answer += piece
    assert not answer.startswith(b"HTTP/1.1 5") or b" 501 " in answer[:20], (sent, answer)
    assert b"Traceback" not in answer
    return answer


REPEATED = ("a", "-", "a-", "/", "a/", "arn:aws", "s3://", "é", " ", "1.", "0", "..")


def test_no_text_keeps_a_pattern_busy() -> None:
    """The model's patterns on texts as long as are tried at all, which almost fit: the slowest takes a second."""
    patterns = {text for operation in OPERATIONS for text in patterns_of(operation_model(operation).input_shape, set())}
    assert len(patterns) > 30
    for pattern in patterns:
        for text in REPEATED:
            long = (text * constraints.MAX_PATTERN_INPUT)[: constraints.MAX_PATTERN_INPUT - 1] + "\0"
            began = time.thread_time()
            constraints.pattern(pattern).fullmatch(long)
            assert time.thread_time() - began < MAX_SECONDS, (pattern, text)


def patterns_of(shape: Any, seen: set[str]) -> Iterator[str]:
    """Yield the patterns of a shape and of all that it contains."""
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
