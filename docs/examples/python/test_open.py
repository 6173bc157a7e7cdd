"""The guide's page about opening a database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

# region import
import ubiqlite

# endregion import


def test_a_file_is_created_and_kept(tmp_path: Path) -> None:
    """What was written is there when the file is opened again."""

    async def main() -> None:
        path = tmp_path / "app.db"
        # region open
        async with ubiqlite.open(path) as db:
            await db.batch("CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
            await db.execute("INSERT INTO items (name) VALUES (?)", ("lamp",))
        # endregion open
        async with ubiqlite.open(path, create=False) as again:
            assert await again.table("items").count() == 1

    asyncio.run(main())


def test_each_memory_database_is_its_own() -> None:
    """Two of them share nothing."""

    async def main() -> None:
        # region memory
        db = await ubiqlite.open(":memory:")
        other = await ubiqlite.open(":memory:")  # shares nothing with the first
        # endregion memory
        await db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY)")
        with pytest.raises(ubiqlite.NoSuchTable):
            await other.table("items").count()
        await db.close()
        await other.close()

    asyncio.run(main())


def test_settings_are_given_at_opening(tmp_path: Path) -> None:
    """They are keywords."""

    async def main() -> None:
        path = tmp_path / "app.db"
        # region settings
        db = await ubiqlite.open(
            path,
            busy_timeout=1,  # seconds, or a timedelta
            synchronous="normal",
        )
        # endregion settings
        assert await db.query_value("PRAGMA synchronous") == 1
        await db.close()

        # region readonly
        report = await ubiqlite.open(path, read_only=True)
        # endregion readonly
        with pytest.raises(ubiqlite.ReadOnly):
            await report.execute("CREATE TABLE items (id INTEGER)")
        await report.close()

    asyncio.run(main())


def test_the_defaults_hold(tmp_path: Path) -> None:
    """A new file has them."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            # region defaults
            journal = await db.query_value("PRAGMA journal_mode")  # "wal"
            synchronous = await db.query_value("PRAGMA synchronous")  # 2: FULL
            foreign_keys = await db.query_value("PRAGMA foreign_keys")  # 1
            # endregion defaults
            assert (journal, synchronous, foreign_keys) == ("wal", 2, 1)
            with pytest.raises(ubiqlite.NoSuchColumn):
                await db.query('SELECT "x"')

    asyncio.run(main())


def test_an_existing_file_keeps_its_mode(tmp_path: Path) -> None:
    """Unless another mode is asked for."""

    async def main() -> None:
        path = tmp_path / "app.db"
        async with ubiqlite.open(path, journal_mode="delete") as db:
            await db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY)")
        async with ubiqlite.open(path) as db:
            assert await db.query_value("PRAGMA journal_mode") == "delete"

    asyncio.run(main())


def test_tasks_share_one_database(tmp_path: Path) -> None:
    """A second opening is a second writer."""

    async def main() -> None:
        path = tmp_path / "app.db"
        db = await ubiqlite.open(path)
        await db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")

        # region share
        async def add(number: int) -> None:
            await db.execute("INSERT INTO items (name) VALUES (?)", (f"item {number}",))

        await asyncio.gather(*(add(number) for number in range(10)))
        # endregion share
        assert await db.table("items").count() == 10

        second = await ubiqlite.open(path, busy_timeout=0.02)
        async with db.transaction():
            with pytest.raises(ubiqlite.Busy):
                await second.execute("DELETE FROM items")
        await second.close()
        await db.close()

    asyncio.run(main())


def test_closing_ends_the_log_and_later_calls(tmp_path: Path) -> None:
    """The write-ahead log goes into the file."""

    async def main() -> None:
        db = await ubiqlite.open(tmp_path / "app.db")
        await db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY)")
        assert (tmp_path / "app.db-wal").exists()
        # region close
        await db.close()

        with pytest.raises(ubiqlite.Closed):
            await db.table("items").count()
        await db.close()  # does nothing
        # endregion close
        assert not (tmp_path / "app.db-wal").exists()

    asyncio.run(main())


def test_a_forgotten_database_is_warned_of(tmp_path: Path) -> None:
    """As soon as nothing refers to it."""

    async def main() -> None:
        db = await ubiqlite.open(tmp_path / "app.db")
        await db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY)")
        with pytest.warns(ResourceWarning, match="never closed"):
            del db

    asyncio.run(main())


def test_a_failed_opening_names_its_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It makes no file either."""

    async def main() -> None:
        path = tmp_path / "app.db"
        # region fail
        try:
            async with ubiqlite.open(path, create=False):
                pass
        except ubiqlite.CannotOpen as error:
            print(error)
        # endregion fail
        assert "app.db" in capsys.readouterr().out
        assert not path.exists()

    asyncio.run(main())
