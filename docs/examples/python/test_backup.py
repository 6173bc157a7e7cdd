"""The guide's page about backups."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import ubiqlite


@asynccontextmanager
async def notes(folder: Path) -> AsyncIterator[ubiqlite.Database]:
    """Opens a database with one note."""
    async with ubiqlite.open(folder / "app.db") as db:
        await db.batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)")
        await db.execute("INSERT INTO notes (body) VALUES ('buy milk')")
        yield db


def test_a_copy_is_made_and_restored(tmp_path: Path) -> None:
    """Into a file, and back."""

    async def main() -> None:
        async with notes(tmp_path) as db:
            daily = tmp_path / "daily.db"
            # region file
            await db.backup(daily, overwrite=True)
            # endregion file
            await db.execute("DELETE FROM notes")
            # region restore
            await db.restore(daily)
            # endregion restore
            assert await db.table("notes").count() == 1
            async with ubiqlite.open(daily) as copy:
                assert await copy.table("notes").count() == 1

    asyncio.run(main())


def test_a_copy_tells_how_far_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Progress, and a copy without unused space."""

    async def main() -> None:
        async with notes(tmp_path) as db:
            path = tmp_path / "copy.db"

            # region progress
            def progress(now: ubiqlite.BackupProgress) -> None:
                print(f"{now.done} of {now.total} pages")

            await db.backup(path, progress=progress)
            # endregion progress
            pages = await db.query_value("PRAGMA page_count")
            assert capsys.readouterr().out.splitlines()[-1] == f"{pages} of {pages} pages"
            small = tmp_path / "small.db"
            # region compact
            await db.backup(small, compact=True)
            # endregion compact
            assert small.exists()

    asyncio.run(main())


def test_a_copy_is_read_as_bytes(tmp_path: Path) -> None:
    """To be sent elsewhere, or opened in memory."""

    async def main() -> None:
        async with notes(tmp_path) as db:
            received = bytearray()

            async def upload(chunk: bytes) -> None:
                received.extend(chunk)

            # region stream
            async for chunk in db.backup_stream():
                await upload(chunk)
            # endregion stream
            await db.execute("DELETE FROM notes")
            # region restore_bytes
            await db.restore(received)
            # endregion restore_bytes
            assert await db.table("notes").count() == 1
            # region memory
            data = await db.serialize()
            copy = await ubiqlite.deserialize(data)
            # endregion memory
            assert await copy.table("notes").count() == 1
            await copy.close()

    asyncio.run(main())
