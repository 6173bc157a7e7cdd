"""One row at a time, without SQL, and selecting rows."""

from __future__ import annotations

import asyncio
import json

import ubiqlite

from .show import chapter, refused, step
from .tables import Item


async def run(db: ubiqlite.Database) -> None:
    """Creates, gets, updates, deletes, and selects."""
    chapter("Items, one at a time", "A table's operations need no SQL; names are checked.")
    items = db.table("items", into=Item)
    with step("create") as done:
        lamp = await items.insert(name="lamp", data={"watt": 40, "colours": ["red"]})
        done(f"id {lamp}, its data stored as JSON")
    with step("create another") as done:
        chair = await items.insert({"name": "chair", "value": 49.5})
        done(f"id {chair}, what it does not have gets the columns' defaults")
    with step("get") as done:
        item = await items.get(lamp)
        done(f"{item.name} is {item.status}, watt {json.loads(item.data)['watt']}" if item else "is not there")
    with step("get what is not there") as done:
        done(await items.get(999))
    with step("get, 10,000 times", 10_000) as done:
        for _ in range(10_000):
            await items.get(lamp)
        done("each awaited before the next")
    with step("by 64 tasks", 64 * 200) as done:
        await asyncio.gather(*(_get(items, lamp, 200) for _ in range(64)))
        done("side by side")
    with step("update") as done:
        done(f"a row changed: {await items.update(lamp, status='done', value=19.9)}")
    with step("update no field") as done:
        done(f"a row changed: {await items.update(lamp)}; the file was not touched")
    await refused("update a column of evil name", items.update(lamp, {"status = 'gone' --": 1}))
    with step("insert or update (upsert)") as done:
        done(f"id {await items.upsert(id=lamp, name='floor lamp')} has a new name, the other columns stay")
    with step("query by status") as done:
        done(_list(await db.query("SELECT * FROM items WHERE status = ?", ("done",), into=Item)))
    with step("the same without SQL") as done:
        done(_list(await items.select().where("status", "done").order_by("id").all()))
    with step("filters, order and limit") as done:
        rows = items.select().where_in("status", ["new", "done"])
        rows = rows.where("value", ">=", 10).where("name", "like", "%a%")
        done(_list(await rows.order_by("value", "desc").limit(5).all()))
    with step("named parameters, one value") as done:
        sql = "SELECT sum(value) FROM items WHERE value BETWEEN :low AND :high"
        done(f"the sum is {await db.query_value(sql, {'low': 10, 'high': 100})}")
    with step("delete") as done:
        done(f"a row went: {await items.delete(chair)}, and again: {await items.delete(chair)}")


async def _get(items: ubiqlite.Table[Item], key: int, times: int) -> None:
    for _ in range(times):
        await items.get(key)


def _list(items: list[Item]) -> str:
    return "; ".join(f"{item.id} {item.name} ({item.status}, {item.value})" for item in items)
