"""Who is calling: read from the credential scope of a Signature Version 4 request, header or presigned URL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from ..backends.base import Caller
from ..backends.errors import ValidationException

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_REGION = re.compile(r"[a-z0-9-]{9,16}")  # what the model's ARN patterns allow

VERIFIED: Final = "sagemaker_registry.caller"
"""Where in the environment of a request is who signed it, once that was verified: no client can put anything there."""


def caller_of(environ: WSGIEnvironment, request_id: str = "") -> Caller:
    """Return who sends a request: who was found to have signed it, or where nothing is verified, whom it names."""
    verified: Caller | None = environ.get(VERIFIED)
    if verified is not None:
        return verified.asking(request_id)
    return caller_from(environ.get("HTTP_AUTHORIZATION", ""), environ.get("QUERY_STRING", ""), request_id)


def caller_from(authorization: str, query: str = "", request_id: str = "") -> Caller:
    """Return the caller a request names, which is not yet who it is: for that ask `caller_of`.

    One without a signature is anonymous, in the default account and region. The query string is raw.
    """
    key, region = _key_and_region(authorization)
    if key is None and "X-Amz-Credential" in query:
        key, region = _key_and_region("Credential=" + parse_qs(query).get("X-Amz-Credential", [""])[0])
    return Caller.from_access_key(key, region, request_id)


def is_signed(authorization: str | None, query: str) -> bool:
    """Whether a request claims to be signed, in its Authorization header or its raw query string."""
    return authorization is not None or "X-Amz-" in query


def is_signed_request(environ: WSGIEnvironment) -> bool:
    return is_signed(environ.get("HTTP_AUTHORIZATION"), environ.get("QUERY_STRING", ""))


def has_scope(authorization: str) -> bool:
    """Whether an Authorization header names a key, a region and a service."""
    return _key_and_region(authorization)[0] is not None


def _key_and_region(text: str) -> tuple[str, str] | tuple[None, None]:
    """Return what the first credential in a text names: without a pattern, for this is read of everybody's requests."""
    parts = text.partition("Credential=")[2].partition(",")[0].split("/", 4)
    if len(parts) < 5 or not parts[4].startswith("aws4_request") or parts[0].split() != parts[:1]:
        return None, None
    return parts[0], parts[2]


def check_region(caller: Caller) -> None:
    """Raise ValidationException for a region whose ARNs AWS's own patterns would refuse. (The sentence is ours.)"""
    if not _REGION.fullmatch(caller.region):
        raise ValidationException(
            f"The region {caller.region!r} of the credential scope is not one AWS could have: "
            "use a name like us-east-1, 9 to 16 of a-z, 0-9 and hyphens."
        )
