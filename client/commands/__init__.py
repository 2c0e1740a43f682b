"""What can be typed after `sagemaker-registry`: one module for each kind of task."""

from __future__ import annotations

from . import archive, history, review, serving

ALL = (*serving.ALL, *review.ALL, *history.ALL, *archive.ALL)
