"""Live queries: what a watch shows, and what it does not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import Run, python

import ubiqlite

SCHEMA = """
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE, price REAL);
    CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
    CREATE TABLE parents (id INTEGER PRIMARY KEY, v INT);
    CREATE TABLE children (id INTEGER PRIMARY KEY, parent INT REFERENCES parents (id) ON DELETE CASCADE);
    CREATE TABLE log (message TEXT);
    CREATE TRIGGER logs AFTER UPDATE OF v ON parents BEGIN INSERT INTO log VALUES ('parent ' || new.id); END;
    CREATE VIRTUAL TABLE notes USING fts5(body);
    CREATE VIEW cheap AS SELECT id, name FROM items WHERE price < 5;
    CREATE TABLE fence (n);
    INSERT INTO items VALUES (1, 'lamp', 10), (2, 'sofa', 20), (3, 'pen', 1);
    INSERT INTO kv VALUES ('a', '1'), ('b', '2');
    INSERT INTO parents VALUES (1, 1), (2, 2);
    INSERT INTO children VALUES (1, 1), (2, 1), (3, 2);
    INSERT INTO notes (rowid, body) VALUES (1, 'one two'), (2, 'two three');
"""


@dataclass
class Item:
    """A row as a class."""

    id: int
    name: str


class Seen:
    """A task that reads a watch to its end."""

    def __init__(self, live: Any) -> None:
        self.updates: asyncio.Queue[Any] = asyncio.Queue()
        self.task = asyncio.ensure_future(self._read(live))

    async def _read(self, live: Any) -> None:
        async for now in live:
            self.updates.put_nowait(now)

    async def next(self) -> Any:
        return await asyncio.wait_for(self.updates.get(), 20)


class Fence:
    """A watch whose result shows that the commits before it have been told."""

    def __init__(self, db: ubiqlite.Database) -> None:
        self._db = db
        self._seen = Seen(db.watch("SELECT count(*) AS n FROM fence", into=int))
        self._count = 0

    async def passed(self) -> None:
        self._count += 1
        await self._db.execute("INSERT INTO fence VALUES (1)")
        while (await self._seen.next()).rows != [self._count]:
            pass

    async def quiet(self, *others: Seen) -> None:
        """Checks that no result is on its way to the others."""
        await self.passed()
        for other in others:
            assert other.updates.empty(), f"nothing has changed, and yet: {other.updates.get_nowait()}"


async def following(live: Any) -> Any:
    return await asyncio.wait_for(live.__anext__(), 20)


async def waiting_for(live: Any) -> asyncio.Task[Any]:
    """Starts a task that waits for the next result."""
    task = asyncio.ensure_future(live.__anext__())
    await asyncio.sleep(0)
    assert not task.done()
    return task


def test_the_first_result_comes_at_once_and_then_one_for_each_change(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            sql = "SELECT id, name FROM items WHERE price > ? ORDER BY id"
            async with db.watch(sql, (5,), key="id") as live:
                assert not db._target.client._held, "nothing has run"
                now = await following(live)
                assert [dict(row) for row in now.rows] == [{"id": 1, "name": "lamp"}, {"id": 2, "name": "sofa"}]
                assert (now.added, now.removed, now.updated) == ([0, 1], [], [])
                first = now.moment
                await db.execute("INSERT INTO items VALUES (9, 'cup', 7)")
                now = await following(live)
                assert [row["name"] for row in now.rows] == ["lamp", "sofa", "cup"]
                assert (now.added, now.removed, now.updated) == ([2], [], [])
                assert now.moment > first
                # While it waits, too.
                waiting = await waiting_for(live)
                await db.execute("DELETE FROM items WHERE id = 1")
                now = await asyncio.wait_for(waiting, 20)
                assert (len(now.rows), now.added, now.removed, now.updated) == (2, [], [0], [])
            assert not db._target.client._held
            with pytest.raises(StopAsyncIteration):
                await live.__anext__()

    run(main())


CHANGES = [
    ("REPLACE, the row pushed out", "SELECT * FROM items WHERE id = 1", "REPLACE INTO items VALUES (8, 'lamp', 3)"),
    ("DELETE of all", "SELECT * FROM items", "DELETE FROM items"),
    ("WITHOUT ROWID", "SELECT * FROM kv", "UPDATE kv SET v = '9' WHERE k = 'a'"),
    ("WITHOUT ROWID: DELETE of all", "SELECT * FROM kv", "DELETE FROM kv"),
    ("ON DELETE CASCADE", "SELECT id FROM children", "DELETE FROM parents WHERE id = 1"),
    ("a trigger", "SELECT message FROM log", "UPDATE parents SET v = 5 WHERE id = 2"),
    ("FTS5", "SELECT rowid FROM notes WHERE notes MATCH 'two'", "DELETE FROM notes WHERE rowid = 1"),
    ("a view", "SELECT * FROM cheap", "UPDATE items SET price = 2 WHERE id = 1"),
    ("ADD COLUMN", "SELECT * FROM kv", "ALTER TABLE kv ADD COLUMN more INT DEFAULT 3"),
    ("the list of tables", "SELECT name FROM sqlite_schema", "CREATE TABLE another (a)"),
]


@pytest.mark.parametrize("into", [None, dict, tuple])
def test_each_kind_of_change_is_seen(run: Run[None], path: str, into: Any) -> None:
    async def main() -> None:
        for place, (kind, sql, change) in enumerate(CHANGES):
            async with ubiqlite.open(f"{path}{place}", synchronous="off") as db:
                await db.batch(SCHEMA)
                async with db.watch(sql, into=into) as live:
                    first = await following(live)
                    assert first.rows == await db.query(sql, into=into), kind
                    await db.execute(change)
                    second = await following(live)
                    assert second.rows == await db.query(sql, into=into), kind
                    assert second.rows != first.rows, kind

    run(main())


def test_what_changes_nothing_tells_nobody(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path, synchronous="off") as db:
            await db.batch(SCHEMA)
            fence, seen = Fence(db), Seen(db.watch("SELECT * FROM items"))
            await seen.next()
            for change in (
                "UPDATE items SET price = price",
                "DELETE FROM items WHERE id = 1000",
                "INSERT OR IGNORE INTO items VALUES (1, 'x', 1)",
                "INSERT INTO kv VALUES ('other', 'table')",
                "CREATE TABLE unrelated (a)",
                "CREATE INDEX by_price ON items (price)",
                "VACUUM",
            ):
                await db.execute(change)
                await fence.quiet(seen)
            with pytest.raises(ubiqlite.PrimaryKeyViolation):
                await db.execute("INSERT INTO items VALUES (50, 'fifty', 1), (1, 'again', 1)")
            tx = await db.begin()
            await tx.execute("DELETE FROM items")
            await tx.rollback()
            await fence.quiet(seen)
            await db.execute("DELETE FROM items WHERE id = 1")
            assert len((await seen.next()).rows) == 2

    run(main())


def test_a_transaction_is_seen_whole_and_once(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            fence, seen = Fence(db), Seen(db.watch("SELECT id FROM items ORDER BY id", key="id", into=int))
            assert (await seen.next()).rows == [1, 2, 3]
            await fence.passed()
            async with db.transaction() as tx:
                await tx.execute("DELETE FROM items WHERE id = 1")
                await tx.execute("INSERT INTO items VALUES (4, 'four', 4)")
                await tx.execute("INSERT INTO items VALUES (5, 'five', 5)")
            now = await seen.next()
            assert (now.rows, now.added, now.removed, now.updated) == ([2, 3, 4, 5], [2, 3], [0], [])
            await fence.quiet(seen)

    run(main())


def test_a_key_tells_changed_rows_from_new_ones(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            sql = "SELECT id, name, price FROM items ORDER BY id"
            found = []
            for key in ("id", ("id", "name"), ["price"], None):
                async with db.watch(sql, key=key, into=tuple) as live:
                    await following(live)
                    await db.execute("UPDATE items SET price = price + 1 WHERE id = 2")
                    now = await following(live)
                    found.append((now.added, now.removed, now.updated))
            assert found == [([], [], [1]), ([], [], [1]), ([1], [1], []), ([1], [1], [])]
            for wrong in ("color", ("id", "color")):
                with pytest.raises(ubiqlite.InvalidArgument, match="color"):
                    await following(db.watch(sql, key=wrong))
            with pytest.raises(ubiqlite.InvalidArgument, match="key"):
                await following(db.watch(sql, key=(1,)))  # type: ignore[arg-type]

    run(main())


@pytest.mark.parametrize("into", [None, dict, tuple, Item, lambda row: [row]])
def test_rows_that_are_the_same_are_the_same_objects(run: Run[None], path: str, into: Any) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            sql = "SELECT id, name FROM items ORDER BY id"
            async with db.watch(sql, key="id", into=into) as live:
                first = await following(live)
                kept = list(first.rows)
                # What the caller does with its own list is its own matter.
                first.rows.clear()
                await db.execute("UPDATE items SET name = 'desk' WHERE id = 2")
                second = await following(live)
                assert [a is b for a, b in zip(kept, second.rows)] == [True, False, True]
                assert second.rows == (await db.query(sql, into=into))
                await db.execute("INSERT INTO items VALUES (0, 'zero', 0)")
                third = await following(live)
                assert [a is b for a, b in zip(second.rows, third.rows[1:])] == [True] * 3

    run(main())


def test_only_new_rows_are_converted(run: Run[None], path: str) -> None:
    async def main() -> None:
        made = []

        def make(row: Any) -> int:
            made.append(row["id"])
            return int(row["id"])

        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            async with db.watch("SELECT id FROM items ORDER BY id", into=make) as live:
                await following(live)
                await db.execute("INSERT INTO items VALUES (7, 'seven', 7)")
                assert (await following(live)).rows == [1, 2, 3, 7]
            assert made == [1, 2, 3, 7]

    run(main())


def test_a_late_reader_gets_the_newest_and_nothing_is_queued(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            async with db.watch("SELECT count(*) AS n FROM kv", into=int) as live:
                await following(live)
                for number in range(20):
                    await db.execute("INSERT INTO kv VALUES (?, '')", (f"k{number}",))
                assert (await following(live)).rows == [22]
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(live.__anext__(), 0.01)

    run(main())


def test_many_watchers_see_each_change(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path, synchronous="off") as db:
            await db.batch(SCHEMA)
            sql = "SELECT id, name FROM items WHERE id = ?"
            all_ = [Seen(db.watch(sql, (number % 10,), into=tuple)) for number in range(300)]
            for seen in all_:
                await seen.next()
            await db.execute("INSERT INTO items SELECT value, value, 0 FROM json_each('[4, 5, 6, 7, 8, 9]')")
            for number, seen in enumerate(all_):
                if number % 10 >= 4:
                    assert (await seen.next()).rows == [(number % 10, str(number % 10))]
            await Fence(db).quiet(*all_)

    run(main())


@pytest.mark.parametrize("into", [None, dict, Item])
def test_a_result_in_pieces_is_one_update(run: Run[None], path: str, into: Any) -> None:
    async def main() -> None:
        async with ubiqlite.open(path, synchronous="off") as db:
            await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)")
            await db.execute_many("INSERT INTO t VALUES (?, ?)", ((number, "n" * 40) for number in range(20_000)))
            async with db.watch("SELECT id, name FROM t ORDER BY id", key="id", into=into) as live:
                first = await following(live)
                assert first.rows == await db.query("SELECT id, name FROM t ORDER BY id", into=into)
                assert first.added == list(range(20_000))
                waiting = await waiting_for(live)
                await db.execute("UPDATE t SET name = 'even' WHERE id % 2 = 0")
                second = await asyncio.wait_for(waiting, 20)
                assert second.rows == await db.query("SELECT id, name FROM t ORDER BY id", into=into)
                assert second.updated == list(range(0, 20_000, 2))
                assert all(a is b for a, b in zip(first.rows[1::2], second.rows[1::2]))

    run(main())


def test_other_connections_commits_are_seen(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db, ubiqlite.open(path) as other:
            await db.batch(SCHEMA)
            async with db.watch("SELECT name FROM items ORDER BY id", into=str) as live:
                await following(live)
                waiting = await waiting_for(live)
                await other.execute("UPDATE items SET name = 'other' WHERE id = 1")
                assert (await asyncio.wait_for(waiting, 20)).rows == ["other", "sofa", "pen"]
                waiting = await waiting_for(live)
                code = (
                    "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); "
                    "db.execute('DELETE FROM items WHERE id = 3'); db.commit(); db.close()"
                )
                done = await asyncio.get_running_loop().run_in_executor(None, lambda: python(code, path))
                assert done.returncode == 0, done.stderr
                assert (await asyncio.wait_for(waiting, 20)).rows == ["other", "sofa"]

    run(main())


def test_a_selection_is_watched_by_the_tables_key(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            select = db.table("items", into=Item).select().where("price", ">=", 5).order_by("id")
            seen, fence = Seen(select.watch()), Fence(db)
            assert (await seen.next()).rows == [Item(1, "lamp"), Item(2, "sofa")]
            await db.table("items").update(2, name="couch")
            now = await seen.next()
            assert (now.rows[1], now.added, now.removed, now.updated) == (Item(2, "couch"), [], [], [1])
            await db.table("items").update(3, name="pencil")
            await fence.quiet(seen)
            with pytest.raises(ubiqlite.NoSuchTable):
                await following(db.table("nowhere").select().watch())
            with pytest.raises(ubiqlite.NoSuchColumn):
                await following(db.table("items").select().where("color", 1).watch())

    run(main())


def test_touched_tables_run_their_queries_again(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            fence, seen = Fence(db), Seen(db.watch("SELECT random() FROM items WHERE id = 1", into=int))
            first = (await seen.next()).rows
            await db.touch(["kv"])
            await fence.quiet(seen)
            await db.touch(name for name in ("kv", "ITEMS"))
            assert (await seen.next()).rows != first
            for wrong in ("items", [7], ["a", None]):
                with pytest.raises(ubiqlite.InvalidArgument):
                    await db.touch(wrong)  # type: ignore[arg-type]
            known = await db.capabilities()
            assert known.watches
            assert known.row_changes

    run(main())
