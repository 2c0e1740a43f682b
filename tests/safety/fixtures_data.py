"""What is in a registry that hostile requests are sent to: what they name, and what is another account's."""

from __future__ import annotations

import json
from typing import Any, Final

from safety.hostile_texts import ACCOUNT, ARN

STRANGER: Final = "222222222222"
"""An account with things of its own, which are nobody else's to see."""
STRANGERS: Final = "of-a-stranger"
"""What its group is called, and what is written all over its version."""

SPECIFICATION: Final = {
    "Containers": [{"Image": "churn:1", "ModelDataUrl": "s3://models/churn/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}
MACHINES: Final = {
    "SupportedTransformInstanceTypes": ["ml.m5.large"],
    "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
}
VERSION: Final = {"InferenceSpecification": SPECIFICATION, "CustomerMetadataProperties": {"accuracy": "0.93"}}
ALLOWED: Final = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
POLICY: Final = json.dumps({"Version": "2012-10-17", "Statement": [ALLOWED]})

FURNITURE: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    # an account, an operation, its parameters
    *((ACCOUNT, "CreateModelPackageGroup", {"ModelPackageGroupName": name}) for name in ("churn", "fraud", "empty")),
    *(
        (ACCOUNT, "CreateModelPackage", {"ModelPackageGroupName": name, **VERSION})
        for name in ("churn", "churn", "fraud")
    ),
    (
        ACCOUNT,
        "CreateModelPackage",
        {"ModelPackageName": "lonely", "InferenceSpecification": {**SPECIFICATION, **MACHINES}},
    ),
    (ACCOUNT, "PutModelPackageGroupPolicy", {"ModelPackageGroupName": "fraud", "ResourcePolicy": POLICY}),
    (
        ACCOUNT,
        "AddTags",
        {"ResourceArn": f"{ARN}:model-package-group/churn", "Tags": [{"Key": "team", "Value": "growth"}]},
    ),
    (
        STRANGER,
        "CreateModelPackageGroup",
        {"ModelPackageGroupName": STRANGERS, "Tags": [{"Key": "team", "Value": STRANGERS}]},
    ),
    (
        STRANGER,
        "CreateModelPackage",
        {
            "ModelPackageGroupName": STRANGERS,
            **VERSION,
            "CustomerMetadataProperties": {"accuracy": STRANGERS, STRANGERS: "1"},
        },
    ),
)
