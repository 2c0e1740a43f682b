"""Every other AWS call on the same endpoint (S3, STS, IAM, ECR, the rest of SageMaker), answered by moto.

moto is loaded on the first such call: a registry alone starts in a fraction of the time. What it holds lives in
memory and is gone when the server stops, but for what `kept_objects` keeps of S3.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from ..backends.base import ANONYMOUS, DEFAULT_REGION, Caller
from ..backends.errors import InternalFailure, RegistryError, UnknownOperationException, ValidationException
from . import sigv4
from .answers import wsgi_error
from .kept_objects import KeptObjects, is_change
from .s3_headers import add_metadata

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

log = logging.getLogger(__name__)

INSTALL = "pip install 'sagemaker-registry[moto]'"
SAGEMAKER_TARGET = "SageMaker"
REST_XML = frozenset({"s3", "route53", "cloudfront"})


class Neighbours:
    """A WSGI application that answers as the rest of AWS; thread-safe.

    Args:
        kept: where S3's buckets and objects outlive the server; in memory only without.
    """

    def __init__(self, kept: KeptObjects | None = None) -> None:
        self._lock = threading.Lock()
        self._moto: DomainDispatcherApplication | None = None
        self._kept = kept

    @property
    def may_hold_objects(self) -> bool:
        """Whether there can be anything in S3 or ECR: before the first call, only what was kept."""
        return self._moto is not None or (self._kept is not None and not self._kept.is_empty())

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # moto keeps accounts apart by this header; the account is the one the registry sees.
        caller = sigv4.caller(environ.get("HTTP_AUTHORIZATION", ""), environ.get("QUERY_STRING", ""))
        environ.setdefault("HTTP_X_MOTO_ACCOUNT_ID", caller.account)
        # moto tells `?` and `%` in a key from those of a URL by the path as it was sent, which it looks for here.
        environ.setdefault("RAW_URI", environ.get("REQUEST_URI", ""))
        try:
            _sign(environ)
            status, headers, body = _answer(self._application(), environ)
            body = self._keep(environ, status, body)
        except RegistryError as error:
            return wsgi_error(error, start_response, as_xml=_reads_xml(environ))
        except Exception:
            log.exception("failed to answer %s", _call(environ))
            failure = InternalFailure("The server failed to answer; its log says why.")
            return wsgi_error(failure, start_response, as_xml=_reads_xml(environ))
        start_response(status, headers)
        return body

    def ask(self, caller: Caller, service: str, method: str, path: str, **request: Any) -> Response:
        """Send a request of a caller's from inside the server; `request` as for Werkzeug's test client."""
        return _ask(self._application(), caller, service, method, path, **request)

    def _application(self) -> DomainDispatcherApplication:
        with self._lock:
            if self._moto is None:
                moto = _load()
                if self._kept is not None:
                    self._kept.restore(partial(_ask, moto))
                self._moto = moto
            return self._moto

    def _keep(self, environ: WSGIEnvironment, status: str, body: Iterable[bytes]) -> Iterable[bytes]:
        """Let a change of S3 reach the disk before it is acknowledged; return the body."""
        if self._kept is None or not status.startswith("2"):
            return body
        if environ.get("PATH_INFO") == "/moto-api/reset":
            self._kept.forget()
            return body
        if _service(environ) != "s3" or not is_change(environ):
            return body
        content = b"".join(body)
        self._kept.note(environ, content, self.ask)
        return [content]


def _sign(environ: WSGIEnvironment) -> None:
    """Name the service of an unsigned JSON call, as moto finds a service by the signature.

    Raises:
        UnknownOperationException: the service of the target is not known without a signature.
        ValidationException: a signature without a credential scope. (The sentence is ours.)
    """
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    if authorization.startswith("AWS4-HMAC-SHA256") and not sigv4.has_scope(authorization):
        raise ValidationException(
            "The Authorization header has no credential scope: Credential=KEY/DATE/REGION/SERVICE/aws4_request."
        )
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if not target or "HTTP_AUTHORIZATION" in environ:
        return
    if not target.startswith(f"{SAGEMAKER_TARGET}."):
        raise UnknownOperationException(f"Nobody on this endpoint answers {_call(environ)} without a signature.")
    scope = f"{ANONYMOUS}/20260101/{DEFAULT_REGION}/sagemaker/aws4_request"
    environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"


def _load() -> DomainDispatcherApplication:
    os.environ.setdefault("MOTO_DISABLE_GLOBAL_CORS", "true")  # read when moto is imported
    try:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    except ImportError as error:
        raise UnknownOperationException(
            f"This call is not one of the model registry's; the other AWS services need moto: {INSTALL}"
        ) from error
    return DomainDispatcherApplication(create_backend_app)


def _answer(
    application: DomainDispatcherApplication, environ: WSGIEnvironment
) -> tuple[str, list[tuple[str, str]], Iterable[bytes]]:
    """Return moto's answer as it is: status, headers and body.

    Raises:
        UnknownOperationException: moto does not implement the call, or lacks a package it needs for it.
        InternalFailure: moto failed.
    """
    started: list[Any] = []
    try:
        if not _has_service(application, environ):
            raise _unanswered(environ)
        body: Iterable[bytes] = application(environ, partial(_remember, started))
    except RegistryError:
        raise
    except NotImplementedError as error:
        raise _unanswered(environ) from error
    except ImportError as error:
        raise UnknownOperationException(
            f"moto needs more packages to answer {_call(environ)} ({error}): pip install 'moto[{_service(environ)}]'"
        ) from error
    except Exception as error:
        log.exception("moto failed to answer %s", _call(environ))
        raise InternalFailure(f"moto failed to answer {_call(environ)}: {error!r}") from error
    (status, headers, *_), *_ = started
    content_type = next((value for name, value in headers if name.lower() == "content-type"), "")
    is_page = int(status[:3]) >= 400 and content_type.startswith("text/html")
    if is_page or status.startswith("501"):
        getattr(body, "close", lambda: None)()
        raise _unanswered(environ)
    return status, headers, body


def _ask(
    application: DomainDispatcherApplication, caller: Caller, service: str, method: str, path: str, **request: Any
) -> Response:
    scope = f"{caller.access_key}/20260101/{caller.region}/{service}/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none",
        "X-Moto-Account-Id": caller.account,
        **request.pop("headers", {}),
    }
    with_underscore = {name: headers.pop(name) for name in list(headers) if "_" in name}
    environ = EnvironBuilder(quote(path), method=method, headers=headers, **request).get_environ()
    add_metadata(environ, with_underscore.items())
    return Response.from_app(application, environ, buffered=True)


def _unanswered(environ: WSGIEnvironment) -> UnknownOperationException:
    return UnknownOperationException(f"Nobody on this endpoint answers {_call(environ)}.")


def _has_service(application: DomainDispatcherApplication, environ: WSGIEnvironment) -> bool:
    """Whether moto knows the service of a call; asked here because moto itself fails with a traceback."""
    path = environ.get("PATH_INFO", "")
    if path.startswith("/moto-api"):
        return True
    host = application.infer_service_region_host(environ, path)
    return host is None or any(
        host == service or pattern.match(f"http://{host}") for service, pattern in application.backend_url_patterns
    )


def _remember(started: list[Any], *arguments: Any) -> Callable[[bytes], None]:
    """Stand in for `start_response`, until it is known whether moto's answer is passed on."""
    started[:] = [arguments]
    return _no_write


def _no_write(data: bytes) -> None:
    raise NotImplementedError("the write callable of WSGI is not offered")


def _call(environ: WSGIEnvironment) -> str:
    """Name a call for a sentence: its target, or its method and path."""
    target: str = environ.get("HTTP_X_AMZ_TARGET", "")
    return target[:200] or f"{environ.get('REQUEST_METHOD')} {environ.get('PATH_INFO', '')[:200]} ({_service(environ)})"


def _service(environ: WSGIEnvironment) -> str:
    """Return the service of the credential scope; without one a request is S3's, as a public object's is."""
    _, found, scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")
    parts = scope.partition(",")[0].split("/")
    return parts[3] if found and len(parts) > 4 else "s3"


def _reads_xml(environ: WSGIEnvironment) -> bool:
    """Whether the client's protocol is one of the XML ones: query (STS, IAM) or REST (S3)."""
    if "HTTP_X_AMZ_TARGET" in environ:
        return False
    is_query = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    return is_query or _service(environ) in REST_XML
