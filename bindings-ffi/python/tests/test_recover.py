"""What is left of a damaged file, in a new one."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import Run

import ubiqlite


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Returns a database file that nothing tells from other files."""
    path = tmp_path / "damaged.db"
    with closing(sqlite3.connect(path)) as plain, plain:
        plain.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
        plain.executemany("INSERT INTO items (name) VALUES (?)", [(f"item {n}",) for n in range(500)])
    path.write_bytes(b"\x5a" * 16 + path.read_bytes()[16:])
    return path


def test_a_file_that_can_not_be_opened_is_recovered_and_not_changed(
    run: Run[None], tmp_path: Path, damaged: Path
) -> None:
    before, saved = damaged.read_bytes(), tmp_path / "saved.db"

    async def main() -> None:
        with pytest.raises(ubiqlite.NotADatabase):
            await ubiqlite.open(damaged)
        assert await ubiqlite.recover(damaged, str(saved)) == ubiqlite.Recovered({"items": 500}, 0)
        assert damaged.read_bytes() == before
        async with ubiqlite.open(saved) as db:
            assert await db.query_value("SELECT name FROM items WHERE id = 7") == "item 6"

    run(main())


def test_what_can_not_be_recovered_is_told_with_the_path(run: Run[None], tmp_path: Path, damaged: Path) -> None:
    missing, saved = tmp_path / "missing.db", tmp_path / "saved.db"

    async def main() -> None:
        with pytest.raises(ubiqlite.CannotOpen) as gone:
            await ubiqlite.recover(missing, saved)
        assert gone.value.path == str(missing)
        assert not saved.exists()
        saved.write_text("mine")
        with pytest.raises(ubiqlite.InvalidArgument) as there:
            await ubiqlite.recover(damaged, saved)
        assert there.value.path == str(saved)
        assert saved.read_text() == "mine"
        wrong: list[Any] = [None, 7, b"bytes", ""]
        for source in wrong:
            with pytest.raises(ubiqlite.InvalidArgument):
                await ubiqlite.recover(source, tmp_path / "other.db")
        async with ubiqlite.open(":memory:") as db:
            with pytest.raises(ubiqlite.InvalidArgument):
                await db.recover(tmp_path / "other.db")

    run(main())


def test_one_that_takes_too_long_or_is_cancelled_leaves_no_file(run: Run[None], tmp_path: Path) -> None:
    # One that has not yet noticed has its place to itself: each has another.
    late, cancelled, saved = (tmp_path / f"saved {name}.db" for name in ("late", "cancelled", "whole"))

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, data BLOB)")
            fill = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 4000) "
            await db.execute(f"{fill} INSERT INTO items (data) SELECT randomblob(3000) FROM r")
            with pytest.raises(ubiqlite.Timeout):
                await db.recover(late, timeout=0.001)
            task = asyncio.ensure_future(db.recover(cancelled))
            await asyncio.sleep(0.002)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await db.recover(saved)).tables == {"items": 4000}
        for _ in range(6_000):
            left = sorted(name for name in os.listdir(tmp_path) if name.startswith("saved"))
            if left == [saved.name]:
                break
            await asyncio.sleep(0.01)
        assert left == [saved.name]

    run(main())
