"""How work, connections, engines and programs end."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from conftest import python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
INSERT, COUNT = text("INSERT INTO t VALUES (1)"), text("SELECT count(*) FROM t")


async def made(engine: Any) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE t (id)"))


def open_files(path: str) -> list[str]:
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("only Linux lists open files here")
    found = []
    for file in folder.iterdir():
        try:
            found.append(os.readlink(file))
        except OSError:
            continue
    return [file for file in found if file.startswith(path)]


def test_a_cancelled_transaction_is_rolled_back_before_the_next_writer(work: Any, engines: Any) -> None:
    async def run() -> None:
        async with engines("?timeout=0", pool_size=1, max_overflow=0) as engine:
            await made(engine)
            written = asyncio.Event()

            async def write() -> None:
                async with AsyncSession(engine) as session, session.begin():
                    await session.execute(INSERT)
                    written.set()
                    await asyncio.Event().wait()

            for _ in range(5):
                task = asyncio.ensure_future(write())
                await written.wait()
                written.clear()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                # Without waiting for the lock, and with the pool's only connection.
                async with engine.begin() as connection:
                    await connection.execute(INSERT)
                    assert (await connection.execute(COUNT)).scalar() == 1
                    await connection.execute(text("DELETE FROM t"))

    work(run())


def test_a_cancelled_statement_is_stopped(work: Any, engines: Any) -> None:
    async def run() -> None:
        async with engines(pool_size=1, max_overflow=0) as engine:
            await made(engine)

            async def count() -> None:
                async with engine.begin() as connection:
                    await connection.execute(INSERT)
                    started.set()
                    await connection.execute(text(ENDLESS))

            for _ in range(3):
                started = asyncio.Event()
                task = asyncio.ensure_future(count())
                await started.wait()
                await asyncio.sleep(0.01)
                task.cancel()
                # The connection is closed by then, which waits for its statement.
                with pytest.raises(asyncio.CancelledError):
                    await task
                async with engine.connect() as connection:
                    assert (await connection.execute(COUNT)).scalar() == 0

    work(run())


def test_a_task_that_waits_for_a_lock_can_be_cancelled(work: Any, engines: Any, path: str) -> None:
    async def run() -> None:
        # Longer than the test may take.
        async with engines("?timeout=600", pool_size=1, max_overflow=0) as engine:
            await made(engine)
            holder = sqlite3.connect(path)
            holder.execute("BEGIN IMMEDIATE")

            async def write() -> None:
                async with engine.begin() as connection:
                    started.set()
                    await connection.execute(INSERT)

            started = asyncio.Event()
            task = asyncio.ensure_future(write())
            await started.wait()
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with engine.connect() as connection:
                assert (await connection.execute(COUNT)).scalar() == 0
            # Now the other gets the lock, and is to roll back.
            holder.close()
            async with engine.begin() as connection:
                await connection.execute(INSERT)
                assert (await connection.execute(COUNT)).scalar() == 1

    work(run())


def test_dispose_closes_every_connection(work: Any, engines: Any, path: str) -> None:
    async def run() -> None:
        async with engines(pool_size=4) as engine:
            await made(engine)
            async with engine.connect() as one, engine.connect() as two:
                await one.execute(COUNT)
                await two.execute(COUNT)
            assert open_files(path)
        assert open_files(path) == []

    work(run())


def test_an_engine_can_be_disposed_of_without_await(work: Any, path: str, caplog: pytest.LogCaptureFixture) -> None:
    engine = create_async_engine(f"sqlite+ubiqlite:///{path}")
    work(made(engine))
    before = threading.active_count()
    engine.sync_engine.dispose()
    assert not caplog.records
    del engine
    gc.collect()
    for thread in threading.enumerate():
        if thread.name == "ubiqlite-aiosqlite":
            thread.join(30)
    assert threading.active_count() < before
    assert open_files(path) == []


def test_a_session_without_rows_and_one_forgotten_leave_no_warning_and_no_lock(work: Any, engines: Any) -> None:
    async def run() -> None:
        async with engines("?timeout=0") as engine:
            await made(engine)
            session = AsyncSession(engine)
            await session.execute(INSERT)
            with pytest.warns(sqlalchemy.exc.SAWarning, match="garbage collector"):
                del session
                gc.collect()
            # Its connection ends by itself.
            while True:
                try:
                    async with engine.begin() as connection:
                        await connection.execute(INSERT)
                        assert (await connection.execute(COUNT)).scalar() == 1
                    break
                except sqlalchemy.exc.OperationalError:
                    await asyncio.sleep(0.01)

    work(run())


def test_a_connection_that_was_closed_is_replaced(work: Any, engines: Any) -> None:
    async def run() -> None:
        async with engines(pool_size=1, max_overflow=0, pool_pre_ping=True) as engine:
            await made(engine)
            async with engine.connect() as connection:
                raw = await connection.get_raw_connection()
                await raw.driver_connection.close()
            async with engine.connect() as connection:
                assert (await connection.execute(COUNT)).scalar() == 0
        async with engines(pool_size=1, max_overflow=0) as engine:
            async with engine.connect() as connection:
                raw = await connection.get_raw_connection()
                await raw.driver_connection.close()
                with pytest.raises(sqlalchemy.exc.ProgrammingError, match="closed database") as told:
                    await connection.execute(COUNT)
                assert told.value.connection_invalidated
                await connection.rollback()
                assert (await connection.execute(COUNT)).scalar() == 0

    work(run())


def test_one_engine_serves_several_loops(work: Any, path: str) -> None:
    engine = create_async_engine(f"sqlite+ubiqlite:///{path}")

    async def write() -> Any:
        async with engine.begin() as connection:
            await connection.execute(INSERT)
            return (await connection.execute(COUNT)).scalar()

    work(made(engine))
    assert [work(write()) for _ in range(3)] == [1, 2, 3]
    work(engine.dispose())


def test_what_needs_no_waiting_is_refused_outside_a_greenlet_too(work: Any, engines: Any) -> None:
    async def run() -> None:
        async with engines() as engine, engine.connect() as connection:
            for _ in range(3):
                assert (await connection.execute(text("SELECT 1"))).scalar() == 1
                with pytest.raises(sqlalchemy.exc.MissingGreenlet):
                    connection.sync_connection.execute(text("SELECT 1"))

    work(run())


FORGOTTEN = """
import asyncio, sys
from sqlalchemy import text
from sqlalchemy.dialects import registry
from sqlalchemy.ext.asyncio import create_async_engine

registry.register("sqlite.ubiqlite", "ubiqlite.sqlalchemy", "Dialect")
engine = create_async_engine("sqlite+ubiqlite:///" + sys.argv[1])

async def main():
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT 'ab' REGEXP 'b'"))).scalar() == 1
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE t (id)"))

asyncio.run(main())
print("done")
"""


def test_a_program_that_never_disposes_ends_at_once_and_silently(path: str) -> None:
    done = python(FORGOTTEN, path, timeout=120.0)
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)
