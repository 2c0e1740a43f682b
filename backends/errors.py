"""The errors a registry answers with, for callers on every backend: one tree, each with AWS's code.

Codes are the bare names seen in `__type` of captured SageMaker answers. `ValidationException` for "does not exist" is
what the service does (boto3#2808).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


class RegistryError(Exception):
    """An answer that is an error: `code` as in AWS's `__type`, `message` as AWS words it, HTTP `status`."""

    code: str
    status: int = 400

    def __init_subclass__(cls) -> None:
        if "code" not in vars(cls):
            cls.code = cls.__name__

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ValidationException(RegistryError):
    """A value, or a combination of values, that AWS refuses; a name that does not exist."""


class ConflictException(RegistryError):
    """The resource is in a state that forbids the change."""


class AccessDeniedException(RegistryError):
    """The caller may not do this to that resource."""


class SerializationException(RegistryError):
    """The body is not the JSON of the operation's input shape. (AWS's code; the sentences are ours.)"""


class UnknownOperationException(RegistryError):
    """Nobody on this endpoint answers that operation. (AWS's code; the sentences are ours.)"""


class RequestTooLarge(RegistryError):
    """The body is over the limit of the server. (Our choice: AWS's answer has not been seen.)"""

    status = 413


class MisdirectedRequest(RegistryError):
    """The Host or Origin header names somebody else: a browser page, or DNS rebinding."""

    status = 421


class NotAuthenticated(RegistryError):
    """A request is not signed, or not as it should be; AWS's code for that is another in each protocol."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class ThrottlingException(RegistryError):
    """Try again: SDKs do so by themselves."""


class SerializationFailure(ThrottlingException):
    """The store has undone a transaction for the sake of another: the same again may well succeed."""

    code = ThrottlingException.code


class ServiceUnavailable(RegistryError):
    """The store cannot write now; nothing was changed."""

    status = 503


class InternalFailure(RegistryError):
    """The store is damaged, or we have a bug; nothing was changed."""

    status = 500


class UpstreamError(RegistryError):
    """The error of a registry behind this one, as it came."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class NotHandled(Exception):
    """The request is not about this registry's resources: the rest of SageMaker answers it. Nobody's error."""


class ConnectionDropped(Exception):
    """What was asked for is done, and nobody is to hear of it: a fault of tests, for clients a lost connection."""


class BackendUnavailable(Exception):
    """A backend's URL cannot be opened: the sentence says why and what to do. Raised at start, never as an answer."""


class Misconfigured(BackendUnavailable):
    """A setting is wrong: at `place`, a path of keys in registry.toml, with `value` if that is what is wrong."""

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
    """Return a hint at what a word was meant to be, for the end of a sentence; empty if there is nothing like it."""
    from difflib import get_close_matches

    close = get_close_matches(word, [str(one) for one in known], n=1)  # type: ignore[attr-defined]
    return f"; did you mean {close[0]!r}?" if close else ""
