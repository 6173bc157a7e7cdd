"""``aiosqlite``, as its documentation uses it; and ``ubiqlite.aiosqlite``, with the same lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from data import CACHE_KIB, INSERT_LOG, SELECT_500K, SELECT_ALL, SELECT_ONE


async def connect(aiosqlite: Any, path: str, synchronous: str) -> Any:
    connection = await aiosqlite.connect(path)
    await connection.execute("PRAGMA journal_mode = WAL")
    await connection.execute(f"PRAGMA synchronous = {synchronous}")
    await connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    await connection.execute("PRAGMA foreign_keys = ON")
    connection.row_factory = aiosqlite.Row
    return connection


class Subject:
    sync = False

    def __init__(self, aiosqlite: Any, path: str, connection: Any) -> None:
        self.aiosqlite = aiosqlite
        self.path = path
        self.connection = connection
        self.lock = asyncio.Lock()

    async def execute(self, sql: str) -> None:
        await self.connection.execute(sql)
        await self.connection.commit()

    async def value(self, sql: str) -> Any:
        async with self.connection.execute(sql) as cursor:
            row = await cursor.fetchone()
        return row[0] if row else None

    async def get(self, number: int) -> Any:
        async with self.connection.execute(SELECT_ONE, (number,)) as cursor:
            return await cursor.fetchone()

    async def get_in_one_hop(self, number: int) -> Any:
        rows = list(await self.connection.execute_fetchall(SELECT_ONE, (number,)))
        return rows[0]

    async def get_connecting(self, number: int) -> Any:
        async with self.aiosqlite.connect(self.path) as connection:
            connection.row_factory = self.aiosqlite.Row
            async with connection.execute(SELECT_ONE, (number,)) as cursor:
                return await cursor.fetchone()

    async def insert(self, row: tuple[Any, ...]) -> None:
        await self.connection.execute(INSERT_LOG, row)
        await self.connection.commit()

    async def insert_apart(self, row: tuple[Any, ...]) -> None:
        # Without a lock, a commit includes everything that other tasks have written so far.
        async with self.lock:
            await self.insert(row)

    async def insert_many(self, sql: str, rows: Iterable[Any]) -> None:
        await self.connection.executemany(sql, rows)
        await self.connection.commit()

    async def all_500k(self) -> list[Any]:
        return list(await self.connection.execute_fetchall(SELECT_500K))

    async def dicts_of_all(self) -> AsyncIterator[Any]:
        async with self.connection.execute(SELECT_ALL) as cursor:
            async for row in cursor:
                yield row

    async def close(self) -> None:
        await self.connection.close()


async def open_subject(path: str, synchronous: str) -> Subject:
    import aiosqlite

    return Subject(aiosqlite, path, await connect(aiosqlite, path, synchronous))
