"""What can be typed after `sagemaker-registry`: one module for each kind of task."""

from __future__ import annotations

from . import (
    archive,
    authoring,
    backup,
    control,
    diagnosis,
    events,
    explanation,
    history,
    promotion,
    review,
    serving,
    verification,
)

ALL = (
    *serving.ALL,
    *review.ALL,
    *explanation.ALL,
    *authoring.ALL,
    *history.ALL,
    *events.ALL,
    *archive.ALL,
    *backup.ALL,
    *promotion.ALL,
    *verification.ALL,
    *diagnosis.ALL,
    *control.ALL,
)
