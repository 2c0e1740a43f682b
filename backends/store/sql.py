"""SQL statements built from tables and conditions; values are always bound as parameters."""

# ruff: noqa: S608 - statements contain only names from Table constants; values are bound

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

from .rows import Condition, Key, Operator, Table

Statement = tuple[str, list[object]]

OPERATORS = {"=": "{} = ?", "<": "{} < ?", ">": "{} > ?", "contains": "instr({}, ?) > 0"}


@cache
def get(table: Table) -> str:
    return f"SELECT {_columns(table)} FROM {table.name} WHERE {_key(table)}"


@cache
def text(table: Table) -> str:
    return f"SELECT record FROM {table.name} WHERE {_key(table)}"


@cache
def insert(table: Table) -> str:
    places = ", ".join("?" for _ in table.columns)
    return f"INSERT INTO {table.name} ({_columns(table)}) VALUES ({places}) ON CONFLICT DO NOTHING"


@cache
def insert_all(table: Table, count: int) -> str:
    places = f"({', '.join('?' for _ in table.key)})"
    rows = ", ".join(places for _ in range(count))
    return f"INSERT INTO {table.name} ({', '.join(table.key)}) VALUES {rows} ON CONFLICT DO NOTHING"


@cache
def delete_all(table: Table, count: int) -> str:
    """Compare each key separately: SQLite scans the whole table for (...) IN (VALUES ...)."""
    return f"DELETE FROM {table.name} WHERE {' OR '.join(f'({_key(table)})' for _ in range(count))}"


@cache
def update(table: Table, changed: tuple[str, ...]) -> str:
    settings = ", ".join(f"{column} = ?" for column in changed)
    return f"UPDATE {table.name} SET {settings}, rev = rev + 1 WHERE {_key(table)} AND rev = ?"


@cache
def next_version(table: Table) -> str:
    return f"UPDATE {table.name} SET last_version = last_version + 1 WHERE {_key(table)} RETURNING last_version"


def delete(table: Table, where: Sequence[Condition]) -> Statement:
    text, values = _conditions(where)
    return f"DELETE FROM {table.name} WHERE {text}", values


def count(table: Table, where: Sequence[Condition], limit: int) -> Statement:
    text, values = _conditions(where)
    return f"SELECT count(*) FROM (SELECT 1 FROM {table.name} WHERE {text} LIMIT ?) AS counted", [*values, limit]


def count_common(table: Table, wheres: Sequence[Sequence[Condition]], limit: int) -> Statement:
    """Count rows that meet the first conditions and have a row for each of the others with otherwise the same key."""
    first, *others = wheres
    named = {column for column, *_ in first}
    same = [column for column in table.key if column not in named]
    text, values = _conditions([(f"one.{column}", how, value) for column, how, value in first])
    for where in others:
        also, more = _conditions([(f"other.{column}", how, value) for column, how, value in where])
        also += "".join(f" AND other.{column} = one.{column}" for column in same)
        text += f" AND EXISTS (SELECT 1 FROM {table.name} AS other WHERE {also})"
        values += more
    return f"SELECT count(*) FROM (SELECT 1 FROM {table.name} AS one WHERE {text} LIMIT ?) AS counted", [*values, limit]


def find(
    table: Table,
    where: Sequence[Condition],
    order: Sequence[str],
    descending: bool,
    after: Key | None,
    limit: int,
    columns: tuple[str, ...] = (),
) -> Statement:
    conditions = tuple((column, operator) for column, operator, _ in where)
    text = _find(table, conditions, tuple(order), descending, after is not None, columns or table.columns)
    return text, [*(value for *_, value in where), *(after or ()), limit]


@lru_cache(maxsize=256)
def _find(
    table: Table,
    where: tuple[tuple[str, Operator], ...],
    order: tuple[str, ...],
    descending: bool,
    is_after: bool,
    columns: tuple[str, ...],
) -> str:
    text, _ = _conditions([(column, operator, None) for column, operator in where])
    if is_after:
        places = ", ".join("?" for _ in order)
        text += f" AND ({', '.join(order)}) {'<' if descending else '>'} ({places})"
    direction = "DESC" if descending else "ASC"
    sorting = f" ORDER BY {', '.join(f'{column} {direction}' for column in order)}" if order else ""
    return f"SELECT {', '.join(columns)} FROM {table.name} WHERE {text}{sorting} LIMIT ?"


def _columns(table: Table) -> str:
    return ", ".join(table.columns)


def _key(table: Table) -> str:
    return " AND ".join(f"{column} = ?" for column in table.key)


def _conditions(where: Sequence[Condition]) -> Statement:
    text = " AND ".join(OPERATORS[operator].format(column) for column, operator, _ in where)
    return text or "1 = 1", [value for *_, value in where]
