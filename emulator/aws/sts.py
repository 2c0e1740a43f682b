"""Identities of access keys that moto's STS and IAM issued, and GetCallerIdentity."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from ...backends.base import Caller, Identity, random_id
from ...backends.identities import Identities
from ..caller import caller_of
from ..http.bodies import length_of
from ..responses import headers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MADE_BY_MOTO = ("AKIA", "ASIA")
"""Prefixes of the access keys that moto issues to users and sessions."""

MAX_FORM = 2**12
"""Maximum bytes of a request that is parsed; GetCallerIdentity is always smaller."""

_ANSWER = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account></GetCallerIdentityResult>"
    "<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
)


def identity_of(caller: Caller) -> Identity | None:
    """Return the role session or IAM user that moto knows for an access key; None if moto did not issue it."""
    if not caller.access_key.startswith(MADE_BY_MOTO):
        return None
    for account, sts in _moto_backends("sts", caller):
        role = sts.get_assumed_role_from_access_key(caller.access_key)
        if role is not None:
            return Identity(role.session_name, role.arn, account, principal=role.user_id)
    for account, iam in _moto_backends("iam", caller):
        user = iam.get_user_from_access_key_id(caller.access_key)
        if user is not None:
            return Identity(user.name, user.arn, account, principal=user.id)
    return None


def _moto_backends(service: str, caller: Caller) -> Iterator[tuple[str, Any]]:
    """Yield the accounts and backends of a service in the caller's partition, if moto has loaded the service."""
    module = sys.modules.get(f"moto.{service}.models")
    if module is not None:
        for account, partitions in list(getattr(module, f"{service}_backends").items()):
            yield account, partitions[caller.partition]


@dataclass(frozen=True, slots=True)
class Issued:
    """The secret of an access key that moto issued; for sessions also the token and the expiration time."""

    secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    expires: float | None = None


def issued(caller: Caller) -> Issued | None:
    """Return the secret of a role session's or IAM user's access key; None if moto did not issue it."""
    if caller.access_key.startswith("ASIA"):
        for _, sts in _moto_backends("sts", caller):
            role = sts.get_assumed_role_from_access_key(caller.access_key)
            if role is not None:
                ends = role.expiration.replace(tzinfo=UTC).timestamp()
                return Issued(role.secret_access_key, role.session_token, ends)
    if caller.access_key.startswith("AKIA"):
        for _, iam in _moto_backends("iam", caller):
            key = iam.access_keys.get(caller.access_key)
            if key is not None and key.status == "Active" and key.user_name:
                return Issued(key.secret_access_key)
    return None


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """Answer GetCallerIdentity, and pass the registry's account of the caller to other services.

    For keys that it did not issue, moto would return another user than the registry stores in CreatedBy.
    """

    other_services: WSGIApplication
    identities: Identities

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        caller = self.identities.recognize(caller_of(environ, random_id()))
        environ.setdefault("HTTP_X_MOTO_ACCOUNT_ID", caller.account)
        if _is_for_sts(environ) and _action(environ) == "GetCallerIdentity":
            return _answer(caller, start_response)
        return self.other_services(environ, start_response)


def _is_for_sts(environ: WSGIEnvironment) -> bool:
    query = environ.get("QUERY_STRING", "")
    scope = "/sts/aws4_request"
    return scope in environ.get("HTTP_AUTHORIZATION", "") or ("X-Amz-Credential=" in query and scope in unquote(query))


def _action(environ: WSGIEnvironment) -> str:
    """Return the action in the query string or in the form body, which remains readable."""
    if environ.get("REQUEST_METHOD") == "GET":
        asked: str = parse_qs(environ.get("QUERY_STRING", "")).get("Action", [""])[0]
        return asked
    length = length_of(environ) or 0
    if environ.get("REQUEST_METHOD") != "POST" or length > MAX_FORM:
        return ""
    body = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = BytesIO(body)
    action: str = parse_qs(body.decode("latin-1")).get("Action", [""])[0]
    return action


def _answer(caller: Caller, start_response: StartResponse) -> Iterable[bytes]:
    user: Any = caller.user_context["IamIdentity"]
    values = (user["Arn"], user["PrincipalId"], caller.account, caller.request_id)
    body = _ANSWER.format(*(escape(value, quote=False) for value in values)).encode()
    start_response("200 OK", headers(body, "text/xml", caller.request_id))
    return [body]
