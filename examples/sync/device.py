"""A device: its own database, which it edits without a network, and which it synchronises when there is one."""

from __future__ import annotations

import asyncio
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import ubiqlite
from ubiqlite import Conflict, Newest, Policy

SCHEMA = """
    -- Keys that two devices don't both come up with.
    CREATE TABLE IF NOT EXISTS items (id TEXT PRIMARY KEY, name TEXT NOT NULL, amount INTEGER NOT NULL, done INTEGER);
    CREATE TABLE IF NOT EXISTS notes (id TEXT PRIMARY KEY, text TEXT NOT NULL, updated_at TEXT NOT NULL);
    -- What this device is at the server, and the server's last entry that is in this database. Not recorded.
    CREATE TABLE IF NOT EXISTS device (id TEXT NOT NULL, received INTEGER NOT NULL);
    INSERT INTO device SELECT hex(randomblob(16)), 0 WHERE NOT EXISTS (SELECT 1 FROM device);
"""
TABLES = ["items", "notes"]

POLICY: Policy = "theirs"
"""Of two changes of the same column, the one that reached the server first is kept."""
OF_TABLES: dict[str, Policy] = {"notes": Newest("updated_at")}
"""Of two texts of a note, the newer one."""


class Device:
    """A database, and what it has to do with the server."""

    def __init__(self, name: str, db: ubiqlite.Database, server: str) -> None:
        self.name = name
        self.db = db
        self._server = server
        # What waits must not be made to stand on something else while it is on its way.
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    async def open(cls, name: str, path: str, server: str) -> Device:
        """Opens its file. From then on each commit leaves its changes in the outbox."""
        db = await ubiqlite.open(path)
        await db.batch(SCHEMA)
        await (await db.outbox(TABLES)).aclose()
        return cls(name, db, server)

    async def sync(self) -> list[Conflict]:
        """Takes what is new at the server, and sends what waits here. Returns the conflicts that were decided.

        It may fail at any point, for want of a network for example: whatever was done is done, the next call goes on.
        """
        async with self._one_at_a_time:
            conflicts = await self._receive()
            while not await self._send():
                # Another device was faster. What waits here is made to stand on its changes.
                conflicts += await self._receive()
            return conflicts

    async def _receive(self) -> list[Conflict]:
        """Applies the server's entries that are not in this database yet, in their order."""
        conflicts: list[Conflict] = []
        while True:
            own, after = await self._itself()
            query = urlencode({"after": after, "device": own})
            status, headers, changes = await _request(f"{self._server}/?{query}")
            if status == 204:
                return conflicts
            if "Own-Batch" in headers:
                # Sent from here, and the answer was lost.
                await self._arrived(int(headers["Own-Batch"]), after + 1)
                continue
            # The changes and the note that they are here, together or not at all: none is applied twice.
            async with self.db.transaction() as tx:
                applied = await tx.apply(changes, POLICY, tables=OF_TABLES)
                await tx.execute("UPDATE device SET received = ?", (after + 1,))
            conflicts += applied.conflicts

    async def _send(self) -> bool:
        """Sends what waits. Returns false if the server has an entry that is not here yet."""
        # A new outbox begins with the oldest batch that has not arrived.
        async with await self.db.outbox(TABLES) as outbox:
            while (batch := await outbox.next()) is not None:
                own, after = await self._itself()
                query = urlencode({"after": after, "device": own, "batch": batch.id})
                status, _, _ = await _request(f"{self._server}/?{query}", batch.bytes)
                if status == 409:
                    return False
                await self._arrived(batch.id, after + 1)
        return True

    async def _itself(self) -> tuple[str, int]:
        return await self.db.query_one("SELECT id, received FROM device", into=tuple[str, int])

    async def _arrived(self, batch: int, entry: int) -> None:
        async with await self.db.outbox(TABLES) as outbox:
            # If the note is not written after that, the entry is met again, and acknowledged again.
            await outbox.ack(batch)
        await self.db.execute("UPDATE device SET received = ?", (entry,))


async def _request(url: str, body: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
    def run() -> tuple[int, dict[str, str], bytes]:
        try:
            with urlopen(Request(url, body), timeout=20) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except HTTPError as error:
            if error.code != 409:
                raise
            error.close()
            return error.code, {}, b""

    return await asyncio.to_thread(run)
