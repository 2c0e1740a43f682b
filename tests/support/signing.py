"""Requests signed by botocore, to be sent or converted to a WSGI environment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote_to_bytes, urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sagemaker_registry.backends.credentials import Credential
from sagemaker_registry.emulator.http.channel import HEAD

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


class QueryAndBodyAuth(SigV4QueryAuth):
    """Sign in the query and leave the body unchanged, as clients other than botocore can."""

    def _modify_request_before_signing(self, request: Any) -> None:
        body, request.data = request.data, b""
        super()._modify_request_before_signing(request)  # type: ignore[misc]
        request.data = body


SIGNERS = {
    "header": SigV4Auth,
    "s3 header": S3SigV4Auth,
    "query": SigV4QueryAuth,
    "query and body": QueryAndBodyAuth,
    "s3 query": S3SigV4QueryAuth,
}


def signed(
    credential: Credential,
    method: str = "POST",
    url: str = "http://localhost/",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"{}",
    *,
    service: str = "sagemaker",
    region: str = "us-east-1",
    signer: str = "header",
    at: datetime | None = None,
    token: str | None = None,
) -> Any:
    """Return a request as botocore prepares it, signed at the given time."""
    request = AWSRequest(method, url, dict(headers or {}), body)
    request.headers["Host"] = urlsplit(url).netloc
    auth = SIGNERS[signer](Credentials(credential.access_key, credential.secret, token), service, region)
    with patch("botocore.auth.get_current_datetime", return_value=at or datetime.now(UTC)):
        auth.add_auth(request)
    return request.prepare()


def environ_of(prepared: Any) -> dict[str, Any]:
    """Return the WSGI environment of a request."""
    from io import BytesIO

    parts = urlsplit(prepared.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{prepared.method} {target} HTTP/1.1"]
    environ: dict[str, Any] = {}
    for name, value in prepared.headers.items():
        shown = value.decode() if isinstance(value, bytes) else value
        lines.append(f"{name}: {shown}")
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = shown
    body = prepared.body or b""
    return {
        **environ,
        "REQUEST_METHOD": prepared.method,
        "PATH_INFO": unquote_to_bytes(parts.path).decode("latin-1"),
        "QUERY_STRING": parts.query,
        "REQUEST_URI": target,
        "CONTENT_TYPE": environ.get("HTTP_CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": BytesIO(body),
        HEAD: "\r\n".join(lines).encode("utf-8"),
    }
