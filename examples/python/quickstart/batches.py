"""Many rows in one call and one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import ubiqlite

from .show import chapter, note, refused, step


async def run(db: ubiqlite.Database) -> None:
    """Inserts and updates many rows."""
    chapter("Many rows in one call", "One transaction each: all of it happens, or nothing.")
    items = db.table("items")
    with step("insert 1,000 items") as done:
        done(f"{await items.insert_many(_parts(1000))} rows")
    note("", f"{await items.select().where('data', '{}').count()} of them came without data, and have {{}}")
    with step("set the status of 5 ids") as done:
        changed = await items.update_many([10, 11, 12, 500_000, 500_001], status="archived")
        done(f"{changed} rows changed: two of the ids are unknown")
    with step("a statement for many rows") as done:
        screws = await db.execute_many("INSERT INTO items (name, value) VALUES (?, ?)", _screws(1000))
        done(f"{screws} rows, taken from an asynchronous generator as they are needed")
    with step("several statements") as done:
        deleted, sold = await db.batch(
            [
                ("DELETE FROM items WHERE name LIKE ?", ("screw %",)),
                ("UPDATE items SET status = 'sold' WHERE value > ?", (990,)),
            ]
        )
        done(f"{deleted.rows_changed} deleted, {sold.rows_changed} sold")
    before = await items.count()
    error = await refused("a list with a wrong row", items.insert_many([{"name": "fine"}, {"name": None}]))
    added = await items.count() - before
    note("", f"the row with index {error and error.index} of the list; {added} rows were inserted")


def _parts(many: int) -> Iterator[dict[str, Any]]:
    for number in range(1, many + 1):
        part = {"name": f"part {number}", "value": number}
        yield {**part, "data": {"even": True}} if number % 2 == 0 else part


async def _screws(many: int) -> AsyncIterator[tuple[str, float]]:
    for number in range(1, many + 1):
        yield f"screw {number}", 0.01
