"""How connections and the interpreter end, even while callbacks run."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from typing import Any

import pytest
from conftest import Run, python

import ubiqlite.aiosqlite as aiosqlite

IMPORTS = "import asyncio, gc, os, sys, sqlite3, threading, time, warnings\nimport ubiqlite.aiosqlite as aiosqlite\n"


def ends(code: str, *args: str) -> str:
    """Runs a program, which must succeed, and returns what it printed."""
    done = python(f"import faulthandler; faulthandler.enable()\n{IMPORTS}{code}", *args)
    assert (done.returncode, done.stderr) == (0, ""), (done.returncode, done.stderr, done.stdout)
    return done.stdout


CALLBACKS = {
    "function": 'await db.create_function("f", 1, lambda x: x)',
    "aggregate": 'db._conn.create_aggregate("f", 1, Sum)',
    "collation": 'db._conn.create_collation("backwards", lambda a, b: (a < b) - (a > b))',
    "progress": "await db.set_progress_handler(lambda: 0, 100)",
    "authorizer": "await db.set_authorizer(lambda *names: 0)",
    "trace": "await db.set_trace_callback(lambda sql: None)",
}
ENDLESS = {
    "collation": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT count(*) FROM n WHERE CAST(i AS TEXT) < '5' COLLATE backwards",
    "function": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(f(i)) FROM n",
    "aggregate": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT f(i) FROM n",
}
SUM = """
class Sum:
    def __init__(self): self.sum = 0
    def step(self, x): self.sum += x
    def inverse(self, x): self.sum -= x
    def value(self): return self.sum
    def finalize(self): return self.sum
"""


@pytest.mark.parametrize("kind", CALLBACKS)
@pytest.mark.parametrize("end", ["return", "exit", "error", "cancel"])
def test_the_interpreter_ends_though_a_statement_calls_functions_of_python(path: str, kind: str, end: str) -> None:
    endless = ENDLESS.get(kind, ENDLESS["function"].replace("f(i)", "i"))
    code = f"""{SUM}
warnings.simplefilter("ignore")
async def main():
    db = await aiosqlite.connect(sys.argv[1])
    {CALLBACKS[kind]}
    running = asyncio.ensure_future(db.execute_fetchall({endless!r}))
    await asyncio.sleep(0.05)
    if {end!r} == "exit": sys.exit(7)
    if {end!r} == "error": raise KeyError("mine")
    if {end!r} == "cancel":
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
asyncio.run(main())
"""
    done = python(IMPORTS + code, path, timeout=20)
    wanted = {"return": 0, "cancel": 0, "exit": 7, "error": 1}[end]
    assert done.returncode == wanted, (done.returncode, done.stderr)
    if end == "error":
        assert "KeyError: 'mine'" in done.stderr
    assert "Fatal" not in done.stderr, done.stderr


def test_the_interpreter_ends_while_a_function_sleeps(path: str) -> None:
    code = """
warnings.simplefilter("ignore")
async def main():
    db = await aiosqlite.connect(sys.argv[1])
    await db.create_function("f", 0, lambda: time.sleep(0.3))
    asyncio.ensure_future(db.execute_fetchall("SELECT f(), f(), f()"))
    await asyncio.sleep(0.05)
asyncio.run(main())
print("end")
"""
    assert ends(code, path) == "end\n"


def test_what_a_statement_calls_lives_until_the_connection_has_ended(path: str) -> None:
    code = """
warnings.simplefilter("ignore")
async def handler():
    async with aiosqlite.connect(sys.argv[1]) as db:
        await db.create_function("f", 1, lambda x: x + 1)
        await db.execute_fetchall(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT sum(f(i)) FROM n")
async def main():
    for turns in range(12):
        task = asyncio.ensure_future(handler())
        await asyncio.sleep(0.01 + turns / 400)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        del task
        gc.collect()
        # Memory that was freed is used again.
        for _ in range(50): __import__("ctypes").CFUNCTYPE(None)(lambda: None)
asyncio.run(main())
print("end")
"""
    for _ in range(3):
        assert ends(code, path) == "end\n"


def test_functions_that_were_replaced_are_let_go(run: Run[Any], path: str) -> None:
    import weakref

    async def work() -> None:
        async with aiosqlite.connect(path) as db:
            gone = []
            for _ in range(20):

                def called(value: Any) -> Any:
                    return value

                gone.append(weakref.ref(called))
                await db.create_function("f", 1, called)
            del called
            gc.collect()
            assert sum(one() is not None for one in gone) <= 2
            assert await db.execute_fetchall("SELECT f(7)") == [(7,)]

    run(work())


def test_backups_that_cross_all_end(run: Run[Any], path: str) -> None:
    async def work() -> None:
        names = "abc"
        all_ = [await aiosqlite.connect(path + name) for name in names]
        for db, name in zip(all_, names):
            await db.execute("CREATE TABLE t (name)")
            await db.executemany("INSERT INTO t VALUES (?)", [(name,)] * 500)
            await db.commit()
        a, b, c = all_
        for pages in (0, 1, 3):
            await asyncio.wait_for(
                asyncio.gather(a.backup(b, pages=pages), c.backup(a, pages=pages), return_exceptions=True), 30
            )
        # Each of the two holds the other.
        await asyncio.wait_for(asyncio.gather(a.backup(b), b.backup(a), return_exceptions=True), 30)
        for db in all_:
            assert len(await db.execute_fetchall("SELECT * FROM t")) == 500
            await db.close()

    run(work())


def test_the_target_of_a_backup_is_left_alone_until_it_has_ended(run: Run[Any], path: str) -> None:
    async def once(source: aiosqlite.Connection, target: aiosqlite.Connection, third: aiosqlite.Connection) -> None:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()
        finished = await target.execute("SELECT 1")
        assert await finished.fetchone() == (1,)

        def progress(*_: int) -> None:
            loop.call_soon_threadsafe(begun.set)

        copying = asyncio.ensure_future(source.backup(target, pages=1, progress=progress))
        await begun.wait()
        # What it has so far is no database.
        with pytest.raises(aiosqlite.OperationalError, match="target of a backup"):
            await target.backup(third)
        refused = []
        statements = ("SELECT count(*) FROM t", "PRAGMA schema_version", "UPDATE t SET a = a")
        for turn in range(10_000):
            if copying.done():
                break
            try:
                await target.execute(statements[turn % 3])
            except aiosqlite.OperationalError as error:
                refused.append(str(error))
            # What does nothing is no error.
            await finished.close()
        await copying
        assert refused
        assert all("target of a backup" in message for message in refused)
        await target.rollback()
        for db in (source, target):
            assert await db.execute_fetchall("PRAGMA integrity_check") == [("ok",)]
            assert await db.execute_fetchall("SELECT count(*) FROM t") == [(2000,)]

    async def work() -> None:
        source, target = await aiosqlite.connect(path + "a"), await aiosqlite.connect(path + "b")
        third = await aiosqlite.connect(":memory:")
        for db in (source, target):
            await db.execute("CREATE TABLE t (a)")
            await db.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 2000)
            await db.commit()
        for _ in range(5):
            await once(source, target, third)
        for db in (source, target, third):
            await db.close()

    run(work())


def test_each_backup_is_its_own(run: Run[Any], path: str) -> None:
    async def work() -> None:
        async with aiosqlite.connect(path) as db:
            await db.execute("CREATE TABLE t (a)")
            await db.executemany("INSERT INTO t VALUES (?)", [("x" * 1000,)] * 500)
            await db.commit()
            one, two = await aiosqlite.connect(":memory:"), await aiosqlite.connect(":memory:")
            task = asyncio.ensure_future(db.backup(one, pages=1))
            await asyncio.sleep(0.005)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await db.backup(two)
            assert await two.execute_fetchall("SELECT count(*) FROM t") == [(500,)]
            # The cancelled backup was completed all the same, as by `aiosqlite`.
            assert await one.execute_fetchall("SELECT count(*) FROM t") == [(500,)]
            with pytest.raises(KeyError):
                await db.backup(one, pages=1, progress=lambda *told: {}[told])
            # Closing the target during a backup ends the backup, and its source continues.
            task = asyncio.ensure_future(db.backup(one, pages=1))
            await asyncio.sleep(0)
            await one.close()
            await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 30)
            await db.execute("DELETE FROM t")
            await db.commit()
            await two.close()

    run(work())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_opens_its_own_where_all_were_closed_before(path: str) -> None:
    code = """
import ubiqlite
warnings.simplefilter("ignore", DeprecationWarning)
async def use(name):
    async with aiosqlite.connect(sys.argv[1] + name) as db:
        await db.create_function("f", 0, lambda: 7)
        assert await db.execute_fetchall("SELECT f()") == [(7,)]
    async with ubiqlite.open(sys.argv[1] + name + "m") as db:
        await db.execute("CREATE TABLE IF NOT EXISTS t (a)")
        try:
            await db.query_value("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n", timeout=0.05)
        except ubiqlite.Timeout:
            pass
        assert await db.query_value("SELECT count(*) FROM t") == 0
asyncio.run(use("a"))
pid = os.fork()
if pid == 0:
    code = 1
    try:
        asyncio.run(use("a"))
        code = 0
    except BaseException as error:
        print(repr(error), flush=True)
    finally:
        os._exit(code)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
asyncio.run(use("a"))
"""
    if sys.version_info < (3, 10):
        code = code.replace("os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])", "os.waitpid(pid, 0)[1]")
    assert ends(code, path) == "0\n"
