"""The thirteen patterns that people write by hand around ``aiosqlite``, as they write them.

It is here to show that such code runs unchanged on ``ubiqlite.aiosqlite``::

    python patterns.py                 # on ubiqlite.aiosqlite, if aiosqlite is not installed
    python patterns.py --on ubiqlite   # on ubiqlite.aiosqlite
    python patterns.py --on aiosqlite  # on aiosqlite

All three print the same. ``quickstart/`` shows how to do the same with :func:`ubiqlite.open`,
and what these patterns do wrong.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

if "ubiqlite" in sys.argv:
    import ubiqlite.aiosqlite

    sys.modules["aiosqlite"] = ubiqlite.aiosqlite

try:
    import aiosqlite
except ModuleNotFoundError:
    import ubiqlite.aiosqlite as aiosqlite

SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, data TEXT NOT NULL DEFAULT '{}',
    status TEXT NOT NULL DEFAULT 'new', value REAL);
CREATE TABLE IF NOT EXISTS accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), total INTEGER, created_at TEXT);
INSERT OR IGNORE INTO accounts VALUES (1, 100), (2, 50), (3, 0);
INSERT OR IGNORE INTO users VALUES (1, 'ada@example.org');
INSERT OR IGNORE INTO orders VALUES (1, 1, 10, '2026-01-01'), (2, 1, 32, '2026-01-02');
"""


@asynccontextmanager
async def get_async_connection(path: str) -> AsyncIterator[aiosqlite.Connection]:
    """Opens a connection with the usual settings."""
    async with aiosqlite.connect(path) as db:
        db.row_factory = aiosqlite.Row
        await db.execute("PRAGMA journal_mode = WAL")
        await db.execute("PRAGMA foreign_keys = ON")
        yield db


async def query_items(path: str, status: str) -> list[dict[str, Any]]:
    """Returns the items with a status."""
    async with get_async_connection(path) as db:
        async with db.execute("SELECT * FROM items WHERE status = ? ORDER BY id", (status,)) as cursor:
            return [dict(row) for row in await cursor.fetchall()]


async def create_item(path: str, name: str, data: dict[str, Any]) -> int:
    """Inserts a new item, and returns its id."""
    async with get_async_connection(path) as db:
        cursor = await db.execute("INSERT INTO items (name, data) VALUES (?, ?)", (name, json.dumps(data)))
        await db.commit()
        assert cursor.lastrowid is not None
        return cursor.lastrowid


async def get_item(path: str, item_id: int) -> dict[str, Any] | None:
    """Returns an item, if it exists."""
    async with get_async_connection(path) as db:
        async with db.execute("SELECT * FROM items WHERE id = ?", (item_id,)) as cursor:
            row = await cursor.fetchone()
            return dict(row) if row else None


async def update_item(path: str, item_id: int, **fields: Any) -> bool:
    """Sets some columns, and returns whether there was a row."""
    if not fields:
        return False
    columns = ", ".join(f"{name} = :{name}" for name in fields)
    async with get_async_connection(path) as db:
        cursor = await db.execute(f"UPDATE items SET {columns} WHERE id = :id", {**fields, "id": item_id})
        await db.commit()
        return cursor.rowcount > 0


async def delete_item(path: str, item_id: int) -> bool:
    """Deletes an item, and returns whether there was one."""
    async with get_async_connection(path) as db:
        cursor = await db.execute("DELETE FROM items WHERE id = ?", (item_id,))
        await db.commit()
        return cursor.rowcount > 0


async def batch_insert(path: str, items: list[dict[str, Any]]) -> int:
    """Inserts many new items at once, and returns how many."""
    rows = [(item["name"], json.dumps(item.get("data", {})), item.get("value")) for item in items]
    async with get_async_connection(path) as db:
        cursor = await db.executemany("INSERT INTO items (name, data, value) VALUES (?, ?, ?)", rows)
        await db.commit()
        return cursor.rowcount


async def batch_update_status(path: str, ids: list[int], status: str) -> int:
    """Sets one status for many items, and returns how many there were."""
    async with get_async_connection(path) as db:
        marks = ", ".join("?" * len(ids))
        cursor = await db.execute(f"UPDATE items SET status = ? WHERE id IN ({marks})", (status, *ids))
        await db.commit()
        return cursor.rowcount


async def batch_transfer(path: str, transfers: list[tuple[int, int, int]]) -> None:
    """Moves money, all or nothing."""
    async with get_async_connection(path) as db:
        try:
            for source, target, amount in transfers:
                await db.execute("UPDATE accounts SET balance = balance - ? WHERE id = ?", (amount, source))
                await db.execute("UPDATE accounts SET balance = balance + ? WHERE id = ?", (amount, target))
            await db.commit()
        except BaseException:
            await db.rollback()
            raise


class Pool:
    """A pool of connections, each in use by one holder at a time."""

    def __init__(self, path: str, limit: int) -> None:
        """Makes a pool of at most ``limit`` connections."""
        self.path, self.free = path, asyncio.Semaphore(limit)
        self.idle: list[aiosqlite.Connection] = []

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[aiosqlite.Connection]:
        """Yields a connection from the pool."""
        async with self.free:
            db = self.idle.pop() if self.idle else await aiosqlite.connect(self.path)
            try:
                yield db
            finally:
                await db.rollback()
                self.idle.append(db)

    async def close_all(self) -> None:
        """Closes the connections that were returned."""
        while self.idle:
            await self.idle.pop().close()


async def stream_items(path: str, size: int) -> AsyncIterator[dict[str, Any]]:
    """Yields all items, ``size`` at a time."""
    async with get_async_connection(path) as db, db.execute("SELECT * FROM items ORDER BY id") as cursor:
        while rows := await cursor.fetchmany(size):
            for row in rows:
                yield dict(row)


async def get_dashboard_data(path: str, user_id: int) -> dict[str, Any]:
    """Returns a user, the ten latest orders, and their totals."""
    async with get_async_connection(path) as db:
        user, orders, stats = await asyncio.gather(
            db.execute_fetchall("SELECT * FROM users WHERE id = ?", (user_id,)),
            db.execute_fetchall("SELECT * FROM orders WHERE user_id = ? ORDER BY created_at DESC LIMIT 10", (user_id,)),
            db.execute_fetchall("SELECT count(*) AS n, sum(total) AS total FROM orders WHERE user_id = ?", (user_id,)),
        )
        return {
            "user": [dict(row) for row in user],
            "orders": [dict(row) for row in orders],
            "stats": [dict(row) for row in stats],
        }


async def safe_insert(path: str, table: str, **fields: Any) -> tuple[bool, str]:
    """Inserts a row, and returns the outcome in words."""
    columns, marks = ", ".join(fields), ", ".join("?" * len(fields))
    async with get_async_connection(path) as db:
        try:
            await db.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(fields.values()))
            await db.commit()
        except aiosqlite.IntegrityError as error:
            text = str(error)
            if "UNIQUE" in text:
                return False, "Duplicate entry"
            return False, "Referenced record not found" if "FOREIGN KEY" in text else text
        except aiosqlite.OperationalError as error:
            text = str(error)
            if "no such table" in text:
                return False, "Table not found"
            return False, "Database busy" if "locked" in text else text
        return True, "Success"


async def rare(path: str) -> None:
    """Runs features that are used less often."""
    async with aiosqlite.connect(path, isolation_level=None) as db:
        print("isolation", db.isolation_level, db.in_transaction)
        await db.executescript("CREATE TEMP TABLE seen (id); INSERT INTO seen VALUES (1), (2);")
        await db.create_function("twice", 1, lambda value: value * 2, deterministic=True)
        async with db.execute("SELECT twice(id) FROM seen") as cursor:
            print("function", [row[0] async for row in cursor], cursor.description[0][0])
        told: list[str] = []
        await db.set_trace_callback(told.append)
        await db.execute("SELECT 1")
        await db.set_trace_callback(None)
        print("traced", told)
        async with aiosqlite.connect(":memory:") as copy:
            await db.backup(copy)
            print("backup", await copy.execute_fetchall("SELECT count(*) FROM items"))
        print("dump", len([line async for line in db.iterdump()]), "lines")
        print("changes", db.total_changes)
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        running = asyncio.ensure_future(db.execute(endless))
        await asyncio.sleep(0.05)
        await db.interrupt()
        try:
            await running
        except sqlite3.OperationalError as error:
            print("stopped:", error)


async def main(path: str) -> None:
    """Runs all patterns, one after another."""
    async with get_async_connection(path) as db:
        await db.executescript(SCHEMA)
    lamp = await create_item(path, "lamp", {"watt": 40})
    print("created", lamp, await get_item(path, lamp), await get_item(path, 99))
    print("updated", await update_item(path, lamp, status="sold", value=2.5), await update_item(path, 99, status="x"))
    print("inserted", await batch_insert(path, [{"name": f"n{index}", "value": index} for index in range(300)]))
    print("statuses", await batch_update_status(path, [2, 3, 4, 9999], "done"))
    print("query", [item["name"] for item in await query_items(path, "done")])
    print("deleted", await delete_item(path, 2), await delete_item(path, 2))
    await batch_transfer(path, [(1, 2, 30), (2, 3, 80)])
    try:
        await batch_transfer(path, [(1, 2, 10), (3, 1, 1000)])
    except aiosqlite.IntegrityError as error:
        print("refused:", error)
    pool = Pool(path, 4)

    async def count() -> int:
        async with pool.acquire() as db, db.execute("SELECT sum(balance) FROM accounts") as cursor:
            row = await cursor.fetchone()
            assert row is not None
            return int(row[0])

    print("pool", set(await asyncio.gather(*(count() for _ in range(20)))))
    await pool.close_all()
    print("streamed", sum([1 async for _ in stream_items(path, 50)]))
    print("dashboard", await get_dashboard_data(path, 1))
    print(await safe_insert(path, "users", email="bob@example.org"))
    print(await safe_insert(path, "users", email="bob@example.org"))
    print(await safe_insert(path, "orders", user_id=99, total=1))
    print(await safe_insert(path, "missing", a=1))
    await rare(path)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(str(Path(folder) / "patterns.db")))
