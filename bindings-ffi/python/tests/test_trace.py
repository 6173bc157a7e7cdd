"""Tracing: who waits and who runs, told to listeners and to a log, and to nobody unless somebody wants it."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import threading
import weakref
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from conftest import Run

import ubiqlite
from ubiqlite import TracedCall, _library

HELD = 0.08
LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT {} FROM n"
ITEMS = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"


async def _told(calls: list[TracedCall]) -> list[TracedCall]:
    """Returns the calls that were told, once those of a moment ago are among them."""
    await asyncio.sleep(0)
    told, calls[:] = list(calls), []
    return told


async def _traced(path: str) -> tuple[ubiqlite.Database, list[TracedCall], Callable[[], None]]:
    db = await ubiqlite.open(path)
    await db.execute(ITEMS)
    calls: list[TracedCall] = []
    return db, calls, db.trace(calls.append)


def test_a_call_tells_what_it_was_and_how_much_there_was(run: Run[None], path: str) -> None:
    async def main() -> None:
        db, calls, _ = await _traced(path)
        before = datetime.now(timezone.utc)
        await db.execute("INSERT INTO items VALUES (1, 'a'), (2, 'b')")
        await db.query("SELECT * FROM items WHERE id > ?", (0,))
        await db.query_one("SELECT name FROM items")
        await db.query_value("SELECT name FROM items", timeout=timedelta(seconds=9))
        await db.query_optional("SELECT name FROM items WHERE id = 9", into=dict)
        await db.run("INSERT INTO items VALUES (3, 'c') RETURNING id")
        await db.table("items").insert(name="d")
        await db.table("items").get(1)
        await db.execute_many("INSERT INTO items (name) VALUES (?)", [("e",), ("f",)])
        await db.batch([("DELETE FROM items WHERE id = ?", (1,)), "DELETE FROM items WHERE id = 2"])
        told = await _told(calls)
        assert [(call.summary, call.rows, call.rows_changed) for call in told] == [
            ("INSERT items", None, 2),
            ("SELECT items", 2, None),
            ("SELECT items", 1, None),
            ("SELECT items", 1, None),
            ("SELECT items", 0, None),
            ("INSERT items", 1, 1),
            ("INSERT items", None, 1),
            ("SELECT items", 1, None),
            ("INSERT items", None, 2),
            ("BATCH", None, 2),
        ]
        assert told[1].sql == "SELECT * FROM items WHERE id > ?"
        assert (told[6].sql, told[9].sql, told[9].statements) == (None, None, 2)
        for call in told:
            assert (call.namespace, call.error) == (path, None)
            assert call.operation == call.summary.split(" ")[0]
            assert call.queue_wait is not None
            assert call.run is not None
            # The clock that says when it began is another one.
            assert before - timedelta(seconds=1) < call.started <= datetime.now(timezone.utc) + timedelta(seconds=1)
            assert timedelta(0) < call.run <= call.duration
        await db.close()

    run(main())


def test_a_write_behind_a_transaction_waits_and_does_not_run(run: Run[None], path: str) -> None:
    async def main() -> None:
        db, calls, _ = await _traced(path)
        async with db.transaction():
            waiting = asyncio.ensure_future(db.execute("INSERT INTO items (name) VALUES ('a')"))
            await asyncio.sleep(HELD)
        await waiting
        begun, committed, waited = sorted(await _told(calls), key=lambda call: call.summary)
        assert (begun.summary, committed.summary, waited.summary) == ("BEGIN", "COMMIT", "INSERT items")
        assert waited.queue_wait is not None
        assert waited.run is not None
        assert waited.queue_wait.total_seconds() >= HELD / 2
        assert waited.run.total_seconds() < HELD
        await db.close()

    run(main())


def test_a_stream_is_one_call_from_its_beginning_to_its_end(run: Run[None], path: str) -> None:
    async def main() -> None:
        db, calls, _ = await _traced(path)
        rows = [row async for row in db.stream(LONG.format(20000, "i"), into=tuple)]
        (whole,) = await _told(calls)
        assert (len(rows), whole.rows, whole.summary) == (20000, 20000, "SELECT n")
        assert whole.run is not None
        assert whole.run > timedelta(0)
        async for _ in db.stream(LONG.format(20000, "i")):
            break
        await asyncio.sleep(0)
        (left,) = await _told(calls)
        assert left.rows is not None
        assert 0 < left.rows < 20000
        assert left.error is None
        with pytest.raises(ubiqlite.Error, match="overflow"):
            await db.stream("SELECT abs(-9223372036854775808)").fetch_all()
        (failed,) = await _told(calls)
        assert "overflow" in str(failed.error)
        await db.close()

    run(main())


def test_a_long_result_counts_all_its_rows(run: Run[None], path: str) -> None:
    async def main() -> None:
        db, calls, _ = await _traced(path)
        many = await db.query(LONG.format(100_000, "i, 'some text that takes room'"), into=tuple)
        table = await db.query_arrow(LONG.format(3000, "i"))
        assert (len(many), table.num_rows) == (100_000, 3000)
        assert [call.rows for call in await _told(calls)] == [100_000, 3000]
        # Its reply needs more room than there is for one that comes within the call.
        await db.query_one("SELECT zeroblob(300000) AS b")
        await db.query("SELECT 1 AS i", into=dict)
        assert [call.rows for call in await _told(calls)] == [1, 1]
        await db.close()

    run(main())


def test_what_failed_says_why_and_what_is_sent_again_is_told_once(run: Run[None], path: str) -> None:
    async def main() -> None:
        db, calls, _ = await _traced(path)
        await db.execute("INSERT INTO items (name) VALUES (?)", (bytearray(b"a"),))
        with pytest.raises(ubiqlite.UniqueViolation):
            await db.execute("INSERT INTO items (name) VALUES (?)", (b"a",))
        with pytest.raises(ubiqlite.Syntax):
            await db.query("SELEC 1")
        with pytest.raises(ubiqlite.InvalidArgument):
            await db.query("SELECT ?", (object(),))
        first, twice, wrong = await _told(calls)
        assert (first.error, first.rows_changed) == (None, 1)
        assert isinstance(twice.error, ubiqlite.UniqueViolation)
        assert (twice.error.code, twice.rows_changed) == (2067, None)
        assert isinstance(wrong.error, ubiqlite.Syntax)
        await db.close()

    run(main())


def test_a_call_that_is_given_up_is_told_as_cancelled(run: Run[None], path: str) -> None:
    async def main() -> None:
        db, calls, _ = await _traced(path)
        async with db.transaction():
            waiting = asyncio.ensure_future(db.execute("INSERT INTO items (name) VALUES ('a')"))
            await asyncio.sleep(HELD / 4)
            calls.clear()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            (call,) = await _told(calls)
            assert isinstance(call.error, ubiqlite.Cancelled)
            assert (call.queue_wait, call.run, call.rows) == (None, None, None)
            assert call.duration.total_seconds() >= HELD / 8
        await db.close()

    run(main())


def test_a_slow_call_that_is_given_up_is_told_as_slow(run: Run[None], path: str) -> None:
    async def main() -> None:
        db, calls, _ = await _traced(path)
        slow: list[TracedCall] = []
        db.trace(slow.append, slower_than=HELD / 8)
        db.trace(slow.append, slower_than=3600)
        running = asyncio.ensure_future(db.query_value(LONG.format(1 << 40, "count(*)")))
        await asyncio.sleep(HELD / 4)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await _told(calls)
        assert [(type(call.error), call.run) for call in slow] == [(ubiqlite.Cancelled, None)]
        await db.close()

    run(main())


def test_what_was_open_at_the_end_is_told_then(run: Run[None], path: str) -> None:
    async def main() -> None:
        db, calls, _ = await _traced(path)
        stream = db.stream(LONG.format(20000, "i"))
        await stream.__anext__()
        await db.close()
        assert "SELECT n" in [call.summary for call in await _told(calls)]

    run(main())


def test_watches_and_what_they_read_are_no_calls(run: Run[None], path: str) -> None:
    async def main() -> None:
        db, calls, _ = await _traced(path)
        async with db.watch("SELECT count(*) FROM items") as watch:
            await watch.__anext__()
        await db.capabilities()
        assert await _told(calls) == []
        await db.close()

    run(main())


def test_a_listener_is_in_the_context_of_its_caller_and_may_call_the_database(run: Run[None], path: str) -> None:
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")

    async def main() -> None:
        async with ubiqlite.open(path) as db:
            seen: list[str] = []
            tasks: list[asyncio.Future[Any]] = []

            def listen(call: TracedCall) -> None:
                if call.sql == "SELECT 1 AS one":
                    seen.append(who.get())
                    tasks.append(asyncio.ensure_future(db.query_one("SELECT 7 AS other, 8 AS more")))

            db.trace(listen)

            async def ask(name: str) -> None:
                who.set(name)
                assert (await db.query_one("SELECT 1 AS one"))["one"] == 1

            await asyncio.gather(ask("a"), ask("b"))
            await asyncio.sleep(0)
            assert sorted(seen) == ["a", "b"]
            assert [row["more"] for row in await asyncio.gather(*tasks)] == [8, 8]

    run(main())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks that begin at once are new in Python 3.12")
def test_a_listener_of_a_loop_whose_tasks_begin_at_once_disturbs_no_reply(path: str) -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        async with ubiqlite.open(path) as db:
            tasks: list[asyncio.Future[Any]] = []

            def listen(call: TracedCall) -> None:
                if len(tasks) < 3:
                    tasks.append(asyncio.ensure_future(db.query_one("SELECT 1 AS one, 2 AS two")))

            db.trace(listen)
            for _ in range(20):
                assert dict(await db.query_one("SELECT 5 AS five")) == {"five": 5}
                await asyncio.sleep(0)
            assert [row["two"] for row in await asyncio.gather(*tasks)] == [2, 2, 2]

    asyncio.run(main())


def test_what_a_listener_raises_reaches_the_loop_and_not_the_caller(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            errors: list[Any] = []
            asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
            db.trace(lambda call: 1 // 0)
            assert await db.query_value("SELECT 3") == 3
            await asyncio.sleep(0)
            assert isinstance(errors[0], ZeroDivisionError)

    run(main())


def test_once_nobody_listens_calls_are_the_librarys_own_again(run: Run[None], path: str) -> None:
    async def main() -> None:
        db, calls, stop = await _traced(path)
        client = db._target.client
        assert client.call is not _library.short_call
        slow = db.trace(calls.append, slower_than=3600)
        stop()
        await db.query("SELECT 1")
        assert await _told(calls) == []
        slow()
        slow()
        assert client.call is _library.short_call
        await db.query("SELECT 1")
        assert await _told(calls) == []
        for wrong in (-1, "1", True):
            with pytest.raises(ubiqlite.InvalidArgument, match="slower_than"):
                db.trace(calls.append, slower_than=wrong)  # type: ignore[arg-type]
        await db.close()

    run(main())


def test_every_loop_of_a_database_is_traced(path: str) -> None:
    async def main() -> None:
        db, calls, stop = await _traced(path)

        async def elsewhere(what: str) -> None:
            await db.query(f"SELECT '{what}'")
            await asyncio.sleep(0)

        for what in ("first", "second"):
            thread = threading.Thread(target=lambda what=what: asyncio.run(elsewhere(what)))  # type: ignore[misc]
            thread.start()
            await asyncio.to_thread(thread.join)
        await db.query("SELECT 'here'")
        assert [call.sql for call in await _told(calls)] == ["SELECT 'first'", "SELECT 'second'", "SELECT 'here'"]
        stop()
        await db.close()

    asyncio.run(main())


def test_a_traced_database_that_is_forgotten_is_collected(run: Run[None], path: str) -> None:
    async def main() -> None:
        db, _, _ = await _traced(path)
        target = weakref.ref(db._target)
        with pytest.warns(ResourceWarning, match="never closed"):
            del db
            gc.collect()
        assert target() is None

    run(main())
