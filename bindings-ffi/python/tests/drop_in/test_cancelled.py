"""Calls that nobody awaits any more: they run all the same, as in ``aiosqlite``."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
from typing import Any

import pytest
from conftest import Run

import ubiqlite.aiosqlite as aiosqlite

SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"


async def numbers(path: str, count: int) -> aiosqlite.Connection:
    db = await aiosqlite.connect(path)
    await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
    await db.executemany("INSERT INTO t (v) VALUES (?)", ((index,) for index in range(count)))
    await db.commit()
    return db


async def given_up(call: Any, turns: int = 1) -> None:
    """Begins a call, and cancels it after ``turns`` turns of the loop."""
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("turns", [0, 1, 2, 5])
def test_rows_that_nobody_waited_for_do_not_end_the_others(run: Run[Any], path: str, turns: int) -> None:
    async def work() -> None:
        async with await numbers(path, 5000) as db:
            for size in (100, 300, 2000):
                cursor = await db.execute("SELECT id FROM t ORDER BY id")
                first = await cursor.fetchmany(200)
                await given_up(cursor.fetchmany(size), turns)
                rest = list(await cursor.fetchall())
                ids = [row[0] for row in [*first, *rest]]
                # The rows of the cancelled call may be lost, but no others.
                assert ids[:200] == list(range(1, 201))
                assert ids[200:] in (list(range(201, 5001)), list(range(201 + size, 5001))), (ids[199:202], len(ids))

    run(work())


def test_a_change_that_nobody_waits_for_is_seen_in_the_connections_state(run: Run[Any], path: str) -> None:
    async def work() -> None:
        async with await numbers(path, 1) as db:
            insert = f"INSERT INTO t (v) {SLOW.format(300_000)} SELECT i FROM n"
            await given_up(db.execute(insert), 3)
            # The call is running, or has ended.
            for _ in range(10_000):
                if db.in_transaction:
                    break
                await asyncio.sleep(0.001)
            assert db.in_transaction
            await db.rollback()
            assert not db.in_transaction
            assert await db.execute_fetchall("SELECT count(*) FROM t") == [(1,)]
            assert db.total_changes == 300_001

    run(work())


def test_what_nobody_waits_for_is_not_kept(run: Run[Any], path: str) -> None:
    resource = pytest.importorskip("resource")

    async def work() -> None:
        async with await numbers(path, 1) as db:

            async def large() -> None:
                await db.execute_fetchall("SELECT zeroblob(20000000)")

            await large()
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for _ in range(20):
                await given_up(large(), 2)
            assert await db.execute_fetchall("SELECT 7") == [(7,)]
            gc.collect()
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
            assert grown < 150, f"{grown} MiB"

    run(work())


def test_the_same_statement_gives_its_rows_after_a_call_that_was_given_up(run: Run[Any], path: str) -> None:
    async def work() -> None:
        async with await numbers(path, 1) as db:
            slow = f"{SLOW.format(200_000)} SELECT count(*) AS slow FROM n"
            for _ in range(3):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(db.execute_fetchall(slow), 0.001)
                assert await db.execute_fetchall(slow) == [(200_000,)]

    run(work())


def test_a_cursor_that_is_left_before_its_last_row_keeps_nothing_as_it_was(run: Run[Any], path: str) -> None:
    async def work() -> None:
        async with await numbers(path, 5000) as db, aiosqlite.connect(path, timeout=0.2) as other:
            for leave in ("drop", "break", "cancel"):
                if leave == "drop":
                    cursor = await db.execute("SELECT id FROM t")
                    await cursor.fetchone()
                    del cursor
                elif leave == "break":
                    async for _ in await db.execute("SELECT id FROM t"):
                        break
                else:
                    cursor = await db.execute("SELECT id FROM t")
                    await given_up(cursor.fetchmany(1000))
                    del cursor
                gc.collect()
                # A read that stayed open would block this.
                await other.execute("INSERT INTO t (v) VALUES (0)")
                await other.commit()
                counted = await db.execute_fetchall("SELECT count(*) FROM t")
                assert counted == await other.execute_fetchall("SELECT count(*) FROM t"), leave

    run(work())


def test_of_tasks_that_insert_at_once_each_is_told_its_own_row(run: Run[Any], path: str) -> None:
    async def work() -> None:
        async with await numbers(path, 0) as db:

            async def insert(value: int) -> tuple[int, int]:
                row = await db.execute_insert("INSERT INTO t (v) VALUES (?)", (value,))
                return row[0], value

            for _ in range(20):
                told = await asyncio.gather(*(insert(value) for value in range(50)))
                for key, value in told:
                    assert await db.execute_fetchall("SELECT v FROM t WHERE id = ?", (key,)) == [(value,)]
                await db.execute("DELETE FROM t")
            # All rows are of one moment, although others write.
            await asyncio.gather(*(insert(value) for value in range(3000)))
            rows, _ = await asyncio.gather(db.execute_fetchall("SELECT v FROM t"), db.execute("UPDATE t SET v = -1"))
            assert {row[0] < 0 for row in rows} == {False}
            assert len(rows) == 3000

    run(work())


def test_parameters_without_end_are_taken_a_few_at_a_time(run: Run[Any], path: str) -> None:
    async def work() -> None:
        async with await numbers(path, 0) as db:
            taken = 0

            def endless() -> Any:
                nonlocal taken
                while True:
                    taken += 1
                    if taken == 50_000:
                        raise KeyError("enough")
                    yield (taken,)

            waited: list[float] = []

            async def clock() -> None:
                loop = asyncio.get_running_loop()
                while True:
                    since = loop.time()
                    await asyncio.sleep(0)
                    waited.append(loop.time() - since)

            task = asyncio.ensure_future(clock())
            with pytest.raises(KeyError):
                await db.executemany("INSERT INTO t (v) VALUES (?)", endless())
            task.cancel()
            # The rows before it are inserted, as by the standard module, and other tasks had their turn.
            assert await db.execute_fetchall("SELECT count(*), max(v) FROM t") == [(49_999, 49_999)]
            assert len(waited) >= 20
            cursor = await db.executemany("INSERT INTO t (v) VALUES (?)", [(1,)] * 2500)
            assert cursor.rowcount == 2500
            with pytest.raises(sqlite3.Error):
                await db.executemany("INSERT INTO t (v) VALUES (?)", [(1,), (object(),), (2,)])
            assert await db.execute_fetchall("SELECT count(*) FROM t WHERE v = 1") == [(2502,)]

    run(work())


def test_random_cancellation_leaves_a_connection_that_answers_as_it_should(run: Run[Any], path: str) -> None:
    import random

    async def work(seed: int) -> None:
        chance = random.Random(seed)
        async with aiosqlite.connect(":memory:") as db:
            await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
            await db.commit()
            for _ in range(30):
                calls = [
                    lambda: db.execute("INSERT INTO t (v) VALUES (1)"),
                    lambda: db.execute(f"INSERT INTO t (v) {SLOW.format(3000)} SELECT i FROM n"),
                    lambda: db.executemany("INSERT INTO t (v) VALUES (?)", [(1,)] * 500),
                    lambda: db.execute_fetchall("SELECT * FROM t"),
                    lambda: db.execute_insert("INSERT INTO t (v) VALUES (2)"),
                    db.commit,
                    db.rollback,
                ]
                tasks = [asyncio.ensure_future(chance.choice(calls)()) for _ in range(chance.randint(1, 4))]
                for _ in range(chance.randint(0, 3)):
                    await asyncio.sleep(0)
                for task in tasks:
                    if chance.random() < 0.5:
                        task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            # Later requests run after all of it.
            await db.commit()
            assert not db.in_transaction
            (count,) = (await db.execute_fetchall("SELECT count(*) FROM t"))[0]
            rows = await db.execute_fetchall("SELECT id FROM t")
            assert len(rows) == count
            assert await db.execute_insert("INSERT INTO t (v) VALUES (9)") is not None
            assert db.in_transaction

    for seed in range(int(os.environ.get("UBIQLITE_GIVEN_UP", "20"))):
        run(work(seed))


@pytest.mark.parametrize("end", ["stop", "close", "collect"])
def test_who_waits_is_told_when_a_connection_ends(run: Run[Any], path: str, end: str) -> None:
    slow = f"{SLOW.format(400_000)} SELECT count(*) FROM n"

    async def work() -> None:
        db = await numbers(path, 1)
        tasks = [asyncio.ensure_future(db.execute_fetchall(slow)) for _ in range(2)]
        tasks.append(asyncio.ensure_future(db.execute("INSERT INTO t (v) VALUES (7)")))
        tasks.append(asyncio.ensure_future(db.commit()))
        await asyncio.sleep(0)
        if end == "close":
            await given_up(db.close(), 2)
        elif end == "stop":
            ended = db.stop()
            assert ended is not None
            await asyncio.wait_for(ended, 30)
        else:
            with pytest.warns(ResourceWarning):
                del db
                gc.collect()
        # Earlier requests are completed, as by `aiosqlite`.
        told = await asyncio.wait_for(asyncio.gather(*tasks), 30)
        assert told[:2] == [[(400_000,)], [(400_000,)]]
        other = sqlite3.connect(path)
        assert other.execute("SELECT count(*) FROM t").fetchone() == (2,)
        other.close()

    if end == "collect":
        pytest.skip("its calls keep it")
    run(work())


def test_a_cursor_whose_next_statement_is_refused_keeps_nothing_as_it_was(run: Run[Any], path: str) -> None:
    async def work() -> None:
        async with await numbers(path, 5000) as db, aiosqlite.connect(path, timeout=0.2) as other:
            for sql, values in [("SELECT ?", (object(),)), ("SELECT", ()), ("SELECT ?", ("\ud800",))]:
                cursor = await db.execute("SELECT id FROM t")
                await cursor.fetchone()
                with pytest.raises(Exception):
                    await cursor.execute(sql, values)
                await cursor.close()
                await other.execute("INSERT INTO t (v) VALUES (0)")
                await other.commit()
                counted = await db.execute_fetchall("SELECT count(*) FROM t")
                assert counted == await other.execute_fetchall("SELECT count(*) FROM t")

    run(work())


def test_many_short_calls_of_a_loop_that_ends_are_done_for_the_others(path: str) -> None:
    import threading

    db = asyncio.run(numbers(path, 0))
    begun, told = threading.Event(), []

    async def many() -> None:
        calls = [db.execute_fetchall(f"{SLOW.format(300_000)} SELECT count(*) FROM n")]
        calls += [db.execute("INSERT INTO t (v) VALUES (1)") for _ in range(3000)]
        tasks = [asyncio.ensure_future(call) for call in calls]
        await asyncio.sleep(0)
        begun.set()
        told.append(len(await asyncio.gather(*tasks)))

    async def short() -> None:
        task = asyncio.ensure_future(db.execute_fetchall("SELECT 1"))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(many()))
    thread.start()
    begun.wait(30)
    for _ in range(20):
        asyncio.run(short())
    thread.join(60)
    assert told == [3001]
    asyncio.run(db.close())
