"""Export of a registry to a SQLite database for Datasette, sqlite-utils, and pandas."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ...backends.errors import BackendUnavailable
from ...backends.views import METADATA, PENDING, first_container, iso, moment, parse_number, user_arn
from ..extensions import offers
from ..registry import events
from .format import Line
from .transfer import Progress, read

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from sqlite_utils import Database

BATCH = 200
"""Rows per table that are collected in memory before they are inserted."""

Row = dict[str, Any]

TABLES = {
    "groups": "arn account region name description created created_by tags",
    "versions": "arn group_arn name version description status reason stage stage_status package_status image"
    " model_data_url created created_by modified modified_by record",
    "metrics": "version_arn name value source",
    "metadata": "version_arn key value",
    "decisions": "id version_arn version_name at decision status previous_status decided_by reason approvals operation",
    "events": "position id at version_arn version_name type status detail",
}
NUMBERS = {"decisions.id": int, "decisions.approvals": int, "events.position": int, "versions.version": int} | {
    "metrics.value": float
}
KEYS = {"groups": "arn", "versions": "arn", "metadata": ("version_arn", "key"), "decisions": "id", "events": "position"}
REFERENCES = {"group_arn": ("group_arn", "groups", "arn"), "version_arn": ("version_arn", "versions", "arn")}
INDEXES = {
    "versions": ["group_arn", "status"],
    "metrics": ["version_arn", "name"],
    "metadata": ["key,value"],
    "decisions": ["version_arn", "at"],
    "events": ["version_arn", "at"],
}
SEARCHED = {"groups": ("name", "description"), "versions": ("name", "description", "reason"), "decisions": ("reason",)}
"""The columns with full-text search."""


def export_sqlite(
    client: SageMakerClient, file: BinaryIO, *, groups: Iterable[str] = (), progress: Progress = lambda lines: None
) -> Counter[str]:
    """Write a registry to a file as a SQLite database.

    The database is created in the folder for temporary files and copied to the file when it is complete.

    Args:
        client: a client of any registry; its account and region are exported. The tables `decisions` and `events` are
            empty if the registry keeps no history.
        file: a file that is open for writing; it need not be seekable.
        groups: patterns (`*`, `?`) of names of groups and unversioned packages; all by default.
        progress: called with the number of lines read so far.

    Returns:
        The number of rows, by the name of the table in the singular.

    Raises:
        BackendUnavailable: sqlite-utils is not installed, or the database cannot be written.
        ClientError: the registry rejects a request.
        ValueError: a history entry is damaged.
    """
    try:
        from sqlite_utils import Database
        from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the driver it chose
    except ModuleNotFoundError as error:
        raise BackendUnavailable(
            f"export --sqlite requires the package {error.name!r}: pip install 'sagemaker-registry[server]'"
        ) from error
    rows = _rows(client, list(groups) or None, progress)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "export.sqlite")
        try:
            with closing(Database(path, execute_plugins=False)) as db:
                counts = _write(db, rows)
        except sqlite3.Error as error:
            raise BackendUnavailable(f"cannot write the SQLite database in {folder}: {error}") from error
        with path.open("rb") as database:
            shutil.copyfileobj(database, file)
    return counts


def _write(db: Database, rows: Iterable[tuple[str, Row]]) -> Counter[str]:
    """Create the tables, insert rows in batches, and return the number of rows of each."""
    db.execute("PRAGMA synchronous = OFF")  # an incomplete database is deleted
    for table, names in TABLES.items():
        columns = {name: NUMBERS.get(f"{table}.{name}", str) for name in names.split()}
        references = [REFERENCES[name] for name in columns if name in REFERENCES]
        db.table(table).create(columns, pk=KEYS.get(table), foreign_keys=references)
    counts: Counter[str] = Counter()
    waiting: defaultdict[str, list[Row]] = defaultdict(list)
    for table, row in rows:
        counts[table.removesuffix("s")] += 1
        waiting[table].append(row)
        if len(waiting[table]) == BATCH:
            db.table(table).insert_all(waiting.pop(table))
    for table, rest in waiting.items():
        db.table(table).insert_all(rest)
    db.table("versions").create_index(["name"], unique=True)
    for table in ("decisions", "events"):
        # A deleted version has no row. If its group was recreated, a newer version may have the same name.
        db.execute(
            f"UPDATE {table} SET version_arn = (SELECT arn FROM versions"  # noqa: S608 - one of two constants
            f" WHERE versions.name = {table}.version_name AND versions.created <= {table}.at)"
        )
    for table, indexes in INDEXES.items():
        for indexed in indexes:
            db.table(table).create_index(indexed.split(","))
    for table, searched in SEARCHED.items():
        db.table(table).enable_fts(searched)
    return counts


def _rows(client: SageMakerClient, patterns: list[str] | None, progress: Progress) -> Iterator[tuple[str, Row]]:
    """Yield rows with their tables; the row of a group precedes those of its versions."""
    group_arn = None
    for number, line in enumerate(read(client, patterns)[1], start=1):
        if line["type"] == "group":
            group_arn = line["record"]["ModelPackageGroupArn"]
            yield "groups", _group(line)
        elif line["type"] == "package":
            yield "versions", _version(line) | {"group_arn": group_arn if line["version"] else None}
            yield from _metadata(line["record"])
        elif line["type"] == "change" and (decision := _decision(line)):
            yield "decisions", decision
        progress(number)
    if offers(client, "events"):
        for entry in (entry for page in events.pages(client) for entry in page["events"]):
            name = entry["event"]["detail"]["ModelPackageGroupName"]
            if patterns is None or any(fnmatchcase(name, pattern) for pattern in patterns):
                yield "events", _event(entry)


def _group(line: Line) -> Row:
    record = line["record"]
    _, _, _, region, account, _ = record["ModelPackageGroupArn"].split(":", 5)
    return {
        "arn": record["ModelPackageGroupArn"],
        "account": account,
        "region": region,
        "name": line["name"],
        "description": record.get("ModelPackageGroupDescription"),
        "created": _at(line["created"]),
        "created_by": user_arn(record.get("CreatedBy", {})),
        "tags": {tag["Key"]: tag["Value"] for tag in record.get("Tags", [])},
    }


def _version(line: Line) -> Row:
    record, version = line["record"], line["version"] or None
    image, model_data = first_container(record)
    return {
        "arn": record["ModelPackageArn"],
        "name": f"{line['name']}/{version}" if version else line["name"],
        "version": version,
        "description": record.get("ModelPackageDescription"),
        "status": record.get("ModelApprovalStatus"),
        "reason": record.get("ApprovalDescription"),
        "stage": record.get("ModelLifeCycle", {}).get("Stage"),
        "stage_status": record.get("ModelLifeCycle", {}).get("StageStatus"),
        "package_status": record.get("ModelPackageStatus"),
        "image": image,
        "model_data_url": model_data,
        "created": _at(line["created"]),
        "created_by": user_arn(record.get("CreatedBy", {})),
        "modified": _at(line["modified"]) if "LastModifiedTime" in record else None,
        "modified_by": user_arn(record.get("LastModifiedBy", {})),
        "record": {name: value for name, value in record.items() if not name.startswith("_")},
    }


def _metadata(record: Mapping[str, Any]) -> Iterator[tuple[str, Row]]:
    """Yield the metadata of a version, and the metrics in its metadata and its model card."""
    arn, metadata = record["ModelPackageArn"], record.get(METADATA, {})
    yield from (("metadata", {"version_arn": arn, "key": key, "value": value}) for key, value in metadata.items())
    found = [(METADATA, key, value) for key, value in metadata.items()]
    for source, name, value in [*found, *_of_card(record.get("ModelCard", {}).get("ModelCardContent"))]:
        if (number := parse_number(str(value))) is not None:
            yield "metrics", {"version_arn": arn, "name": name, "value": float(number), "source": source}


def _of_card(content: str | None) -> Iterator[tuple[str, str, Any]]:
    """Yield the section, name, and value of each object in a model card that has a name and a numeric value."""
    try:
        card = json.loads(content or "{}")
    except ValueError:  # other registries accept any text as a model card
        return
    parts = [(f"ModelCard.{name}", part) for name, part in card.items()] if isinstance(card, dict) else []
    while parts:
        source, part = parts.pop()
        if isinstance(part, dict) and isinstance(part.get("name"), str) and isinstance(part.get("value"), int | float):
            yield source, part["name"], part["value"]
        inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        parts += [(source, one) for one in inner]


def _decision(line: Line) -> Row | None:
    """Return the row of a change that set the approval status of a version or recorded an approval; otherwise None.

    The import of a new version is not a decision, because the imported history contains the decisions.
    """
    if line["kind"] != "package" or not line["version"]:
        return None
    try:
        content = json.loads(line["content"])
        before, after, reason = content["before"] or {}, content["after"] or {}, content["reason"]
        previous, status = before.get("ModelApprovalStatus"), after.get("ModelApprovalStatus")
        counts = [len(record.get("_Approval", {}).get("Approvals", [])) for record in (before, after)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        where = f"{line['name']}, change {line['seq']}"
        raise ValueError(f"{where} is damaged; run `sagemaker-registry history verify` to check the history") from error
    is_counted = counts[1] > counts[0]
    is_new = not before and (status == PENDING or line["operation"] == "import")
    if not after or is_new or (status == previous and not is_counted):
        return None
    return {
        "version_name": f"{line['name']}/{line['version']}",
        "at": _at(line["at"]),
        "decision": "Approved" if is_counted else status,
        "status": status,
        "previous_status": previous,
        "decided_by": line["actor"],
        "reason": reason,
        "approvals": counts[1] or None,
        "operation": line["operation"],
    }


def _event(entry: Mapping[str, Any]) -> Row:
    envelope, detail = entry["event"], entry["event"]["detail"]
    return {
        "position": entry["position"],
        "id": envelope["id"],
        "at": envelope["time"],
        "version_name": f"{detail['ModelPackageGroupName']}/{detail['ModelPackageVersion']}",
        "type": envelope["detail-type"],
        "status": detail.get("ModelApprovalStatus"),
        "detail": detail,
    }


def _at(milliseconds: int) -> str:
    return iso(moment(milliseconds / 1000))
