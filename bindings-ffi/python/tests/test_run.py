"""``run``: one call returns everything about a statement."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import Run

import ubiqlite

SCHEMA = """
    CREATE TABLE items (id INTEGER PRIMARY KEY, name VARCHAR(20), price DECIMAL(10, 2), made DATETIME, "any");
    CREATE TABLE log (item);
    CREATE TRIGGER t AFTER INSERT ON items BEGIN INSERT INTO log VALUES (new.id), (new.id); END;
"""
TYPES = (("id", "INTEGER"), ("name", "VARCHAR(20)"), ("price", "DECIMAL(10, 2)"), ("made", "DATETIME"), ("any", None))


@dataclass
class Named:
    twice: int
    name: str


def test_columns_with_their_types_rows_and_changes_are_told_together(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            none = await db.run("SELECT *, 1 + 1 FROM items WHERE id > ?", (0,))
            assert none.columns == (*TYPES, ("1 + 1", None))
            assert (none.rows, none.rows_changed, none.last_row_id) == ([], 0, 0)
            insert = "INSERT INTO items (id, name) VALUES (?, 'a'), (?, 'é') RETURNING id * 2 AS twice, name"
            done = await db.run(insert, (7, 8))
            assert [column.declared_type for column in done.columns] == [None, "VARCHAR(20)"]
            assert (done.rows, done.rows_changed, done.last_row_id) == ([(14, "a"), (16, "é")], 2, 8)
            assert isinstance(done.rows[0], ubiqlite.Row)
            assert done.rows[1]["name"] == "é"
            updated = await db.run("UPDATE items SET price = 3 WHERE id > :id", {"id": 7})
            assert (updated.columns, updated.rows_changed, updated.last_row_id) == ((), 1, 0)
            made = await db.run("CREATE TABLE more (x)")
            assert (made.columns, made.rows, made.rows_changed, made.last_row_id) == ((), [], 0, 0)
            assert (await db.run("SELECT 1 AS id, 2 AS id")).rows[0]["id:2"] == 2
            # The names of its columns must be known after it, and before.
            assert (await db.query_one("SELECT id FROM items"))["id"] == 7
            with pytest.raises(ubiqlite.InvalidArgument):
                await db.run("SELECT ?")
            with pytest.raises(ubiqlite.Syntax):
                await db.run("SELEC 1")

    run(main())


def test_its_rows_become_what_is_asked_for(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.batch(SCHEMA)
            sql = "INSERT INTO items (name) VALUES (?) RETURNING id * 2 AS twice, name"
            kinds: list[tuple[Any, Any]] = [
                (Named, Named(2, "a")), (dict, {"twice": 4, "name": "a"}), (tuple, (6, "a")), (None, (8, "a")),
            ]  # fmt: skip
            for into, row in kinds:
                done: Any = await db.run(sql, ["a"], into=into)
                assert done.rows == [row]
                assert (done.rows_changed, [column.name for column in done.columns]) == (1, ["twice", "name"])
            many = await db.run(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000) SELECT i FROM n", into=int
            )
            assert many.rows == list(range(1, 50001))
            assert (await db.run("SELECT ? AS a, ? AS b", (2**63 - 1, b"\xff\0"))).rows == [(2**63 - 1, b"\xff\0")]

    run(main())


def test_it_runs_wherever_statements_do(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch(SCHEMA)
            async with db.transaction() as tx, tx.savepoint() as sp:
                assert (await sp.run("INSERT INTO items (name) VALUES ('a')")).last_row_id == 1
                assert (await sp.run("SELECT count(*) FROM items")).rows == [(1,)]
            async with db.acquire() as session:
                assert (await session.run("CREATE TEMP TABLE seen (id)")).rows == []
            async with db.snapshot() as moment:
                assert (await moment.run("SELECT name FROM items")).rows == [("a",)]
                with pytest.raises(ubiqlite.ReadOnly):
                    await moment.run("DELETE FROM items")
            with pytest.raises(ubiqlite.Timeout):
                await db.run(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n", timeout=0.05
                )
            assert await db.table("items").count() == 1

    run(main())


def test_it_can_be_copied_and_pickled(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            done: Any = await db.run("SELECT 1 AS id, '[1]' AS list")
            for again in (copy.copy(done), copy.deepcopy(done), pickle.loads(pickle.dumps(done))):
                assert again == done
                assert type(again) is type(done)
                assert again.rows[0]["id"] == again.rows[0].get(again.columns[0].name) == 1
            assert copy.deepcopy(done).rows is not done.rows

    run(main())
