"""What type checkers know of the surface. It is checked, and never run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Optional

import ubiqlite


@dataclass
class Item:
    """A row as a class."""

    id: int
    name: str


async def rows() -> AsyncIterator[tuple[int, str]]:
    """Rows from anywhere."""
    yield 1, "a"


async def surface() -> None:
    """Every kind of call, with the type that it answers."""
    async with ubiqlite.open("app.db", readers=2, busy_timeout=1.5, journal_mode="wal") as db:
        listed: list[ubiqlite.Row] = await db.query("SELECT 1")
        one: ubiqlite.Row = await db.query_one("SELECT ?", (1,))
        optional: Optional[ubiqlite.Row] = await db.query_optional("SELECT :a", {"a": 1}, timeout=1)
        value: Any = await db.query_value("SELECT 1")
        items: list[Item] = await db.query("SELECT * FROM items", into=Item)
        item: Item = await db.query_one("SELECT * FROM items", into=Item)
        maybe: Optional[Item] = await db.query_optional("SELECT * FROM items", into=Item)
        async for each in db.stream("SELECT * FROM items", into=Item):
            name: str = each.name
            print(name)
        async for row in db.stream("SELECT * FROM items"):
            first: Any = row["id"]
            print(first)
        async with db.stream("SELECT 1") as stream:
            rest: list[ubiqlite.Row] = await stream.fetch_all()
        done: ubiqlite.Executed = await db.execute("DELETE FROM items")
        changed: int = done.rows_changed + await db.execute_many("INSERT INTO items VALUES (?, ?)", rows())
        batch: list[ubiqlite.Executed] = await db.batch([("DELETE FROM items WHERE id = ?", (1,)), "VACUUM"])
        async with db.transaction(mode="deferred") as tx, tx.savepoint() as sp:
            await sp.execute("DELETE FROM items")
        handle: ubiqlite.Transaction = await db.begin()
        await handle.commit()
        async with db.snapshot() as moment:
            count: int = await moment.table("items").count()
        session: ubiqlite.Session = await db.acquire(timeout=1)
        session.close()
        table: ubiqlite.Table[Item] = db.table("items", into=Item)
        key: Any = await table.insert(name="lamp")
        key = await table.insert({"name": "lamp"}, timeout=2)
        yes: bool = await table.update(key, name="chair") and await table.update(key, {"name": "a"}, timeout=1)
        found: Optional[Item] = await table.get(key)
        selected: list[Item] = await table.select().where("name", "like", "a%").order_by("id", "desc").limit(3).all()
        async for each in table.select().where("name", "lamp"):
            name = each.name
        await db.table("accounts").transfer("balance", [(1, 2, 50)])
        print(listed, one, optional, value, items, item, maybe, rest, changed, batch, count, yes, found)
        print(selected)
    try:
        opened: ubiqlite.Database = await ubiqlite.open("app.db")
        await opened.close()
    except ubiqlite.UniqueViolation as error:
        columns: tuple[str, ...] = error.columns
        print(columns, error.kind, error.code)
