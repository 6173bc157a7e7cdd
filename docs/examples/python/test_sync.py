"""The guide's page about change sets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import ubiqlite
from ubiqlite import Newest


@asynccontextmanager
async def device(file: Path) -> AsyncIterator[ubiqlite.Database]:
    """A device: a database of its own."""
    async with ubiqlite.open(file) as db:
        await db.batch("""
            CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT, updated_at INTEGER);
            CREATE TABLE settings (name TEXT PRIMARY KEY, value);
            CREATE TABLE received (number INTEGER);
            INSERT INTO received VALUES (0);
        """)
        yield db


async def theirs(file: Path) -> bytes:
    """The changes of a note that another device has made."""
    async with device(file) as other:
        outbox = await other.outbox(["notes"])
        await other.execute("INSERT INTO notes VALUES ('n1', 'theirs', 2)")
        batch = await outbox.next()
        assert batch is not None
        return batch.bytes


def test_what_waits_is_sent_and_acknowledged(tmp_path: Path) -> None:
    """What one device sends, another applies."""

    async def main() -> None:
        sent: list[bytes] = []

        async def send(changes: bytes) -> None:
            sent.append(changes)

        async with device(tmp_path / "here.db") as db, device(tmp_path / "there.db") as other:
            # region outbox
            outbox = await db.outbox(["notes", "settings"])
            await db.execute("INSERT INTO notes VALUES ('n1', 'buy milk', 1)")

            while (batch := await outbox.next()) is not None:
                await send(batch.bytes)
                await outbox.ack(batch.id)
            # endregion outbox
            [changes] = sent
            # region apply
            await other.apply(changes, "theirs")
            # endregion apply
            assert await other.query_value("SELECT body FROM notes") == "buy milk"
            again = await db.outbox(["notes", "settings"])
            assert await again.next() is None

    asyncio.run(main())


def test_whoever_sends_waits_for_the_next_commit(tmp_path: Path) -> None:
    """The loop has what is committed while it runs."""

    async def main() -> None:
        sent = 0

        async def send(_: bytes) -> None:
            nonlocal sent
            sent += 1
            if sent == 1:
                await db.execute("INSERT INTO notes VALUES ('n2', 'buy bread', 2)")

        async with device(tmp_path / "here.db") as db:
            outbox = await db.outbox(["notes"])
            await db.execute("INSERT INTO notes VALUES ('n1', 'buy milk', 1)")
            # region wait
            async for batch in outbox:
                await send(batch.bytes)
                await outbox.ack(batch.id)
                # endregion wait
                if sent == 2:
                    break
            assert await outbox.next() is None

    asyncio.run(main())


def test_a_conflict_is_data(tmp_path: Path) -> None:
    """The policy decides, and says what it has decided."""

    async def main() -> None:
        changes = await theirs(tmp_path / "there.db")
        async with device(tmp_path / "here.db") as db:
            await db.execute("INSERT INTO notes VALUES ('n1', 'ours', 1)")
            # region conflicts
            applied = await db.apply(changes, "ours", tables={"notes": Newest("updated_at")})
            for conflict in applied.conflicts:
                print(conflict.table, conflict.key, conflict.decision)
            # endregion conflicts
            assert [(each.key, each.decision) for each in applied.conflicts] == [({"id": "n1"}, "theirs")]
            assert await db.query_value("SELECT body FROM notes") == "theirs"

    asyncio.run(main())


def test_what_was_received_is_noted_with_it(tmp_path: Path) -> None:
    """A note is in the same transaction."""

    async def main() -> None:
        changes, number = await theirs(tmp_path / "there.db"), 7
        async with device(tmp_path / "here.db") as db:
            # region transaction
            async with db.transaction() as tx:
                await tx.apply(changes, "theirs")
                await tx.execute("UPDATE received SET number = ?", (number,))
            # endregion transaction
            assert await db.query_value("SELECT number FROM received") == number
            assert await db.query_value("SELECT body FROM notes") == "theirs"

    asyncio.run(main())
