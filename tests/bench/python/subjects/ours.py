"""ubiqlite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import ubiqlite

from data import CACHE_KIB, INSERT_LOG, SELECT_500K, SELECT_ALL, SELECT_ONE


class Subject:
    sync = False

    def __init__(self, db: ubiqlite.Database) -> None:
        self.db = db

    async def execute(self, sql: str) -> None:
        await self.db.execute(sql)

    async def value(self, sql: str) -> Any:
        return await self.db.query_value(sql)

    # As an application calls it: without a benchmark function in between.
    def get(self, number: int) -> Any:
        return self.db.query_one(SELECT_ONE, (number,))

    def get_dict(self, number: int) -> Any:
        return self.db.query_one(SELECT_ONE, (number,), into=dict)

    def insert(self, row: tuple[Any, ...]) -> Any:
        return self.db.execute(INSERT_LOG, row)

    async def insert_many(self, sql: str, rows: Iterable[Any]) -> None:
        await self.db.execute_many(sql, rows)

    def dicts_of_all(self) -> AsyncIterator[Any]:
        return self.db.stream(SELECT_ALL, into=dict)

    def rows_of_all(self) -> AsyncIterator[Any]:
        return self.db.stream(SELECT_ALL)

    def tuples_of_all(self) -> AsyncIterator[Any]:
        return self.db.stream(SELECT_ALL, into=tuple)

    def all_500k(self) -> Any:
        return self.db.query(SELECT_500K, into=dict)

    async def arrow(self) -> Any:
        # Only this work needs it.
        import pyarrow

        return pyarrow.table(await self.db.query_arrow(SELECT_500K))

    async def close(self) -> None:
        await self.db.close()


async def open_subject(path: str, synchronous: str) -> Subject:
    return Subject(await ubiqlite.open(path, synchronous=synchronous.lower(), cache_kib=CACHE_KIB))
