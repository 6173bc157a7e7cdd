"""The commit feed: what each commit is reported as, in order, and what ends it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conftest import Run

import ubiqlite
from ubiqlite import ChangedRow, ChangedTable

SCHEMA = """
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE pairs (b INT, a TEXT, v, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE blobs (k BLOB PRIMARY KEY);
    CREATE VIRTUAL TABLE notes USING fts5(body);
    INSERT INTO items VALUES (1, 'lamp'), (2, 'sofa');
"""


async def first_of(feed: Any) -> asyncio.Task[Any]:
    """Begins a feed, and returns the task that waits for its first event."""
    task = asyncio.ensure_future(feed.__anext__())
    await asyncio.sleep(0)
    return task


async def following(feed: Any) -> Any:
    return await asyncio.wait_for(feed.__anext__(), 20)


def test_each_commit_is_an_event_with_its_tables_and_keys(run: Run) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.batch(SCHEMA)
            async with db.commits() as feed:
                first = await first_of(feed)
                await db.execute("UPDATE items SET name = 'desk' WHERE id = 2")
                event = await asyncio.wait_for(first, 20)
                assert event.tables == [ChangedTable("items", [ChangedRow("update", 2)])]
                assert (event.everything, event.schema, event.external) == (False, False, False)
                moment = event.moment
                for sql, params, tables in (
                    ("INSERT INTO items VALUES (?, 'far')", (2**62,), [("items", [("insert", 2**62)])]),
                    ("INSERT INTO pairs VALUES (1, 'é', 0)", (), [("pairs", [("insert", ("é", 1))])]),
                    ("INSERT INTO blobs VALUES (?)", (b"12",), [("blobs", [("insert", b"12")])]),
                    ("UPDATE items SET id = 5 WHERE id = 1", (), [("items", [("delete", 1), ("insert", 5)])]),
                    ("INSERT INTO notes VALUES ('one')", (), [("notes", None)]),
                    ("DELETE FROM items", (), [("items", None)]),
                ):
                    await db.execute(sql, params)
                    event = await following(feed)
                    told = [(it.name, it.rows and [(row.kind, row.key) for row in it.rows]) for it in event.tables]
                    assert told == tables, sql
                    assert event.moment > moment
                    moment = event.moment
                row = await db.table("pairs").get(("é", 1))
                assert row is not None
                assert row["v"] == 0
                await db.execute("CREATE TABLE later (id INTEGER PRIMARY KEY)")
                event = await following(feed)
                assert event.schema
                assert event.everything
                await db.execute("INSERT INTO later VALUES (3)")
                assert (await following(feed)).tables == [ChangedTable("later", [ChangedRow("insert", 3)])]

    run(main())


def test_a_feed_of_some_tables_has_no_others_and_nothing_that_is_rolled_back(run: Run) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.batch(SCHEMA)
            feed = db.commits(["PAIRS"])
            first = await first_of(feed)
            await db.execute("INSERT INTO items VALUES (7, 'x')")
            with pytest.raises(ZeroDivisionError):
                async with db.transaction() as tx:
                    await tx.execute("INSERT INTO pairs VALUES (1, 'undone', 0)")
                    raise ZeroDivisionError
            async with db.transaction() as tx:
                await tx.execute("DELETE FROM items WHERE id = 7")
                await tx.execute("INSERT INTO pairs VALUES (1, 'a', 0), (2, 'a', 0)")
            event = await asyncio.wait_for(first, 20)
            rows = [ChangedRow("insert", ("a", 1)), ChangedRow("insert", ("a", 2))]
            assert event.tables == [ChangedTable("pairs", rows)]
            await feed.aclose()
            with pytest.raises(ubiqlite.InvalidArgument):
                await db.commits([1]).__anext__()  # type: ignore[list-item]

    run(main())


def test_a_reader_that_does_not_ask_loses_detail_and_no_change(run: Run) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.batch(SCHEMA)
            feed = db.commits("items")
            first = await first_of(feed)
            for key in range(1000, 1200):
                await db.execute("INSERT INTO items VALUES (?, '')", (key,))
            events = [await asyncio.wait_for(first, 20)]
            keys: list[Any] = []
            while len(keys) < 200:
                keys = [row.key for event in events for table in event.tables for row in table.rows]
                if len(keys) < 200:
                    events.append(await following(feed))
            assert keys == list(range(1000, 1200))
            assert len(events) <= 33

    run(main())


def test_a_cancelled_wait_loses_nothing(run: Run) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.batch(SCHEMA)
            feed = db.commits()
            (await first_of(feed)).cancel()
            for key in range(100, 160):
                task = await first_of(feed)
                write = asyncio.ensure_future(db.execute("INSERT INTO items VALUES (?, '')", (key,)))
                for _ in range(key % 7):
                    await asyncio.sleep(0)
                task.cancel()
                done = (await asyncio.gather(task, return_exceptions=True))[0]
                await write
                event = await following(feed) if isinstance(done, asyncio.CancelledError) else done
                assert event.tables == [ChangedTable("items", [ChangedRow("insert", key)])]

    run(main())


def test_it_ends_with_its_loop_and_when_the_database_closes(run: Run) -> None:
    async def main() -> None:
        db = await ubiqlite.open(":memory:")
        await db.batch(SCHEMA)
        late = db.commits(timeout=0.03)
        with pytest.raises(ubiqlite.Timeout):
            await late.__anext__()
        await db.execute("INSERT INTO items VALUES (50, '')")
        async for event in late:
            assert event.tables[0].rows == [ChangedRow("insert", 50)]
            break
        feed = db.commits()
        first = await first_of(feed)
        await db.close()
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(first, 20)
        assert [event async for event in feed] == []
        with pytest.raises(ubiqlite.Closed):
            await db.commits().__anext__()

    run(main())
