"""Every other AWS call on the same endpoint (S3, STS, IAM, ECR, the rest of SageMaker), answered by moto.

moto is loaded on the first such call: a registry alone starts in a fraction of the time. What it holds lives in
memory and is gone when the server stops.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..backends.base import ANONYMOUS, DEFAULT_REGION
from ..backends.errors import InternalFailure, RegistryError, UnknownOperationException
from . import sigv4
from .answers import wsgi_error

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

log = logging.getLogger(__name__)

INSTALL = "pip install 'sagemaker-registry[moto]'"
SAGEMAKER_TARGET = "SageMaker"
REST_XML = frozenset({"s3", "route53", "cloudfront"})


class Neighbours:
    """A WSGI application that answers as the rest of AWS; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._moto: DomainDispatcherApplication | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether anybody has called a neighbour: before that they hold nothing."""
        return self._moto is not None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # moto keeps accounts apart by this header; the account is the one the registry sees.
        caller = sigv4.caller(environ.get("HTTP_AUTHORIZATION", ""), environ.get("QUERY_STRING", ""))
        environ.setdefault("HTTP_X_MOTO_ACCOUNT_ID", caller.account)
        try:
            _sign(environ)
            return _Answer(environ, start_response).of(self._application())
        except RegistryError as error:
            return wsgi_error(error, start_response, as_xml=_reads_xml(environ))

    def _application(self) -> DomainDispatcherApplication:
        with self._lock:
            if self._moto is None:
                self._moto = _load()
            return self._moto


def _sign(environ: WSGIEnvironment) -> None:
    """Name the service of an unsigned JSON call, as moto finds a service by the signature.

    Raises:
        UnknownOperationException: the service of the target is not known without a signature.
    """
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


class _Answer:
    """One answer of moto: passed on as it is, unless it is a failure or a page for people."""

    def __init__(self, environ: WSGIEnvironment, start_response: StartResponse) -> None:
        self._environ = environ
        self._start_response = start_response

    def of(self, application: DomainDispatcherApplication) -> Iterable[bytes]:
        """Return the body moto answers with.

        Raises:
            UnknownOperationException: moto does not implement the call, or lacks a package it needs for it.
            InternalFailure: moto failed.
        """
        started: list[Any] = []
        try:
            if not _has_service(application, self._environ):
                raise self._unanswered()
            body: Iterable[bytes] = application(self._environ, partial(_remember, started))
        except RegistryError:
            raise
        except NotImplementedError as error:
            raise self._unanswered() from error
        except ImportError as error:
            raise UnknownOperationException(
                f"moto needs more packages to answer {_call(self._environ)} ({error}): "
                f"pip install 'moto[{_service(self._environ)}]'"
            ) from error
        except Exception as error:
            log.exception("moto failed to answer %s", _call(self._environ))
            raise InternalFailure(f"moto failed to answer {_call(self._environ)}: {error!r}") from error
        (status, headers, *_), *_ = started
        content_type = next((value for name, value in headers if name.lower() == "content-type"), "")
        refused = int(status[:3]) >= 400 and content_type.startswith("text/html")
        if refused or status.startswith("501"):
            getattr(body, "close", lambda: None)()
            raise self._unanswered()
        self._start_response(status, headers)
        return body

    def _unanswered(self) -> UnknownOperationException:
        return UnknownOperationException(f"Nobody on this endpoint answers {_call(self._environ)}.")


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
