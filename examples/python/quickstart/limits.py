"""Time limits, cancelling, and interrupting."""

from __future__ import annotations

import asyncio

import ubiqlite

from .show import chapter, note, refused, step

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


async def run(db: ubiqlite.Database) -> None:
    """Cancels calls in every way."""
    chapter("Limits", "Any call can be given up, and leaves nothing behind.")
    items = db.table("items")
    await refused("a time limit of 50 ms", db.query_value(ENDLESS, timeout=0.05))
    with step("a task that is cancelled") as done:
        task = asyncio.ensure_future(db.query_value(ENDLESS))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
        done(f"cancelled: {task.cancelled()}, and the query is stopped")
    with step("a transaction in it") as done:
        task = asyncio.ensure_future(_never_ending(db))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
        done("rolled back before anybody else writes")
    note("", f"there are still {await items.count()} items")
    task = asyncio.ensure_future(db.query_value(ENDLESS))
    await asyncio.sleep(0.05)
    db.interrupt()
    await refused("interrupt", task)


async def _never_ending(db: ubiqlite.Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM items")
        await asyncio.sleep(60)
