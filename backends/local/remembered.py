"""A probe that asks each question once: for one call, which must not wait for others while its transaction is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..base import Caller, Probe

Answer = TypeVar("Answer")


class Remembered:
    """Answers from what it has been told.

    Args:
        probe: who is asked what is not known yet.
    """

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._known: dict[tuple[Any, ...], Any] = {}

    def artifact(self, caller: Caller, bucket: str, key: str, *, is_prefix: bool) -> bool | None:
        """Whether the bucket holds the key; see `Probe`."""
        return self._once(
            ("artifact", caller, bucket, key, is_prefix),
            lambda: self._probe.artifact(caller, bucket, key, is_prefix=is_prefix),
        )

    def image(self, caller: Caller, image: str) -> bool | None:
        """Whether the registry holds the image; see `Probe`."""
        return self._once(("image", caller, image), lambda: self._probe.image(caller, image))

    def containers(self, caller: Caller, model: str) -> list[dict[str, Any]] | None:
        """Return the containers of a model; see `Probe`."""
        return self._once(("containers", caller, model), lambda: self._probe.containers(caller, model))

    def content(self, caller: Caller, bucket: str, key: str) -> bytes | None:
        """Return an object; see `Probe`."""
        return self._once(("content", caller, bucket, key), lambda: self._probe.content(caller, bucket, key))

    def _once(self, question: tuple[Any, ...], ask: Callable[[], Answer]) -> Answer:
        if question not in self._known:
            self._known[question] = ask()
        answer: Answer = self._known[question]
        return answer
