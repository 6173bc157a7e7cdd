"""The programs of the page about testing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import ubiqlite

# region fixture
SCHEMA = """
    CREATE TABLE items (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, status TEXT NOT NULL DEFAULT 'new');
    CREATE TABLE log (item_id INTEGER NOT NULL REFERENCES items (id), text TEXT NOT NULL);
"""


@asynccontextmanager
async def fresh() -> AsyncIterator[ubiqlite.Database]:
    """A database of its own, with the schema."""
    async with ubiqlite.open(":memory:") as db:
        await db.batch(SCHEMA)
        yield db


# endregion fixture


# region test
def test_an_item_begins_as_new() -> None:
    """The status has a default."""

    async def main() -> None:
        async with fresh() as db:
            item_id = await db.table("items").insert(name="lamp")
            status = await db.query_value("SELECT status FROM items WHERE id = ?", (item_id,))
            assert status == "new"

    asyncio.run(main())


# endregion test


def test_databases_in_memory_share_nothing() -> None:
    """Each one is separate."""

    async def main() -> None:
        # region parallel
        async with fresh() as first, fresh() as second:
            await first.table("items").insert(name="lamp")
            assert await first.table("items").count() == 1
            assert await second.table("items").count() == 0
        # endregion parallel

    asyncio.run(main())


def test_a_database_in_memory_has_what_a_file_has() -> None:
    """Snapshots, readers beside a transaction, streams."""

    async def main() -> None:
        async with fresh() as db:
            # region same
            async with db.snapshot() as before:
                async with db.transaction() as tx:
                    await tx.table("items").insert(name="lamp")
                    assert await db.table("items").count() == 0  # not committed yet
                assert await db.table("items").count() == 1
                assert await before.table("items").count() == 0  # still the earlier moment
            # endregion same
            assert await db.query_value("PRAGMA journal_mode") == "wal"
            async for row in db.stream("SELECT * FROM items"):
                assert row["name"] == "lamp"
            with pytest.raises(ubiqlite.ForeignKeyViolation):
                await db.execute("INSERT INTO log VALUES (99, 'sold')")

    asyncio.run(main())


# region file
def test_a_file_keeps_what_was_written(tmp_path: Path) -> None:
    """What was committed is there when the file is opened again."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            await db.table("items").insert(name="lamp")
        async with ubiqlite.open(tmp_path / "app.db") as again:
            assert await again.table("items").count() == 1

    asyncio.run(main())
    # endregion file
    assert [file.name for file in tmp_path.iterdir()] == ["app.db"]


def test_a_closed_database_in_memory_is_gone() -> None:
    """Another one is empty."""

    async def main() -> None:
        async with fresh() as db:
            pass
        with pytest.raises(ubiqlite.Closed):
            await db.table("items").count()
        async with ubiqlite.open(":memory:") as other:
            with pytest.raises(ubiqlite.NoSuchTable):
                await other.table("items").count()

    asyncio.run(main())


def test_a_lock_is_held_by_the_test() -> None:
    """A short busy timeout keeps the test short."""

    async def main() -> None:
        # region busy
        async with ubiqlite.open(":memory:", busy_timeout=0.02) as db:
            await db.batch(SCHEMA)
            holder = await db.begin()
            with pytest.raises(ubiqlite.Busy):
                await db.table("items").insert(name="lamp")
            await holder.rollback()
            # endregion busy
            await db.table("items").insert(name="lamp")

    asyncio.run(main())
