"""The guide's page about live queries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import ubiqlite


@asynccontextmanager
async def fresh(folder: Path) -> AsyncIterator[ubiqlite.Database]:
    """A database with the page's table."""
    async with ubiqlite.open(folder / "app.db") as db:
        await db.batch("""
            CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL);
            INSERT INTO items VALUES (1, 'lamp', 'new'), (2, 'sofa', 'sold');
        """)
        yield db


def test_a_result_follows_the_data(tmp_path: Path) -> None:
    """Each new result arrives, with what differs."""

    async def main() -> None:
        shown: list[tuple[list[tuple[int, str]], list[int]]] = []
        sql = "SELECT id, name FROM items WHERE status = ?"
        async with fresh(tmp_path) as db:
            # region watch
            async for now in db.watch(sql, ("new",), key="id"):
                names = [(row["id"], row["name"]) for row in now.rows]
                # positions: now.added, now.removed, now.updated
                # endregion watch
                shown.append((names, now.added))
                if len(shown) == 2:
                    break
                await db.execute("UPDATE items SET status = 'new' WHERE id = 2")
        assert shown == [([(1, "lamp")], [0]), ([(1, "lamp"), (2, "sofa")], [1])]

    asyncio.run(main())


def test_a_selection_is_watched_by_its_rows(tmp_path: Path) -> None:
    """A table's selection, whose key is the table's."""

    async def main() -> None:
        async with fresh(tmp_path) as db:
            # region select
            live = db.table("items").select().where("status", "new").watch()
            async with live:
                async for now in live:
                    assert len(now.rows) == 1
                    break
            # endregion select

    asyncio.run(main())


def test_several_results_are_of_one_moment(tmp_path: Path) -> None:
    """A tuple with a result for each query."""

    async def main() -> None:
        async with fresh(tmp_path) as db:
            # region all
            queries = [
                ("SELECT id, name FROM items", (), "id"),  # with the key
                ("SELECT count(*) AS n FROM items WHERE status = ?", ("sold",)),
            ]
            async for everything, sold in db.watch_all(queries):
                counts = (len(everything.rows), sold.rows[0]["n"])
                # endregion all
                assert (counts, everything.added) == ((2, 1), [0, 1])
                break

    asyncio.run(main())


def test_a_cache_forgets_what_a_commit_has_changed(tmp_path: Path) -> None:
    """A feed of commits, by the keys of rows."""

    async def main() -> None:
        cache: dict[ubiqlite.Key, str] = {1: "lamp", 2: "sofa"}
        async with fresh(tmp_path) as db:

            async def write() -> None:
                await db.execute("UPDATE items SET status = 'sold' WHERE id = 1")

            async def follow() -> None:
                # region commits
                async for commit in db.commits(["items"]):
                    for table in commit.tables:
                        for row in table.rows or []:
                            cache.pop(row.key, None)
                        if table.rows is None:
                            cache.clear()
                    if commit.everything:
                        cache.clear()
                    # endregion commits
                    break

            await asyncio.gather(follow(), write())
        assert cache == {2: "sofa"}

    asyncio.run(main())


def test_what_writes_is_refused(tmp_path: Path) -> None:
    """A statement that writes is not run."""

    async def main() -> None:
        async with fresh(tmp_path) as db:
            # region refused
            with pytest.raises(ubiqlite.Unsupported):
                async for _ in db.watch("DELETE FROM items"):
                    pass
            # endregion refused
            assert await db.query_value("SELECT count(*) FROM items") == 2

    asyncio.run(main())
