"""A task may be cancelled at any await: nothing stays open, nothing is lost."""

from __future__ import annotations

import asyncio
import os
import random
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import Run

import ubiqlite

MANY = int(os.environ.get("UBIQLITE_CANCELLATIONS", "100000"))


async def work(db: ubiqlite.Database, choice: int) -> None:
    """Runs one typical operation, with an await at every step."""
    if choice == 0:
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO log (text) VALUES ('tx')")
            async with tx.savepoint() as sp:
                await sp.execute("INSERT INTO log (text) VALUES ('sp')")
            await tx.query("SELECT count(*) FROM log WHERE id < 10")
    elif choice == 1:
        await db.execute("INSERT INTO log (text) VALUES (?)", ("one",))
    elif choice == 2:
        await db.query("SELECT * FROM log LIMIT 50")
    elif choice == 3:
        async for _ in db.stream("SELECT * FROM log LIMIT 2000"):
            pass
    elif choice == 4:
        async with db.acquire() as session:
            await session.execute("CREATE TEMP TABLE IF NOT EXISTS seen (id)")
            await session.query("SELECT * FROM log LIMIT 5")
    elif choice == 5:
        async with db.snapshot() as moment:
            await moment.query_value("SELECT count(*) FROM log WHERE id < 100")
    elif choice == 6:
        await db.execute_many("INSERT INTO log (text) VALUES (?)", [("many",)] * 3)
    else:
        transaction = await db.begin()
        try:
            await transaction.execute("DELETE FROM log WHERE id % 97 = 0")
            await transaction.commit()
        finally:
            transaction.close()


async def cancelled_at(db: ubiqlite.Database, choice: int, steps: int) -> bool:
    """Cancels the work after ``steps`` turns of the loop."""
    task = asyncio.ensure_future(work(db, choice))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False


def threads() -> int:
    """Counts the threads of this process, the library's own included."""
    status = Path("/proc/self/status")
    if not status.exists():
        return threading.active_count()
    return int(next(line for line in status.read_text().splitlines() if line.startswith("Threads:")).split()[1])


async def untouched(db: ubiqlite.Database, readers: int, sessions: int) -> None:
    """Checks that the writer, the readers and the sessions are free."""
    await db.execute("INSERT INTO log (text) VALUES ('after')", timeout=5)
    async with db.transaction(timeout=5) as tx:
        await tx.execute("DELETE FROM log WHERE text = 'after'")
    lent: list[Any] = [await db.acquire(timeout=5) for _ in range(sessions)]
    lent += [await db.snapshot(timeout=5) for _ in range(readers)]
    for one in lent:
        one.close()


def test_many_random_cancellations_leave_nothing_open(
    run: Run[None], path: str, request: pytest.FixtureRequest
) -> None:
    # The full number on the default loop; fewer on the others.
    count = MANY if "asyncio" in request.node.callspec.id else MANY // 20

    async def main() -> None:
        source = random.Random(11)
        async with ubiqlite.open(path, readers=3, sessions=3, synchronous="off") as db:
            await db.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT)")
            before = given_up = 0
            while given_up < count:
                every = (cancelled_at(db, source.randrange(8), source.randrange(8)) for _ in range(50))
                given_up += sum(await asyncio.gather(*every))
                if source.random() < 0.02:
                    await db.execute("DELETE FROM log WHERE id > 2000")
                if before == 0 and given_up > count // 4:
                    # Threads start on first use: by now nearly all that can run at once have been started.
                    await untouched(db, 3, 3)
                    before = threads()
            await untouched(db, 3, 3)
            assert threads() <= before + 12, before
            client = db._target.client
            await asyncio.sleep(0.05)
            assert not client._pending
            assert not client._held

    run(main())


def test_a_transaction_whose_beginning_is_given_up_when_it_has_begun_is_let_go(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT)")
            holder = await db.begin()
            waiting = asyncio.ensure_future(db.begin())
            await asyncio.sleep(0.05)
            # Its reply arrives, and it is cancelled before it continues.
            rolling = asyncio.ensure_future(holder.rollback())
            while not any(future.done() for future, _ in list(db._target.client._pending.values()) or [(rolling, 0)]):
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, rolling, return_exceptions=True)
            if not waiting.cancelled():
                waiting.result().close()
            await untouched(db, 1, 1)

    run(main())


def test_waiting_for_a_row_can_be_given_up_and_no_row_is_lost(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            sql = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 200000) SELECT i FROM r"
            stream = db.stream(sql, into=tuple)
            found = []
            while True:
                task = asyncio.ensure_future(stream.__anext__())
                await asyncio.sleep(0)
                if random.random() < 0.5:
                    task.cancel()
                try:
                    found.append((await task)[0])
                except asyncio.CancelledError:
                    continue
                except StopAsyncIteration:
                    break
                async for _ in _some(stream, 5000, found):
                    pass
            assert found == list(range(1, 200001))

    run(main())


async def _some(stream: Any, count: int, found: list[int]) -> Any:
    for _ in range(count):
        try:
            found.append((await stream.__anext__())[0])
        except StopAsyncIteration:
            return
        yield


def test_a_block_that_is_cancelled_rolls_back_before_the_next_writer(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT)")

            async def block() -> None:
                async with db.transaction() as tx:
                    await tx.execute("INSERT INTO log (text) VALUES ('never')")
                    await asyncio.sleep(10)

            task = asyncio.ensure_future(block())
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await db.table("log").count() == 0
            await untouched(db, 1, 1)

    run(main())


def test_a_long_query_that_is_cancelled_stops(run: Run[None], path: str) -> None:
    endless = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r"

    async def main() -> None:
        async with ubiqlite.open(path, readers=1) as db:
            for _ in range(20):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(db.query(endless), 0.02)
            with pytest.raises(ubiqlite.Timeout):
                await db.query(endless, timeout=0.02)
            task = asyncio.ensure_future(db.query(endless))
            await asyncio.sleep(0.05)
            db.interrupt()
            with pytest.raises(ubiqlite.Cancelled):
                await task
            assert await db.query_value("SELECT 1", timeout=5) == 1

    run(main())
