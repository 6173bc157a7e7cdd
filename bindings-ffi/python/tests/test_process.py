"""The end of the interpreter, forks, and development mode."""

from __future__ import annotations

import os
import time

import pytest
from conftest import python

LEFT_OPEN = """
import asyncio, sys, ubiqlite
async def main():
    global db, tx, stream
    db = await ubiqlite.open(sys.argv[1])
    await db.execute("CREATE TABLE IF NOT EXISTS t (x)")
    tx = await db.begin()
    await tx.execute("INSERT INTO t VALUES (1)")
    stream = db.stream("WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r")
    async for row in stream:
        break
    task = asyncio.ensure_future(db.execute("INSERT INTO t VALUES (2)"))
    await asyncio.sleep(0.01)
    print("ends")
asyncio.run(main())
"""


@pytest.mark.parametrize("loop", ["", "import asyncio, uvloop; asyncio.run = uvloop.run\n"])
def test_the_interpreter_ends_at_once_with_a_database_open(path: str, loop: str) -> None:
    if loop:
        pytest.importorskip("uvloop")
    for _ in range(5):
        started = time.monotonic()
        done = python(
            loop
            + LEFT_OPEN.replace(
                "import asyncio", "import asyncio, warnings; warnings.simplefilter('ignore')\nimport asyncio"
            ),
            path,
        )
        assert (done.returncode, done.stdout.strip()) == (0, "ends"), done.stderr
        assert time.monotonic() - started < 5


def test_development_mode_has_nothing_to_say(path: str) -> None:
    done = python(
        """
import asyncio, sys, ubiqlite
async def main():
    async with ubiqlite.open(sys.argv[1]) as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x)")
        await db.execute_many("INSERT INTO t (x) VALUES (?)", ((n,) for n in range(5000)))
        async with db.transaction() as tx:
            await tx.table("t").update(1, x="y")
        async for row in db.stream("SELECT * FROM t"):
            if row["id"] == 7:
                break
        async with db.snapshot() as moment, db.acquire() as session:
            await asyncio.gather(moment.query("SELECT 1"), session.query("SELECT 2"))
        task = asyncio.ensure_future(db.query("SELECT count(*) FROM t a, t b, t c"))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
asyncio.run(main())
print("done")
""",
        path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_opening_and_closing_again_and_again_ends_well(path: str) -> None:
    code = """
import asyncio, sys, ubiqlite
async def main():
    for _ in range(20):
        async with ubiqlite.open(sys.argv[1]) as db:
            await db.query("SELECT 1")
asyncio.run(main())
"""
    for _ in range(10):
        done = python(code, path)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_forked_after_an_opening_is_told_so_and_harms_nothing(path: str) -> None:
    done = python(
        """
import asyncio, gc, os, sys, warnings, ubiqlite
warnings.simplefilter("ignore", DeprecationWarning)
async def child(db, tx):
    for call in (lambda: db.query("SELECT 1"), lambda: tx.execute("DELETE FROM t"), lambda: ubiqlite.open(sys.argv[1]), db.close):
        try:
            await call()
        except ubiqlite.Unsupported as error:
            assert "forked" in str(error)
        else:
            raise AssertionError("it was not refused")
async def main():
    db = await ubiqlite.open(sys.argv[1])
    await db.execute("CREATE TABLE t (x)")
    tx = await db.begin()
    await tx.execute("INSERT INTO t VALUES (1)")
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            asyncio.events._set_running_loop(None)
            asyncio.run(child(db, tx))
            del db, tx
            gc.collect()
            code = 0
        except BaseException as error:
            print(repr(error), flush=True)
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    await tx.commit()
    assert await db.table("t").count() == 1
    await db.close()
    print("child", os.waitstatus_to_exitcode(status))
asyncio.run(main())
""",
        path,
    )
    assert (done.stdout, done.stderr) == ("child 0\n", ""), (done.stdout, done.stderr)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_forked_before_anything_was_opened_may_open(path: str) -> None:
    done = python(
        """
import asyncio, os, sys, ubiqlite
async def main():
    async with ubiqlite.open(sys.argv[1]) as db:
        assert await db.query_value("SELECT 1") == 1
pid = os.fork()
asyncio.run(main())
if pid == 0:
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
""",
        path,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
