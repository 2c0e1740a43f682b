"""Comparison of the behavior of two registries, for `verify` and for tests."""

from ...backends.urls import is_aws
from .comparison import CONFIG, IMAGE, PATIENCE_WITH_AWS, Report, StepReport, Verdict, compare, reaches_aws

__all__ = [
    "CONFIG",
    "IMAGE",
    "PATIENCE_WITH_AWS",
    "Report",
    "StepReport",
    "Verdict",
    "compare",
    "is_aws",
    "reaches_aws",
]
