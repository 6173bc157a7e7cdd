"""The guide's page about observing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import ubiqlite


def test_statistics_say_who_waits(tmp_path: Path) -> None:
    """A transaction that is held is seen."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)")
            async with db.transaction():
                # region stats
                stats = await db.stats()
                print(f"{stats.commits} commits; {stats.waiting_writes} writes wait")
                print(f"the longest wait of a write was {stats.write_waits.longest}")
                if stats.transaction_age is not None:
                    print(f"a transaction has been open for {stats.transaction_age}")
                if stats.oldest_reader is not None:
                    print(f"{stats.log_pages} pages in the log; the oldest read began {stats.oldest_reader} ago")
                # endregion stats
                assert stats.commits == 1
                assert stats.transaction_age is not None
            assert (await db.stats()).transaction_age is None

    asyncio.run(main())
