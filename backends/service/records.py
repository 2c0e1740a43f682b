"""What the records of packages name: containers and artifacts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .. import model

S3_URL = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+)")


def artifacts(params: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield bucket, key and whether it is a prefix, of every model artefact; only s3:// URLs are looked for."""
    for container in containers(params):
        source = container.get("ModelDataSource", {}).get("S3DataSource", {})
        for url, is_prefix in (
            (container.get("ModelDataUrl"), False),
            (source.get("S3Uri"), source.get("S3DataType") == "S3Prefix"),
        ):
            match = S3_URL.fullmatch(url or "")
            if match:
                yield match["bucket"], match["key"], is_prefix


def containers(params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return model.structures("CreateModelPackage", params, "ModelPackageContainerDefinition", of_input=True)
