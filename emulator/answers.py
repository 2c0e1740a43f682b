"""Answers outside the framework: an error as a WSGI response, in the form the client's protocol reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from ..backends.base import random_id
from ..backends.errors import RegistryError
from ..backends.service import wire

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

CONSOLE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with no-referrer, forms come with `Origin: null`, which the gate refuses
    "Cache-Control": "no-store",
}
"""On every answer under CONSOLE_PREFIX, whatever it is."""

COMMON_HEADERS: Final[Mapping[str, str]] = {
    **CONSOLE_HEADERS,
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "sandbox",
    "Referrer-Policy": "no-referrer",
}
"""On every answer that does not say otherwise: whatever an S3 object holds, in a browser it is inert."""


def headers(body: bytes, content_type: str = wire.CONTENT_TYPE, request_id: str = "") -> list[tuple[str, str]]:
    """Return the headers AWS sends with an answer, with a new request id if it has none; the server adds the date."""
    return [
        ("x-amzn-RequestId", request_id or random_id()),
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
    ]


def wsgi_error(
    error: RegistryError, start_response: StartResponse, *, as_xml: bool = False, request_id: str = ""
) -> Iterable[bytes]:
    """Answer a WSGI request with an error: AWS JSON, or XML for the protocols of S3, STS and IAM."""
    body = _xml(error) if as_xml else wire.write_error(error)
    start_response(
        f"{error.status} {HTTPStatus(error.status).phrase}",
        headers(body, "application/xml" if as_xml else wire.CONTENT_TYPE, request_id),
    )
    return [body]


def wsgi_text(error: RegistryError, start_response: StartResponse, more: Mapping[str, str]) -> Iterable[bytes]:
    """Answer a WSGI request of a person's with an error: its sentence, with headers beside the usual."""
    body = f"{error.message}\n".encode()
    start_response(
        f"{error.status} {HTTPStatus(error.status).phrase}",
        [*headers(body, "text/plain; charset=utf-8"), *more.items()],
    )
    return [body]


def _xml(error: RegistryError) -> bytes:
    inner = f"<Code>{error.code}</Code><Message>{escape(error.message, quote=False)}</Message>"
    return f"<?xml version='1.0' encoding='UTF-8'?><ErrorResponse><Error>{inner}</Error></ErrorResponse>".encode()
