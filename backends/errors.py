"""The errors of every registry, each with AWS's code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from json import JSONDecodeError

    from botocore.exceptions import ClientError


class RegistryError(Exception):
    """An error response: AWS's code, its message and the HTTP status.

    The code is the bare name, as in `__type` of captured SageMaker responses.
    """

    code: str
    status: int = 400

    def __init_subclass__(cls) -> None:
        if "code" not in vars(cls):
            cls.code = cls.__name__

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ValidationException(RegistryError):
    """A value or a combination of values is invalid, or a name does not exist (as on AWS, boto3#2808)."""


class ConflictException(RegistryError):
    """The state of the resource does not allow the change."""


class AccessDeniedException(RegistryError):
    """The caller is not allowed to perform the operation on the resource."""


class SerializationException(RegistryError):
    """The body does not match the operation's input shape. (AWS's code; our choice of messages.)"""


class UnknownOperationException(RegistryError):
    """The endpoint does not support the operation. (AWS's code; our choice of messages.)"""


class RequestTooLarge(RegistryError):
    """The body exceeds the limit of the server. (Our choice: AWS's response has not been observed.)"""

    status = 413


class MisdirectedRequest(RegistryError):
    """The Host or Origin header names another site: a request from a web page, or DNS rebinding."""

    status = 421


class NotAuthenticated(RegistryError):
    """The signature is missing or invalid; AWS's code depends on the protocol."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class ThrottlingException(RegistryError):
    """The client should retry, as AWS SDKs do automatically."""


class SerializationFailure(ThrottlingException):
    """The store rolled back a transaction because of a concurrent one; a retry may succeed."""

    code = ThrottlingException.code


class ServiceUnavailable(RegistryError):
    """The store cannot write at the moment; nothing has changed."""

    status = 503


class InternalFailure(RegistryError):
    """The store is damaged, or the registry has a bug; nothing has changed."""

    status = 500


class UpstreamError(RegistryError):
    """An error of the registry behind this one, unchanged."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class NotHandled(Exception):
    """The request is not about the registry's resources and must be passed on to the rest of SageMaker."""


class ConnectionDropped(Exception):
    """Close the connection instead of responding, after the request was performed (fault injection)."""


class BackendUnavailable(Exception):
    """A registry cannot be opened; the message says why and how to fix it. Raised at startup, never as a response."""


class Misconfigured(BackendUnavailable):
    """A setting is invalid: `place` is its path of keys in registry.toml, `value` the invalid entry of a list there."""

    def __init__(self, sentence: str, place: tuple[str | int, ...] = (), value: str = "") -> None:
        super().__init__(sentence)
        self.place = place
        self.value = value


def as_client_error(error: RegistryError, operation: str) -> ClientError:
    from botocore.exceptions import ClientError

    answer: Any = {
        "Error": {"Code": error.code, "Message": error.message},
        "ResponseMetadata": {"HTTPStatusCode": error.status},
    }
    return ClientError(answer, operation)


def did_you_mean(word: str, known: object) -> str:
    """Return a suggestion for a misspelled word, as the end of a sentence; empty if no known word is similar."""
    from difflib import get_close_matches

    close = get_close_matches(word, [str(one) for one in known], n=1)  # type: ignore[attr-defined]
    return f"; did you mean {close[0]!r}?" if close else ""


def json_problem(error: JSONDecodeError, *, has_lines: bool = True) -> str:
    """Return the error of a decoder, `json` or `orjson`, as the end of a sentence: what is wrong, and where."""
    problem = error.msg[:1].lower() + error.msg[1:].removesuffix(" at")
    return f"{problem} ({f'line {error.lineno}, ' if has_lines else ''}column {error.colno})"
