"""Common uses of ``aiosqlite``, and what they must not lose."""

from __future__ import annotations

import asyncio
import datetime
import gc
import inspect
import os
import sqlite3
import sys
import threading
import warnings
from typing import Any

import pytest
from conftest import Run, python

import ubiqlite.aiosqlite as aiosqlite


async def filled(path: str, count: int = 1000) -> aiosqlite.Connection:
    db = await aiosqlite.connect(path)
    await db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, at TIMESTAMP)")
    await db.executemany("INSERT INTO items (name) VALUES (?)", [(f"n{index}",) for index in range(count)])
    await db.commit()
    return db


class Turns:
    """Counts the turns that another task gets on the loop."""

    def __init__(self) -> None:
        self.count = 0
        self.task = asyncio.ensure_future(self._go_on())

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(0)
            self.count += 1


def test_rows_come_in_any_number_at_a_time_and_all_of_them(run: Run[Any], path: str) -> None:
    async def work() -> None:
        db = await filled(path, 10_000)
        async with db.execute("SELECT id FROM items ORDER BY id") as cursor:
            assert await cursor.fetchone() == (1,)
            assert await cursor.fetchmany(3) == [(2,), (3,), (4,)]
            assert len(await cursor.fetchmany(5000)) == 5000
            rest = [row async for row in cursor]
            assert (len(rest), rest[0], rest[-1]) == (4996, (5005,), (10_000,))
            assert await cursor.fetchone() is None
            assert await cursor.fetchall() == []
        db.row_factory = aiosqlite.Row
        rows = await db.execute_fetchall("SELECT id, name AS 'the name' FROM items LIMIT 2")
        assert isinstance(rows[0], sqlite3.Row)
        assert (rows[0]["ID"], rows[1]["the name"], rows[0].keys()) == (1, "n1", ["id", "the name"])
        db.row_factory = lambda cursor, row: (cursor.description[0][0], *row)
        assert await (await db.execute("SELECT 7 AS seven")).fetchone() == ("seven", 7)
        await db.close()

    run(work())


def test_calls_that_are_not_awaited_one_by_one_take_place_in_order(run: Run[Any], path: str) -> None:
    async def work() -> None:
        async with aiosqlite.connect(path) as db:
            await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
            inserts = [db.execute("INSERT INTO t (v) VALUES (?)", (index,)) for index in range(200)]
            await asyncio.gather(*inserts, db.commit())
            assert await db.execute_fetchall("SELECT count(*), sum(id = v + 1) FROM t") == [(200, 200)]

    run(work())


def test_tasks_that_write_side_by_side_share_commits_and_nobody_keeps_the_loop(run: Run[Any], path: str) -> None:
    async def work() -> None:
        async with await filled(path, 0) as db:
            await db.execute("PRAGMA journal_mode = WAL")
            await db.execute("PRAGMA synchronous = NORMAL")
            commits: list[str] = []
            await db.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)

            async def write() -> None:
                for _ in range(10):
                    await db.execute("INSERT INTO items (name) VALUES ('x')")
                    await db.commit()

            await asyncio.gather(*(write() for _ in range(20)))
            await db.set_trace_callback(None)
            assert await db.execute_fetchall("SELECT count(*) FROM items") == [(200,)]
            assert len(commits) < 100
            turns = Turns()
            for _ in range(2000):
                await db.execute_fetchall("SELECT 1")
            turns.task.cancel()
            assert turns.count >= 5

    run(work())


def test_a_statement_that_takes_long_does_not_hold_the_loop(run: Run[Any], path: str) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"

    async def work() -> None:
        async with aiosqlite.connect(path) as db:
            running = asyncio.ensure_future(db.execute(endless))
            for _ in range(20):
                await asyncio.sleep(0.001)
            assert not running.done()
            await db.interrupt()
            with pytest.raises(sqlite3.OperationalError, match="interrupted"):
                await running
            assert await db.execute_fetchall("SELECT 1") == [(1,)]

    run(work())


def test_others_have_their_turn_while_many_rows_come(run: Run[Any], path: str) -> None:
    async def work() -> None:
        async with await filled(path, 50_000) as db:
            turns = Turns()
            for call in (
                db.execute_fetchall("SELECT * FROM items"),
                (await db.execute("SELECT * FROM items")).fetchall(),
            ):
                turns.count = 0
                assert len(await call) == 50_000
                assert turns.count >= 40
            turns.task.cancel()

    run(work())


def test_a_cancelled_call_is_done_all_the_same_and_the_next_is_answered(run: Run[Any], path: str) -> None:
    async def work() -> None:
        async with await filled(path, 0) as db:
            for _ in range(50):
                await db.execute("INSERT INTO items (name) VALUES ('x')")
                commit = asyncio.ensure_future(db.commit())
                await asyncio.sleep(0)
                commit.cancel()
                await asyncio.gather(commit, return_exceptions=True)
            assert await db.execute_fetchall("SELECT count(*) FROM items") == [(50,)]
            assert not db.in_transaction

    # The connection is already open: entering it again changes nothing.
    run(work())


def test_types_adapters_converters_and_text_factories(run: Run[Any], path: str) -> None:
    class Point:
        pass

    sqlite3.register_adapter(Point, lambda _: "1;2")
    aiosqlite.register_converter("point", lambda raw: tuple(map(int, raw.split(b";"))))

    async def work() -> None:
        types = sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES
        async with aiosqlite.connect(path, detect_types=types) as db:
            await db.execute("CREATE TABLE p (at POINT, n)")
            await db.execute("INSERT INTO p VALUES (?, ?)", (Point(), datetime.date(2020, 1, 2)))
            cursor = await db.execute('SELECT at, n, n AS "d [date]", NULL AS "e [date]" FROM p')
            assert [column[0] for column in cursor.description or ()] == ["at", "n", "d", "e"]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                assert await cursor.fetchone() == ((1, 2), "2020-01-02", datetime.date(2020, 1, 2), None)
        async with aiosqlite.connect(path) as db:
            db.text_factory = bytes
            assert await db.execute_fetchall("SELECT 'é', x'00'") == [("é".encode(), b"\0")]
            db.text_factory = lambda raw: raw.decode("latin-1")
            assert await db.execute_fetchall("SELECT CAST(x'e9' AS TEXT)") == [("é",)]
            db.text_factory = str
            with pytest.raises(sqlite3.OperationalError, match="Could not decode to UTF-8 column 'c'"):
                await db.execute_fetchall("SELECT CAST(x'ff' AS TEXT) AS c")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        run(work())


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (object(), sqlite3.ProgrammingError if sys.version_info >= (3, 11) else sqlite3.InterfaceError),
        (2**63, OverflowError),
        ("\ud800", UnicodeEncodeError),
        ([1], sqlite3.ProgrammingError if sys.version_info >= (3, 11) else sqlite3.InterfaceError),
    ],
)
def test_values_that_are_none_are_refused_by_the_exception_of_sqlite3(
    run: Run[Any], path: str, value: Any, error: type[Exception]
) -> None:
    async def work() -> None:
        async with aiosqlite.connect(path) as db:
            with pytest.raises(error):
                await db.execute("SELECT ?", (value,))
            with pytest.raises(error):
                await db.executemany("INSERT INTO sqlite_master VALUES (?)", [(value,)])

    run(work())


def test_functions_traces_authorizers_and_progress_are_called(run: Run[Any], path: str) -> None:
    async def work() -> None:
        async with await filled(path, 10) as db:
            threads = set()

            def twice(*values: Any) -> Any:
                threads.add(threading.get_ident())
                return values[0] * 2 if values else None

            await db.create_function("twice", -1, twice, deterministic=True)
            row = "SELECT twice(21), twice('ab'), twice(x'0102'), twice(1.5), twice(), twice(x'')"
            assert await db.execute_fetchall(row) == [(42, "abab", b"\1\2\1\2", 3.0, None, b"")]
            assert await db.execute_fetchall("SELECT length(twice(?))", ("y" * 5000,)) == [(10_000,)]
            assert threading.get_ident() not in threads
            await db.create_function("fails", 0, lambda: 1 / 0)
            with pytest.raises(sqlite3.OperationalError, match="user-defined function raised"):
                await db.execute("SELECT fails()")

            told: list[str] = []
            await db.set_trace_callback(told.append)
            await db.execute("SELECT ?", ("traced",))
            await db.set_trace_callback(None)
            await db.execute("SELECT 2")
            assert told == ["SELECT 'traced'"]

            await db.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
            with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
                await db.execute("SELECT * FROM items")
            await db.set_authorizer(None)
            await db.set_progress_handler(lambda: 1, 1)
            with pytest.raises(sqlite3.OperationalError, match="interrupted"):
                await db.execute_fetchall("SELECT count(*) FROM items a, items b, items c")
            await db.set_progress_handler(None, 1)
            assert len(await db.execute_fetchall("SELECT * FROM items")) == 10

    run(work())


def test_a_backup_is_the_same_database_here_and_in_the_standard_module(run: Run[Any], path: str) -> None:
    async def work() -> None:
        async with await filled(path) as db, aiosqlite.connect(":memory:") as other:
            steps: list[tuple[int, int, int]] = []
            await db.backup(other, pages=2, sleep=0, progress=lambda *step: steps.append(step))
            assert steps[-1][:2] == (101, 0)
            assert len(steps) > 1
            assert len(await other.execute_fetchall("SELECT * FROM items")) == 1000
            standard = sqlite3.connect(":memory:")
            await db.backup(standard)
            assert standard.execute("SELECT count(*) FROM items").fetchone() == (1000,)
            standard.close()
            lines = [line async for line in db.iterdump()]
            assert (len(lines), lines[0], lines[-1]) == (1003, "BEGIN TRANSACTION;", "COMMIT;")
            with pytest.raises(ValueError, match="same connection"):
                await db.backup(db)

    run(work())


def test_two_connections_wait_for_each_other_and_then_say_so(run: Run[Any], path: str) -> None:
    async def work() -> None:
        async with await filled(path, 1) as one, aiosqlite.connect(path, timeout=0.05) as two:
            await one.execute("DELETE FROM items")
            with pytest.raises(sqlite3.OperationalError, match="database is locked"):
                await two.execute("DELETE FROM items")
            await one.rollback()
            await two.execute("DELETE FROM items")
            await two.commit()

    run(work())


def test_one_connection_serves_loops_in_several_threads(path: str) -> None:
    db = asyncio.run(filled(path, 0))
    counts = []

    async def work() -> None:
        for _ in range(100):
            await db.execute("INSERT INTO items (name) VALUES ('x')")
            await db.commit()
        counts.append(1)

    threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert counts == [1, 1, 1]

    async def end() -> None:
        assert await db.execute_fetchall("SELECT count(*) FROM items") == [(300,)]
        await db.close()

    asyncio.run(end())


def test_an_unclosed_connection_warns_and_leaves_no_thread(path: str) -> None:
    before = threading.active_count()

    async def work() -> None:
        db = await filled(path, 1)
        with pytest.warns(ResourceWarning, match="deleted before being closed"):
            del db
            gc.collect()

    asyncio.run(work())
    assert threading.active_count() == before


def test_what_is_closed_is_told_and_what_is_missing_too(run: Run[Any], path: str) -> None:
    async def work() -> None:
        db = await filled(path, 1)
        cursor = await db.execute("SELECT 1")
        await cursor.close()
        with pytest.raises(sqlite3.ProgrammingError, match="closed cursor"):
            await cursor.fetchone()
        cursor = await db.execute("SELECT 1")
        await db.close()
        await db.close()
        with pytest.raises(ValueError, match="Connection closed"):
            await cursor.fetchone()
        with pytest.raises(ValueError, match="no active connection"):
            await db.execute("SELECT 1")
        with pytest.raises(sqlite3.OperationalError, match="unable to open database file"):
            await aiosqlite.connect(path + "/no/such/place")

    run(work())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_of_a_process_that_has_a_connection_is_told_so(path: str) -> None:
    code = """
import asyncio, os, sys, warnings
import ubiqlite, ubiqlite.aiosqlite as aiosqlite
async def main():
    db = await aiosqlite.connect(sys.argv[1])
    warnings.simplefilter("ignore")
    if os.fork() == 0:
        told = 0
        for what in (db._conn.execute, lambda _: aiosqlite.connect(":memory:")._connector()):
            try:
                what("SELECT 1")
            except ubiqlite.Unsupported as error:
                told += "forked" in str(error)
        os._exit(told)
    _, status = os.wait()
    assert os.waitstatus_to_exitcode(status) == 2, status
    assert await db.execute_fetchall("SELECT 1") == [(1,)]
    await db.close()
asyncio.run(main())
"""
    done = python(code, path)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_whole_surface_is_there() -> None:
    theirs = pytest.importorskip("aiosqlite")
    if theirs.__file__ is None:
        pytest.skip("a folder of this name is no aiosqlite")
    for name in theirs.__all__:
        assert hasattr(aiosqlite, name), name
    for kind in ("Connection", "Cursor"):
        ours, known = getattr(aiosqlite, kind), getattr(theirs, kind)
        for name, member in vars(known).items():
            if name in ("__module__", "__dict__", "__weakref__", "__doc__", "__firstlineno__", "__static_attributes__"):
                continue
            assert hasattr(ours, name), f"{kind}.{name}"
            if inspect.isfunction(member):
                mine = inspect.signature(getattr(ours, name))
                assert list(mine.parameters) == list(inspect.signature(member).parameters), f"{kind}.{name}"
