"""Every other AWS call on the same endpoint (S3, STS, IAM, ECR, the rest of SageMaker), answered by moto.

moto is loaded on the first such call: a registry alone starts in a fraction of the time. What it holds lives in
memory and is gone when the server stops, but for what `kept_objects` keeps of S3.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...backends.base import ANONYMOUS, DEFAULT_REGION, Caller
from ...backends.errors import (
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
from .s3_files import CHANGES, KeptObjects

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.wrappers import Response

log = logging.getLogger(__name__)

SAGEMAKER_TARGET = "SageMaker"
REST_XML = frozenset({"s3", "route53", "cloudfront"})


class MotoApp:
    """A WSGI application that answers as the rest of AWS; S3's objects outlive the server in `kept`. Thread-safe."""

    def __init__(self, kept: KeptObjects | None = None) -> None:
        self._lock = threading.Lock()
        self._started = False
        self._kept = kept

    @property
    def may_hold_objects(self) -> bool:
        """Whether there can be anything in S3 or ECR: before the first call, only what was kept."""
        return self._started or (self._kept is not None and not self._kept.is_empty())

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # moto keeps accounts apart by this header; the account is the one the registry sees.
        caller = caller_of(environ)
        environ.setdefault("HTTP_X_MOTO_ACCOUNT_ID", caller.account)
        # moto tells `?` and `%` in a key from those of a URL by the path as it was sent, which it looks for here.
        environ.setdefault("RAW_URI", environ.get("REQUEST_URI", ""))
        try:
            _sign(environ)
            self._start()
            status, headers, body = moto.answer(environ)
            body = self._keep(environ, status, body)
        except RegistryError as error:
            return wsgi_error(error, start_response, as_xml=_reads_xml(environ))
        except Exception:
            log.exception("failed to answer %s", moto.call_of(environ))
            failure = InternalFailure("The server failed to answer; its log says why.")
            return wsgi_error(failure, start_response, as_xml=_reads_xml(environ))
        start_response(status, headers)
        return body

    def ask(self, caller: Caller, service: str, method: str, path: str, **request: Any) -> Response:
        """Send a request of a caller's from inside the server; `request` as for Werkzeug's test client."""
        self._start()
        return _ask(caller, service, method, path, **request)

    def _start(self) -> None:
        """Load moto and put back what was kept, at the first call.

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
                    f"This call is not one of the model registry's; the other AWS services need moto: {moto.INSTALL}"
                ) from error
            if self._kept is not None:
                self._kept.restore(_ask)
            self._started = True

    def _keep(self, environ: WSGIEnvironment, status: str, body: Iterable[bytes]) -> Iterable[bytes]:
        """Let a change of S3 reach the disk before it is acknowledged; return the body."""
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
    """Reject every call: a gateway has no other services, as AWS itself answers those."""
    error = UnknownOperationException(
        f"This endpoint passes on the model registry's calls and no others: send {moto.call_of(environ)} to where the "
        "registry is."
    )
    return wsgi_error(error, start_response, as_xml=_reads_xml(environ))


def _sign(environ: WSGIEnvironment) -> None:
    """Name the service of an unsigned JSON call, as moto finds a service by the signature.

    Raises:
        UnknownOperationException: the service of the target is not known without a signature.
        ValidationException: a signature without a credential scope. (The sentence is ours.)
    """
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    if authorization.startswith("AWS4-HMAC-SHA256") and not has_scope(authorization):
        raise ValidationException(
            "The Authorization header has no credential scope: Credential=KEY/DATE/REGION/SERVICE/aws4_request."
        )
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if not target or "HTTP_AUTHORIZATION" in environ:
        return
    if not target.startswith(f"{SAGEMAKER_TARGET}."):
        raise UnknownOperationException(f"Nobody on this endpoint answers {moto.call_of(environ)} without a signature.")
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
    """Whether the client's protocol is one of the XML ones: query (STS, IAM) or REST (S3)."""
    if "HTTP_X_AMZ_TARGET" in environ:
        return False
    is_query = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    return is_query or moto.service_of(environ) in REST_XML
