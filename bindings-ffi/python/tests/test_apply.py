"""Applying changes that were made elsewhere: what meets others, what is decided, and what is refused."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from conftest import Run

import ubiqlite
from ubiqlite import Applied, Conflict, Newest

SCHEMA = """
    CREATE TABLE notes (id INTEGER PRIMARY KEY, a, b UNIQUE, at INTEGER);
    CREATE TABLE pairs (b INT, a TEXT, v, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE received (number INT);
    INSERT INTO notes VALUES (1, 'a', 1, 1), (2, 'a', 2, 1), (3, 'a', 3, 1);
    INSERT INTO pairs VALUES (1, 'é', 'v');
    INSERT INTO received VALUES (0);
"""

MANY = "WITH n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 5009) INSERT INTO notes"


async def made(*statements: str) -> list[bytes]:
    """Returns the changes that statements make elsewhere: a change set for each."""
    async with ubiqlite.open(":memory:") as db:
        await db.batch(SCHEMA)
        outbox = await db.outbox(["notes", "pairs"])
        for sql in statements:
            await db.execute(sql)
        found = []
        while (batch := await outbox.next()) is not None:
            found.append(batch.bytes)
        return found


def pair(work: Callable[[ubiqlite.Database, ubiqlite.Database], Any]) -> Any:
    """Runs on two databases with the same rows."""

    async def main() -> None:
        async with AsyncExitStack() as stack:
            both = [await stack.enter_async_context(ubiqlite.open(":memory:")) for _ in range(2)]
            for db in both:
                await db.batch(SCHEMA)
            await work(*both)

    return main()


def test_a_conflict_is_data_and_each_policy_decides_it(run: Run[None]) -> None:
    async def main() -> None:
        [changes] = await made("UPDATE notes SET a = 'theirs', at = 5 WHERE id = 1")
        for policy, tables, kept in (
            ("theirs", None, "theirs"),
            ("ours", None, "ours"),
            (Newest("at"), None, "ours"),
            ("abort", {"NOTES": "theirs"}, "theirs"),
            ("theirs", {"notes": Newest("at")}, "ours"),
            (Newest("at"), {"notes": "ours", "pairs": "abort"}, "ours"),
        ):
            async with ubiqlite.open(":memory:") as db:
                await db.batch(SCHEMA)
                await db.execute("UPDATE notes SET a = ?, at = 7 WHERE id = 1", (b"ours",))
                done = await db.apply(changes, policy, tables=tables)  # type: ignore[arg-type]
                [conflict] = done.conflicts
                assert conflict == Conflict(
                    table="notes",
                    kind="data",
                    change="updated",
                    key={"id": 1},
                    ours={"id": 1, "a": b"ours", "b": 1, "at": 7},
                    theirs={"id": 1, "a": "theirs", "at": 5},
                    decision=kept,  # type: ignore[arg-type]
                )
                found = await db.query_value("SELECT a FROM notes WHERE id = 1")
                assert found == ("theirs" if kept == "theirs" else b"ours")
                assert done == Applied([conflict], False)

    run(main())


def test_with_abort_a_conflict_is_an_error_and_nothing_is_changed(run: Run[None]) -> None:
    async def main(here: ubiqlite.Database, _: ubiqlite.Database) -> None:
        changes = b"".join(await made("UPDATE notes SET a = 'x' WHERE id = 2", "DELETE FROM notes WHERE id = 1"))
        await here.execute("UPDATE notes SET a = 'ours' WHERE id = 1")
        with pytest.raises(ubiqlite.ConstraintViolation):
            await here.apply(changes, "abort")
        assert await here.query("SELECT a FROM notes ORDER BY id", into=str) == ["ours", "a", "a"]

    run(pair(main))


def test_each_kind_of_conflict_has_its_key_and_both_rows(run: Run[None]) -> None:
    async def main(here: ubiqlite.Database, _: ubiqlite.Database) -> None:
        changes = await made(
            "UPDATE notes SET a = 't' WHERE id = 1",
            "UPDATE notes SET a = 't' WHERE id = 2",
            "INSERT INTO notes VALUES (4, 't', NULL, 0.5)",
            "INSERT INTO notes VALUES (5, 't', 5, 1)",
            "DELETE FROM notes WHERE id = 3",
            "UPDATE pairs SET v = NULL",
        )
        await here.batch(
            """UPDATE notes SET a = 'ours' WHERE id = 1;
               DELETE FROM notes WHERE id = 2;
               INSERT INTO notes VALUES (4, 'ours', 40, 1), (50, 'ours', 5, 1);
               UPDATE notes SET a = 'ours' WHERE id = 3;
               UPDATE pairs SET v = 'ours';"""
        )
        done = await here.apply(b"".join(changes), "ours")
        found = sorted(done.conflicts, key=lambda it: (it.table, it.key["id"] if "id" in it.key else 0))
        assert [(it.table, it.kind, it.change, it.key, it.ours, it.theirs, it.decision) for it in found] == [
            ("notes", "data", "updated", {"id": 1}, dict(id=1, a="ours", b=1, at=1), dict(id=1, a="t"), "ours"),
            ("notes", "not_found", "updated", {"id": 2}, None, dict(id=2, a="t"), "ours"),
            (
                "notes",
                "data",
                "deleted",
                {"id": 3},
                dict(id=3, a="ours", b=3, at=1),
                dict(id=3, a="a", b=3, at=1),
                "ours",
            ),
            (
                "notes",
                "exists",
                "inserted",
                {"id": 4},
                dict(id=4, a="ours", b=40, at=1),
                dict(id=4, a="t", b=None, at=0.5),
                "ours",
            ),
            ("notes", "constraint", "inserted", {"id": 5}, found[4].ours, dict(id=5, a="t", b=5, at=1), "ours"),
            (
                "pairs",
                "data",
                "updated",
                {"b": 1, "a": "é"},
                dict(b=1, a="é", v="ours"),
                dict(b=1, a="é", v=None),
                "ours",
            ),
        ]

    run(pair(main))


def test_two_devices_agree_after_edits_of_both_and_the_outbox_stands_on_what_came(run: Run[None]) -> None:
    async def main(here: ubiqlite.Database, there: ubiqlite.Database) -> None:
        tables = ["notes"]
        ours, theirs = await here.outbox(tables), await there.outbox(tables)
        await here.execute("UPDATE notes SET a = 'here', b = 10 WHERE id = 1")
        await there.execute("UPDATE notes SET a = 'there', at = 9 WHERE id = 1")
        sent = await ours.next()
        assert sent is not None
        # Here's arrives first.
        await ours.ack(sent.id)
        before = await theirs.next()
        done = await there.apply(sent.bytes, "ours")
        assert [(it.decision, it.key) for it in done.conflicts] == [("ours", {"id": 1})]
        assert done.rebased
        after = await theirs.next()
        assert before is not None
        assert after is not None
        assert after.id > before.id
        done = await here.apply(after.bytes, "abort")
        assert done == Applied([], False)
        for db in (here, there):
            row = await db.query_one("SELECT a, b, at FROM notes WHERE id = 1", into=tuple)
            assert row == ("there", 10, 9)
        assert await (await here.outbox(tables)).next() is None

    run(pair(main))


def test_in_a_transaction_it_is_kept_or_undone_with_it(run: Run[None]) -> None:
    async def main(here: ubiqlite.Database, _: ubiqlite.Database) -> None:
        [changes] = await made("UPDATE notes SET a = 'x'")
        outbox = await here.outbox("notes")
        with pytest.raises(ZeroDivisionError):
            async with here.transaction() as tx:
                await tx.apply(changes, "theirs")
                await tx.execute("UPDATE received SET number = 1")
                raise ZeroDivisionError
        assert await here.query_value("SELECT count(*) FROM notes WHERE a = 'x'") == 0
        async with here.transaction() as tx:
            with pytest.raises(ubiqlite.InvalidArgument):
                await tx.apply(changes[:-1], "theirs")
            async with tx.savepoint() as sp:
                done = await sp.apply(changes, "abort", tables={}, timeout=30)
            assert done.conflicts == []
            await tx.execute("UPDATE received SET number = 1")
        assert await here.query_value("SELECT count(*) FROM notes WHERE a = 'x'") == 3
        # What is applied is no change of this database's own.
        assert await outbox.next() is None
        async with here.transaction() as tx:
            await tx.execute("UPDATE notes SET a = 'own'")
            with pytest.raises(ubiqlite.InvalidArgument, match="before"):
                await tx.apply(changes, "theirs")
        assert await outbox.next() is not None

    run(pair(main))


def test_a_live_query_and_a_feed_see_what_is_applied(run: Run[None]) -> None:
    async def main(here: ubiqlite.Database, _: ubiqlite.Database) -> None:
        [changes] = await made("UPDATE notes SET a = 'x' WHERE id = 2")
        async with here.watch("SELECT id, a FROM notes", key="id", into=tuple) as live, here.commits() as feed:
            await asyncio.wait_for(live.__anext__(), 20)
            task = asyncio.ensure_future(feed.__anext__())
            await asyncio.sleep(0)
            await here.apply(changes, "theirs")
            now = await asyncio.wait_for(live.__anext__(), 20)
            assert [now.rows[position] for position in now.updated] == [(2, "x")]
            event = await asyncio.wait_for(task, 20)
            assert event.tables == [ubiqlite.ChangedTable("notes", [ubiqlite.ChangedRow("update", 2)])]

    run(pair(main))


def test_what_is_no_change_set_is_refused_and_changes_nothing(run: Run[None]) -> None:
    async def main(here: ubiqlite.Database, _: ubiqlite.Database) -> None:
        source = random.Random(3)
        [changes] = await made("UPDATE notes SET a = 'x', b = b + 10")
        rows = await here.query("SELECT * FROM notes", into=tuple)
        for wrong in (b"T", b"P" + changes[1:], b"\xff" * 100, changes[:-1], changes + b"\x00", bytes(1000)):
            with pytest.raises(ubiqlite.InvalidArgument):
                await here.apply(wrong, "theirs")
        for wrong in (
            changes.replace(b"notes\0", b"sqlite_schema\0"),
            changes.replace(b"notes\0", b"ubiqlite_outbox\0"),
        ):
            with pytest.raises(ubiqlite.InvalidArgument):
                await here.apply(wrong, "theirs")
        with pytest.raises(ubiqlite.NoSuchTable):
            await here.apply(changes.replace(b"notes\0", b"none\0"), "theirs")
        assert await here.query("SELECT * FROM notes", into=tuple) == rows
        # Whatever comes, it is an error of the package's or a change set, and the database goes on.
        refused = 0
        for _ in range(500):
            bad = bytearray(changes)
            for _ in range(source.randrange(1, 4)):
                bad[source.randrange(len(bad))] = source.randrange(256)
            try:
                async with here.transaction() as tx:
                    await tx.apply(bad, source.choice(["theirs", "ours", Newest("at")]))
                    raise ZeroDivisionError
            except (ubiqlite.InvalidArgument, ubiqlite.NoSuchTable, ubiqlite.NoSuchColumn, ubiqlite.SchemaChanged):
                refused += 1
            except ZeroDivisionError:
                pass
        assert refused > 100
        assert await here.query("SELECT * FROM notes", into=tuple) == rows
        assert await here.query_value("PRAGMA integrity_check") == "ok"

    run(pair(main))


def test_arguments_of_other_types_are_refused_before_anything_runs(run: Run[None]) -> None:
    async def main(here: ubiqlite.Database, _: ubiqlite.Database) -> None:
        [changes] = await made("UPDATE notes SET a = 'x' WHERE id = 1")
        wrong: list[tuple[Any, Any, Any]] = [
            (changes.decode("latin-1"), "theirs", None),
            (None, "theirs", None),
            (list(changes), "theirs", None),
            (changes, "mine", None),
            (changes, None, None),
            (changes, 0, None),
            (changes, ["theirs"], None),
            (changes, Newest, None),
            (changes, Newest(1), None),  # type: ignore[arg-type]
            (changes, Newest("\ud800"), None),
            (changes, "theirs", "ours"),
            (changes, "theirs", {"notes": "mine"}),
            (changes, "theirs", {1: "ours"}),
            (changes, "theirs", ["notes"]),
        ]
        for data, policy, tables in wrong:
            with pytest.raises(ubiqlite.InvalidArgument):
                await here.apply(data, policy, tables=tables)
        with pytest.raises(ubiqlite.NoSuchColumn):
            await here.apply(changes, Newest("none"))
        assert await here.query_value("SELECT count(*) FROM notes WHERE a = 'x'") == 0
        # A policy of a table that is not there says nothing.
        await here.apply(bytearray(changes), "abort", tables={"none": Newest("none")})
        await here.apply(memoryview(changes), "theirs")
        assert (await here.apply(b"", "abort")) == Applied([], False)
        assert await here.query_value("SELECT count(*) FROM notes WHERE a = 'x'") == 1

    run(pair(main))


def test_a_cancelled_apply_is_done_whole_or_not_at_all(run: Run[None]) -> None:
    async def main(here: ubiqlite.Database, _: ubiqlite.Database) -> None:
        source = random.Random(5)
        both = await made(f"{MANY} SELECT i, 'x', i, 1 FROM n", "DELETE FROM notes WHERE id > 9")
        seen = set()
        for number in range(200):
            task = asyncio.ensure_future(here.apply(both[number % 2], "theirs"))
            for _ in range(source.randrange(4)):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            seen.add(await here.query_value("SELECT count(*) FROM notes WHERE id > 9"))
        assert seen <= {0, 5000}

    run(pair(main))


def test_thousands_of_conflicts_come_back(run: Run[None]) -> None:
    async def main(here: ubiqlite.Database, there: ubiqlite.Database) -> None:
        insert = f"{MANY} SELECT i, printf('%0200d', i), i, ? FROM n"
        outbox = await there.outbox("notes")
        await there.execute(insert, (1,))
        await here.execute(insert, (2,))
        batch = await outbox.next()
        assert batch is not None
        done = await here.apply(batch.bytes, "ours")
        assert [conflict.key["id"] for conflict in done.conflicts] == list(range(10, 5010))
        last = done.conflicts[-1]
        assert last.ours == {"id": 5009, "a": f"{5009:0200}", "b": 5009, "at": 2}
        assert last.theirs == {**(last.ours or {}), "at": 1}

    run(pair(main))
