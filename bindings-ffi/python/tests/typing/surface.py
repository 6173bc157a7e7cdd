"""Checks the types of the public API. This file is type-checked, never run."""

from __future__ import annotations

import datetime
import importlib.resources
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional, TypedDict
from uuid import UUID

from typing_extensions import assert_type

import ubiqlite


@dataclass
class Item:
    """A row as a class."""

    id: int
    name: str


class Pair(NamedTuple):
    """A row as a named tuple."""

    id: int
    name: str


class Fields(TypedDict):
    """A row as a dict."""

    id: int
    name: str


class Status(Enum):
    """A column with few distinct values."""

    NEW = "new"


def made(name: str, **_: Any) -> Item:
    """Makes a row from a column."""
    return Item(1, name)


async def rows() -> AsyncIterator[tuple[int, str]]:
    """Yields rows from any source."""
    yield 1, "a"


async def surface() -> None:
    """Makes every kind of call, with the type that it returns."""
    async with ubiqlite.open("app.db", readers=2, busy_timeout=1.5, journal_mode="wal") as db:
        listed: list[ubiqlite.Row] = await db.query("SELECT 1")
        one: ubiqlite.Row = await db.query_one("SELECT ?", (1,))
        optional: Optional[ubiqlite.Row] = await db.query_optional("SELECT :a", {"a": 1}, timeout=1)
        value: Any = await db.query_value("SELECT 1")
        items: list[Item] = await db.query("SELECT * FROM items", into=Item)
        item: Item = await db.query_one("SELECT * FROM items", into=Item)
        maybe: Optional[Item] = await db.query_optional("SELECT * FROM items", into=Item)
        async for each in db.stream("SELECT * FROM items", into=Item):
            name: str = each.name
            print(name)
        async for row in db.stream("SELECT * FROM items"):
            first: Any = row["id"]
            print(first)
        async with db.stream("SELECT 1") as stream:
            rest: list[ubiqlite.Row] = await stream.fetch_all()
        done: ubiqlite.Executed = await db.execute("DELETE FROM items")
        changed: int = done.rows_changed + await db.execute_many("INSERT INTO items VALUES (?, ?)", rows())
        batch: list[ubiqlite.Executed] = await db.batch([("DELETE FROM items WHERE id = ?", (1,)), "VACUUM"])
        async with db.transaction(mode="deferred") as tx, tx.savepoint() as sp:
            await sp.execute("DELETE FROM items")
        handle: ubiqlite.Transaction = await db.begin()
        await handle.commit()
        async with db.snapshot() as moment:
            count: int = await moment.table("items").count()
        session: ubiqlite.Session = await db.acquire(timeout=1)
        session.close()
        table: ubiqlite.Table[Item] = db.table("items", into=Item)
        key = await table.insert(name="lamp")
        key = await table.insert({"name": "lamp"}, timeout=2)
        yes: bool = await table.update(key, name="chair") and await table.update(key, {"name": "a"}, timeout=1)
        found: Optional[Item] = await table.get(key)
        selected: list[Item] = await table.select().where("name", "like", "a%").order_by("id", "desc").limit(3).all()
        async for each in table.select().where("name", "lamp"):
            name = each.name
        await db.table("accounts").transfer("balance", [(1, 2, 50)])
        print(listed, one, optional, value, items, item, maybe, rest, changed, batch, count, yes, found)
        print(selected)
    try:
        opened: ubiqlite.Database = await ubiqlite.open("app.db")
        await opened.close()
    except ubiqlite.UniqueViolation as error:
        columns: tuple[str, ...] = error.columns
        print(columns, error.kind, error.code)


async def values(db: ubiqlite.Database) -> None:
    """Checks the types of single values."""
    assert_type(await db.query_value("SELECT 1"), Any)
    assert_type(await db.query_value("SELECT 1", into=int), int)
    assert_type(await db.query_value("SELECT 1", into=datetime.datetime), datetime.datetime)
    assert_type(await db.query_value("SELECT 'new'", into=Status), Status)
    assert_type(await db.query_value("SELECT '[1]'", into=list[int]), list[int])
    assert_type(await db.query_value("SELECT '{}'", into=Item), Item)
    assert_type(await db.query("SELECT 1", into=int), list[int])
    assert_type(await db.query_one("SELECT 1, 'a'", into=tuple[int, str]), tuple[int, str])


async def shapes(db: ubiqlite.Database, tx: ubiqlite.Transaction, moment: ubiqlite.Snapshot) -> None:
    """Checks the types that rows become."""
    sql = "SELECT * FROM items"
    assert_type(await db.query(sql, into=Item), list[Item])
    assert_type(await tx.query(sql, into=Pair), list[Pair])
    assert_type(await moment.query(sql, into=Fields), list[Fields])
    assert_type(await db.query(sql, into=made), list[Item])
    assert_type(await db.query(sql, into=lambda row: 1), list[int])
    assert_type(await db.query_optional(sql, into=Item), Optional[Item])
    assert_type(await db.query_one(sql, into=made), Item)
    assert_type([row async for row in db.stream(sql, into=Pair)], list[Pair])
    assert_type(await db.query(sql, into=dict[str, int]), list[dict[str, int]])
    done = await db.run(sql)
    assert_type(done, ubiqlite.RunResult[ubiqlite.Row])
    assert_type(done.columns, tuple[ubiqlite.Column, ...])
    assert_type(done.columns[0].declared_type, Optional[str])
    assert_type((await tx.run(sql, (1,), into=Item)).rows, list[Item])


async def tables(db: ubiqlite.Database, pair: Pair, fields: Fields) -> None:
    """Checks what tables take and return."""
    items = db.table("items", into=Item, key=int)
    assert_type(items, ubiqlite.Table[Item, int])
    assert_type(await items.insert(Item(1, "a")), int)
    assert_type(await items.insert(name="a"), int)
    assert_type(await items.upsert(pair), int)
    assert_type(await items.insert_many([Item(2, "b")]), int)
    assert_type(await items.insert_many([fields]), int)
    assert_type(await items.update(1, fields), bool)
    assert_type(await items.get(1), Optional[Item])
    assert_type(await db.table("users", key=UUID).insert(name="a"), UUID)
    assert_type(await db.table("parts", key=tuple[int, str]).insert(name="a"), tuple[int, str])
    assert_type(await db.table("items").select().all(), list[ubiqlite.Row])
    plain: ubiqlite.Table[Item] = db.table("items", into=Item)
    assert_type(plain, ubiqlite.Table[Item, Any])
    assert_type(await plain.insert(fields), Any)
    row = await db.query_one("SELECT * FROM items")
    await items.insert(row)
    await db.execute("INSERT INTO items VALUES (:id, :name)", Item(3, "c"))
    await db.execute("INSERT INTO items VALUES (:id, :name)", fields)


async def watches(db: ubiqlite.Database) -> None:
    """Checks the types of live queries."""
    sql = "SELECT * FROM items"
    assert_type(db.watch(sql, key="id"), ubiqlite.Watch[ubiqlite.Row])
    assert_type(db.watch(sql, (1,), key=("id", "name"), into=Item, timeout=1), ubiqlite.Watch[Item])
    assert_type(db.table("items", into=Item).select().watch(), ubiqlite.Watch[Item])
    async with db.watch(sql, into=Item) as live:
        async for now in live:
            assert_type(now, ubiqlite.Update[Item])
            assert_type(now.rows, list[Item])
            assert_type((now.added, now.removed, now.updated), tuple[list[int], list[int], list[int]])
            assert_type(now.moment, int)
        assert_type(await live.__anext__(), ubiqlite.Update[Item])
    queries = [(sql, (1,), "id"), sql, ubiqlite.WatchedQuery(sql, key="id", into=Item)]
    assert_type(db.watch_all(queries, timeout=1), ubiqlite.WatchAll)
    async with db.watch_all(queries, into=dict) as several:
        async for results in several:
            assert_type(results, tuple[ubiqlite.Update[Any], ...])
            assert_type(results[0].moment, int)
    async for commit in db.commits(["items"], timeout=1):
        assert_type(commit, ubiqlite.CommitEvent)
        for row in commit.tables[0].rows or []:
            assert_type(row.kind, Literal["insert", "update", "delete"])
            assert_type(await db.table("items").get(row.key), Optional[ubiqlite.Row])
    await db.touch(["items"])
    assert_type((await db.capabilities()).watches, bool)


async def exchange(db: ubiqlite.Database, tx: ubiqlite.Transaction, sp: ubiqlite.Savepoint) -> None:
    """Checks the types of the outbox, and of what applying has decided."""
    outbox = await db.outbox(["items"], timeout=1)
    assert_type(outbox, ubiqlite.Outbox)
    assert_type(await outbox.next(timeout=1), Optional[ubiqlite.OutboxBatch])
    async with outbox:
        async for batch in outbox:
            assert_type(batch, ubiqlite.OutboxBatch)
            assert_type((batch.id, batch.bytes), tuple[int, bytes])
            await outbox.ack(batch.id, timeout=1)
            of_tables: dict[str, ubiqlite.Policy] = {"notes": ubiqlite.Newest("updated_at"), "settings": "ours"}
            done = await db.apply(batch.bytes, "theirs", tables=of_tables)
            assert_type(done, ubiqlite.Applied)
            assert_type(done.rebased, bool)
            for conflict in done.conflicts:
                assert_type(conflict, ubiqlite.Conflict)
                assert_type(conflict.kind, Literal["data", "not_found", "exists", "constraint"])
                assert_type(conflict.change, Literal["inserted", "updated", "deleted"])
                assert_type(conflict.decision, Literal["theirs", "ours"])
                assert_type((conflict.key, conflict.theirs), tuple[dict[str, Any], dict[str, Any]])
                assert_type(conflict.ours, Optional[dict[str, Any]])
            await tx.apply(batch.bytes, ubiqlite.Newest("at"), tables={"notes": "abort"}, timeout=1)
            await sp.apply(bytearray(batch.bytes), "ours")
    assert_type((await db.capabilities()).changesets, bool)


async def migrations(db: ubiqlite.Database) -> None:
    """Checks what files of migrations may be, and the types of what is told of them."""
    texts = {"1_items.sql": "CREATE TABLE items (id)"}
    resources = importlib.resources.files("app") / "migrations"
    db.migrations("migrations", lock_timeout=0.5)
    db.migrations(Path("migrations"), lock_timeout=datetime.timedelta(minutes=1))
    db.migrations(zipfile.Path("app.zip", "migrations/"))
    db.migrations(texts.items())
    db.migrations([("1_items.sql", "CREATE TABLE items (id)")])
    db.migrations((name, text) for name, text in texts.items())
    made = ubiqlite.Migrations(resources, allow_newer=True, accept_edited=True, lock_timeout=1)
    async with ubiqlite.open("app.db", migrations=made, readers=2), ubiqlite.open("app.db", migrations=resources):
        assert_type(db.migrations(made), ubiqlite.Migrator)
    migrator = db.migrations(texts, allow_newer=True, accept_edited=False, lock_timeout=1)
    for step in [*await migrator.run(), *await migrator.pending(), *await migrator.dry_run(), *await migrator.to(7)]:
        assert_type(step, ubiqlite.MigrationStep)
        assert_type((step.number, step.name, step.alone), tuple[int, str, bool])
        assert_type(step.action, Literal["apply", "revert", "note", "accept_edit"])
        assert_type(step.took, Optional[datetime.timedelta])
    for applied in await migrator.applied():
        assert_type(applied, ubiqlite.AppliedMigration)
        assert_type((applied.number, applied.name), tuple[int, str])
        assert_type(applied.applied_at, Optional[datetime.datetime])
        assert_type((applied.breaks_older, applied.reversible, applied.known), tuple[bool, bool, bool])
    for drift in await migrator.verify():
        assert_type(drift, ubiqlite.Drift)
        assert_type(drift.kind, Literal["missing", "added", "changed"])
        assert_type((drift.object, drift.details), tuple[str, list[str]])


async def copies(db: ubiqlite.Database) -> None:
    """Checks what copies take, and the types of their bytes."""

    def progress(now: ubiqlite.BackupProgress) -> None:
        assert_type((now.done, now.total), tuple[int, int])

    await db.backup("copy.db", overwrite=True, compact=False, progress=progress, timeout=60)
    await db.backup(Path("copy.db"), progress=print)
    assert_type(db.backup_stream(compact=True, timeout=datetime.timedelta(minutes=1)), ubiqlite.BackupStream)
    async with db.backup_stream() as stream:
        async for chunk in stream:
            assert_type(chunk, bytes)
        assert_type(await stream.__anext__(), bytes)
    data = await db.serialize(compact=True, timeout=1)
    assert_type(data, bytes)
    for source in ("copy.db", Path("copy.db"), data, bytearray(data), memoryview(data)):
        await db.restore(source, timeout=1)
    async with ubiqlite.deserialize(data, foreign_keys=False) as copy:
        assert_type(copy, ubiqlite.Database)
    assert_type(await ubiqlite.deserialize(memoryview(data)), ubiqlite.Database)
    assert_type((await db.capabilities()).backups, bool)
    assert_type((await db.capabilities()).replicas, bool)
    replica = await db.replicate("backup", interval=datetime.timedelta(seconds=1), memory=1 << 20, keep=60.0)
    assert_type(replica, ubiqlite.Replica)
    assert_type(await replica.flush(timeout=1), ubiqlite.ReplicaState)
    await db.replicate(Objects())
    assert_type(await ubiqlite.restore_replica(Objects(), "new.db", to=7), int)
    await db.replicate(7)  # type: ignore[arg-type]


class Objects:
    """A storage of the program's own."""

    async def put(self, name: str, content: AsyncIterator[bytes]) -> None:
        async for chunk in content:
            assert_type(chunk, bytes)

    async def list(self) -> list[str]:
        return []

    async def get(self, name: str) -> Optional[bytes]:
        return None

    async def remove(self, name: str) -> None:
        return None


async def observed(db: ubiqlite.Database) -> None:
    """Checks what a listener is told, and the options of the log."""

    def listen(call: ubiqlite.TracedCall) -> None:
        assert_type((call.summary, call.operation, call.sql), tuple[str, str, Optional[str]])
        assert_type((call.run, call.queue_wait), tuple[Optional[datetime.timedelta], Optional[datetime.timedelta]])
        assert_type(
            (call.rows, call.rows_changed, call.error), tuple[Optional[int], Optional[int], Optional[Exception]]
        )

    stop = db.trace(listen, slower_than=datetime.timedelta(seconds=1))
    assert_type(stop(), None)
    async with ubiqlite.open("app.db", slow_statement=0.5, log_statements=True) as logged:
        assert_type(await logged.stats(), ubiqlite.Stats)
