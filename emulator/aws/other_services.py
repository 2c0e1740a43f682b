"""Other AWS services on the same endpoint (S3, STS, IAM, ECR, the rest of SageMaker), answered by moto."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...backends.base import ANONYMOUS, DEFAULT_REGION, Caller
from ...backends.errors import (
    AccessDeniedException,
    BackendUnavailable,
    InternalFailure,
    RegistryError,
    UnknownOperationException,
    ValidationException,
)
from ...backends.remote import moto
from ..caller import caller_of, has_scope
from ..http.channel import add_metadata
from ..responses import wsgi_error
from ..routes import ALLOWED, MAY_RESET, RESET, is_moto_api
from .deploy_gate import Gate, closed_for
from .s3_files import CHANGES, KeptObjects

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.wrappers import Response

log = logging.getLogger(__name__)

SAGEMAKER_TARGET = "SageMaker"
REST_XML = frozenset({"s3", "route53", "cloudfront"})


class MotoApp:
    """Answer calls of other AWS services with moto, which is loaded on the first call. Thread-safe.

    moto keeps its state in memory; only S3 objects outlive the server, in `kept`.
    """

    def __init__(self, kept: KeptObjects | None = None, gate: Gate | None = None) -> None:
        self._lock = threading.Lock()
        self._started = False
        self._kept = kept
        self.gate = gate
        """Rejects the deployment of versions that are not approved."""

    @property
    def may_hold_objects(self) -> bool:
        """Whether S3 or ECR can contain anything; before the first call, only kept objects can."""
        return self._started or (self._kept is not None and not self._kept.is_empty())

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # moto separates accounts by this header; pass the account that the registry uses.
        caller = caller_of(environ)
        environ.setdefault("HTTP_X_MOTO_ACCOUNT_ID", caller.account)
        # moto needs the undecoded path to distinguish `?` and `%` in an S3 key from those of the URL.
        environ.setdefault("RAW_URI", environ.get("REQUEST_URI", ""))
        try:
            _check_moto_api(environ)
            _sign(environ)
            self._start()
            with closed_for(None if environ.get(ALLOWED) else self.gate):
                status, headers, body = moto.answer(environ)
            body = self._keep(environ, status, body)
        except RegistryError as error:
            return wsgi_error(error, start_response, as_xml=_reads_xml(environ))
        except Exception:
            log.exception("failed to answer %s", moto.call_of(environ))
            failure = InternalFailure("The server failed; see its log for the cause.")
            return wsgi_error(failure, start_response, as_xml=_reads_xml(environ))
        start_response(status, headers)
        return body

    def ask(self, caller: Caller, service: str, method: str, path: str, **request: Any) -> Response:
        """Send a request on behalf of a caller; `request` contains arguments of Werkzeug's EnvironBuilder."""
        self._start()
        return _ask(caller, service, method, path, **request)

    def _start(self) -> None:
        """Load moto and restore kept objects on the first call.

        Raises:
            UnknownOperationException: moto is not installed.
        """
        with self._lock:
            if self._started:
                return
            try:
                moto.application()
            except BackendUnavailable as error:
                raise UnknownOperationException(
                    f"This is not a model registry call; the other AWS services need moto: {moto.INSTALL}."
                ) from error
            if self._kept is not None:
                self._kept.restore(_ask)
            self._started = True

    def _keep(self, environ: WSGIEnvironment, status: str, body: Iterable[bytes]) -> Iterable[bytes]:
        """Write a change of S3 to disk before it is acknowledged; return the response body."""
        if self._kept is None or not status.startswith("2"):
            return body
        if environ.get("PATH_INFO") == "/moto-api/reset":
            self._kept.forget()
            return body
        if moto.service_of(environ) != "s3" or environ.get("REQUEST_METHOD") not in CHANGES:
            return body
        content = b"".join(body)
        self._kept.note(environ, content, self.ask)
        return [content]


def alone(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Reject every call; used by gateways, whose clients must send other calls to the remote endpoint."""
    error = UnknownOperationException(
        f"This gateway forwards only model registry operations; send {moto.call_of(environ)} to the remote endpoint."
    )
    return wsgi_error(error, start_response, as_xml=_reads_xml(environ))


def _check_moto_api(environ: WSGIEnvironment) -> None:
    """Reject calls of moto's own API, which any web page could send, except a reset under test control.

    Raises:
        AccessDeniedException: Test control is off.
        UnknownOperationException: The call is not a reset.
    """
    path = environ.get("PATH_INFO", "")
    if not is_moto_api(path) or environ.get(MAY_RESET):
        return
    if (environ.get("REQUEST_METHOD"), path) == ("POST", RESET):
        raise AccessDeniedException("Test control is off; start the server with --test-controls to allow resets.")
    raise UnknownOperationException(f"This server answers only POST {RESET} of moto's own API, under test control.")


def _sign(environ: WSGIEnvironment) -> None:
    """Add a credential scope to an unsigned JSON call, because moto reads the service from it.

    Raises:
        UnknownOperationException: The target does not identify a service.
        ValidationException: The signature has no credential scope; the message is not AWS's.
    """
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    if authorization.startswith("AWS4-HMAC-SHA256") and not has_scope(authorization):
        raise ValidationException(
            "The Authorization header has no credential scope; "
            "expected Credential=KEY/DATE/REGION/SERVICE/aws4_request."
        )
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if not target or "HTTP_AUTHORIZATION" in environ:
        return
    if not target.startswith(f"{SAGEMAKER_TARGET}."):
        raise UnknownOperationException(f"{moto.call_of(environ)} requires a signed request on this endpoint.")
    scope = f"{ANONYMOUS}/20260101/{DEFAULT_REGION}/sagemaker/aws4_request"
    environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"


def _ask(caller: Caller, service: str, method: str, path: str, **request: Any) -> Response:
    from werkzeug.test import EnvironBuilder
    from werkzeug.wrappers import Response

    scope = f"{caller.access_key}/20260101/{caller.region}/{service}/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none",
        "X-Moto-Account-Id": caller.account,
        **request.pop("headers", {}),
    }
    with_underscore = {name: headers.pop(name) for name in list(headers) if "_" in name}
    environ = EnvironBuilder(quote(path), method=method, headers=headers, **request).get_environ()
    add_metadata(environ, with_underscore.items())
    return Response.from_app(moto.application(), environ, buffered=True)


def _reads_xml(environ: WSGIEnvironment) -> bool:
    """Whether the client's protocol is XML: query (STS, IAM) or REST (S3)."""
    if "HTTP_X_AMZ_TARGET" in environ or is_moto_api(environ.get("PATH_INFO", "")):
        return False
    is_query = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    return is_query or moto.service_of(environ) in REST_XML
