"""The registry API as a WSGI application, from the request to the backend and back."""

# This is middleware in front of Flask: all AWS calls have the same path and method, and Flask's contexts, hooks and
# response objects take three times as long as the registry needs to describe a version.

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from time import perf_counter
from typing import TYPE_CHECKING

from ...backends.base import Backend
from ...backends.errors import (
    ConnectionDropped,
    InternalFailure,
    NotHandled,
    RegistryError,
    SerializationException,
    UnknownOperationException,
)
from ...backends.service import model, wire
from ..caller import caller_of, check_caller
from ..error_log import ErrorLog, without_values
from ..http import channel
from ..http.bodies import MAX_BODY, length_of, too_large
from ..responses import headers, wsgi_error
from ..routes import ALLOWED, TARGET_PREFIX
from .metrics import OK, Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RegistryApi:
    """Answer `POST /` from a backend; `other_services` answers the rest of SageMaker."""

    backend: Backend
    other_services: WSGIApplication
    metrics: Metrics
    error_log: ErrorLog

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = perf_counter()
        target, operation, identity, code = environ.get("HTTP_X_AMZ_TARGET", ""), "", "", OK
        body = b""
        try:
            operation = operation_of(target)
            if environ.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
                raise SerializationException("Content-Encoding is not supported; send the body uncompressed.")
            identity = self.backend.request_id()
            caller = caller_of(environ, identity)
            check_caller(caller)
            body = _body(environ)
            answer = wire.write(self.backend.call(operation, wire.read(operation, body), caller))
        except NotHandled:
            operation = ""  # not counted: it is not a registry operation
            return self.other_services({**environ, "wsgi.input": BytesIO(body), ALLOWED: True}, start_response)
        except RegistryError as error:
            code = error.code
            return self._refuse(error, environ, start_response, identity)
        except ConnectionDropped as error:
            code = type(error).__name__
            if channel.cut(environ):
                start_response("200 OK", headers(b"", request_id=identity))  # WSGI requires it; it is not sent
                return [b""]
            return self._refuse(InternalFailure(str(error)), environ, start_response, identity)
        except Exception as error:
            log.exception("failed to answer %s", target, exc_info=error)
            failure = InternalFailure("The server failed; see its log for the cause.")
            code = failure.code
            return self._refuse(failure, environ, start_response, identity)
        finally:
            if operation:
                self.metrics.note(operation, code, perf_counter() - began)
        log.info("%s %s/%s 200", operation, caller.account, caller.region)
        start_response("200 OK", headers(answer, request_id=identity))
        return [answer]

    def _refuse(
        self, error: RegistryError, environ: WSGIEnvironment, start_response: StartResponse, identity: str
    ) -> Iterable[bytes]:
        note(self.error_log, error, environ)
        return wsgi_error(error, start_response, request_id=identity)


def note(error_log: ErrorLog, error: RegistryError, environ: WSGIEnvironment) -> None:
    log.info("%s %s: %s", error.status, error.code, without_values(error.message))
    path = environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace")
    what = environ.get("HTTP_X_AMZ_TARGET") or f"{environ['REQUEST_METHOD']} {path}"
    who = caller_of(environ).access_key
    error_log.note(what, who, error.status, error.code, error.message)


def operation_of(target: str) -> str:
    """Return the operation of an X-Amz-Target header.

    Raises:
        UnknownOperationException: SageMaker has no such operation.
    """
    operation = target.removeprefix(TARGET_PREFIX)
    if not target.startswith(TARGET_PREFIX) or not model.known(operation):
        raise UnknownOperationException(
            f"X-Amz-Target {target[:200]!r} is not a SageMaker operation; "
            f"expected a value such as {TARGET_PREFIX}DescribeModelPackage."
        )
    return operation


def _body(environ: WSGIEnvironment) -> bytes:
    size = length_of(environ)
    if size is None and not environ.get("wsgi.input_terminated"):
        return b""  # the length is unknown, so reading could block
    if size is not None and size > MAX_BODY:
        raise too_large()
    body: bytes = environ["wsgi.input"].read(MAX_BODY + 1 if size is None else size)
    if len(body) > MAX_BODY:
        raise too_large()
    return body
