"""Exceptions inside blocks, and handles that outlive them."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest
from conftest import Run

import ubiqlite


async def table(db: ubiqlite.Database) -> None:
    await db.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT)")


def test_an_exception_leaves_a_block_unchanged_and_undoes_only_what_is_in_it(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await table(db)
            mine = ValueError("mine")
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO log (text) VALUES ('kept')")
                with pytest.raises(ValueError) as caught:
                    async with tx.savepoint() as sp:
                        await sp.execute("INSERT INTO log (text) VALUES ('undone')")
                        raise mine
                assert caught.value is mine
                assert await tx.table("log").count() == 1
            with pytest.raises(ValueError) as caught:
                async with db.transaction() as tx:
                    await tx.execute("DELETE FROM log")
                    raise mine
            assert caught.value is mine
            assert await db.table("log").count() == 1
            with pytest.raises(KeyboardInterrupt):
                async with db.transaction() as tx:
                    await tx.execute("DELETE FROM log")
                    raise KeyboardInterrupt
            assert await db.table("log").count() == 1

    run(main())


def test_a_transaction_that_is_over_is_closed_and_so_is_what_was_in_it(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await table(db)
            async with db.transaction() as tx:
                inner = await tx.begin_savepoint()
                with pytest.raises(ubiqlite.InvalidArgument, match="rolled back"):
                    await tx.commit()
            for handle in (tx, inner):
                with pytest.raises(ubiqlite.Closed):
                    await handle.execute("DELETE FROM log")
            inner.close()
            async with db.transaction() as tx:
                await tx.rollback()
            with pytest.raises(ubiqlite.Closed):
                await tx.commit()

    run(main())


def test_calls_under_way_in_what_is_let_go_fail_and_nobody_waits_for_ever(run: Run[None], path: str) -> None:
    endless = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r"

    async def main() -> None:
        async with ubiqlite.open(path) as db:
            tx = await db.begin()
            tasks = [asyncio.ensure_future(tx.query(endless)) for _ in range(3)]
            await asyncio.sleep(0.02)
            tx.close()
            for task in tasks:
                with pytest.raises(ubiqlite.Closed):
                    await asyncio.wait_for(task, 5)
            await db.execute("CREATE TABLE t (x)", timeout=5)

    run(main())


def test_a_loop_that_is_left_early_ends_its_query(run: Run[None], path: str) -> None:
    endless = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r"

    async def main() -> None:
        async with ubiqlite.open(path, readers=1, acquire_timeout=5) as db:
            for _ in range(5):
                async for row in db.stream(endless):
                    if row["i"] == 3:
                        break
                async with db.stream(endless, into=tuple) as rows:
                    async for row in rows:
                        break
                with pytest.raises(ZeroDivisionError):
                    async for _ in db.stream(endless):
                        1 / 0
            async with db.snapshot(timeout=5):
                pass
            # Although the stream itself is still referenced.
            left = db.stream(endless, into=tuple)
            async for _ in left:
                break
            async with db.snapshot(timeout=5):
                assert await left.fetch_all() == []
            # And by cancelling the task that waits in it.
            blocked = db.stream("SELECT * FROM log WHERE id = (SELECT max(i) FROM (" + endless + "))")

            async def wait() -> None:
                async for _ in blocked:
                    pass

            await table(db)
            task = asyncio.ensure_future(wait())
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with db.snapshot(timeout=5):
                assert await blocked.fetch_all() == []

    run(main())


def test_whoever_sleeps_runs_between_any_two_pages(run: Run[None], path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ubiqlite._pause._TURN", -1.0)
    slept = 0

    async def sleep() -> None:
        nonlocal slept
        while True:
            await asyncio.sleep(1e-9)
            slept += 1

    async def main() -> None:
        async with ubiqlite.open(path) as db:
            numbers = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 100000) SELECT i FROM r"
            task = asyncio.ensure_future(sleep())
            rows = db.stream(numbers, into=tuple)
            turns = missed = 0
            while await rows._turn_page():
                before = slept
                turns += await rows._turn_page()
                missed += slept == before
            assert turns > 5
            # uvloop reads its millisecond clock once per iteration, so a sleep may take longer there.
            assert missed <= (turns // 3 if "uvloop" in type(task.get_loop()).__module__ else 0)
            task.cancel()

    run(main())


@pytest.mark.filterwarnings("always::ResourceWarning")
def test_what_is_garbage_is_let_go_and_says_so(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path, readers=1, sessions=1, busy_timeout=5, acquire_timeout=5) as db:
            await table(db)
            for round_ in range(3):
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    tx: Any = await db.begin()
                    await tx.execute("INSERT INTO log (text) VALUES ('never')")
                    savepoint: Any = await tx.begin_savepoint()
                    session: Any = await db.acquire()
                    stream: Any = db.stream("SELECT * FROM log")
                    with pytest.raises(StopAsyncIteration):
                        await stream.__anext__()
                    moment: Any = await db.snapshot()
                    # Also when the collector frees them, in a cycle.
                    cycle: list[Any] = [tx, savepoint]
                    cycle.append(cycle)
                    del tx, savepoint, session, stream, moment, cycle
                    gc.collect()
                told = sorted(str(one.message) for one in caught if one.category is ResourceWarning)
                assert [one.split()[1] for one in told] == ["savepoint", "session", "snapshot", "transaction"], round_
                await db.execute("DELETE FROM log")
                async with db.acquire(), db.snapshot():
                    pass
            assert await db.table("log").count() == 0

    run(main())


@pytest.mark.filterwarnings("always::ResourceWarning")
def test_a_database_that_is_garbage_is_closed_and_says_so(run: Run[None], path: str) -> None:
    async def main() -> None:
        with pytest.warns(ResourceWarning, match=r"app\.db"):
            db = await ubiqlite.open(path)
            await table(db)
            del db
            gc.collect()
        await asyncio.sleep(0.1)
        async with ubiqlite.open(path, busy_timeout=5) as db:
            assert await db.table("log").count() == 0

    run(main())


def test_rows_may_come_from_any_iterable_and_its_error_undoes_all(run: Run[None], path: str) -> None:
    async def slowly(count: int) -> AsyncIterator[tuple[int, str]]:
        for number in range(count):
            if number % 1000 == 0:
                await asyncio.sleep(0)
            yield number, "x" * (number % 50)

    async def breaking() -> AsyncIterator[tuple[int, str]]:
        async for row in slowly(5000):
            yield row
        raise ZeroDivisionError

    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await table(db)
            sql = "INSERT INTO log VALUES (?, ?)"
            for rows, count in (
                ([], 0), ([(1, "a")], 1), (((i, "") for i in range(64)), 64), (slowly(65), 65), (slowly(20_000), 20_000),
                ([(i, "y" * 10_000) for i in range(500)], 500), ({i: 0 for i in range(0)}, 0),
            ):  # fmt: skip
                assert await db.execute_many(sql, rows) == count
                assert await db.table("log").count() == count
                assert await db.table("log").insert_many({"text": str(i)} for i in range(300)) == 300
                await db.execute("DELETE FROM log")
            with pytest.raises(ZeroDivisionError):
                await db.execute_many(sql, breaking())
            with pytest.raises(ZeroDivisionError):
                await db.execute_many(sql, ((i, 1 / (4000 - i)) for i in range(5000)))
            with pytest.raises(ubiqlite.PrimaryKeyViolation) as caught:
                await db.execute_many(sql, ((i % 3000, "") for i in range(100_000)))
            assert caught.value.index == 3000
            for wrong in ("ab", 7, None):
                with pytest.raises(ubiqlite.InvalidArgument):
                    await db.execute_many(sql, wrong)  # type: ignore[arg-type]
            assert await db.table("log").count() == 0

    run(main())
