"""``sqlite3`` of the standard library: synchronous, on the loop's own thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from data import CACHE_KIB, INSERT_LOG, SELECT_ALL, SELECT_ONE


def as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row)}


def connect(path: str, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


class Subject:
    sync = True

    def __init__(self, path: str, synchronous: str) -> None:
        self.connection = connect(path, synchronous)
        self.dicts = self.connection.cursor()
        self.dicts.row_factory = as_dict

    def execute(self, sql: str) -> None:
        self.connection.execute(sql)

    def value(self, sql: str) -> Any:
        return self.connection.execute(sql).fetchone()[0]

    def get(self, number: int) -> Any:
        return self.dicts.execute(SELECT_ONE, (number,)).fetchone()

    get_dict = get

    def insert(self, row: tuple[Any, ...]) -> None:
        self.connection.execute(INSERT_LOG, row)

    def insert_many(self, sql: str, rows: Iterable[Any]) -> None:
        self.connection.execute("BEGIN")
        self.connection.executemany(sql, rows)
        self.connection.execute("COMMIT")

    def dicts_of_all(self) -> Iterator[Any]:
        return iter(self.dicts.execute(SELECT_ALL))

    def tuples_of_all(self) -> Iterator[Any]:
        return iter(self.connection.execute(SELECT_ALL))

    def close(self) -> None:
        self.connection.close()


async def open_subject(path: str, synchronous: str) -> Subject:
    return Subject(path, synchronous)
