"""A registry that checks every response: responses have the right form, and rejected or read-only requests change
nothing.

The WSGI application is called in process as a server calls it, with an in-memory registry. The check for changes is
exact: no row was touched, or the pages of the database are the same, byte by byte. It applies to rejected requests and
to read-only ones: operations by their names, pages by their methods, and extensions by the registry's list and their
methods. Resources of another account exist, and must never appear in a response.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.validate import ParamValidator

from safety.fixtures_data import INITIAL_CALLS, OTHER_ACCOUNT, OTHER_GROUP
from safety.hostile import operation_model
from sagemaker_registry.backends.base import BackendOptions
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.service.wire import CONTENT_TYPE
from sagemaker_registry.backends.settings import Settings
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows
from sagemaker_registry.emulator.app import create_app
from sagemaker_registry.emulator.aws.other_services import alone
from sagemaker_registry.emulator.console import Console
from support.server import SEARCH_NAME, check_answer

SCOPE: Final = "AWS4-HMAC-SHA256 Credential={}/20260101/{}/sagemaker/aws4_request, SignedHeaders=host, Signature=none"
READS: Final = ("BatchDescribe", "Describe", "Get", "List", "Search")
"""The prefixes of AWS's read-only operations."""
MAX_SECONDS: Final = 5.0
"""CPU time that a request of a few KiB may take; slower requests would allow denial of service."""

_validator = ParamValidator()


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ViolatedInvariant(AssertionError):
    """A violated invariant, with the request that shows it."""


class ErrorLog(logging.Handler):
    """Records errors and tracebacks that are logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            self.messages.append(self.format(record))


@dataclass
class CheckedRegistry:
    """A registry with some contents, and a record of the outcomes of requests."""

    rows: SQLiteRows
    registry: LocalRegistry
    console: Console = field(default_factory=lambda: Console(users=("alice",)))
    errors: ErrorLog = field(default_factory=ErrorLog)
    backend: Any = None
    statuses: dict[int, int] = field(default_factory=dict)
    cookie: str = ""

    def __post_init__(self) -> None:
        self.app = create_app(
            self.backend or self.registry, other_services=alone, reviewed_at=self.console, say=lambda line: None
        )
        self.record_state()

    def record_state(self) -> None:
        """Record the current state, for comparison."""
        self._touched, self._pages = self._connection.total_changes, bytes(self._connection.serialize())

    def assign_positions(self) -> None:
        """Assign positions to events: the registry's own bookkeeping, which any request about events may trigger."""
        self.registry.outbox.assign_positions()
        self.record_state()

    @property
    def _connection(self) -> Any:
        return self.rows._writer

    def call(self, operation: str, body: bytes, *, account: str = "", region: str = "us-east-1", **more: str) -> Answer:
        """Call an AWS operation."""
        headers = {"HTTP_X_AMZ_TARGET": f"SageMaker.{operation}", "CONTENT_TYPE": CONTENT_TYPE, **more}
        if account:
            headers.setdefault("HTTP_AUTHORIZATION", SCOPE.format(account, region))
        answer = self.send("POST", "/", body, headers)
        with self._shown(f"{operation} {body!r} {more}"):
            self._check(answer, may_change=self.may_change("POST", "/", operation))
            if account != OTHER_ACCOUNT and OTHER_GROUP.encode() not in body:  # an error would repeat it
                assert OTHER_GROUP.encode() not in answer.body, "a response contains resources of another account"
            if answer.status == 200:
                check_shape(operation, answer.json if answer.body else {})
        return answer

    def extension(self, method: str, path: str, body: bytes = b"", **more: str) -> Answer:
        """Call a path below /_registry/."""
        answer = self.send(method, path, body, {"CONTENT_TYPE": "application/json", **more})
        with self._shown(f"{method} {path} {body!r} {more}"):
            self._check(answer, may_change=self.may_change(method, path))
        return answer

    def page(self, method: str, path: str, body: bytes = b"", **more: str) -> Answer:
        """Open a page of the console as a logged-in user, or send a form."""
        headers = {"CONTENT_TYPE": "application/x-www-form-urlencoded", "HTTP_COOKIE": self.cookie, **more}
        answer = self.send(method, path, body, headers)
        with self._shown(f"{method} {path} {body!r}"):
            assert answer.status < 500, answer.status
            self.assert_unchanged(has_changed_things=answer.status == 303 and self.may_change(method, path))
        return answer

    def may_change(self, method: str, path: str, operation: str = "") -> bool:
        """Return whether a successful request may change anything; GET requests and read-only operations may not."""
        extension = path.partition("?")[0].removeprefix("/_registry/")
        if extension != path.partition("?")[0]:
            return method == "POST" and bool((self.backend or self.registry).extensions.get(extension))
        return method == "POST" and not operation.startswith(READS)

    def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Call the application as a server does."""
        place, _, query = path.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": place,
            "QUERY_STRING": query,
            "SCRIPT_NAME": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": BytesIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            **headers,
        }
        started: list[Any] = []
        began = time.thread_time()
        content = self.app(environ, lambda status, headers, exc_info=None: started.append((status, headers)))
        answer = Answer(int(started[0][0].split()[0]), dict(started[0][1]), b"".join(content))
        with self._shown(f"{method} {path} {body!r} {dict(headers)}"):
            assert time.thread_time() - began < MAX_SECONDS
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        return answer

    @contextmanager
    def _shown(self, request: str) -> Iterator[None]:
        try:
            yield
        except ViolatedInvariant:
            raise
        except Exception as error:
            raise ViolatedInvariant(f"{error}\n\n{request[:4000]}") from error

    def _check(self, answer: Answer, *, may_change: bool) -> None:
        assert answer.headers.get("x-amzn-RequestId") or answer.headers["Content-Type"] == "application/json"
        assert b"Traceback" not in answer.body
        if answer.status == 200:
            json.loads(answer.body or b"{}")
        else:
            assert 400 <= answer.status < 500, (answer.status, answer.body)
            error = json.loads(answer.body)
            assert set(error) in ({"__type", "message"}, {"__type", "Message"}), error
            assert all(isinstance(said, str) and said for said in error.values()), error
            assert answer.headers["Content-Type"] == CONTENT_TYPE
        self.assert_unchanged(has_changed_things=answer.status == 200 and may_change)

    def assert_unchanged(self, *, has_changed_things: bool) -> None:
        assert not self.errors.messages, self.errors.messages
        assert not self._connection.in_transaction
        touched = self._connection.total_changes
        if touched != self._touched:
            self._touched, before = touched, self._pages
            self._pages = bytes(self._connection.serialize())
            assert has_changed_things or self._pages == before, "a rejected or read-only request changed something"


def check_shape(operation: str, answer: Any) -> None:
    """Check a response against its output shape.

    The exceptions are those of `support.server.checked`, and a similar one: BatchDescribeModelPackage requires two
    members that CreateModelPackage does not.
    """
    shape = operation_model(operation).output_shape
    if shape is None:
        assert answer == {}
        return
    if "ModelPackageVersion" in answer:
        answer.setdefault("ModelPackageName", answer["ModelPackageGroupName"])
    for summary in answer.get("ModelPackageSummaries", {}).values() if operation.startswith("Batch") else ():
        summary.setdefault("ModelPackageGroupName", "none")
        summary.setdefault("InferenceSpecification", {"Containers": [{}]})
    report = _validator.validate(answer, shape)
    assert not report.has_errors(), report.generate_report()
    broken = [said for said in check_answer(operation, answer) if SEARCH_NAME not in said]
    assert broken == []


@contextmanager
def checked_registry(settings: Settings | None = None, stage: Any = None) -> Iterator[CheckedRegistry]:
    """Open a checked registry with contents; `stage` may wrap the backend."""
    rows = SQLiteRows(None)
    registry = LocalRegistry(rows, options=BackendOptions(settings or Settings()))
    checked = CheckedRegistry(rows, registry, backend=stage(registry) if stage else None)
    logging.getLogger().addHandler(checked.errors)
    level = logging.getLogger("sagemaker_registry").level
    logging.getLogger("sagemaker_registry").setLevel(logging.ERROR)
    try:
        populate(checked)
        yield checked
    finally:
        logging.getLogger("sagemaker_registry").setLevel(level)
        logging.getLogger().removeHandler(checked.errors)
        registry.close()


def populate(checked: CheckedRegistry) -> None:
    """Create the resources that requests refer to: groups, versions, tags, a policy, an unversioned package, and a
    group of another account.
    """
    checked.registry.clear()
    checked.record_state()
    for account, operation, params in INITIAL_CALLS:
        answer = checked.call(operation, json.dumps(params).encode(), account=account)
        assert answer.status == 200, (operation, answer.body)


def log_in(checked: CheckedRegistry) -> None:
    """Log in to the console as alice."""
    token = urlsplit(checked.console.path_of_link("alice")).query.partition("=")[2]
    answer = checked.page("POST", "/console/login", f"token={token}".encode())
    assert answer.status == 303
    checked.cookie = answer.headers["Set-Cookie"].partition(";")[0]
