"""The interpreter's own `sqlite3`, another copy of SQLite, uses the same file in the same process."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import python

import ubiqlite

pytestmark = pytest.mark.skipif(os.name != "posix", reason="elsewhere locks do not belong to the process")

SCHEMA = "CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, number INTEGER, pad BLOB); CREATE INDEX by_who ON t (who)"
INSERT = "INSERT INTO t (who, number, pad) VALUES (?, ?, randomblob(abs(random()) % 500))"

OTHER_PROCESS = """
import asyncio, sys, ubiqlite
async def main():
    number = 0
    while True:
        async with ubiqlite.open(sys.argv[1], synchronous="off", busy_timeout=30) as db:
            for _ in range(20):
                await db.execute(sys.argv[2], ("process " + sys.argv[3], number))
                print(number, flush=True)
                number += 1
asyncio.run(main())
"""


def standard(path: str, over: threading.Event, acknowledged: list[int]) -> None:
    """Opens, writes and closes with the standard library, until ``over`` is set."""
    number = 0
    while not over.is_set():
        connection = sqlite3.connect(path, timeout=30, isolation_level=None)
        connection.execute("SELECT count(*) FROM t").fetchone()
        for _ in range(3):
            connection.execute(INSERT, ("standard", number))
            number += 1
            acknowledged[0] = number
        connection.close()
        time.sleep(0.002)


async def ours(path: str, end: float) -> int:
    number = 0
    while time.monotonic() < end:
        async with ubiqlite.open(path, synchronous="off", busy_timeout=30) as db:
            for _ in range(20):
                await db.execute(INSERT, ("ours", number))
                number += 1
            assert await db.query_value("SELECT count(*) FROM t WHERE who = 'ours'") == number
    return number


def test_nothing_is_lost_beside_the_standard_sqlite3(path: str) -> None:
    async def make() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)

    asyncio.run(make())
    over = threading.Event()
    theirs = [0]
    thread = threading.Thread(target=standard, args=(path, over, theirs))
    thread.start()
    killed: list[str] = []

    def others() -> None:
        while not over.is_set():
            argv = [sys.executable, "-c", OTHER_PROCESS, path, INSERT, str(len(killed))]
            with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
                over.wait(0.7)
                process.kill()
                killed.append(process.communicate()[0])

    killing = threading.Thread(target=others)
    killing.start()
    try:
        mine = asyncio.run(ours(path, time.monotonic() + 4))
    finally:
        over.set()
        thread.join()
        killing.join()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def count(who: str) -> int:
        sql = "SELECT count(DISTINCT number) FROM t WHERE who = ?"
        value: int = connection.execute(sql, (who,)).fetchone()[0]
        return value

    assert mine > 0
    assert theirs[0] > 0
    assert (count("ours"), count("standard")) == (mine, theirs[0])
    for life, told in enumerate(killed):
        # The last line may be incomplete.
        whole = told[: told.rfind("\n") + 1].split()
        assert count(f"process {life}") >= len(whole)
    connection.close()


FORK = """
import multiprocessing, os, sqlite3, sys, asyncio, ubiqlite
async def hold():
    db = await ubiqlite.open(sys.argv[1])
    await db.batch("CREATE TABLE t (x)")
    tx = await db.begin()
    await tx.execute("INSERT INTO t VALUES (1)")
    child = os.fork()
    if child == 0:
        os.read(reader, 1)
        os._exit(0)
    await tx.rollback()
    await db.close()
    # The child is there and has a copy of every descriptor.
    other = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("INSERT INTO t VALUES (2)")
    os.write(writer, b"x")
    os.waitpid(child, 0)
    print("free")
reader, writer = os.pipe()
asyncio.run(hold())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_child_keeps_no_lock_of_its_parent(path: str) -> None:
    done = python("import warnings; warnings.simplefilter('ignore')\n" + FORK, path)
    assert (done.returncode, done.stdout.strip()) == (0, "free"), done.stderr


def test_a_file_that_was_replaced_is_noticed(path: str, tmp_path: Path) -> None:
    async def work() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch("CREATE TABLE t (x); INSERT INTO t VALUES ('old')")
            restored = tmp_path / "restored"
            with sqlite3.connect(restored) as backup:
                backup.executescript("CREATE TABLE t (x); INSERT INTO t VALUES ('restored')")
            backup.close()
            os.replace(restored, path)
            with pytest.raises(ubiqlite.ReadOnly, match="close the database, and open it again"):
                await db.execute("INSERT INTO t VALUES ('lost')")
        again = sqlite3.connect(path)
        assert again.execute("SELECT x FROM t").fetchall() == [("restored",)]
        again.close()

    asyncio.run(work())
