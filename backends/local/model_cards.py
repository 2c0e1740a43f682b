"""The model card of a package: what its content may be, and how content and status may change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ..errors import ValidationException

Card = Mapping[str, Any]

SECTIONS = frozenset(
    {
        "model_overview",
        "intended_uses",
        "business_details",
        "training_details",
        "evaluation_details",
        "additional_information",
    }
)
"""Top level of the documented schema of a package's card: the general one without model_package_details."""

OVERVIEW = frozenset({"model_creator", "model_artifact"})


def check(stored: Card, sent: Card) -> None:
    """Check a card that is sent, against the one stored, which is empty when there is none.

    Raises:
        ValidationException: the content is not of the documented schema (sentences ours), content and status change
            in one call, or the card is archived (both sentences documented for model cards).
    """
    _check_content(sent)
    new_content, new_status = _differs(stored, sent, "ModelCardContent"), _differs(stored, sent, "ModelCardStatus")
    if stored and new_content and new_status:
        raise ValidationException("You cannot update both model card content and model card status in a single call.")
    if stored.get("ModelCardStatus") == "Archived" and new_content:
        raise ValidationException("Model Card is in Archived state")


def _check_content(card: Card) -> None:
    if "ModelCardContent" not in card:
        return
    try:
        content = orjson.loads(card["ModelCardContent"])
    except orjson.JSONDecodeError as error:
        raise ValidationException(f"ModelCardContent is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValidationException("ModelCardContent must be a JSON object.")
    _check_keys("ModelCardContent", content, SECTIONS)
    overview = content.get("model_overview", {})
    if not isinstance(overview, dict):
        raise ValidationException("model_overview of ModelCardContent must be a JSON object.")
    _check_keys("model_overview of ModelCardContent", overview, OVERVIEW)


def _check_keys(what: str, content: Mapping[str, Any], allowed: frozenset[str]) -> None:
    if unknown := sorted(set(content) - allowed):
        raise ValidationException(
            f"{what} of a model package cannot have {', '.join(unknown)}; it can have {', '.join(sorted(allowed))}."
        )


def _differs(stored: Card, sent: Card, member: str) -> bool:
    return member in sent and sent[member] != stored.get(member)
