"""One database, many tasks, and private connections."""

from __future__ import annotations

import asyncio

import ubiqlite

from .show import chapter, refused, step


async def run(db: ubiqlite.Database) -> None:
    """Writes from many tasks, and acquires connections."""
    chapter("64 tasks", "Anybody may call at any time; whoever waits shares the way and the commit.")
    add = "UPDATE items SET value = value + 1 WHERE id = 1"
    with step("one task commits", 320) as done:
        for _ in range(320):
            await db.execute(add)
        done("320 commits, safe on the disk")
    with step("64 tasks commit", 640) as done:
        await asyncio.gather(*(_write(db, add, 10) for _ in range(64)))
        done("640, but those that wait share a commit")
    with step("acquire a session") as done:
        async with db.acquire() as session:
            await session.execute("CREATE TEMP TABLE basket (item_id INTEGER)")
            await session.execute("INSERT INTO basket VALUES (?), (?)", (10, 11))
            basket = await session.query("SELECT name FROM items JOIN basket ON items.id = item_id")
        done(f"with a temporary table of its own: {', '.join(row['name'] for row in basket)}")
    with step("64 tasks share 8 sessions") as done:
        await asyncio.gather(*(_lend(db) for _ in range(64)))
        done("each waits its turn and gives it back")
    lent = [await db.acquire() for _ in range(8)]
    await refused("the ninth, while 8 are out", db.acquire(timeout=0.02))
    for session in lent:
        session.close()


async def _write(db: ubiqlite.Database, sql: str, times: int) -> None:
    for _ in range(times):
        await db.execute(sql)


async def _lend(db: ubiqlite.Database) -> None:
    async with db.acquire() as session:
        await session.query_value("SELECT count(*) FROM items")
