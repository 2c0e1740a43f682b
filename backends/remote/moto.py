"""`moto://`: moto's model registry in this process, called through its WSGI application without patching boto3."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cache, cached_property, partial
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from wsgiref.util import setup_testing_defaults

from ..errors import BackendUnavailable, InternalFailure, RegistryError, UnknownOperationException
from ..service import model
from ..service.operations import ANSWERED
from . import sessions
from .registry import RemoteRegistry

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication
    from mypy_boto3_sagemaker import SageMakerClient

    from ..base import Caller

log = logging.getLogger(__name__)

INSTALL = "pip install 'sagemaker-registry[moto]'"
IN_PROCESS = "http://moto.invalid"


class MotoRegistry(RemoteRegistry):
    """moto's registry in this process; a 12-digit access key ID is the account ID.

    moto has one state per process: clients of the same account share groups, clients of different accounts do not.
    """

    def __init__(self, url: str, boto: dict[str, Any]) -> None:
        if url not in ("moto://", "moto:///"):
            raise BackendUnavailable(f"invalid moto URL {url!r}: use moto://, which has no host or path")
        super().__init__(url, boto)

    @cached_property
    def name(self) -> str:
        from importlib.metadata import version

        return f"moto {version('moto')}"

    @property
    def operations(self) -> frozenset[str]:
        return operations()

    def client(self) -> SageMakerClient:
        return self._client(self.boto)

    def client_for(self, caller: Caller) -> SageMakerClient:
        keys = {"aws_access_key_id": caller.account, "aws_secret_access_key": "any"}
        return self._client({"region_name": caller.region, **keys})

    def client_key(self, caller: Caller) -> Hashable:
        return caller.account, caller.region

    def _client(self, boto: dict[str, Any]) -> SageMakerClient:
        from ..base import Caller

        session = sessions.local_session()
        given = sessions.local_options(session, boto)
        account = Caller.from_access_key(sessions.key_of(session, given), None).account
        made: SageMakerClient = session.client("sagemaker", endpoint_url=IN_PROCESS, **given)
        events: Any = made.meta.events
        events.register("before-send.sagemaker", _send(account), unique_id="sagemaker-registry-moto")
        return self.restricted(made)


@cache
def operations() -> frozenset[str]:
    """Return the registry operations that the installed version of moto implements."""
    application()
    from botocore import xform_name
    from moto.sagemaker.responses import SageMakerResponse

    return frozenset(name for name in ANSWERED if hasattr(SageMakerResponse, xform_name(name)))


@cache
def application() -> DomainDispatcherApplication:
    """Return moto's WSGI application, loaded on the first call.

    Raises:
        BackendUnavailable: moto or a dependency of its server is not installed.
    """
    os.environ.setdefault("MOTO_DISABLE_GLOBAL_CORS", "true")  # read when moto is imported
    try:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    except ImportError as error:
        raise BackendUnavailable(f"moto:// requires the package {error.name!r}: {INSTALL}") from error
    return DomainDispatcherApplication(create_backend_app)


Answer = tuple[str, list[tuple[str, str]], Iterable[bytes]]
"""Status, headers and body of a WSGI response."""


def answer(environ: WSGIEnvironment) -> Answer:
    """Return moto's response to a WSGI request, unchanged.

    Raises:
        BackendUnavailable: moto is not installed.
        UnknownOperationException: moto does not implement the call, or a package that it needs is missing.
        InternalFailure: moto raised an unexpected exception.
    """
    moto = application()
    started: list[Any] = []
    try:
        if not _has_service(moto, environ):
            raise _unanswered(environ)
        body: Iterable[bytes] = moto(environ, partial(_remember, started))
    except RegistryError:
        raise
    except (NotImplementedError, model.no_such_operation()) as error:
        raise _unanswered(environ) from error
    except ImportError as error:
        raise UnknownOperationException(
            f"{call_of(environ)} requires additional packages ({error}): pip install 'moto[{service_of(environ)}]'."
        ) from error
    except Exception as error:
        log.exception("moto failed to answer %s", call_of(environ))
        raise InternalFailure(f"moto failed to answer {call_of(environ)}: {error!r}.") from error
    (status, headers, *_), *_ = started
    content_type = next((value for name, value in headers if name.lower() == "content-type"), "")
    # An error page means that moto has no such call. HEAD errors (S3's 404) also carry Flask's HTML content type.
    is_page = (
        int(status[:3]) >= 400 and content_type.startswith("text/html") and environ.get("REQUEST_METHOD") != "HEAD"
    )
    if is_page or status.startswith("501"):
        getattr(body, "close", lambda: None)()
        raise _unanswered(environ)
    return status, headers, body


def call_of(environ: WSGIEnvironment) -> str:
    """Return the name of a call for messages: its target, or its method and path."""
    target: str = environ.get("HTTP_X_AMZ_TARGET", "")
    where = f"{environ.get('REQUEST_METHOD')} {environ.get('PATH_INFO', '')[:200]}"
    return target[:200] or f"{where} ({service_of(environ)})"


def service_of(environ: WSGIEnvironment) -> str:
    """Return the service of the credential scope; S3 for unsigned requests, which read public objects."""
    _, found, credential = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")
    parts = credential.partition(",")[0].split("/")
    return parts[3] if found and len(parts) > 4 else "s3"


def _has_service(moto: DomainDispatcherApplication, environ: WSGIEnvironment) -> bool:
    """Whether moto knows the service of a call; checked here because moto fails with a traceback."""
    path = environ.get("PATH_INFO", "")
    if path.startswith("/moto-api"):
        return True
    host = moto.infer_service_region_host(environ, path)
    return host is None or any(
        host == service or pattern.match(f"http://{host}") for service, pattern in moto.backend_url_patterns
    )


def _unanswered(environ: WSGIEnvironment) -> UnknownOperationException:
    return UnknownOperationException(f"This endpoint does not support {call_of(environ)}.")


def _remember(started: list[Any], *arguments: Any) -> Callable[[bytes], None]:
    """Record the arguments of `start_response` until it is known whether moto's response is used."""
    started[:] = [arguments]
    return _no_write


def _no_write(data: bytes) -> None:
    raise NotImplementedError("the WSGI write callable is not supported")


def _send(account: str) -> Callable[..., AWSResponse]:
    """Return a handler for botocore's event `before-send` that passes the request to moto."""

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        from botocore.awsrequest import AWSResponse

        headers_sent = {name: _text(value) for name, value in request.headers.items()}
        environ = _environ(request.body, {**headers_sent, "X-Moto-Account-Id": account})
        try:
            status, headers, body = answer(environ)
        except RegistryError as error:
            status, headers, body = _refusal(error)
        answered: Any = dict(headers)
        return AWSResponse(request.url, int(status[:3]), answered, _Body(b"".join(body)))

    return send


def _environ(content: Any, headers: Mapping[str, str]) -> WSGIEnvironment:
    """Return the WSGI environment of a POST to `/`, the path of AWS's JSON protocols."""
    body = content.encode() if isinstance(content, str) else bytes(content or b"")
    environ: WSGIEnvironment = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "wsgi.input": BytesIO(body)}
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    environ |= {"CONTENT_TYPE": headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body))}
    environ["HTTP_HOST"] = urlsplit(IN_PROCESS).netloc
    setup_testing_defaults(environ)
    return environ


class _Body(BytesIO):
    def stream(self) -> Iterable[bytes]:
        return [self.read()]


def _refusal(error: RegistryError) -> Answer:
    body = json.dumps({"__type": error.code, "message": error.message}).encode()
    return f"{error.status} refused", [("Content-Type", "application/x-amz-json-1.1")], [body]


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
