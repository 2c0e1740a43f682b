"""Rows and the stores that keep them, in one version of the schema; knows nothing of AWS."""

from __future__ import annotations

from typing import Final

from ..errors import BackendUnavailable

SCHEMA_VERSION: Final = 1
"""The version of the schema of every store; a change of a table or an index raises it."""


def check_schema_version(version: int) -> None:
    """Check that a database has the schema of this release; version 0 is that of a development version.

    Raises:
        BackendUnavailable: it has another one; the message says how to go on.
    """
    if version > SCHEMA_VERSION:
        raise BackendUnavailable(
            f"the database was made by a newer sagemaker-registry (schema version {version}, and this one has "
            f"{SCHEMA_VERSION}): upgrade this installation, or open a backup made before the upgrade"
        )
    if version < SCHEMA_VERSION:
        raise BackendUnavailable(
            "the database was made by a development version of sagemaker-registry: export it with that version "
            "(sagemaker-registry export registry.jsonl) and import it here (sagemaker-registry import registry.jsonl)"
        )
