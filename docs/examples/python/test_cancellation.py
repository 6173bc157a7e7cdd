"""The programs of the page on cancellation."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import ubiqlite

SCHEMA = """
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    INSERT INTO items (name) VALUES ('lamp'), ('chair');
    CREATE TABLE payments (id TEXT PRIMARY KEY, amount INTEGER NOT NULL);
"""
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
REPORT = f"{NUMBERS} SELECT count(*) FROM n"
IMPORT = f"INSERT INTO items (name) {NUMBERS} SELECT 'part ' || i FROM n"


def test_a_call_is_cancelled_with_its_task(tmp_path: Path) -> None:
    """Nothing stays behind."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db", readers=1) as db:
            await db.batch(SCHEMA)
            # region cancel
            task = asyncio.create_task(db.query_value(REPORT))
            await asyncio.sleep(0.05)
            task.cancel()  # or: await asyncio.wait_for(db.query_value(REPORT), 0.05)
            # endregion cancel
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(db.execute(IMPORT), 0.05)
            # The reader and the writer are free, and nothing was written.
            assert await db.table("items").count() == 2
            await db.execute("INSERT INTO items (name) VALUES ('table')", timeout=5)
            # A write that waits never runs.
            tx = await db.begin()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(db.execute("DELETE FROM items"), 0.05)
            await tx.commit()
            assert await db.table("items").count() == 3

    asyncio.run(main())


def test_a_time_limit(tmp_path: Path) -> None:
    """After it nothing was changed."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            late = False
            # region limit
            try:
                await db.execute(IMPORT, timeout=0.05)  # seconds
            except ubiqlite.Timeout:
                late = True  # nothing was imported
            # endregion limit
            assert late
            assert await db.table("items").count() == 2
            # region transaction
            async with db.transaction(timeout=1.0) as tx:  # to begin
                await tx.table("items").insert({"name": "table"}, timeout=0.5)
                count = await tx.query_value("SELECT count(*) FROM items", timeout=0.5)
            # endregion transaction
            assert count == 3
            tx = await db.begin()
            with pytest.raises(ubiqlite.Timeout):
                await db.begin(timeout=0.05)
            tx.close()

    asyncio.run(main())


def test_interrupt(tmp_path: Path) -> None:
    """Stops what runs."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            # region interrupt
            report = asyncio.create_task(db.query_value(REPORT))
            await asyncio.sleep(0.05)
            db.interrupt()  # of every task's calls
            try:
                await report
            except ubiqlite.Cancelled:
                print("stopped")
            # endregion interrupt
            assert isinstance(report.exception(), ubiqlite.Cancelled)
            assert await db.table("items").count() == 2

    asyncio.run(main())


def test_inside_a_transaction(tmp_path: Path) -> None:
    """What a call that was given up does to its transaction."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            # A read that is stopped leaves the transaction as it was.
            async with db.transaction() as tx:
                await tx.table("items").insert(name="table")
                with pytest.raises(ubiqlite.Timeout):
                    await tx.query_value(REPORT, timeout=0.05)
            assert await db.table("items").count() == 3
            # A write that is stopped while it runs ends the transaction, also in a savepoint.
            for limit in (True, False):
                tx = await db.begin()
                await tx.execute("DELETE FROM items")
                sp = await tx.begin_savepoint()
                if limit:
                    with pytest.raises(ubiqlite.Timeout):
                        await sp.execute(IMPORT, timeout=0.05)
                else:
                    with pytest.raises(asyncio.TimeoutError):
                        await asyncio.wait_for(sp.execute(IMPORT), 0.05)
                sp.close()
                with pytest.raises(ubiqlite.Cancelled):
                    await tx.commit()
                assert await db.table("items").count() == 3

            tx = await db.begin()
            await tx.execute("DELETE FROM items")
            importing = asyncio.ensure_future(tx.execute(IMPORT))
            await asyncio.sleep(0.05)
            db.interrupt()
            with pytest.raises(ubiqlite.Cancelled):
                await importing
            with pytest.raises(ubiqlite.Cancelled):
                await tx.commit()
            assert await db.table("items").count() == 3

            # A block whose task is cancelled is rolled back before the next write.
            async def block() -> None:
                async with db.transaction() as tx:
                    await tx.execute("DELETE FROM items")
                    await asyncio.sleep(60)

            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(block(), 0.05)
            assert (await db.execute("UPDATE items SET name = 'x'")).rows_changed == 3

    asyncio.run(main())


def test_a_write_that_can_be_repeated(tmp_path: Path) -> None:
    """Twice is as good as once."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            # region repeat
            payment = ("order 1042", 30)
            insert = "INSERT INTO payments (id, amount) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"
            try:
                await db.execute(insert, payment)
            except ubiqlite.OutcomeUnknown:
                await db.execute(insert, payment)  # changes nothing if the first one was done
            # endregion repeat
            assert (await db.execute(insert, payment)).rows_changed == 0
            assert await db.table("payments").count() == 1

    asyncio.run(main())


def test_closing(tmp_path: Path) -> None:
    """Accepted calls are done; what is open is rolled back."""

    path = tmp_path / "app.db"

    async def main() -> None:
        # region close
        async with ubiqlite.open(path) as db:
            await db.batch("CREATE TABLE notes (text TEXT)")
        # closed here; without a block: await db.close()
        # endregion close
        with pytest.raises(ubiqlite.Closed):
            await db.query("SELECT * FROM notes")
        await db.close()
        # Calls that were accepted are done.
        db = await ubiqlite.open(path)
        writes = [asyncio.ensure_future(db.execute("INSERT INTO notes VALUES ('a')")) for _ in range(50)]
        await asyncio.sleep(0)
        await db.close()
        await asyncio.gather(*writes)
        # What is open has the busy timeout to end, and is then rolled back.
        db = await ubiqlite.open(path, busy_timeout=0.2)
        tx = await db.begin()
        await tx.execute("DELETE FROM notes")
        await db.close()
        with pytest.raises(ubiqlite.Closed):
            await tx.commit()
        async with ubiqlite.open(path) as db:
            assert await db.table("notes").count() == 50

    asyncio.run(main())
