"""The PostgreSQL store: several servers on one database, and errors of the database."""

from __future__ import annotations

import os
import socket
import string
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

if "CI" not in os.environ:
    pytest.importorskip("psycopg_pool", reason="pip install 'sagemaker-registry[postgres]'")

import psycopg

from sagemaker_registry.backends import BackendUnavailable
from sagemaker_registry.backends.base import BackendOptions, Caller
from sagemaker_registry.backends.errors import (
    ConflictException,
    InternalFailure,
    RegistryError,
    ServiceUnavailable,
    ThrottlingException,
    ValidationException,
)
from sagemaker_registry.backends.local import open_postgres
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store import SCHEMA_VERSION, postgres_schema
from sagemaker_registry.backends.store import postgres as store
from sagemaker_registry.backends.store.rows import (
    EVENTS,
    GROUPS,
    HEADS,
    HISTORY,
    NOTES,
    PACKAGES,
    POLICIES,
    TERMS,
    TOKENS,
)
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows
from sagemaker_registry.backends.store.transactions import Transaction

pytest_plugins = ("support.postgres",)

CALLER = Caller()
GROUP = {"ModelPackageGroupName": "churn"}
ROW = {"account": "1", "region": "r", "name": "n", "created": 1, "last_version": 0, "rev": 0, "record": {"a": 1}}
KEY = ("1", "r", "n")


def open_registry(url: str) -> LocalRegistry:
    return open_postgres(url, BackendOptions())


@pytest.fixture
def rows(postgres_url: str) -> Iterator[store.PostgresRows]:
    rows = store.PostgresRows(postgres_url)
    yield rows
    rows.close()


@pytest.fixture
def two(postgres_url: str) -> Iterator[tuple[LocalRegistry, LocalRegistry]]:
    """Return the registries of two servers on one database, each with its own pool."""
    with open_registry(postgres_url) as one, open_registry(postgres_url) as other:
        yield one, other


def concurrently(*calls: Callable[[], Any]) -> list[Any]:
    """Call the functions at the same moment, in one thread each, and return their results or errors."""
    ready = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        ready.wait(30)
        try:
            return call()
        except RegistryError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def versions(registry: LocalRegistry) -> list[int]:
    listed = registry.call("ListModelPackages", {**GROUP, "MaxResults": 100}, CALLER)["ModelPackageSummaryList"]
    return sorted(summary["ModelPackageVersion"] for summary in listed)


def test_a_failed_write_leaves_nothing(rows: store.PostgresRows) -> None:
    with pytest.raises(ZeroDivisionError), rows.writing() as writing:
        assert writing.insert(GROUPS, ROW)
        raise ZeroDivisionError
    with rows.reading() as reading:
        assert reading.find(GROUPS, [("account", "=", "1")], limit=10) == []


def test_an_update_needs_the_revision_it_read(rows: store.PostgresRows) -> None:
    with rows.writing() as writing:
        assert writing.insert(GROUPS, ROW)
        assert not writing.insert(GROUPS, ROW)
        assert writing.update(GROUPS, KEY, 0, {"record": {"a": 2}})
        assert not writing.update(GROUPS, KEY, 0, {"record": {"a": 3}})
        assert writing.get(GROUPS, KEY) == {**ROW, "rev": 1, "record": {"a": 2}}


def test_a_reader_sees_a_snapshot_and_cannot_write(rows: store.PostgresRows) -> None:
    with rows.reading() as reading:
        assert reading.find(GROUPS, [("account", "=", "1")], limit=10) == []
        with rows.writing() as writing:
            writing.insert(GROUPS, ROW)
        assert reading.find(GROUPS, [("account", "=", "1")], limit=10) == []
    with rows.reading() as reading:
        assert len(reading.find(GROUPS, [("account", "=", "1")], limit=10)) == 1
    with pytest.raises(ServiceUnavailable, match="read-only: nothing was changed"), rows.reading() as reading:
        Transaction(reading.run).insert(GROUPS, ROW)


def test_text_is_sorted_paged_and_searched_as_in_sqlite(rows: store.PostgresRows) -> None:
    """The cluster uses English order, in which 'a' < 'B', unlike in the order of bytes."""
    names = ["B", "a", "b-a", "bb", "Z", "é", "10", "9", "%_", "A"]
    memory = SQLiteRows(None)
    for store_ in (rows, memory):
        with store_.writing() as writing:
            for name in names:
                assert writing.insert(GROUPS, {**ROW, "name": name})
        with store_.reading() as reading:
            scope = [("account", "=", "1"), ("region", "=", "r")]
            found = reading.find(GROUPS, scope, ["name", "account"], limit=20)
            assert [row["name"] for row in found] == sorted(names)
            found = reading.find(GROUPS, scope, ["name"], descending=True, after=("a",), limit=2)
            assert [row["name"] for row in found] == ["Z", "B"]
            assert [row["name"] for row in reading.find(GROUPS, [("name", "contains", "_")], limit=9)] == ["%_"]
            assert [row["name"] for row in reading.find(GROUPS, [("name", "contains", "b")], ["name"], limit=1)] == [
                "b-a"
            ]
            assert reading.find(GROUPS, [*scope, ("created", ">", 10**15), ("created", "<", 10**17)], limit=1) == []
    memory.close()


def test_two_servers_assign_consecutive_versions(two: tuple[LocalRegistry, LocalRegistry]) -> None:
    two[0].call("CreateModelPackageGroup", GROUP, CALLER)
    calls = [lambda registry=registry: registry.call("CreateModelPackage", GROUP, CALLER) for registry in two * 15]
    answers = concurrently(*calls)
    assert [answer for answer in answers if isinstance(answer, RegistryError)] == []
    assert versions(two[0]) == versions(two[1]) == list(range(1, 31))


def test_concurrent_groups_of_one_name_are_created_once(two: tuple[LocalRegistry, LocalRegistry]) -> None:
    calls = [lambda r=registry: r.call("CreateModelPackageGroup", GROUP, CALLER) for registry in two * 4]
    rejected = [answer for answer in concurrently(*calls) if isinstance(answer, RegistryError)]
    assert [str(error).partition(":")[0] for error in rejected] == ["Model Package Group already exists"] * 7


def test_concurrent_updates_are_not_lost(two: tuple[LocalRegistry, LocalRegistry]) -> None:
    two[0].call("CreateModelPackageGroup", GROUP, CALLER)
    arn = two[0].call("CreateModelPackage", GROUP, CALLER)["ModelPackageArn"]

    def update(registry: LocalRegistry, key: str) -> Any:
        changes = {"ModelPackageArn": arn, "CustomerMetadataProperties": {key: "kept"}}
        return registry.call("UpdateModelPackage", changes, CALLER)

    answers = concurrently(*(lambda n=n: update(two[n % 2], f"key-{n}") for n in range(20)))
    assert answers == [{"ModelPackageArn": arn}] * 20
    described = two[1].call("DescribeModelPackage", {"ModelPackageName": arn}, CALLER)
    assert described["CustomerMetadataProperties"] == {f"key-{n}": "kept" for n in range(20)}


def test_one_of_many_updates_of_the_same_revision_is_stored(postgres_url: str) -> None:
    servers = [store.PostgresRows(postgres_url) for _ in range(2)]
    with servers[0].writing() as writing:
        writing.insert(GROUPS, ROW)

    def approve(rows: store.PostgresRows, who: int) -> bool:
        with rows.writing() as writing:
            return writing.update(GROUPS, KEY, 0, {"record": {"by": who}})

    done = concurrently(*(lambda n=n: approve(servers[n % 2], n) for n in range(10)))
    assert done.count(True) == 1
    with servers[1].reading() as reading:
        assert reading.get(GROUPS, KEY) == {**ROW, "rev": 1, "record": {"by": done.index(True)}}
    for rows in servers:
        rows.close()


def test_only_an_empty_group_is_deleted(two: tuple[LocalRegistry, LocalRegistry]) -> None:
    """While deleting and registering concurrently, either the version is rejected or the group stays."""
    for _ in range(20):
        two[0].call("CreateModelPackageGroup", GROUP, CALLER)
        deleted, created = concurrently(
            lambda: two[0].call("DeleteModelPackageGroup", GROUP, CALLER),
            lambda: two[1].call("CreateModelPackage", GROUP, CALLER),
        )
        if isinstance(deleted, ConflictException):
            assert versions(two[0]) == [1]
            two[0].call("DeleteModelPackage", {"ModelPackageName": created["ModelPackageArn"]}, CALLER)
            two[0].call("DeleteModelPackageGroup", GROUP, CALLER)
        else:
            assert deleted == {}
            assert isinstance(created, ValidationException)
        assert versions(two[0]) == []


def test_a_group_being_deleted_accepts_no_version(postgres_url: str) -> None:
    """Without a lock on the group, this order of statements would lose a version."""
    rows = store.PostgresRows(postgres_url)
    with rows.writing() as writing:
        writing.insert(GROUPS, ROW)
    taken: list[int | None] = []

    def register() -> None:
        with rows.writing() as writing:
            taken.append(writing.next_version(KEY))

    with rows.writing() as deleting:
        assert deleting.get(GROUPS, KEY)
        registration = threading.Thread(target=register)
        registration.start()
        registration.join(0.3)
        assert registration.is_alive()
        assert deleting.find(PACKAGES, GROUPS.keyed(KEY), limit=1) == []
        assert deleting.delete(GROUPS, GROUPS.keyed(KEY)) == 1
    registration.join(30)
    assert taken == [None]
    rows.close()


def test_a_client_token_sent_to_two_servers_registers_once(two: tuple[LocalRegistry, LocalRegistry]) -> None:
    two[0].call("CreateModelPackageGroup", GROUP, CALLER)
    request = {**GROUP, "ClientToken": "at-once"}
    answers = concurrently(*(lambda r=registry: r.call("CreateModelPackage", request, CALLER) for registry in two * 8))
    assert answers == [answers[0]] * 16
    assert versions(two[0]) == [1]


def test_a_client_token_of_a_rejected_request_can_be_used_again(two: tuple[LocalRegistry, LocalRegistry]) -> None:
    request = {**GROUP, "ClientToken": "again"}
    rejected = concurrently(*(lambda r=registry: r.call("CreateModelPackage", request, CALLER) for registry in two * 4))
    assert [type(answer) for answer in rejected] == [ValidationException] * 8
    two[0].call("CreateModelPackageGroup", GROUP, CALLER)
    two[0].call("CreateModelPackage", request, CALLER)
    with pytest.raises(ConflictException, match="already used"):
        two[1].call("CreateModelPackage", {**request, "ModelPackageDescription": "another"}, CALLER)


def test_servers_can_start_concurrently_on_an_empty_database(postgres_url: str) -> None:
    script = (
        "import sys; from sagemaker_registry.backends.base import Caller, BackendOptions\n"
        "from sagemaker_registry.backends.local import open_postgres as open_registry\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "with open_registry(sys.argv[1], BackendOptions()) as registry:\n"
        "    print(registry.call('ListModelPackageGroups', {}, Caller()))"
    )
    command = [sys.executable, "-c", script, postgres_url]
    servers = [subprocess.Popen(command, stdin=-1, stdout=-1, text=True) for _ in range(4)]
    for server in servers:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
    for server in servers:
        assert server.stdin is not None
        server.stdin.write("go\n")
        server.stdin.flush()
    assert [server.communicate(timeout=60)[0] for server in servers] == ["{'ModelPackageGroupSummaryList': []}\n"] * 4
    with psycopg.connect(postgres_url) as connection:
        assert list(connection.execute("SELECT name, version FROM registry_schema")) == [("schema", SCHEMA_VERSION)]


def test_threads_can_start_concurrently_on_an_empty_database(postgres_url: str) -> None:
    for registry in concurrently(*[lambda: open_registry(postgres_url)] * 8):
        registry.ping()
        registry.close()


def test_the_tables_have_the_columns_of_sqlite(postgres_url: str) -> None:
    store.PostgresRows(postgres_url).close()
    columns = "SELECT column_name, data_type, collation_name FROM information_schema.columns WHERE table_name = %s"
    with psycopg.connect(postgres_url) as connection:
        for table in (GROUPS, PACKAGES, POLICIES, TOKENS, HISTORY, HEADS, EVENTS, NOTES, TERMS):
            found = list(connection.execute(columns, [table.name]))
            assert {name for name, *_ in found} == set(table.columns)
            assert {tuple(kind) for _, *kind in found} == {("text", "C"), ("bigint", None)}


def test_a_database_of_a_newer_release_is_rejected_and_unchanged(postgres_url: str) -> None:
    store.PostgresRows(postgres_url).close()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("UPDATE registry_schema SET version = 9999")
    with pytest.raises(
        BackendUnavailable, match=r"created by a newer sagemaker-registry .*9999.*upgrade this installation"
    ):
        store.PostgresRows(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        assert list(connection.execute("SELECT version FROM registry_schema")) == [(9999,)]


def test_a_database_of_a_development_version_is_rejected_and_unchanged(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE schema_steps (name TEXT NOT NULL PRIMARY KEY, applied BIGINT NOT NULL)")
    with pytest.raises(BackendUnavailable, match=r"created by a development version .*: export it .* import it here"):
        store.PostgresRows(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        tables = connection.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        assert tables.fetchall() == [("schema_steps",)]


def test_an_interrupted_schema_creation_does_not_block_the_next_server(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute(postgres_schema.VERSION_TABLE)
        connection.execute("INSERT INTO registry_schema (name) VALUES ('schema')")
        assert postgres_schema.version_of(connection) is None
    store.PostgresRows(postgres_url).close()
    with psycopg.connect(postgres_url) as connection:
        assert postgres_schema.version_of(connection) == SCHEMA_VERSION


def test_a_database_user_needs_only_row_privileges_on_existing_tables(postgres_url: str) -> None:
    store.PostgresRows(postgres_url).close()
    name = f"guest_{postgres_url.rpartition('/')[2]}"
    with psycopg.connect(postgres_url) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'guest'".encode())
        connection.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}".encode())
    with open_registry(f"postgresql://{name}:guest@{postgres_url.partition('@')[2]}") as registry:
        registry.call("CreateModelPackageGroup", GROUP, CALLER)
        with psycopg.connect(postgres_url) as connection:
            connection.execute(f"REVOKE INSERT ON model_packages FROM {name}".encode())
        with pytest.raises(InternalFailure, match="grant it access"):
            registry.call("CreateModelPackage", GROUP, CALLER)
    with psycopg.connect(postgres_url) as connection:
        connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def opening_error(url: str) -> str:
    """Return the error for a URL, and assert that it comes within 8 seconds and contains no password."""
    began = time.monotonic()
    with pytest.raises(BackendUnavailable) as caught:
        open_registry(url)
    assert time.monotonic() - began < 8
    assert "hunter" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_an_unreachable_server_is_named_in_the_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        message = opening_error(f"postgresql://alice:hunter2@127.0.0.1:{taken.getsockname()[1]}/models")
    assert message.startswith("the PostgreSQL database models on 127.0.0.1 cannot be opened: ")
    assert "refused" in message


def test_connecting_to_a_silent_server_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        message = opening_error(f"postgresql://alice:hunter2@127.0.0.1:{silent.getsockname()[1]}/models")
    assert "the PostgreSQL database models on 127.0.0.1 cannot be opened" in message


def test_a_wrong_password_is_not_shown(postgres_url: str) -> None:
    message = opening_error(postgres_url.replace("s3cr3t-w0rd", "hunter2"))
    assert 'password authentication failed for user "registry"' in message


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://alice:hunt@er2@127.0.0.1/models",
        "postgresql://alice:hunter/2@127.0.0.1/models",
        "postgresql://alice:hunter#2@127.0.0.1/models",
        "postgresql://alice:hunter%ZZ@127.0.0.1/models",
        "postgresql://alice@127.0.0.1/models?colour=hunter2",
        "postgresql://alice:hunter2@[127.0.0.1/models",
    ],
)
def test_an_invalid_url_is_not_repeated_in_the_error(url: str) -> None:
    assert opening_error(url).startswith("invalid database URL: expected postgresql://")


def test_lost_connections_are_reopened(postgres_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with open_registry(postgres_url) as registry:
        registry.call("CreateModelPackageGroup", GROUP, CALLER)
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sagemaker-registry'"
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"{cut} AND datname = current_database()")
        assert registry.call("CreateModelPackage", GROUP, CALLER)["ModelPackageArn"].endswith("/1")
    assert "s3cr3t" not in caplog.text


def test_a_connection_lost_during_a_call_is_service_unavailable(postgres_url: str) -> None:
    rows = store.PostgresRows(postgres_url)
    with pytest.raises(ServiceUnavailable, match="cannot be reached"), rows.writing() as writing:
        pid = writing.run("SELECT pg_backend_pid()", []).fetchall()[0][0]
        writing.insert(GROUPS, ROW)
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        writing.get(GROUPS, KEY)
    with rows.reading() as reading:
        assert reading.get(GROUPS, KEY) is None
    rows.close()


def test_a_row_that_stays_locked_is_a_throttling_error(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "WAIT_TIMEOUT", 1)
    with open_registry(postgres_url) as registry, psycopg.connect(postgres_url) as other:
        registry.call("CreateModelPackageGroup", GROUP, CALLER)
        other.execute("SELECT name FROM model_package_groups FOR UPDATE")
        with pytest.raises(ThrottlingException, match="Rate exceeded"):
            registry.call("CreateModelPackage", GROUP, CALLER)
        assert registry.call("DescribeModelPackageGroup", GROUP, CALLER)["ModelPackageGroupName"] == "churn"


def test_more_calls_than_connections_wait_for_each_other(two: tuple[LocalRegistry, LocalRegistry]) -> None:
    answers = concurrently(*[lambda: two[0].call("ListModelPackageGroups", {}, CALLER)] * (4 * store.MAX_CONNECTIONS))
    assert answers == [{"ModelPackageGroupSummaryList": []}] * len(answers)


def test_a_write_without_a_connection_in_time_changes_nothing(rows: store.PostgresRows) -> None:
    rows._pool.timeout = 0.2
    rows._pool.resize(1, 1)
    with rows.reading(), pytest.raises(ServiceUnavailable, match="nothing was changed"), rows.writing():
        pass


def test_nul_is_rejected_in_text_columns_and_kept_in_records(rows: store.PostgresRows) -> None:
    with pytest.raises(ValidationException, match="without NUL"), rows.writing() as writing:
        writing.insert(GROUPS, {**ROW, "name": "n\0"})
    with pytest.raises(ValidationException, match="without NUL"), rows.reading() as reading:
        reading.find(GROUPS, [("name", "contains", "\0")], limit=1)
    with rows.writing() as writing:
        assert writing.insert(GROUPS, {**ROW, "record": {"text": "n\0 %s ? 🙂"}})
        assert (writing.get(GROUPS, KEY) or {})["record"] == {"text": "n\0 %s ? 🙂"}


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("08006", ServiceUnavailable),
        ("57P01", ServiceUnavailable),
        ("53100", ServiceUnavailable),
        ("53300", ServiceUnavailable),
        ("25006", ServiceUnavailable),
        ("40003", ServiceUnavailable),
        ("40001", ThrottlingException),
        ("40P01", ThrottlingException),
        ("55P03", ThrottlingException),
        ("54000", ValidationException),
        ("XX001", InternalFailure),
        ("42P01", InternalFailure),
        (None, InternalFailure),
    ],
)
def test_every_error_of_postgresql_becomes_a_registry_error(state: str | None, kind: type[RegistryError]) -> None:
    error = psycopg.errors.lookup(state)("as it is") if state else psycopg.ProgrammingError("as it is")
    with pytest.raises(kind), store._translated():
        raise error


def test_a_value_too_large_for_an_index_is_rejected(rows: store.PostgresRows) -> None:
    path = "".join(Random(7).choices(string.ascii_letters, k=9_000))
    with (
        pytest.raises(ValidationException, match="exceeds the size limit of the registry"),
        rows.writing() as writing,
    ):
        writing.insert_all(TERMS, [("1", "r", "group", path, "v", 1, "n", 0)])
