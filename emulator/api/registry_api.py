"""The registry's own calls as WSGI: from the request to the backend and back, with nothing between.

Middleware in front of Flask's routing: every call of an AWS client has the same path and method, so there is nothing
to route; and contexts, hooks and a response object cost three times what the registry needs to describe a version.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from io import BytesIO
from time import perf_counter
from typing import TYPE_CHECKING

from ...backends.base import Backend
from ...backends.errors import (
    AnswerLost,
    Elsewhere,
    InternalFailure,
    RegistryError,
    SerializationException,
    UnknownOperationException,
)
from ...backends.service import model, wire
from ..caller import caller_of, check_region
from ..error_log import Refusals, without_values
from ..http import channel
from ..http.bodies import LARGEST_BODY, length_of, too_large
from ..responses import headers, wsgi_error
from ..routes import TARGET_PREFIX
from .metrics import OK, Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)


class Calls:
    """A WSGI application that answers `POST /` from a backend.

    Args:
        backend: who answers.
        neighbours: who answers what turns out to be about the rest of SageMaker.
        metrics: where each call is counted.
        refusals: where those that were refused are noted.
    """

    def __init__(self, backend: Backend, neighbours: WSGIApplication, metrics: Metrics, refusals: Refusals) -> None:
        self._backend = backend
        self._neighbours = neighbours
        self._metrics = metrics
        self._refusals = refusals

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = perf_counter()
        target, operation, identity, code = environ.get("HTTP_X_AMZ_TARGET", ""), "", "", OK
        body = b""
        try:
            operation = operation_of(target)
            if environ.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
                raise SerializationException("Send the body without Content-Encoding.")
            identity = self._backend.request_id()
            caller = caller_of(environ, identity)
            check_region(caller)
            body = _body(environ)
            answer = wire.write(self._backend.call(operation, wire.read(operation, body), caller))
        except Elsewhere:
            operation = ""  # not one of the registry's
            return self._neighbours({**environ, "wsgi.input": BytesIO(body)}, start_response)
        except RegistryError as error:
            code = error.code
            return self._refuse(error, environ, start_response, identity)
        except AnswerLost as error:
            code = type(error).__name__
            if channel.cut(environ):
                start_response("200 OK", headers(b"", request_id=identity))  # which nobody sees
                return [b""]
            return self._refuse(InternalFailure(str(error)), environ, start_response, identity)
        except Exception as error:
            log.exception("failed to answer %s", target, exc_info=error)
            failure = InternalFailure("The registry failed to answer; its log says why.")
            code = failure.code
            return self._refuse(failure, environ, start_response, identity)
        finally:
            if operation:
                self._metrics.note(operation, code, perf_counter() - began)
        log.info("%s %s/%s 200", operation, caller.account, caller.region)
        start_response("200 OK", headers(answer, request_id=identity))
        return [answer]

    def _refuse(
        self, error: RegistryError, environ: WSGIEnvironment, start_response: StartResponse, identity: str
    ) -> Iterable[bytes]:
        note(self._refusals, error, environ)
        return wsgi_error(error, start_response, request_id=identity)


def note(refusals: Refusals, error: RegistryError, environ: WSGIEnvironment) -> None:
    """Note a refusal of a request, and log it."""
    log.info("%s %s: %s", error.status, error.code, without_values(error.message))
    path = environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace")
    what = environ.get("HTTP_X_AMZ_TARGET") or f"{environ['REQUEST_METHOD']} {path}"
    who = caller_of(environ).access_key
    refusals.note(what, who, error.status, error.code, error.message)


def operation_of(target: str) -> str:
    """Return the operation an X-Amz-Target names.

    Raises:
        UnknownOperationException: SageMaker has none of that name.
    """
    operation = target.removeprefix(TARGET_PREFIX)
    if not target.startswith(TARGET_PREFIX) or not model.known(operation):
        raise UnknownOperationException(
            f"X-Amz-Target {target[:200]!r} is not an operation of SageMaker: it should read "
            f"{TARGET_PREFIX}DescribeModelPackage, for example."
        )
    return operation


def _body(environ: WSGIEnvironment) -> bytes:
    size = length_of(environ)
    if size is None and not environ.get("wsgi.input_terminated"):
        return b""  # nobody says where it ends
    if size is not None and size > LARGEST_BODY:
        raise too_large()
    body: bytes = environ["wsgi.input"].read(LARGEST_BODY + 1 if size is None else size)
    if len(body) > LARGEST_BODY:
        raise too_large()
    return body
