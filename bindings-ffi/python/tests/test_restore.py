"""Replacing what a database contains, and databases in memory from bytes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import Run

import ubiqlite
import ubiqlite.backup

SCHEMA = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Returns a database file, as SQLite itself makes it."""
    path = tmp_path / "source.db"
    with closing(sqlite3.connect(path)) as plain, plain:
        plain.execute(SCHEMA)
        plain.executemany("INSERT INTO items (name) VALUES (?)", [(f"restored {n}",) for n in range(500)])
    return path


async def here(db: ubiqlite.Database) -> None:
    """Fills a database with something else."""
    await db.batch(f"{SCHEMA}; INSERT INTO items VALUES (1, 'before'); CREATE TABLE other (x)")


async def update_of(live: AsyncIterator[Any]) -> Any:
    return await asyncio.wait_for(live.__anext__(), 60)


@pytest.mark.parametrize("place", ["file", "memory"])
@pytest.mark.parametrize("kind", ["text", "path", "bytes", "bytearray", "memoryview"])
def test_all_kinds_of_sources_replace_everything(
    run: Run[None], tmp_path: Path, source: Path, place: str, kind: str
) -> None:
    content = source.read_bytes()
    of_kind = {
        "text": str(source),
        "path": source,
        "bytes": content,
        "bytearray": bytearray(content),
        # Every second byte of twice as many: what is not in one piece.
        "memoryview": memoryview(bytes(byte for byte in content for _ in range(2)))[::2],
    }

    async def main() -> None:
        async with ubiqlite.open(":memory:" if place == "memory" else tmp_path / "app.db") as db:
            await here(db)
            await db.restore(of_kind[kind])
            names = await db.query("SELECT name FROM items ORDER BY id", into=str)
            assert names == [f"restored {n}" for n in range(500)]
            assert await db.query("SELECT name FROM sqlite_schema", into=str) == ["items"]
            await db.execute("INSERT INTO items (name) VALUES ('after')")
            assert await db.check() == []
        assert source.read_bytes() == content

    run(main())


def test_a_restore_is_seen_by_readers_and_once_by_a_live_query(run: Run[None], tmp_path: Path, source: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db, ubiqlite.open(tmp_path / "app.db") as other:
            await here(db)
            sql = "SELECT id, name FROM items"
            async with db.watch(sql, key="id", into=tuple) as live, db.snapshot() as moment:
                assert (await update_of(live)).rows == [(1, "before")]
                assert await moment.query_value("SELECT count(*) FROM items") == 1
                await db.restore(source)
                assert await db.query_value("SELECT count(*) FROM items") == 500
                assert await other.query_value("SELECT count(*) FROM items") == 500
                # It keeps what it has seen.
                assert await moment.query(sql, into=tuple) == [(1, "before")]
                now = await update_of(live)
                assert len(now.rows) == 500
                assert (len(now.added), now.removed, now.updated) == (499, [], [0])
                # Nothing else comes before the next change.
                await db.execute("INSERT INTO items VALUES (1000, 'after')")
                assert [(len(then.rows), then.added, then.updated) for then in [await update_of(live)]] == [
                    (501, [500], [])
                ]

    run(main())


def test_what_is_no_database_changes_nothing(run: Run[None], tmp_path: Path, source: Path) -> None:
    content = source.read_bytes()
    damaged = bytearray(content)
    # The page of the table's root, in which there is no page of a tree any more.
    damaged[4096:8192] = b"\xff" * 4096
    refused = [
        (b"", ubiqlite.NotADatabase),
        (b"garbage", ubiqlite.NotADatabase),
        (b"x" * 8192, ubiqlite.NotADatabase),
        (bytes(damaged), ubiqlite.Corrupt),
        (content[: len(content) // 2], ubiqlite.Corrupt),
    ]

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await here(db)
            for data, kind in refused:
                with pytest.raises(kind):
                    await db.restore(data)
                (tmp_path / "refused.db").write_bytes(data)
                with pytest.raises(kind):
                    await db.restore(tmp_path / "refused.db")
            with pytest.raises(ubiqlite.CannotOpen):
                await db.restore(tmp_path / "missing.db")
            assert not (tmp_path / "missing.db").exists()
            with pytest.raises(ubiqlite.InvalidArgument):
                await db.restore(tmp_path / "app.db")
            for wrong in (7, None, [1], "\udc80"):
                with pytest.raises(ubiqlite.InvalidArgument, match="the path to restore"):
                    await db.restore(wrong)  # type: ignore[arg-type]
            assert await db.query("SELECT * FROM items", into=tuple) == [(1, "before")]
            assert await db.query_value("SELECT count(*) FROM other") == 0
            assert await db.check() == []

    run(main())


def test_a_restore_that_is_cancelled_happens_entirely_or_not_at_all(
    run: Run[None], tmp_path: Path, source: Path
) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await here(db)
            for turns in range(8):
                task = asyncio.ensure_future(db.restore(source))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
                count = await db.query_value("SELECT count(*) FROM items")
                if not task.cancelled():
                    assert count == 500
                assert count in (1, 500)
                assert await db.check() == []

    run(main())


def test_a_closed_or_read_only_database_is_not_restored(run: Run[None], tmp_path: Path, source: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await here(db)
        async with ubiqlite.open(tmp_path / "app.db", read_only=True) as db:
            with pytest.raises(ubiqlite.ReadOnly):
                await db.restore(source)
            assert await db.query("SELECT name FROM items", into=str) == ["before"]
        with pytest.raises(ubiqlite.Closed):
            await db.restore(source)

    run(main())


def test_a_serialized_database_is_opened_again(run: Run[None], source: Path) -> None:
    content = source.read_bytes()

    async def main() -> None:
        async with ubiqlite.deserialize(content) as db:
            assert db.path == ":memory:"
            assert await db.query_value("SELECT count(*) FROM items") == 500
            await db.execute("DELETE FROM items WHERE id > 1")
            data = await db.serialize()
        again = await ubiqlite.deserialize(memoryview(data))
        assert await again.query("SELECT * FROM items", into=tuple) == [(1, "restored 0")]
        await again.close()
        assert source.read_bytes() == content

    run(main())


def test_a_database_from_bytes_has_options_and_migrations(run: Run[None], source: Path) -> None:
    steps = {"1_more.sql": "ALTER TABLE items ADD COLUMN price REAL DEFAULT 2.5"}

    async def main() -> None:
        for on in (False, True):
            async with ubiqlite.deserialize(source.read_bytes(), foreign_keys=on, migrations=steps) as db:
                assert await db.query_value("PRAGMA foreign_keys") == int(on)
                assert await db.query_value("SELECT sum(price) FROM items") == 1250.0
        with pytest.raises(ubiqlite.InvalidArgument):
            await ubiqlite.deserialize(source.read_bytes(), readers=-1)
        with pytest.raises(ubiqlite.InvalidArgument):
            ubiqlite.deserialize(source.read_bytes(), busy_timeout=-1)

    run(main())


def test_bytes_that_are_no_database_are_not_opened(run: Run[None], source: Path) -> None:
    damaged = bytearray(source.read_bytes())
    damaged[4096:8192] = b"\xff" * 4096

    async def main() -> None:
        for data, kind in (
            (b"", ubiqlite.NotADatabase),
            (b"x" * 8192, ubiqlite.NotADatabase),
            (damaged, ubiqlite.Corrupt),
        ):
            with pytest.raises(kind):
                await ubiqlite.deserialize(data)
        for wrong in ("app.db", None, [1]):
            with pytest.raises(ubiqlite.InvalidArgument, match="the bytes of a database file"):
                ubiqlite.deserialize(wrong)  # type: ignore[arg-type]

    run(main())


def test_more_bytes_than_a_request_has_are_told(run: Run[None], source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = source.read_bytes()
    monkeypatch.setattr(ubiqlite.backup, "_MOST", len(content) - 1)

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            with pytest.raises(ubiqlite.TooBig):
                await db.restore(content)
            with pytest.raises(ubiqlite.TooBig):
                ubiqlite.deserialize(memoryview(content).cast("H"))
            await db.restore(source)

    run(main())
