"""Several loops, threads, and the interpreter's lock."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from conftest import Run

import ubiqlite


def test_two_loops_in_two_threads_use_one_database(run: Run[None], path: str) -> None:
    async def use(db: ubiqlite.Database, name: str) -> None:
        for number in range(300):
            async with db.transaction() as tx:
                await tx.execute("UPDATE counter SET n = n + 1")
            await db.table("log").insert(text=f"{name} {number}")
            assert await db.query_value("SELECT count(*) FROM log WHERE text LIKE ?", (name + "%",)) == number + 1
        assert len([row async for row in db.stream("SELECT * FROM log WHERE text LIKE ?", (name + "%",))]) == 300

    async def main() -> None:
        async with ubiqlite.open(path, synchronous="off") as db:
            await db.batch("CREATE TABLE counter (n); INSERT INTO counter VALUES (0); CREATE TABLE log (text)")
            errors: list[BaseException] = []

            def other(name: str) -> None:
                try:
                    asyncio.run(use(db, name))
                except BaseException as error:
                    errors.append(error)

            threads = [threading.Thread(target=other, args=(f"other{number}",)) for number in range(2)]
            for thread in threads:
                thread.start()
            await use(db, "own")
            while any(thread.is_alive() for thread in threads):
                await asyncio.sleep(0.01)
            assert not errors
            assert await db.query_value("SELECT n FROM counter") == 900

    run(main())


def test_what_belongs_to_one_loop_is_refused_on_another(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            tx = await db.begin()

            async def elsewhere() -> None:
                with pytest.raises(ubiqlite.InvalidArgument, match="another event loop"):
                    await tx.query("SELECT 1")

            await asyncio.get_running_loop().run_in_executor(None, lambda: asyncio.run(elsewhere()))
            await tx.rollback()

    run(main())


def test_a_database_is_closed_from_another_loop_and_nobody_waits_for_ever(run: Run[None], path: str) -> None:
    async def main() -> None:
        db = await ubiqlite.open(path, busy_timeout=0.1)
        holder = await db.begin()
        waiting = asyncio.ensure_future(db.execute("CREATE TABLE t (x)"))
        await asyncio.sleep(0.01)

        async def close() -> None:
            await db.close()
            await db.close()

        await asyncio.get_running_loop().run_in_executor(None, lambda: asyncio.run(close()))
        with pytest.raises(ubiqlite.Error):
            await asyncio.wait_for(waiting, 5)
        for call in (db.query("SELECT 1"), holder.query("SELECT 1")):
            with pytest.raises(ubiqlite.Closed):
                await asyncio.wait_for(call, 5)

    run(main())


def test_a_database_outlives_the_loops_that_used_it(path: str) -> None:
    left = []

    async def opened() -> ubiqlite.Database:
        db = await ubiqlite.open(path)
        await db.execute("CREATE TABLE t (x)")
        # Left open in a loop that ends: it is rolled back when the loop's client ends.
        left.append(await db.begin())
        return db

    db = asyncio.run(opened())
    for number in range(20):
        asyncio.run(_insert(db, number))
    asyncio.run(db.close())


async def _insert(db: ubiqlite.Database, number: int) -> None:
    await db.execute("INSERT INTO t VALUES (?)", (number,), timeout=5)
    assert await db.table("t").count() == number + 1
    assert len(db._target._clients) <= 2


def test_others_compute_while_a_query_runs(run: Run[None], path: str) -> None:
    counting = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 3000000) SELECT count(*) FROM r"
    count = 0
    stop = False

    def counter() -> None:
        nonlocal count
        while not stop:
            count += 1

    async def main() -> None:
        nonlocal count, stop
        async with ubiqlite.open(path) as db:
            thread = threading.Thread(target=counter)
            thread.start()
            try:
                count = 0
                started = time.perf_counter()
                await db.query(counting)
                took, counted = time.perf_counter() - started, count
                count = 0
                await asyncio.sleep(took)
                alone = count
            finally:
                stop = True
                thread.join()
            # With the lock held it would not count at all; the machine may be busy with other programs.
            assert counted > alone / 20, (counted, alone, took)

    run(main())


def test_the_loop_goes_on_while_many_rows_stream(run: Run[None], path: str) -> None:
    sql = (
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 300000) SELECT i, 'name', i * 0.5 FROM r"
    )

    async def main() -> None:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async with ubiqlite.open(path) as db:
            task = asyncio.ensure_future(other())
            rows = 0
            async for _ in db.stream(sql):
                rows += 1
            task.cancel()
            assert rows == 300_000
            assert turns > 100

    run(main())
