"""The forms that a row takes."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import NamedTuple

import pytest
from conftest import Run

import ubiqlite


@dataclass
class Item:
    id: int
    name: str


class Pair(NamedTuple):
    id: int
    name: str


async def items(db: ubiqlite.Database) -> None:
    await db.batch(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO items VALUES (1, 'a'), (2, 'b')"
    )


def test_a_row_is_read_by_place_by_name_and_as_a_mapping(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            row = await db.query_one("SELECT 1 AS id, 'x' AS name, 2 AS id")
            assert (row[0], row["id"], row["NAME"], row["id:2"], row[-1], row[:2]) == (1, 1, "x", 2, 2, (1, "x"))
            assert dict(row) == {"id": 1, "name": "x", "id:2": 2} == {**row}
            id_, name, _ = row
            assert (id_, name) == (1, "x")
            assert row.get("none", 7) == 7
            assert list(row.items())[1] == ("name", "x")
            assert repr(row) == "Row(id=1, name='x', id:2=2)"
            assert row == (1, "x", 2)
            again = pickle.loads(pickle.dumps(row))
            assert (again, again["name"], isinstance(again, ubiqlite.Row)) == (row, "x", True)
            with pytest.raises(ubiqlite.NoSuchColumn, match="it has id, name"):
                row["nome"]
            with pytest.raises(KeyError):
                row["nome"]
            with pytest.raises(IndexError):
                row[3]

    run(main())


def test_rows_become_what_is_asked_for_in_every_call(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await items(db)
            sql = "SELECT * FROM items ORDER BY id"
            for into, first in (
                (Item, Item(1, "a")),
                (Pair, Pair(1, "a")),
                (dict, {"id": 1, "name": "a"}),
                (tuple, (1, "a")),
            ):
                assert (await db.query(sql, into=into))[0] == first
                assert await db.query_one(sql, into=into) == first
                assert await db.query_optional(sql, into=into) == first
                assert [row async for row in db.stream(sql, into=into)][0] == first
                table = db.table("items", into=into)
                assert await table.get(1) == first
                assert await table.select().order_by("id").first() == first
                assert (await table.select().all())[0] == first
                assert [row async for row in table.select()][0] == first
                assert type(await table.get(1)) is type(first)
                assert await table.get(9) is None
                assert await db.query_optional("SELECT 1 WHERE 0", into=into) is None
                assert await db.query("SELECT 1 WHERE 0", into=into) == []

    run(main())


def test_errors_are_those_of_sqlite3_too_and_carry_what_is_known(run: Run[None]) -> None:
    import sqlite3

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await db.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE NOT NULL)")
            users = db.table("users")
            await users.insert(email="a")
            with pytest.raises(sqlite3.IntegrityError) as caught:
                await users.insert(email="a")
            error = caught.value
            assert isinstance(error, ubiqlite.UniqueViolation)
            assert (error.kind, error.code, error.table, error.columns) == (
                "UniqueViolation",
                2067,
                "users",
                ("email",),
            )
            assert error.sqlite_errorcode == 2067
            again = pickle.loads(pickle.dumps(error))
            assert (type(again), str(again), again.columns) == (type(error), str(error), error.columns)
            with pytest.raises(sqlite3.OperationalError):
                await db.query("SELECT * FROM nothing")
            with pytest.raises(ubiqlite.InvalidArgument) as wrong:
                await db.execute_many(
                    "INSERT INTO users (email) VALUES (?)", [(str(i),) if i != 1500 else ({1},) for i in range(2000)]
                )
            assert wrong.value.index == 1500
            assert await users.count() == 1
        assert set(vars(ubiqlite)) >= set(ubiqlite.errors.KINDS)

    run(main())
