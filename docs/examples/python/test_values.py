"""The guide's page about values."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import Optional
from uuid import UUID, uuid4

import pytest
import ubiqlite


# region jsontype
@dataclass
class Details:
    """What is stored as JSON."""

    watt: int
    colours: list[str]


@dataclass
class Item:
    """A row: a class in a field is JSON text in the column."""

    name: str
    sold: bool = False
    data: Optional[Details] = None
    id: Optional[int] = None


# endregion jsontype


# region datetype
@dataclass
class Visit:
    """A row whose moment is text in UTC."""

    page: str
    at: datetime


# endregion datetype


# region exacttype
@dataclass
class Payment:
    """A row whose values are exact."""

    id: UUID
    amount: Decimal


# endregion exacttype


@asynccontextmanager
async def fresh() -> AsyncIterator[ubiqlite.Database]:
    """A database with the page's tables."""
    async with ubiqlite.open(":memory:") as db:
        await db.batch("""
            CREATE TABLE items (
                id INTEGER PRIMARY KEY, name TEXT NOT NULL, sold INTEGER NOT NULL DEFAULT 0, price REAL,
                photo BLOB, data TEXT CHECK (json_valid(data)));
            CREATE TABLE payments (id TEXT PRIMARY KEY, amount TEXT NOT NULL);
        """)
        yield db


def test_each_type_comes_back() -> None:
    """As SQLite stores it."""

    async def main() -> None:
        async with fresh() as db:
            items = db.table("items")
            # region types
            photo = bytes([0xFF, 0xD8, 0xFF])
            item_id = await items.insert(name="lamp", sold=True, price=None, photo=photo)

            row = await db.query_one("SELECT * FROM items WHERE id = ?", (item_id,))
            sold = row["sold"] == 1  # a boolean comes back as 0 or 1
            price = row["price"]  # None
            stored = row["photo"]  # bytes
            unpriced = await items.select().where_null("price").count()
            # endregion types
            assert (sold, price, stored, unpriced) == (True, None, photo, 1)
            assert await items.select().where("price", None).count() == 1
            assert await db.query_value("SELECT count(*) FROM items WHERE price = ?", (None,)) == 0
            assert (await db.query("SELECT name, sold FROM items", into=Item)) == [Item("lamp", True)]
            assert await db.query_value("SELECT sold FROM items", into=bool) is True

            assert await db.query_value("SELECT ?", (2**63 - 1,)) == 2**63 - 1
            with pytest.raises(ubiqlite.InvalidArgument):
                await db.query_value("SELECT ?", (2**63,))
            with pytest.raises(ubiqlite.DatatypeMismatch):
                await db.query_value("SELECT 1.5", into=int)
            assert await db.query_value("SELECT typeof(?)", (float("nan"),)) == "null"
            assert await db.query_value("SELECT typeof(?)", (20.0,)) == "real"

    asyncio.run(main())


def test_a_json_column() -> None:
    """A dict, or a class."""

    async def main() -> None:
        async with fresh() as db:
            # region json
            items = db.table("items", into=Item, key=int)
            item_id = await items.insert(name="lamp", data={"watt": 40, "colours": ["red"]})

            lamp = await items.get(item_id)  # lamp.data is a Details
            watt = await db.query_value("SELECT data ->> 'watt' FROM items", into=int)
            # endregion json
            assert lamp == Item("lamp", False, Details(40, ["red"]), 1)
            assert watt == 40
            assert await db.query_value("SELECT data FROM items") == '{"watt":40,"colours":["red"]}'
            with pytest.raises(ubiqlite.InvalidArgument):
                await items.insert(name="x", data={"watt": float("nan")})

    asyncio.run(main())


def test_moments_sort_by_time() -> None:
    """If all have one form."""

    async def main() -> None:
        async with fresh() as db:
            # region datetable
            await db.batch("""
                CREATE TABLE visits (
                    page TEXT NOT NULL,
                    at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000000Z', 'now')))
            """)
            # endregion datetable
            # region dates
            visits = db.table("visits", into=Visit)
            await visits.insert(Visit("/", datetime(2026, 1, 31, 12, tzinfo=timezone.utc)))
            await visits.insert(page="/about")  # now, from the column's default

            since = datetime(2026, 1, 31, tzinfo=timezone.utc)
            found = await visits.select().where("at", ">=", since).order_by("at").all()
            # endregion dates
            first = next(visit for visit in found if visit.page == "/")
            assert first.at == datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
            text = await db.query_value("SELECT at FROM visits WHERE page = '/'")
            assert text == "2026-01-31T12:00:00.000000000Z"
            now = await db.query_value("SELECT at FROM visits WHERE page = '/about'")
            assert len(now) == len(text)

            at_noon = "SELECT '2026-01-31 12:00:00' >= ?1, '2026-01-31 12:00:00' >= datetime(?1)"
            assert await db.query_one(at_noon, (since,), into=tuple) == (0, 1)
            naive = await db.query_value("SELECT '2026-01-31 12:00:00'", into=datetime)
            assert naive.tzinfo is None

    asyncio.run(main())


def test_decimals_and_uuids_are_text() -> None:
    """So no digit is lost."""

    async def main() -> None:
        async with fresh() as db:
            # region exact
            payments = db.table("payments", into=Payment, key=UUID)
            payment_id = await payments.insert(Payment(uuid4(), Decimal("19.90")))

            payment = await payments.get(payment_id)  # payment.amount is Decimal("19.90")
            # endregion exact
            assert payment == Payment(payment_id, Decimal("19.90"))
            assert await db.query_value("SELECT amount FROM payments") == "19.90"

    asyncio.run(main())
