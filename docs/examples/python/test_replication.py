"""The guide's page about continuous backup."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import ubiqlite


def test_a_database_is_replicated_and_restored(tmp_path: Path) -> None:
    """Into a folder, and from there."""

    async def main() -> None:
        path, backup, restored = tmp_path / "app.db", tmp_path / "backup", tmp_path / "restored.db"
        # region replicate
        db = await ubiqlite.open(path)
        replica = await db.replicate(backup, interval=0.5, keep=timedelta(days=30))
        # endregion replicate
        await db.batch("CREATE TABLE notes (body TEXT); INSERT INTO notes VALUES ('buy milk')")
        # region flush
        await replica.flush()
        # endregion flush
        # region state
        state = await replica.state()
        print(state.transaction, "transactions are stored,", state.lag, "are not yet")
        if state.error:
            print("the backup has stopped:", state.error)
        # endregion state
        assert state.lag == 0
        time = datetime.now()
        # region restore
        await ubiqlite.restore_replica(backup, restored, to=time)
        # endregion restore
        async with ubiqlite.open(restored) as copy:
            assert await copy.query_value("SELECT body FROM notes") == "buy milk"
        await db.close()

    asyncio.run(main())


# region storage
class Bucket:
    """Keeps the files of a replica as objects."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    async def put(self, name: str, content: AsyncIterator[bytes]) -> None:
        """Stores a file."""
        self.objects[name] = b"".join([chunk async for chunk in content])

    async def list(self) -> list[str]:
        """Returns the names of all files."""
        return [*self.objects]

    async def get(self, name: str) -> bytes | None:
        """Returns a file, if there is one."""
        return self.objects.get(name)

    async def remove(self, name: str) -> None:
        """Removes a file."""
        del self.objects[name]


# endregion storage


def test_a_program_keeps_the_files_itself(tmp_path: Path) -> None:
    """In what stands for an object store."""

    async def main() -> None:
        objects: dict[str, bytes] = {}
        async with ubiqlite.open(tmp_path / "app.db") as db:
            # region bucket
            await db.replicate(Bucket(objects))
            # endregion bucket
            await db.batch("CREATE TABLE notes (body TEXT); INSERT INTO notes VALUES ('buy milk')")
        await ubiqlite.restore_replica(Bucket(objects), tmp_path / "restored.db")
        async with ubiqlite.open(tmp_path / "restored.db") as copy:
            assert await copy.query_value("SELECT body FROM notes") == "buy milk"

    asyncio.run(main())
