"""The programs of the page on concurrency."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
import ubiqlite

SCHEMA = """
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, sold INTEGER NOT NULL DEFAULT 0);
    INSERT INTO items (name, sold) VALUES ('lamp', 1), ('chair', 0), ('table', 1);
"""


def test_reads_run_next_to_a_write(tmp_path: Path) -> None:
    """They see what was committed."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            # region beside
            async with db.transaction() as tx:
                await tx.execute("DELETE FROM items WHERE sold = 1")
                mine = await tx.query_value("SELECT count(*) FROM items", into=int)
                committed = await db.query_value("SELECT count(*) FROM items", into=int)
            # mine is 1, committed is 3
            # endregion beside
            assert (mine, committed) == (1, 3)
            assert await db.query_value("SELECT count(*) FROM items") == 1

    asyncio.run(main())


def test_many_reads_at_once(tmp_path: Path) -> None:
    """On several connections."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            # region reads
            items, sold, lamp = await asyncio.gather(
                db.table("items").count(),
                db.query("SELECT name FROM items WHERE sold = 1 ORDER BY id", into=str),
                db.table("items").get(1),
            )
            # endregion reads
            assert (items, sold) == (3, ["lamp", "table"])
            assert lamp is not None
            assert lamp["name"] == "lamp"

    asyncio.run(main())


def test_writes_that_wait_together_share_a_commit(tmp_path: Path) -> None:
    """Each has its own result."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            # region writes
            names = [f"part {number}" for number in range(100)]
            insert = "INSERT INTO items (name) VALUES (?)"
            await asyncio.gather(*(db.execute(insert, (name,)) for name in names))
            # endregion writes
            assert await db.table("items").count() == 103
            # One that fails takes no other with it.
            done = await asyncio.gather(
                *(db.execute(insert, (name,)) for name in ("shelf", "lamp", "door")), return_exceptions=True
            )
            assert isinstance(done[1], ubiqlite.UniqueViolation)
            assert await db.table("items").count() == 105

    asyncio.run(main())


def test_busy(tmp_path: Path) -> None:
    """A transaction in which nothing happens makes a write fail."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db", busy_timeout=0.5) as db:
            await db.batch(SCHEMA)
            stalled = await db.begin()
            sold = 0
            # region busy
            try:
                done = await db.execute("UPDATE items SET sold = 1 WHERE id = ?", (2,))
                sold = done.rows_changed
            except ubiqlite.Busy as error:
                print(f"nothing was changed; try again later: {error}")
            # endregion busy
            assert sold == 0
            # A write waits for as long as the transaction goes on.
            assert await stalled.query_value("SELECT sold FROM items WHERE id = 2") == 0

            async def work() -> None:
                for _ in range(10):
                    await stalled.execute("UPDATE items SET sold = sold + 1 WHERE id = 1")
                    await asyncio.sleep(0.1)
                await stalled.commit()

            working = asyncio.ensure_future(work())
            since = time.monotonic()
            await db.execute("UPDATE items SET sold = 1 WHERE id = 2")
            assert time.monotonic() - since > 0.9
            await working

    asyncio.run(main())


def test_a_snapshot_reads_one_moment(tmp_path: Path) -> None:
    """Whatever is written meanwhile."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            # region snapshot
            async with db.snapshot() as moment:
                count = await moment.table("items").count()
                await db.execute("DELETE FROM items WHERE sold = 1")  # by anybody, meanwhile
                names = await moment.query("SELECT name FROM items ORDER BY id", into=str)
            # count is 3, and names has three
            # endregion snapshot
            assert (count, names) == (3, ["lamp", "chair", "table"])
            assert await db.table("items").count() == 1
            async with db.snapshot() as moment:
                with pytest.raises(ubiqlite.ReadOnly):
                    await moment.query("DELETE FROM items RETURNING id")

    asyncio.run(main())


def test_a_session_is_a_connection_of_its_own(tmp_path: Path) -> None:
    """What is set in it ends with it."""

    archive_path = str(tmp_path / "archive.db")

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db", sessions=1) as db:
            await db.batch(SCHEMA)
            # region attach
            async with db.acquire() as session:
                await session.execute("ATTACH ? AS archive", (archive_path,))
                async with session.transaction() as tx:
                    await tx.execute("CREATE TABLE archive.sold AS SELECT * FROM items WHERE sold = 1")
                    await tx.execute("DELETE FROM items WHERE sold = 1")
            # endregion attach
            assert await db.table("items").count() == 1
            async with ubiqlite.open(archive_path) as archive:
                assert await archive.table("sold").count() == 2
            # region temporary
            async with db.acquire() as session:
                await session.execute("CREATE TEMP TABLE basket (item_id INTEGER)")
                await session.execute_many("INSERT INTO basket VALUES (?)", [(2,), (3,)])
                names = await session.query("SELECT name FROM items JOIN basket ON item_id = id", into=str)
            # endregion temporary
            assert names == ["chair"]
            async with db.acquire() as session:
                for sql in ("SELECT * FROM basket", "SELECT * FROM archive.sold"):
                    with pytest.raises(ubiqlite.NoSuchTable):
                        await session.query(sql)
                with pytest.raises(ubiqlite.Timeout):
                    await db.acquire(timeout=0.05)
                # Statements of one's own begin and end transactions here.
                await session.execute("BEGIN")
                await session.execute("DELETE FROM items")
            assert await db.table("items").count() == 1
            for sql in ("ATTACH ':memory:' AS other", "CREATE TEMP TABLE seen (id)", "PRAGMA foreign_keys = OFF"):
                with pytest.raises(ubiqlite.InvalidArgument):
                    await db.execute(sql)

    asyncio.run(main())


def test_the_sizes_of_the_pools(tmp_path: Path) -> None:
    """Sessions are limited; readers that are held are replaced."""

    path = tmp_path / "app.db"

    async def main() -> None:
        # region pool
        db = await ubiqlite.open(
            path,
            readers=4,
            sessions=2,
            acquire_timeout=1.0,
            busy_timeout=2.0,
        )
        # endregion pool
        lent = [await db.acquire() for _ in range(2)]
        with pytest.raises(ubiqlite.Timeout):
            await db.acquire()
        # Readers that are held are replaced.
        moments = [await db.snapshot() for _ in range(6)]
        assert await db.query_value("SELECT 1") == 1
        for session in lent:
            session.close()
        for moment in moments:
            moment.close()
        await db.close()

    asyncio.run(main())
