"""The programs of the page about deployment."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
import ubiqlite

SCHEMA = "CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"


async def _fresh(path: Path) -> ubiqlite.Database:
    db = await ubiqlite.open(path)
    await db.batch(SCHEMA)
    await db.table("items").insert(name="lamp")
    return db


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_durability_is_chosen(tmp_path: Path) -> None:
    """The default is full."""
    path = tmp_path / "app.db"

    async def main() -> None:
        async with await _fresh(path) as full:
            assert await full.query_value("PRAGMA synchronous") == 2
        # region synchronous
        async with ubiqlite.open(path, synchronous="normal") as db:
            await db.table("items").insert(name="chair")
            # endregion synchronous
            assert await db.query_value("PRAGMA synchronous") == 1

    asyncio.run(main())


def test_a_database_is_up_to_three_files(tmp_path: Path) -> None:
    """The last one to close removes the log."""
    path = tmp_path / "app.db"

    async def main() -> None:
        async with await _fresh(path):
            assert _names(tmp_path) == ["app.db", "app.db-shm", "app.db-wal"]
        assert _names(tmp_path) == ["app.db"]

    asyncio.run(main())


def test_a_backup_is_made_while_the_database_is_used(tmp_path: Path) -> None:
    """The copy is a whole database."""
    folder = tmp_path

    async def main() -> None:
        db = await _fresh(folder / "app.db")
        # region backup
        draft = folder / "backup.draft"
        await db.execute("VACUUM INTO ?", (str(draft),))

        async with ubiqlite.open(draft, read_only=True) as copy:
            state = await copy.query_value("PRAGMA integrity_check")
        if state == "ok":
            draft.rename(folder / "backup.db")
        # endregion backup
        backup = folder / "backup.db"
        async with ubiqlite.open(backup) as made:
            assert await made.table("items").count() == 1
            assert await made.query_value("PRAGMA journal_mode") == "delete"
        with pytest.raises(ubiqlite.InvalidArgument):
            await db.execute("VACUUM INTO ?", (str(backup),))
        async with ubiqlite.open(backup, journal_mode="wal") as restored:
            assert await restored.query_value("PRAGMA journal_mode") == "wal"
        await db.close()

    asyncio.run(main())


def test_a_file_is_opened_for_reading_only(tmp_path: Path) -> None:
    """A write is refused."""
    path = tmp_path / "app.db"

    async def main() -> None:
        await (await _fresh(path)).close()
        # region read_only
        async with ubiqlite.open(path, read_only=True) as db:
            names = await db.query("SELECT name FROM items", into=str)
            # endregion read_only
            with pytest.raises(ubiqlite.ReadOnly):
                await db.table("items").insert(name="chair")
        assert names == ["lamp"]

    asyncio.run(main())


def test_a_log_is_emptied(tmp_path: Path) -> None:
    """A checkpoint truncates it."""
    path = tmp_path / "app.db"

    async def main() -> None:
        async with await _fresh(path) as db:
            assert _beside(path, "-wal").stat().st_size > 0
            # region checkpoint
            done = await db.query_one("PRAGMA wal_checkpoint(TRUNCATE)")
            if done["busy"]:
                print("a reader or another process still needs the log")
            # endregion checkpoint
            assert not done["busy"]
            assert _beside(path, "-wal").stat().st_size == 0

    asyncio.run(main())


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    """The same insert works when there is room."""

    async def main() -> None:
        async with await _fresh(tmp_path / "app.db") as db:
            large = "x" * 100_000
            async with db.acquire() as session:
                await session.query("PRAGMA max_page_count = 3")
                with pytest.raises(ubiqlite.DiskFull):
                    await session.table("items").insert(name=large)
            assert await db.table("items").count() == 1
            await db.table("items").insert(name=large)

    asyncio.run(main())


# region shutdown
async def serve(path: Path) -> None:
    """Works until the process is told to stop, and closes the database."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with ubiqlite.open(path):
        # … start the server's tasks …
        await stopped.wait()


# endregion shutdown


def test_a_server_closes_its_database(tmp_path: Path) -> None:
    """A signal ends it."""
    path = tmp_path / "app.db"

    async def main() -> None:
        await (await _fresh(path)).close()
        serving = asyncio.create_task(serve(path))
        for _ in range(100):
            if _beside(path, "-wal").exists():
                break
            await asyncio.sleep(0.02)
        assert _beside(path, "-wal").exists()
        os.kill(os.getpid(), signal.SIGTERM)
        await serving
        assert not _beside(path, "-wal").exists()

    asyncio.run(main())


def test_close_waits_for_what_was_accepted(tmp_path: Path) -> None:
    """The insert is done."""
    path = tmp_path / "app.db"

    async def main() -> None:
        db = await _fresh(path)
        inserted, _ = await asyncio.gather(db.table("items").insert(name="chair"), db.close())
        assert inserted == 2
        async with ubiqlite.open(path) as again:
            assert await again.table("items").count() == 2

    asyncio.run(main())
