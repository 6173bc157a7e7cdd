"""The outbox: what waits to be sent, in order and once, until it is acknowledged."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from conftest import Run

import ubiqlite
import ubiqlite.aiosqlite
from ubiqlite import Outbox, OutboxBatch

SCHEMA = """
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE pairs (b INT, a TEXT, v, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE keyless (v);
    CREATE VIEW seen AS SELECT * FROM items;
    CREATE VIRTUAL TABLE notes USING fts5(body);
"""


async def waiting(outbox: Outbox) -> list[OutboxBatch]:
    """Returns what waits now."""
    found: list[OutboxBatch] = []
    while (batch := await outbox.next()) is not None:
        found.append(batch)
    return found


async def first_of(loop: AsyncIterator[OutboxBatch]) -> asyncio.Task[OutboxBatch]:
    """Returns the task that waits for the next batch, once it waits."""
    task: asyncio.Task[Any] = asyncio.ensure_future(loop.__anext__())  # type: ignore[arg-type]
    await asyncio.sleep(0)
    return task


def test_two_databases_exchange_their_changes(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as here, ubiqlite.open(":memory:") as there:
            await here.batch(SCHEMA)
            await there.batch(SCHEMA)
            outbox = await here.outbox(["items", "PAIRS"])
            assert await outbox.next() is None
            rows = [(1, None), (-(2**63), "é"), (3, "x" * 1_000_000), (2**62, "")]
            await here.execute_many("INSERT INTO items VALUES (?, ?)", rows)
            await here.execute("INSERT INTO pairs VALUES (1, 'a', ?), (2, 'a', -0.5)", (b"\x00\xff",))
            await here.execute("UPDATE items SET name = 'y' WHERE id = 1")
            await here.execute("DELETE FROM items WHERE id = 3")
            await here.execute("INSERT INTO keyless VALUES (1)")
            batches = await waiting(outbox)
            assert [type(batch) for batch in batches] == [OutboxBatch] * 4
            assert sorted({batch.id for batch in batches}) == [batch.id for batch in batches]
            for batch in batches:
                done = await there.apply(batch.bytes, "abort")
                assert done == ubiqlite.Applied([], False)
                await outbox.ack(batch.id)
            for sql in ("SELECT * FROM items", "SELECT * FROM pairs ORDER BY b"):
                assert await there.query(sql, into=tuple) == await here.query(sql, into=tuple)
            assert await there.query_value("SELECT count(*) FROM items") == 3
            assert await waiting(await here.outbox(["items", "pairs"])) == []

    run(main())


def test_what_is_not_acknowledged_waits_when_the_database_is_opened_again(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            outbox = await db.outbox("items")
            for key in range(1, 5):
                await db.execute("INSERT INTO items VALUES (?, '')", (key,))
            before = await waiting(outbox)
            await outbox.ack(before[1].id)
        async with ubiqlite.open(path) as db:
            # Recorded before anybody asks for the outbox.
            await db.execute("INSERT INTO items VALUES (5, '')")
            outbox = await db.outbox("items")
            again = await waiting(outbox)
            assert again[:-1] == before[2:]
            assert again[-1].id > before[-1].id
            await outbox.ack(again[-1].id)
            assert await waiting(await db.outbox("items")) == []

    run(main())


def test_what_is_rolled_back_is_no_batch_and_a_transaction_is_one(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.batch(SCHEMA)
            outbox = await db.outbox("items")
            with pytest.raises(ZeroDivisionError):
                async with db.transaction() as tx:
                    await tx.execute("INSERT INTO items VALUES (1, 'undone')")
                    raise ZeroDivisionError
            assert await outbox.next() is None
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO items VALUES (2, 'a')")
                with pytest.raises(ZeroDivisionError):
                    async with tx.savepoint() as sp:
                        await sp.execute("INSERT INTO items VALUES (3, 'undone')")
                        raise ZeroDivisionError
                assert await outbox.next() is None
                await tx.execute("INSERT INTO items VALUES (4, 'b')")
            [batch] = await waiting(outbox)
            async with ubiqlite.open(":memory:") as there:
                await there.batch(SCHEMA)
                await there.apply(batch.bytes, "theirs")
                assert await there.query("SELECT id FROM items", into=int) == [2, 4]

    run(main())


def test_a_loop_waits_for_the_next_commit_and_ends_when_the_database_closes(run: Run[None]) -> None:
    async def main() -> None:
        db = await ubiqlite.open(":memory:")
        await db.batch(SCHEMA)
        outbox = await db.outbox("items")
        seen: list[int] = []

        async def send() -> None:
            async for batch in outbox:
                await outbox.ack(batch.id)
                seen.append(batch.id)

        sending = asyncio.ensure_future(send())
        for key in range(20):
            await asyncio.sleep(0)
            await db.execute("INSERT INTO items VALUES (?, '')", (key,))
            while len(seen) <= key:
                await asyncio.sleep(0.001)
        assert await db.query_value("SELECT count(*) FROM ubiqlite_outbox") == 0
        await db.close()
        await asyncio.wait_for(sending, 20)
        assert seen == sorted(set(seen))
        assert [batch async for batch in outbox] == []
        with pytest.raises(ubiqlite.Closed):
            await outbox.next()
        with pytest.raises(ubiqlite.Closed):
            await outbox.ack(1)
        with pytest.raises(ubiqlite.Closed):
            await db.outbox("items")

    run(main())


def test_each_loop_has_its_own_place_and_closing_ends_them_all(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.batch(SCHEMA)
            async with await db.outbox("items") as outbox:
                await db.execute("INSERT INTO items VALUES (1, '')")
                await db.execute("INSERT INTO items VALUES (2, '')")
                seen = []
                for _ in range(2):
                    # Left, since sending failed for example: it comes again.
                    async for batch in outbox:
                        seen.append(batch)
                        break
                first, second = await waiting(outbox)
                assert seen == [first, first]
                loops = [outbox.__aiter__(), outbox.__aiter__()]
                assert [await loop.__anext__() for loop in [*loops, *loops]] == [first, first, second, second]
                assert await outbox.next() is None
                tasks = [await first_of(loop) for loop in loops]
                # Nobody who asks what is there now is behind those that wait.
                assert await asyncio.wait_for(outbox.next(), 20) is None
                await outbox.aclose()
                for task in tasks:
                    with pytest.raises(StopAsyncIteration):
                        await asyncio.wait_for(task, 20)
                assert [batch async for batch in outbox] == []
                with pytest.raises(ubiqlite.Closed, match="outbox is closed"):
                    await outbox.next()
                # The database is open, and what waits is there.
                await outbox.ack(first.id)
            assert await waiting(await db.outbox("items")) == [second]

    run(main())


def test_a_cancelled_wait_loses_nothing(run: Run[None]) -> None:
    async def main() -> None:
        source = random.Random(7)
        async with ubiqlite.open(":memory:") as db:
            await db.batch(SCHEMA)
            outbox = await db.outbox("items")
            loop = outbox.__aiter__()
            (await first_of(loop)).cancel()
            await asyncio.sleep(0)
            waited: list[OutboxBatch] = []
            asked: list[OutboxBatch] = []
            for key in range(300):
                wait = source.random() < 0.7
                task: asyncio.Task[Any] = asyncio.ensure_future(loop.__anext__() if wait else outbox.next())  # type: ignore[arg-type]
                write = asyncio.ensure_future(db.execute("INSERT INTO items VALUES (?, '')", (key,)))
                for _ in range(source.randrange(7)):
                    await asyncio.sleep(0)
                task.cancel()
                done = (await asyncio.gather(task, return_exceptions=True))[0]
                if isinstance(done, OutboxBatch):
                    (waited if wait else asked).append(done)
                await write
            everything = await waiting(await db.outbox("items"))
            assert len(everything) == 300
            assert asked + await waiting(outbox) == everything
            while len(waited) < 300:
                waited.append(await asyncio.wait_for(loop.__anext__(), 20))
            assert waited == everything

    run(main())


def test_a_wait_takes_no_turn_from_others_however_much_waits(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.batch(SCHEMA)
            outbox = await db.outbox("items")
            for key in range(2000):
                await db.execute("INSERT INTO items VALUES (?, '')", (key,))
            turns = 0

            async def other() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            task = asyncio.ensure_future(other())
            count = 0
            async for _ in outbox:
                count += 1
                if count == 2000:
                    break
            task.cancel()
            assert turns > 10

    run(main())


def test_an_outbox_that_nobody_closes_leaves_nothing_behind(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.batch(SCHEMA)
            for _ in range(20):
                outbox = await db.outbox("items")
                await db.execute("INSERT OR REPLACE INTO items VALUES (1, '')")
                async for _batch in outbox:
                    break
                del outbox
                gc.collect()
            # A read and its reply: what was sent before has been done.
            await db.query_value("SELECT 1")
            client = db._target.client
            assert not client._held
            assert not client._pending

    run(main())


def test_tables_that_cannot_be_recorded_are_refused_by_name(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.batch(SCHEMA)
            for tables, word in (
                (["items", "keyless"], "keyless"),
                (["seen"], "seen"),
                (["notes"], "notes"),
                (["notes_data"], "notes_data"),
                ([1], "must be a string"),
                (["\ud800"], "surrogate"),
            ):
                with pytest.raises(ubiqlite.InvalidArgument, match=word):
                    await db.outbox(tables)  # type: ignore[arg-type]
            with pytest.raises(ubiqlite.NoSuchTable):
                await db.outbox(["items", "none"])
            outbox = await db.outbox("items")
            with pytest.raises(ubiqlite.InvalidArgument, match="internal"):
                await db.outbox("ubiqlite_outbox")
            for number in (None, 1.5, True, "1", 2**63):
                with pytest.raises(ubiqlite.InvalidArgument, match="number of a batch"):
                    await outbox.ack(number)  # type: ignore[arg-type]
            assert (await db.capabilities()).changesets is True

    run(main())


def test_one_task_reads_it_on_one_loop(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.batch(SCHEMA)
            outbox = await db.outbox("items")
            loop = outbox.__aiter__()
            task = await first_of(loop)
            with pytest.raises(ubiqlite.InvalidArgument, match="one task"):
                await loop.__anext__()
            await db.execute("INSERT INTO items VALUES (1, '')")
            batch = await asyncio.wait_for(task, 20)

            async def elsewhere() -> list[OutboxBatch]:
                with pytest.raises(ubiqlite.InvalidArgument, match="another event loop"):
                    await outbox.next()
                with pytest.raises(ubiqlite.InvalidArgument, match="another event loop"):
                    await loop.__anext__()
                found = await waiting(await db.outbox("items"))
                await outbox.ack(found[0].id)
                return found

            assert await asyncio.to_thread(asyncio.run, elsewhere()) == [batch]
            assert await outbox.next() is None

    run(main())


def test_after_an_error_it_goes_on(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.batch(SCHEMA)
            outbox = await db.outbox("items")
            await db.execute("INSERT INTO items VALUES (1, '')")
            async with db.transaction() as tx:
                await tx.execute("ALTER TABLE ubiqlite_outbox RENAME TO away")
                await tx.execute("CREATE TABLE received (number INT)")
            loop = outbox.__aiter__()
            for _ in range(2):
                with pytest.raises(ubiqlite.NoSuchTable):
                    await outbox.next()
                with pytest.raises(ubiqlite.NoSuchTable):
                    await asyncio.wait_for(loop.__anext__(), 20)
            await db.execute("ALTER TABLE away RENAME TO ubiqlite_outbox")
            batch = await asyncio.wait_for(loop.__anext__(), 20)
            assert batch == await outbox.next()
            assert batch.id == 1

    run(main())


def test_the_drop_in_changes_no_recorded_table(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            await db.outbox("items")
            async with ubiqlite.aiosqlite.connect(path) as other:
                with pytest.raises(ubiqlite.aiosqlite.ProgrammingError, match="items is recorded"):
                    await other.execute("INSERT INTO items VALUES (1, '')")
                await other.rollback()
                await other.execute("INSERT INTO keyless VALUES (1)")
                await other.commit()

    run(main())
