"""The SQLite and PostgreSQL stores, their tables and the version of their schema."""

from __future__ import annotations

from typing import Final

from ..errors import BackendUnavailable

SCHEMA_VERSION: Final = 1
"""The schema version of every store; increment it with each change to a table or an index."""


def check_schema_version(version: int) -> None:
    """Check that a database has the schema of this release; development versions have version 0.

    Raises:
        BackendUnavailable: the version differs; the message says how to proceed.
    """
    if version > SCHEMA_VERSION:
        raise BackendUnavailable(
            f"the database was created by a newer sagemaker-registry (schema version {version}; this release supports "
            f"{SCHEMA_VERSION}): upgrade this installation, or open a backup made before the upgrade"
        )
    if version < SCHEMA_VERSION:
        raise BackendUnavailable(
            "the database was created by a development version of sagemaker-registry: export it with that version "
            "(sagemaker-registry export registry.jsonl) and import it here (sagemaker-registry import registry.jsonl)"
        )
