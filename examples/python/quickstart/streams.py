"""Rows one after another: more than have to fit in memory."""

from __future__ import annotations

import ubiqlite

from .show import chapter, step

MANY = 100_000


async def run(db: ubiqlite.Database) -> None:
    """Inserts and streams many rows."""
    chapter("Streams", "However many rows there are, a few pages of 64 KiB are held.")
    with step("insert 100,000 items", MANY) as done:
        rows = ((f"item {number}", "bulk", number % 100) for number in range(1, MANY + 1))
        done(f"{await db.execute_many('INSERT INTO items (name, status, value) VALUES (?, ?, ?)', rows)} rows")
    with step("stream them", MANY) as done:
        letters = 0
        async for row in db.stream("SELECT * FROM items WHERE status = ?", ("bulk",)):
            letters += len(row["name"])
        done(f"{letters} letters")
    with step("as dicts, without SQL", MANY) as done:
        total = 0.0
        async for item in db.table("items", into=dict).select().where("status", "bulk"):
            total += item["value"]
        done(f"sum {total}")
    with step("stop early") as done:
        first = []
        async for row in db.table("items").select().where("id", ">", 5000):
            first.append(row["id"])
            if len(first) == 3:
                break
        done(f"{first}; leaving the loop stops the query")
