"""What can be typed after `sagemaker-registry`: one module for each kind of task."""

from __future__ import annotations

from . import authoring, diagnosis, review, serving, verification

ALL = (*serving.ALL, *review.ALL, *authoring.ALL, *verification.ALL, *diagnosis.ALL)
