"""What can be typed after `sagemaker-registry`: one module for each kind of task."""

from __future__ import annotations

from . import events, history, review, serving

ALL = (*serving.ALL, *review.ALL, *history.ALL, *events.ALL)
