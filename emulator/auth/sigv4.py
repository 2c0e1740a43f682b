"""AWS Signature Version 4: parse claims, compute signatures, and verify chunked bodies."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import IO, Final
from urllib.parse import quote, unquote, unquote_to_bytes

import msgspec

ALGORITHM: Final = "AWS4-HMAC-SHA256"
UNSIGNED: Final = "UNSIGNED-PAYLOAD"
STREAMING: Final = frozenset(
    {f"STREAMING-{ALGORITHM}-PAYLOAD", f"STREAMING-{ALGORITHM}-PAYLOAD-TRAILER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
)
EMPTY: Final = hashlib.sha256(b"").hexdigest()
_PIECE: Final = 2**18
_MAX_LINE: Final = 8192

_HEADER = re.compile(
    rf"{ALGORITHM}[ \t]+Credential=(?P<credential>[^,\s=]+),[ \t]*SignedHeaders=(?P<signed>[^,\s=]+),[ \t]*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_SCOPE = re.compile(r"(?P<key>[^/\s]+)/(?P<date>[0-9]{8})/(?P<region>[^/\s]*)/(?P<service>[A-Za-z0-9-]+)/aws4_request")
_CHUNK = re.compile(rb"(?P<size>[0-9a-fA-F]{1,16})(?:;chunk-signature=(?P<signature>[0-9a-f]{64}))?\r\n")

Headers = Mapping[str, Sequence[str]]
"""The values of each header, by lowercase name."""


class Claim(msgspec.Struct, frozen=True):
    """The unverified signature of a request: credential scope, signed headers and time."""

    key: str
    date: str
    region: str
    service: str
    signed: tuple[str, ...]
    signature: str
    moment: str = ""
    """The value of X-Amz-Date, such as 20261124T120000Z."""
    token: str = ""
    """The session token."""
    expires: int | None = None
    """Lifetime of a presigned URL in seconds; None for a header."""

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def claim_of_header(authorization: str, headers: Headers) -> Claim | None:
    """Return the claim of an Authorization header; None if it is malformed or uses another algorithm."""
    match = _HEADER.fullmatch(authorization.strip())
    scope = _SCOPE.fullmatch(match["credential"]) if match else None
    if match is None or scope is None:
        return None
    moment, token = (",".join(headers.get(name, ())) for name in ("x-amz-date", "x-amz-security-token"))
    signed = tuple(match["signed"].split(";"))
    return Claim(
        scope["key"], scope["date"], scope["region"], scope["service"], signed, match["signature"], moment, token
    )


def claim_of_query(query: Sequence[tuple[str, str]]) -> Claim | None:
    """Return the claim of a presigned URL; None if a parameter is missing, malformed or repeated."""
    given = [(name, value) for name, value in query if name.startswith("X-Amz-")]
    parts = dict(given)
    scope = _SCOPE.fullmatch(parts.get("X-Amz-Credential", ""))
    expires = parts.get("X-Amz-Expires", "")
    if scope is None or parts.get("X-Amz-Algorithm") != ALGORITHM or not re.fullmatch("[0-9]{1,6}", expires):
        return None
    if len(parts) < len(given):
        return None
    signed = tuple(parts.get("X-Amz-SignedHeaders", "").split(";"))
    signature, moment = parts.get("X-Amz-Signature", ""), parts.get("X-Amz-Date", "")
    if not re.fullmatch("[0-9a-f]{64}", signature):
        return None
    token = parts.get("X-Amz-Security-Token", "")
    made = (scope["key"], scope["date"], scope["region"], scope["service"], signed, signature, moment, token)
    return Claim(*made, int(expires))


def signature_of(claim: Claim, secret: str, method: str, path: str, query: str, headers: Headers, payload: str) -> str:
    """Return the expected signature of a request.

    `path` and `query` are still encoded, as sent. `payload` is the hash of the body or a placeholder such as UNSIGNED.
    """
    lines = "".join(f"{name}:{','.join(map(_plain, headers.get(name, ())))}\n" for name in claim.signed)
    request = "\n".join(
        (method, canonical_path(path, claim.service), canonical_query(query), lines, ";".join(claim.signed), payload)
    )
    hashed = hashlib.sha256(request.encode("latin-1", "replace")).hexdigest()
    return _sign(claim, secret, f"{ALGORITHM}\n{claim.moment}\n{claim.scope}\n{hashed}")


def canonical_path(path: str, service: str) -> str:
    """Return the path as botocore signs it: unchanged for S3, otherwise normalized and encoded a second time."""
    if service == "s3":
        return path or "/"
    steps: list[str] = []
    for step in path.split("/"):
        if step == "..":
            del steps[-1:]
        elif step not in ("", "."):
            steps.append(step)
    whole = "/" + "/".join(steps) + ("/" if steps and path.endswith("/") else "")
    return quote(whole.encode("latin-1"), safe="/~")


def canonical_query(query: str) -> str:
    """Return a query as it is signed: reencoded and sorted, without the signature itself."""
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    encoded = [(_encoded(name), _encoded(value)) for name, _, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded) if name != "X-Amz-Signature")


def pairs_of(query: str) -> list[tuple[str, str]]:
    """Return the decoded names and values of a query; as in AWS, a plus is not a space."""
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def hash_of(body: IO[bytes]) -> str:
    hashed = hashlib.sha256()
    while piece := body.read(_PIECE):
        hashed.update(piece)
    return hashed.hexdigest()


def are_chunks_signed(body: IO[bytes], claim: Claim, secret: str, kind: str, length: str) -> bool:
    """Whether an `aws-chunked` body is complete and each chunk's signature is valid and based on the previous one.

    `kind` is one of STREAMING; `length` is X-Amz-Decoded-Content-Length or empty. Reads the body to its end.
    """
    is_signed, has_trailer = not kind.startswith("STREAMING-UNSIGNED"), kind.endswith("-TRAILER")
    last, total = claim.signature, 0
    while True:
        chunk = _CHUNK.fullmatch(body.readline(_MAX_LINE))
        if chunk is None or bool(chunk["signature"]) != is_signed:
            return False
        size = int(chunk["size"], 16)
        hashed, total = _hash_of_chunk(body, size), total + size
        if hashed is None:
            return False
        if is_signed:
            said = f"{ALGORITHM}-PAYLOAD\n{claim.moment}\n{claim.scope}\n{last}\n{EMPTY}\n{hashed}"
            last = _sign(claim, secret, said)
            if not hmac.compare_digest(last, chunk["signature"].decode()):
                return False
        if size == 0:
            break
        if body.read(2) != b"\r\n":
            return False
    if length and length != str(total):
        return False
    if has_trailer:
        return _is_trailer_signed(body, claim, secret, last if is_signed else "")
    return body.read(3) in (b"", b"\r\n")


def _is_trailer_signed(body: IO[bytes], claim: Claim, secret: str, last: str) -> bool:
    """Whether the trailers are signed; without a previous signature (`last`), whether they are well-formed."""
    lines: list[bytes] = []
    signature = b""
    while line := body.readline(_MAX_LINE).rstrip(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"x-amz-trailer-signature":
            signature = value.strip()
        else:
            lines.append(name.strip().lower() + b":" + value.strip() + b"\n")
    if body.read(3) not in (b"", b"\r\n"):
        return False
    if not last:
        return not signature
    hashed = hashlib.sha256(b"".join(lines)).hexdigest()
    expected = _sign(claim, secret, f"{ALGORITHM}-TRAILER\n{claim.moment}\n{claim.scope}\n{last}\n{hashed}")
    return hmac.compare_digest(expected.encode(), signature)


def _hash_of_chunk(body: IO[bytes], size: int) -> str | None:
    hashed = hashlib.sha256()
    while size and (piece := body.read(min(size, _PIECE))):
        hashed.update(piece)
        size -= len(piece)
    return None if size else hashed.hexdigest()


def _plain(value: str) -> str:
    return " ".join(value.split())


def _encoded(part: str) -> str:
    return quote(unquote_to_bytes(part.encode("latin-1", "replace")), safe="-_.~")


def _sign(claim: Claim, secret: str, text: str) -> str:
    key = _signing_key(secret, claim.date, claim.region, claim.service)
    return hmac.digest(key, text.encode(), "sha256").hex()


@lru_cache(maxsize=256)
def _signing_key(secret: str, *scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for step in (*scope, "aws4_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    return key
