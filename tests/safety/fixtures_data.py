"""The contents of a registry that hostile requests are sent to, including resources of another account."""

from __future__ import annotations

import json
from typing import Any, Final

from safety.hostile_texts import ACCOUNT, ARN

OTHER_ACCOUNT: Final = "222222222222"
"""An account whose resources must not be visible to others."""
OTHER_GROUP: Final = "of-a-stranger"
"""The name of its group, repeated throughout its version."""

SPECIFICATION: Final = {
    "Containers": [{"Image": "churn:1", "ModelDataUrl": "s3://models/churn/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}
INSTANCE_TYPES: Final = {
    "SupportedTransformInstanceTypes": ["ml.m5.large"],
    "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
}
VERSION: Final = {"InferenceSpecification": SPECIFICATION, "CustomerMetadataProperties": {"accuracy": "0.93"}}
ALLOWED: Final = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
POLICY: Final = json.dumps({"Version": "2012-10-17", "Statement": [ALLOWED]})

INITIAL_CALLS: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    # an account, an operation, and its parameters
    *((ACCOUNT, "CreateModelPackageGroup", {"ModelPackageGroupName": name}) for name in ("churn", "fraud", "empty")),
    *(
        (ACCOUNT, "CreateModelPackage", {"ModelPackageGroupName": name, **VERSION})
        for name in ("churn", "churn", "fraud")
    ),
    (
        ACCOUNT,
        "CreateModelPackage",
        {"ModelPackageName": "lonely", "InferenceSpecification": {**SPECIFICATION, **INSTANCE_TYPES}},
    ),
    (ACCOUNT, "PutModelPackageGroupPolicy", {"ModelPackageGroupName": "fraud", "ResourcePolicy": POLICY}),
    (
        ACCOUNT,
        "AddTags",
        {"ResourceArn": f"{ARN}:model-package-group/churn", "Tags": [{"Key": "team", "Value": "growth"}]},
    ),
    (
        OTHER_ACCOUNT,
        "CreateModelPackageGroup",
        {"ModelPackageGroupName": OTHER_GROUP, "Tags": [{"Key": "team", "Value": OTHER_GROUP}]},
    ),
    (
        OTHER_ACCOUNT,
        "CreateModelPackage",
        {
            "ModelPackageGroupName": OTHER_GROUP,
            **VERSION,
            "CustomerMetadataProperties": {"accuracy": OTHER_GROUP, OTHER_GROUP: "1"},
        },
    ),
)
