"""ClientToken: the same request sent twice, by a client that lost the first answer, is carried out once.

The token is stored first, in the transaction of the change: whoever sends it at the same time, to this server or to
another, waits for the first answer, and a crash between commit and answer is covered. AWS says
only that the call is idempotent; what follows a reused token with another request, and how long a token is
remembered, are our choices.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from ..errors import ConflictException, ThrottlingException
from ..store.rows import TOKENS
from .context import Call

REMEMBERED_MS = 24 * 60 * 60 * 1000


def once(call: Call, params: Mapping[str, Any], answer: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Answer a call, or, if its token has been seen in this account and region, repeat the first answer.

    Raises:
        ConflictException: the token came with another request before.
    """
    token = params.get("ClientToken")
    if token is None:
        return answer()
    digest = hashlib.sha256(orjson.dumps(params, option=orjson.OPT_SORT_KEYS)).hexdigest()
    key = (call.caller.account, call.caller.region, call.operation, token)
    row = dict(zip(TOKENS.key, key, strict=True)) | {"created": call.now, "rev": 0, "digest": digest, "record": {}}
    if digest.endswith("0"):  # one in sixteen: to look each time would cost more than what is left lying
        _forget(call)
    stored = call.rows.insert(TOKENS, row)
    if not stored:
        _forget(call)  # perhaps what is in the way
        stored = call.rows.insert(TOKENS, row)
    if stored:
        result = answer()
        call.rows.update(TOKENS, key, 0, {"record": result})
        return result
    seen = call.rows.get(TOKENS, key)
    if seen is None:  # forgotten since, by a server whose clock is ahead of ours
        raise ThrottlingException("Rate exceeded")
    if seen["digest"] != digest:
        raise ConflictException(
            f"ClientToken {token} was already used for a {call.operation} request with other parameters."
        )
    first: Mapping[str, Any] = seen["record"]
    return first


def _forget(call: Call) -> None:
    """Remove the tokens of the account and region that are no longer remembered."""
    call.rows.delete(TOKENS, [*call.place(), ("created", "<", call.now - REMEMBERED_MS + 1)])
