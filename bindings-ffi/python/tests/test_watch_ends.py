"""Live queries: cancellation, what ends a watch, and what is refused."""

from __future__ import annotations

import asyncio
import gc
import random
from typing import Any

import pytest
from conftest import Run
from test_watch import SCHEMA, Fence, Seen, following, waiting_for

import ubiqlite


async def released(db: ubiqlite.Database) -> None:
    """Checks that the loop's client keeps nothing of any watch."""
    # A read and its reply: what was sent before has been done.
    await db.query_value("SELECT 1")
    client = db._target.client
    assert not client._held
    assert not client._pending
    assert not client._pieces


def test_a_cancelled_wait_loses_nothing(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            async with db.watch("SELECT id FROM items ORDER BY id", key="id") as live:
                first = await following(live)
                for number in range(10, 20):
                    with pytest.raises(asyncio.TimeoutError):
                        await asyncio.wait_for(live.__anext__(), 0.005)
                    await db.execute("INSERT INTO items VALUES (?, ?, 0)", (number, str(number)))
                    now = await following(live)
                    assert now.added == [len(now.rows) - 1]
                    assert now.rows[0] is first.rows[0], "the engine need not send it again"
            await released(db)

    run(main())


def test_waits_that_are_cancelled_at_any_moment_follow_the_table(run: Run[None], path: str) -> None:
    async def main() -> None:
        source = random.Random(5)
        async with ubiqlite.open(path, synchronous="off") as db:
            await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v INT)")
            await db.execute("INSERT INTO t SELECT value, value FROM json_each('[1, 2, 3, 4, 5, 6, 7, 8]')")
            sql = "SELECT id, v FROM t ORDER BY v, id"
            async with db.watch(sql, key="id", into=tuple) as live:
                known: list[Any] = []
                seen = 0
                for _ in range(1500):
                    task = asyncio.ensure_future(live.__anext__())
                    writing = asyncio.ensure_future(
                        db.execute("REPLACE INTO t VALUES (?, ?)", (source.randrange(12), source.randrange(50)))
                        if source.random() < 0.7
                        else db.execute("DELETE FROM t WHERE id = ?", (source.randrange(12),))
                    )
                    for _ in range(source.randrange(6)):
                        await asyncio.sleep(0)
                    if source.random() < 0.5:
                        await writing
                    if not task.done():
                        task.cancel()
                    try:
                        now = await task
                    except asyncio.CancelledError:
                        pass
                    else:
                        seen += 1
                        known = followed(known, now)
                    await writing
                # Whatever was given up in between, the last result is that of the table.
                await db.execute("INSERT INTO t VALUES (1000, 1000)")
                while known != await db.query(sql, into=tuple):
                    known = followed(known, await following(live))
                assert seen > 20
            await released(db)

    run(main())


def followed(known: list[Any], now: Any) -> list[Any]:
    """Checks that the positions tell what differs between two results, by the first column; returns the second."""
    before, after = {row[0]: row for row in known}, {row[0]: row for row in now.rows}
    gone = {known[place][0] for place in now.removed}
    new = {now.rows[place][0] for place in now.added}
    changed = {now.rows[place][0] for place in now.updated}
    assert (before.keys() - gone) | new == after.keys()
    for key in after.keys() - new - changed:
        assert before[key] == after[key]
    assert changed <= before.keys()
    return list(now.rows)


def test_a_wait_that_is_too_long_raises_and_the_watch_goes_on(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            async with db.watch("SELECT id FROM items", into=int, timeout=0.01) as live:
                await following(live)
                with pytest.raises(ubiqlite.Timeout):
                    await following(live)
                await db.execute("DELETE FROM items WHERE id = 2")
                assert (await following(live)).rows == [1, 3]
            async with db.watch("SELECT id FROM items", timeout=0.01) as live:
                with pytest.raises(ubiqlite.Timeout):
                    async for _ in live:
                        pass
                with pytest.raises(StopAsyncIteration):
                    await live.__anext__()
            await released(db)

    run(main())


def test_closing_the_database_ends_waiting_tasks_without_an_error(run: Run[None], path: str) -> None:
    async def main() -> None:
        db = await ubiqlite.open(path)
        await db.batch(SCHEMA)
        waiting = [Seen(db.watch("SELECT * FROM items")), Seen(db.table("kv").select().watch())]
        for seen in waiting:
            await seen.next()
        # One that nobody reads at the moment, and one that was never read.
        live, fresh = db.watch("SELECT * FROM items"), db.watch("SELECT * FROM items")
        await following(live)
        await asyncio.wait_for(db.close(), 10)
        for seen in waiting:
            await asyncio.wait_for(seen.task, 10)
            assert seen.updates.empty()
        with pytest.raises(StopAsyncIteration):
            await following(live)
        with pytest.raises(ubiqlite.Closed):
            await following(fresh)

    run(main())


def test_closing_from_another_loop_ends_it_too(run: Run[None], path: str) -> None:
    async def main() -> None:
        db = await ubiqlite.open(path)
        await db.batch(SCHEMA)
        seen = Seen(db.watch("SELECT * FROM items"))
        await seen.next()
        await asyncio.get_running_loop().run_in_executor(None, lambda: asyncio.run(db.close()))
        await asyncio.wait_for(seen.task, 10)

    run(main())


def test_leaving_the_loop_ends_the_watch(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            async for _ in db.watch("SELECT * FROM items"):
                break
            await released(db)
            with pytest.raises(ZeroDivisionError):
                async with db.watch("SELECT * FROM items") as live:
                    async for _ in live:
                        raise ZeroDivisionError
            await released(db)
            # A task that waits.
            seen = Seen(db.watch("SELECT * FROM items"))
            await seen.next()
            seen.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await seen.task
            await released(db)
            # And one that another task ends.
            live = db.watch("SELECT * FROM items")
            seen = Seen(live)
            await seen.next()
            await live.aclose()
            await live.aclose()
            await asyncio.wait_for(seen.task, 10)
            await released(db)
            # Nobody waits for what it reads.
            await db.execute("DELETE FROM items")

    run(main())


def test_an_end_before_anything_ran_leaves_nothing(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            live = db.watch("SELECT 1")
            await live.aclose()
            with pytest.raises(StopAsyncIteration):
                await live.__anext__()
            db.watch("SELEC")
            # While it begins: a selection first reads the schema.
            for steps in range(6):
                await db.batch(f"CREATE TABLE t{steps} (a)")
                live = db.table(f"t{steps}").select().watch()
                task = asyncio.ensure_future(live.__anext__())
                for _ in range(steps):
                    await asyncio.sleep(0)
                await live.aclose()
                await asyncio.wait([task], timeout=10)
                assert task.done()
                task.exception()
            await released(db)

    run(main())


@pytest.mark.filterwarnings("always::ResourceWarning")
def test_a_watch_that_is_garbage_is_dropped_and_says_so(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            live = db.watch("SELECT * FROM items")
            await following(live)
            with pytest.warns(ResourceWarning, match="a watch was never ended: it ends now"):
                del live
                gc.collect()
            await released(db)

    run(main())


def test_a_loop_that_ends_takes_its_watches_along(path: str) -> None:
    async def opened() -> ubiqlite.Database:
        db = await ubiqlite.open(path)
        await db.batch(SCHEMA)
        seen = Seen(db.watch("SELECT * FROM items"))
        await seen.next()
        # It still waits when `asyncio.run` ends, which cancels it.
        return db

    async def after(db: ubiqlite.Database) -> None:
        seen = Seen(db.watch("SELECT id FROM items", into=int))
        await seen.next()
        await db.execute("DELETE FROM items WHERE id <> 1")
        assert (await seen.next()).rows == [1]
        await asyncio.wait_for(db.close(), 10)
        await asyncio.wait_for(seen.task, 10)

    asyncio.run(after(asyncio.run(opened())))


def test_one_reader_on_one_loop(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            async with db.watch("SELECT id FROM items", into=int) as live:
                await following(live)
                waiting = await waiting_for(live)
                with pytest.raises(ubiqlite.InvalidArgument, match="one task"):
                    await live.__anext__()
                await db.execute("DELETE FROM items")
                assert (await asyncio.wait_for(waiting, 20)).rows == []

                async def elsewhere() -> None:
                    with pytest.raises(ubiqlite.InvalidArgument, match="another event loop"):
                        await live.__anext__()

                await asyncio.get_running_loop().run_in_executor(None, lambda: asyncio.run(elsewhere()))

    run(main())


def test_loops_in_other_threads_see_each_others_commits(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            seen = Seen(db.watch("SELECT count(*) AS n FROM fence", into=int))
            await seen.next()

            async def elsewhere() -> None:
                async with db.watch("SELECT count(*) AS n FROM fence", into=int) as live:
                    assert (await following(live)).rows == [0]
                    await db.execute("INSERT INTO fence VALUES (1)")
                    assert (await following(live)).rows == [1]

            await asyncio.get_running_loop().run_in_executor(None, lambda: asyncio.run(elsewhere()))
            assert (await seen.next()).rows == [1]

    run(main())


def test_what_can_not_be_watched_is_refused_and_not_done(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            for sql in ("DELETE FROM items", "INSERT INTO items (name) VALUES ('x') RETURNING id", "VACUUM"):
                with pytest.raises(ubiqlite.Unsupported):
                    await following(db.watch(sql))
            assert await db.table("items").count() == 3
            refused: list[tuple[type[ubiqlite.Error], Any]] = [
                (ubiqlite.NoSuchTable, db.watch("SELECT * FROM nowhere")),
                (ubiqlite.NoSuchColumn, db.watch("SELECT color FROM items")),
                (ubiqlite.Syntax, db.watch("SELEC")),
                (ubiqlite.InvalidArgument, db.watch("SELECT ?")),
                (ubiqlite.InvalidArgument, db.watch("SELECT ?", (object(),))),
                (ubiqlite.InvalidArgument, db.watch(7)),  # type: ignore[call-overload]
            ]
            for kind, live in refused:
                with pytest.raises(kind):
                    await following(live)
                with pytest.raises(StopAsyncIteration):
                    await following(live)
            with pytest.raises(ubiqlite.InvalidArgument):
                db.watch("SELECT 1", into=7)  # type: ignore[call-overload]
            await released(db)
            async with db.acquire() as session, db.snapshot() as moment, db.transaction() as tx:
                for target in (session, moment, tx):
                    assert not hasattr(target, "watch")
                    with pytest.raises(ubiqlite.Unsupported, match="committed"):
                        await following(target.table("items").select().watch())

    run(main())


def test_rows_that_do_not_fit_end_the_watch(run: Run[None], path: str) -> None:
    async def main() -> None:
        def fail(row: Any) -> int:
            return 1 // (4 - int(row["id"]))

        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            for into, error in ((fail, ZeroDivisionError), (bool, ubiqlite.DatatypeMismatch)):
                live: Any = db.watch("SELECT id FROM items WHERE id > 3 ORDER BY id", into=into)
                assert (await following(live)).rows == []
                await db.execute("REPLACE INTO items VALUES (4, 'four', 4)")
                with pytest.raises(error):
                    await following(live)
                with pytest.raises(StopAsyncIteration):
                    await following(live)
                await db.execute("DELETE FROM items WHERE id = 4")
            await released(db)

    run(main())


def test_a_dropped_table_ends_its_watch_and_no_other(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            lost, kept, fence = Seen(db.watch("SELECT * FROM kv")), Seen(db.watch("SELECT * FROM items")), Fence(db)
            await lost.next()
            await kept.next()
            await db.execute("DROP TABLE kv")
            with pytest.raises(ubiqlite.NoSuchTable):
                await asyncio.wait_for(lost.task, 10)
            await fence.quiet(kept)
            await db.execute("DELETE FROM items WHERE id = 1")
            assert len((await kept.next()).rows) == 2

    run(main())
