"""Several queries that are watched together: their results are of one moment."""

from __future__ import annotations

import asyncio
from time import sleep
from typing import Any

import pytest
from conftest import Run
from test_watch import SCHEMA, Fence, Item, Seen, following, waiting_for
from test_watch_ends import released

import ubiqlite
from ubiqlite import WatchedQuery

ITEMS = "SELECT id, name FROM items ORDER BY id"
COUNT = "SELECT count(*) AS n FROM items"


def test_the_results_are_of_one_moment_while_others_write(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path, synchronous="off") as db:
            await db.batch(
                "CREATE TABLE a (v INT); CREATE TABLE b (v INT); INSERT INTO a VALUES (0); INSERT INTO b VALUES (0)"
            )

            async def write() -> None:
                for value in range(1, 201):
                    async with db.transaction() as tx:
                        await tx.execute("UPDATE a SET v = ?", (value,))
                        await tx.execute("UPDATE b SET v = ?", (value,))

            writing = asyncio.ensure_future(write())
            seen = 0
            async for a, b in db.watch_all(["SELECT v FROM a", "SELECT v FROM b"], into=int):
                assert a.rows == b.rows
                assert a.moment == b.moment
                assert a.rows[0] >= seen
                seen = a.rows[0]
                if seen == 200:
                    break
            await writing
            await released(db)

    run(main())


def test_each_query_has_its_own_key_and_rows(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            queries = [
                (ITEMS, None, "id"),
                (ITEMS,),
                WatchedQuery("SELECT id, name FROM items WHERE id < ? ORDER BY id", (3,), key=("id",), into=Item),
                WatchedQuery(COUNT, into=int),
                WatchedQuery(ITEMS, into=dict),
                WatchedQuery(ITEMS, into=tuple),
            ]
            async with db.watch_all(queries) as live:
                assert not db._target.client._held, "nothing has run"
                first = await following(live)
                assert [now.added for now in first] == [[0, 1, 2], [0, 1, 2], [0, 1], [0], [0, 1, 2], [0, 1, 2]]
                assert [dict(row) for row in first[0].rows] == first[4].rows
                assert first[5].rows == [(1, "lamp"), (2, "sofa"), (3, "pen")]
                assert first[2].rows == [Item(1, "lamp"), Item(2, "sofa")]
                assert first[3].rows == [3]
                await db.execute("UPDATE items SET name = 'desk' WHERE id = 2")
                second = await following(live)
                differs = [(now.added, now.removed, now.updated) for now in second]
                keyless = ([1], [1], [])
                assert differs == [([], [], [1]), keyless, ([], [], [1]), ([], [], []), keyless, keyless]
                assert {now.moment for now in second} == {second[0].moment}
                assert second[0].moment > first[0].moment
                for before, now in zip(first, second):
                    assert now.rows[0] is before.rows[0], "a row that stayed is the same object"
                assert second[2].rows == [Item(1, "lamp"), Item(2, "desk")]
                assert second[4].rows[1] == {"id": 2, "name": "desk"}
            await released(db)

    run(main())


def test_what_changes_no_result_tells_nobody(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            fence = Fence(db)
            seen = Seen(db.watch_all([ITEMS, "SELECT v FROM kv ORDER BY k"]))
            await seen.next()
            await fence.passed()
            await db.execute("UPDATE items SET name = name")
            await db.execute("UPDATE items SET price = 3")
            await db.execute("DELETE FROM notes")
            await fence.quiet(seen)
            await db.execute("UPDATE kv SET v = 9 WHERE k = 'a'")
            items, kv = await seen.next()
            assert (items.added, items.removed, items.updated) == ([], [], [])
            assert (kv.added, kv.removed) == ([0], [0])
            await db.close()
            await asyncio.wait_for(seen.task, 20)

    run(main())


@pytest.mark.parametrize("into", [None, dict, tuple, Item])
def test_long_results_in_pieces_are_one_update_each(run: Run[None], path: str, into: Any) -> None:
    async def main() -> None:
        async with ubiqlite.open(path, synchronous="off") as db:
            await db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE empty (id INT, name TEXT)")
            await db.execute_many("INSERT INTO t VALUES (?, ?)", ((number, "n" * 40) for number in range(20_000)))
            all_rows = "SELECT id, name FROM t ORDER BY id"
            late = "SELECT name, id FROM t WHERE id >= 12345 ORDER BY id DESC"
            queries = [(all_rows, None, "id"), "SELECT id, name FROM empty", (late, None, "id")]
            async with db.watch_all(queries, into=into) as live:
                first = await following(live)
                assert first[0].rows == await db.query(all_rows, into=into)
                assert first[1].rows == []
                assert first[2].rows == await db.query(late, into=into)
                waiting = await waiting_for(live)
                await db.execute("UPDATE t SET name = 'even' WHERE id % 2 = 0")
                second = await asyncio.wait_for(waiting, 20)
                assert second[0].rows == await db.query(all_rows, into=into)
                assert second[0].updated == list(range(0, 20_000, 2))
                assert second[2].rows == await db.query(late, into=into)
                assert all(a is b for a, b in zip(first[0].rows[1::2], second[0].rows[1::2]))
            await released(db)

    run(main())


def test_a_wait_that_is_cancelled_while_one_of_the_results_is_converted_loses_nothing(
    run: Run[None], path: str
) -> None:
    async def main() -> None:
        async with ubiqlite.open(path, synchronous="off") as db:
            await db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, v INT)")
            await db.execute_many("INSERT INTO t VALUES (?, 0)", ((number,) for number in range(2_000)))
            to_cancel: list[asyncio.Task[Any]] = []

            def last(v: int) -> int:
                if to_cancel:
                    # It is cancelled when it gives the other tasks a turn, which it does after this long.
                    sleep(0.002)
                    to_cancel.pop().cancel()
                return v

            plain = WatchedQuery("SELECT id FROM t ORDER BY id", key="id")
            async with db.watch_all([plain, WatchedQuery("SELECT v FROM t", into=last)]) as live:
                first = await following(live)
                await db.execute("DELETE FROM t WHERE id % 500 = 0")
                await db.execute("UPDATE t SET v = id")
                to_cancel.append(asyncio.ensure_future(live.__anext__()))
                with pytest.raises(asyncio.CancelledError):
                    await to_cancel[0]
                assert not to_cancel, "it was cancelled while rows were converted"
                ids, values = await following(live)
                assert ids.removed == [0, 500, 1000, 1500]
                assert [row["id"] for row in ids.rows] == values.rows
                assert ids.rows[0] is first[0].rows[1]
            await released(db)

    run(main())


def test_what_is_wrong_with_one_of_the_queries_ends_all_of_it(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)

            async def refused(kind: type[ubiqlite.Error], queries: Any, index: Any = 1) -> None:
                live = db.watch_all(queries)
                with pytest.raises(kind) as error:
                    await live.__anext__()
                assert error.value.index == index
                with pytest.raises(StopAsyncIteration):
                    await live.__anext__()
                await released(db)

            await refused(ubiqlite.NoSuchTable, [ITEMS, "SELECT * FROM gone"])
            await refused(ubiqlite.Unsupported, [ITEMS, "DELETE FROM items"])
            await refused(ubiqlite.InvalidArgument, [ITEMS, "SELECT ?"])
            await refused(ubiqlite.InvalidArgument, [ITEMS, (ITEMS, None, ("id", "nothing"))])
            await refused(ubiqlite.InvalidArgument, [ITEMS, ("SELECT ?", (object(),))])
            await refused(ubiqlite.InvalidArgument, [ITEMS, (5,)])
            await refused(ubiqlite.InvalidArgument, [ITEMS, (ITEMS, None, (5,))])
            await refused(ubiqlite.InvalidArgument, [], None)
            assert await db.query_value(COUNT) == 3
            for queries in (ITEMS, [7], [()], [(ITEMS, None, None, None, None)]):
                with pytest.raises(ubiqlite.InvalidArgument):
                    db.watch_all(queries)  # type: ignore[arg-type]
            with pytest.raises(ubiqlite.InvalidArgument):
                db.watch_all([(ITEMS, None, None, 5)])
            dropped = db.watch_all([ITEMS, "SELECT * FROM kv"])
            await following(dropped)
            await db.execute("DROP TABLE kv")
            with pytest.raises(ubiqlite.NoSuchTable):
                await following(dropped)
            slow = db.watch_all([ITEMS, COUNT], timeout=0.05)
            await following(slow)
            with pytest.raises(ubiqlite.Timeout):
                await following(slow)
            await db.execute("DELETE FROM items WHERE id = 3")
            items, count = await following(slow)
            assert (items.removed, [dict(row) for row in count.rows]) == ([2], [{"n": 2}])
            await slow.aclose()
            await released(db)

    run(main())


def test_closing_the_database_ends_the_loop(run: Run[None], path: str) -> None:
    async def main() -> None:
        db = await ubiqlite.open(path)
        await db.batch(SCHEMA)
        seen = Seen(db.watch_all([ITEMS, COUNT]))
        await seen.next()
        await db.close()
        await asyncio.wait_for(seen.task, 20)
        with pytest.raises(ubiqlite.Closed):
            await db.watch_all([ITEMS]).__anext__()

    run(main())
