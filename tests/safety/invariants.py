"""A registry that is watched: whatever is asked of it, answers are of their form, and what is refused changes nothing.

The WSGI application is called as a server calls it, in this process, in front of a registry in memory. That nothing has
changed is exact: no row was touched, or the pages of the database are, byte by byte, what they were. That is held of
what is refused, and of what is only looked at: operations by their names, pages by their methods, extensions by both
what the registry lists of them and their methods. What is in another account is there, and never in an answer to this
one.
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

from safety.fixtures_data import FURNITURE, STRANGER, STRANGERS
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
"""How AWS begins the names of operations that only look."""
MAX_SECONDS: Final = 5.0
"""CPU time a request of a few KiB may take: what is slower would be a way to stop a server."""

_validator = ParamValidator()


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Broken(AssertionError):
    """A promise that was not kept, and the request that shows it."""


class Loud(logging.Handler):
    """Keeps what is logged as an error, or with a traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            self.said.append(self.format(record))


@dataclass
class Witness:
    """A registry with some things in it, and a record of what became of requests."""

    rows: SQLiteRows
    registry: LocalRegistry
    console: Console = field(default_factory=lambda: Console(users=("alice",)))
    loud: Loud = field(default_factory=Loud)
    backend: Any = None
    statuses: dict[int, int] = field(default_factory=dict)
    cookie: str = ""

    def __post_init__(self) -> None:
        self.app = create_app(
            self.backend or self.registry, other_services=alone, reviewed_at=self.console, say=lambda line: None
        )
        self.see()

    def see(self) -> None:
        """Take what there is now for how it should stay."""
        self._touched, self._pages = self._connection.total_changes, bytes(self._connection.serialize())

    def assign_positions(self) -> None:
        """Give events their positions: the registry's own bookkeeping, which any question about them may set off."""
        self.registry.outbox.assign_positions()
        self.see()

    @property
    def _connection(self) -> Any:
        return self.rows._writer

    def call(self, operation: str, body: bytes, *, account: str = "", region: str = "us-east-1", **more: str) -> Answer:
        """Make one of AWS's calls."""
        headers = {"HTTP_X_AMZ_TARGET": f"SageMaker.{operation}", "CONTENT_TYPE": CONTENT_TYPE, **more}
        if account:
            headers.setdefault("HTTP_AUTHORIZATION", SCOPE.format(account, region))
        answer = self.send("POST", "/", body, headers)
        with self._shown(f"{operation} {body!r} {more}"):
            self._judge(answer, may_change=self.may_change("POST", "/", operation))
            if account != STRANGER and STRANGERS.encode() not in body:  # which a refusal would repeat
                assert STRANGERS.encode() not in answer.body, "what is another account's was answered"
            if answer.status == 200:
                check_shape(operation, answer.json if answer.body else {})
        return answer

    def extension(self, method: str, path: str, body: bytes = b"", **more: str) -> Answer:
        """Ask for something below /_registry/."""
        answer = self.send(method, path, body, {"CONTENT_TYPE": "application/json", **more})
        with self._shown(f"{method} {path} {body!r} {more}"):
            self._judge(answer, may_change=self.may_change(method, path))
        return answer

    def page(self, method: str, path: str, body: bytes = b"", **more: str) -> Answer:
        """Look at a page of the console, as somebody who is logged in, or send one of its forms."""
        headers = {"CONTENT_TYPE": "application/x-www-form-urlencoded", "HTTP_COOKIE": self.cookie, **more}
        answer = self.send(method, path, body, headers)
        with self._shown(f"{method} {path} {body!r}"):
            assert answer.status < 500, answer.status
            self.undisturbed(has_changed_things=answer.status == 303 and self.may_change(method, path))
        return answer

    def may_change(self, method: str, path: str, operation: str = "") -> bool:
        """Whether what is asked may change anything, if it is not refused: a GET may not, nor what only looks."""
        extension = path.partition("?")[0].removeprefix("/_registry/")
        if extension != path.partition("?")[0]:
            return method == "POST" and bool((self.backend or self.registry).extensions.get(extension))
        return method == "POST" and not operation.startswith(READS)

    def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Call the application as a server would."""
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
        except Broken:
            raise
        except Exception as error:
            raise Broken(f"{error}\n\n{request[:4000]}") from error

    def _judge(self, answer: Answer, *, may_change: bool) -> None:
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
        self.undisturbed(has_changed_things=answer.status == 200 and may_change)

    def undisturbed(self, *, has_changed_things: bool) -> None:
        assert not self.loud.said, self.loud.said
        assert not self._connection.in_transaction
        touched = self._connection.total_changes
        if touched != self._touched:
            self._touched, before = touched, self._pages
            self._pages = bytes(self._connection.serialize())
            assert has_changed_things or self._pages == before, "what was refused, or only looks, has changed something"


def check_shape(operation: str, answer: Any) -> None:
    """Hold an answer against its output shape.

    The exceptions are those of `clients.checked`, and one alike: BatchDescribeModelPackage requires two members that
    CreateModelPackage does not.
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
def watched(settings: Settings | None = None, stage: Any = None) -> Iterator[Witness]:
    """Open a registry with things in it, and keep an eye on the log; `stage` may put something in front of it."""
    rows = SQLiteRows(None)
    registry = LocalRegistry(rows, options=BackendOptions(settings or Settings()))
    witness = Witness(rows, registry, backend=stage(registry) if stage else None)
    logging.getLogger().addHandler(witness.loud)
    level = logging.getLogger("sagemaker_registry").level
    logging.getLogger("sagemaker_registry").setLevel(logging.ERROR)
    try:
        furnish(witness)
        yield witness
    finally:
        logging.getLogger("sagemaker_registry").setLevel(level)
        logging.getLogger().removeHandler(witness.loud)
        registry.close()


def furnish(witness: Witness) -> None:
    """Put into a registry what requests name: groups, versions, tags, a policy, a package alone; and a stranger's."""
    witness.registry.clear()
    witness.see()
    for account, operation, params in FURNITURE:
        answer = witness.call(operation, json.dumps(params).encode(), account=account)
        assert answer.status == 200, (operation, answer.body)


def log_in(witness: Witness) -> None:
    """Let a witness look at the console as alice."""
    token = urlsplit(witness.console.path_of_link("alice")).query.partition("=")[2]
    answer = witness.page("POST", "/console/login", f"token={token}".encode())
    assert answer.status == 303
    witness.cookie = answer.headers["Set-Cookie"].partition(";")[0]
