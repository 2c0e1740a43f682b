"""Promotion: versions of one registry brought to another, as a plan that is shown first and then carried out.

Any two boto3 clients will do, so each side may be a laptop's registry, a served one, or AWS. A copy is known by its
metadata (see `provenance`), so the same promotion can be run as often as one likes: what was created is found again,
and what changed in the source since is changed in the copy, but for its approval status, which is the destination's to
decide. What models are made of is not copied: objects in S3 and images in ECR must be where the destination's versions
say.
"""

from .applying import Done, Forgotten, Stale, apply
from .mapping import Mappings, pairs
from .planning import Refused, plan
from .plans import Plan, Same, Skipped, Step, name_of

__all__ = [
    "Done",
    "Forgotten",
    "Mappings",
    "Plan",
    "Refused",
    "Same",
    "Skipped",
    "Stale",
    "Step",
    "apply",
    "name_of",
    "pairs",
    "plan",
]
