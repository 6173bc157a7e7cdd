"""Several queries at once, of one moment."""

from __future__ import annotations

import asyncio

import ubiqlite

from .show import chapter, note, step


async def run(db: ubiqlite.Database) -> None:
    """Reads a user, the latest orders and their sum side by side."""
    chapter("A dashboard", "Three queries side by side, all of one moment: a snapshot.")
    orders = db.table("orders")
    grace = await db.table("users").insert(name="Grace", email="grace@example.org")
    await orders.insert_many({"user_id": grace, "total": number * 10} for number in range(1, 26))
    async with db.snapshot() as now:
        # Somebody places an order between two of the dashboard's queries.
        await orders.insert(user_id=grace, total=1_000_000)
        with step("three queries at once") as done:
            user, latest, totals = await asyncio.gather(
                now.query_one("SELECT name, email FROM users WHERE id = ?", (grace,)),
                now.query("SELECT id, total FROM orders WHERE user_id = ? ORDER BY id DESC LIMIT 10", (grace,)),
                now.query_one("SELECT count(*) AS count, sum(total) AS sum FROM orders WHERE user_id = ?", (grace,)),
            )
            done(f"{user['name']} <{user['email']}>")
    note("the ten latest orders", f"{len(latest)} of them, the first: no. {latest[0]['id']}, {latest[0]['total']}")
    note("count and sum", f"{totals['count']} orders, {totals['sum']} in all")
    after = await orders.select().where("user_id", grace).count()
    note("meanwhile", f"somebody ordered: there are {after} now; the dashboard is of the moment before")
