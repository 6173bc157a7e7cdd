"""The guide's page "Several processes". A second ``open`` of the file is the other process."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
import ubiqlite

SCHEMA = """
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
    INSERT INTO accounts VALUES (1, 100);
"""


async def file(folder: Path) -> str:
    """Makes a file with two tables, closed again."""
    path = str(folder / "app.db")
    async with ubiqlite.open(path) as db:
        await db.batch(SCHEMA)
    return path


def test_two_processes_on_one_file(tmp_path: Path) -> None:
    """Each process sees what the other has committed."""

    async def main() -> None:
        path = await file(tmp_path)
        # region share
        db = await ubiqlite.open(path)

        # In another process:
        other = await ubiqlite.open(path)
        await other.table("items").insert(name="lamp")

        # Here, after that insert has returned:
        names = await db.query("SELECT name FROM items", into=str)
        # endregion share
        assert names == ["lamp"]
        await other.close()
        await db.close()
        assert os.listdir(tmp_path) == ["app.db"]

    asyncio.run(main())


def test_a_lock_that_another_process_keeps(tmp_path: Path) -> None:
    """A read does not wait for it; a write does, for the busy timeout."""

    async def main() -> None:
        path = await file(tmp_path)
        other = await ubiqlite.open(path)
        since = time.monotonic()
        # region busy
        db = await ubiqlite.open(path, busy_timeout=0.2)

        # In another process, a transaction that stays open:
        tx = await other.begin()
        await tx.execute("UPDATE accounts SET balance = 0")

        # Here a read does not wait, and sees what was committed before.
        balance = await db.query_value("SELECT balance FROM accounts WHERE id = 1", into=int)
        # A write waits for 200 ms.
        add = "UPDATE accounts SET balance = balance + 10 WHERE id = 1"
        try:
            await db.execute(add)
        except ubiqlite.Busy as error:
            print(error)  # nothing was changed
        # endregion busy
        assert balance == 100
        assert time.monotonic() - since >= 0.2
        with pytest.raises(ubiqlite.Busy):
            await db.execute(add)
        with pytest.raises(ubiqlite.Busy):
            await db.begin()
        with pytest.raises(ubiqlite.Timeout):
            await db.execute(add, timeout=0.02)
        await tx.commit()
        await db.execute(add)
        assert await db.query_value("SELECT balance FROM accounts") == 10
        await other.close()
        await db.close()

    asyncio.run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere another SQLite in the process may not use the file")
def test_the_standard_library_on_the_same_file(tmp_path: Path) -> None:
    """``sqlite3`` is another copy of SQLite."""

    async def main() -> None:
        path = await file(tmp_path)
        # region library
        async with ubiqlite.open(path) as db:
            await db.table("items").insert(name="lamp")

            # On Linux, in the same process:
            with contextlib.closing(sqlite3.connect(path)) as connection, connection:
                connection.execute("INSERT INTO items (name) VALUES ('chair')")

            count = await db.table("items").count()
        # endregion library
        assert count == 2

    asyncio.run(main())


# region spawn-work
def count_items(path: str) -> int:
    """Runs in the child, which opens the file itself."""

    async def main() -> int:
        async with ubiqlite.open(path) as db:
            return await db.table("items").count()

    return asyncio.run(main())


# endregion spawn-work


def test_a_child_that_is_spawned(tmp_path: Path) -> None:
    """It opens the file itself."""

    async def main() -> None:
        path = await file(tmp_path)
        # region spawn
        async with ubiqlite.open(path) as db:
            await db.table("items").insert(name="lamp")

            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(mp_context=context) as pool:
                count = await asyncio.get_running_loop().run_in_executor(pool, count_items, path)
        # endregion spawn
        assert count == 1

    asyncio.run(main())


FORKED = """
import asyncio, os, sys, ubiqlite

async def main(path):
    db = await ubiqlite.open(path)
    child = os.fork()
    if child == 0:
        asyncio.events._set_running_loop(None)
        try:
            asyncio.run(again(path))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    await db.close()

async def again(path):
    try:
        await ubiqlite.open(path)
    except ubiqlite.Unsupported as error:
        print("Unsupported:", error, flush=True)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_that_was_forked_while_a_database_was_open(tmp_path: Path) -> None:
    """It can open nothing."""
    argv = [sys.executable, "-W", "ignore", "-c", FORKED, str(tmp_path / "app.db")]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Unsupported: this process was forked while a database was open")


@pytest.mark.skipif(os.name != "posix", reason="elsewhere an open file can't be replaced")
def test_a_file_that_is_replaced_while_it_is_open(tmp_path: Path) -> None:
    """Nothing more is written to it."""

    async def main() -> None:
        path = await file(tmp_path)
        backup = str(tmp_path / "backup.db")
        # region moved
        db = await ubiqlite.open(path)
        await db.execute("VACUUM INTO ?", (backup,))

        # Another program puts the backup in the place of the open file.
        os.replace(backup, path)

        try:
            await db.table("items").insert(name="lamp")
        except ubiqlite.ReadOnly as error:
            print(error.code)  # 1032
            await db.close()
            db = await ubiqlite.open(path)
        # endregion moved
        assert await db.table("items").count() == 0
        os.replace(path, backup)
        with pytest.raises(ubiqlite.ReadOnly) as refused:
            await db.table("items").insert(name="lamp")
        assert refused.value.code == 1032
        await db.close()

    asyncio.run(main())
    left = {entry.name: entry.stat().st_size for entry in tmp_path.iterdir()}
    assert "app.db" not in left
    assert left.get("app.db-wal", 0) == 0
