"""The guide's page about rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import pytest
import ubiqlite


# region type
@dataclass
class Item:
    """A row of `items`."""

    name: str
    status: str = "new"
    price: Optional[float] = None
    id: Optional[int] = None


# endregion type


@asynccontextmanager
async def fresh(folder: Path) -> AsyncIterator[ubiqlite.Database]:
    """A database with the page's table."""
    async with ubiqlite.open(folder / "app.db") as db:
        # region schema
        await db.batch("""
            CREATE TABLE items (
                id     INTEGER PRIMARY KEY,
                name   TEXT NOT NULL,
                status TEXT NOT NULL DEFAULT 'new',
                price  REAL
            );
            CREATE INDEX items_by_status ON items (status);
        """)
        # endregion schema
        yield db


def test_one_row_by_its_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Insert, get, update, delete."""

    async def main() -> None:
        async with fresh(tmp_path) as db:
            # region insert
            items = db.table("items")
            item_id = await items.insert(name="lamp", price=19.9)

            lamp = await items.get(item_id)
            if lamp:
                print(lamp["name"], "is", lamp["status"])  # lamp is new
            # endregion insert
            assert capsys.readouterr().out == "lamp is new\n"
            assert lamp is not None
            assert dict(lamp) == {"id": 1, "name": "lamp", "status": "new", "price": 19.9}
            assert await items.get(999) is None

            # region update
            found = await items.update(item_id, status="done")  # True
            missing = await items.update(999, status="done")  # False
            deleted = await items.delete(item_id)  # True
            # endregion update
            assert (found, missing, deleted) == (True, False, True)
            assert await items.delete(item_id) is False
            with pytest.raises(ubiqlite.NoSuchColumn):
                await items.update(1, nmae="x")
            with pytest.raises(ubiqlite.NoSuchTable):
                await db.table("itmes").get(1)

    asyncio.run(main())


def test_upsert_inserts_or_updates(tmp_path: Path) -> None:
    """By the primary key."""

    async def main() -> None:
        async with fresh(tmp_path) as db:
            items = db.table("items")
            # region upsert
            await items.upsert(id=7, name="lamp", price=19.9)  # inserted
            await items.upsert(id=7, name="floor lamp")  # updated
            # endregion upsert
            row = await db.query_one("SELECT id, name, price FROM items")
            assert tuple(row) == (7, "floor lamp", 19.9)

            await db.batch("CREATE TABLE stock (place TEXT, shelf INTEGER, amount INTEGER, PRIMARY KEY (place, shelf))")
            stock = db.table("stock")
            assert await stock.insert(place="eu", shelf=7, amount=3) == ("eu", 7)
            assert await stock.get(("eu", 7)) is not None

    asyncio.run(main())


def test_rows_are_selected(tmp_path: Path) -> None:
    """By filters, in an order."""

    async def main() -> None:
        async with fresh(tmp_path) as db:
            items = db.table("items")
            await items.insert(name="lamp", price=19.9)
            await items.insert(name="chair", price=49.5, status="done")
            await items.insert(name="nail", price=0.1)
            await items.insert(name="table", price=99, status="gone")
            # region select
            found = await (
                items.select()
                .where_in("status", ["new", "done"])
                .where("price", ">=", 10)
                .order_by("price", "desc")
                .limit(20)
                .all()
            )
            new = await items.select().where("status", "new").count()
            # endregion select
            assert ([row["name"] for row in found], new) == (["chair", "lamp"], 2)

    asyncio.run(main())


def test_sql_has_parameters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By position or by name."""

    async def main() -> None:
        async with fresh(tmp_path) as db:
            item_id = await db.table("items").insert(name="lamp", price=19.9)
            # region query
            sql = "SELECT id, name FROM items WHERE status = ? AND price < ?"
            cheap = await db.query(sql, ("new", 50))
            lamp = await db.query_one("SELECT * FROM items WHERE id = ?", (item_id,))
            count = await db.query_value("SELECT count(*) FROM items", into=int)
            done = await db.execute(
                "UPDATE items SET status = :status WHERE id = :id",
                {"status": "done", "id": item_id},
            )
            print(done.rows_changed, "rows changed")
            # endregion query
            assert capsys.readouterr().out == "1 rows changed\n"
            assert (len(cheap), lamp["name"], count) == (1, "lamp", 1)
            missing = "SELECT * FROM items WHERE id = 999"
            with pytest.raises(ubiqlite.NotFound):
                await db.query_one(missing)
            assert await db.query_optional(missing) is None
            with pytest.raises(ubiqlite.InvalidArgument):
                await db.query(sql, ("new",))
            with pytest.raises(ubiqlite.InvalidArgument):
                await db.execute("DELETE FROM items; DELETE FROM items")

    asyncio.run(main())


def test_rows_are_ones_own_types(tmp_path: Path) -> None:
    """A dataclass goes in and comes out."""

    async def main() -> None:
        async with fresh(tmp_path) as db:
            # region into
            items = db.table("items", into=Item, key=int)
            item_id = await items.insert(Item("chair"))  # the key that is None is given by SQLite

            read = await items.get(item_id)
            new = await db.query("SELECT * FROM items WHERE status = ?", ("new",), into=Item)
            pairs = await db.query("SELECT id, name FROM items", into=tuple[int, str])
            # endregion into
            assert read == Item("chair", "new", None, 1)
            assert new == [read]
            assert pairs == [(1, "chair")]
            await db.execute("UPDATE items SET price = 'much'")
            with pytest.raises(ubiqlite.DatatypeMismatch, match="price"):
                await items.get(item_id)

    asyncio.run(main())


def test_many_rows_are_all_or_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One call, one transaction."""

    async def main() -> None:
        async with fresh(tmp_path) as db:
            items = db.table("items")
            # region many
            records = ({"name": f"item {number}"} for number in range(1, 1001))
            inserted = await items.insert_many(records)  # 1000
            updated = await items.update_many([1, 2, 5000], status="done")  # 2

            rows = ((f"part {number}", 0.5) for number in range(1, 1001))
            await db.execute_many("INSERT INTO items (name, price) VALUES (?, ?)", rows)
            # endregion many
            assert (inserted, updated, await items.count()) == (1000, 2, 2000)

            # region index
            try:
                await items.insert_many([{"name": "fine"}, {"name": None}])
            except ubiqlite.NotNullViolation as error:
                print(type(error).__name__, "at index", error.index)  # NotNullViolation at index 1
            # endregion index
            assert capsys.readouterr().out == "NotNullViolation at index 1\n"
            assert await items.count() == 2000

    asyncio.run(main())


def test_a_large_result_is_streamed(tmp_path: Path) -> None:
    """Leaving the loop stops the query."""

    async def main() -> None:
        async with fresh(tmp_path) as db:
            parts: Iterator[tuple[str, float]] = ((f"item {number}", 0.5) for number in range(1, 100_001))
            await db.execute_many("INSERT INTO items (name, price) VALUES (?, ?)", parts)
            total = 0.0
            # region stream
            async for row in db.stream("SELECT * FROM items WHERE status = ?", ("new",)):
                total += row["price"]
                if total >= 1000:
                    break  # the query stops with the loop
            # endregion stream
            assert total == 1000
            keys = [row["id"] async for row in db.table("items").stream()]
            assert keys == list(range(1, 100_001))

    asyncio.run(main())
