"""The programs of the page about errors."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable
from typing import Callable, TypeVar

import pytest
import ubiqlite

SCHEMA = """
    CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE);
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INTEGER);
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
    CREATE TABLE orders (id TEXT PRIMARY KEY, item_id INTEGER NOT NULL);
    INSERT INTO users (email) VALUES ('ann@example.org');
    INSERT INTO accounts VALUES (1, 100), (2, 50);
"""

T = TypeVar("T")


async def _fresh() -> ubiqlite.Database:
    db = await ubiqlite.open(":memory:", busy_timeout=0.05)
    await db.batch(SCHEMA)
    return db


# region kinds
async def register(db: ubiqlite.Database, email: str) -> bool:
    """Returns whether the address was free."""
    try:
        await db.table("users").insert(email=email)
    except ubiqlite.UniqueViolation:
        return False
    return True


# endregion kinds


def test_a_kind_is_matched() -> None:
    """The expected kind is handled, and another one raised."""

    async def main() -> None:
        db = await _fresh()
        assert await register(db, "bob@example.org")
        assert not await register(db, "ann@example.org")
        await db.close()
        with pytest.raises(ubiqlite.Closed):
            await register(db, "eve@example.org")

    asyncio.run(main())


# region details
async def invite(db: ubiqlite.Database, emails: list[str]) -> None:
    """Adds all the users, or none."""
    sql = "INSERT INTO users (email) VALUES (?)"
    try:
        await db.batch([(sql, (email,)) for email in emails])
    except ubiqlite.Error as error:
        print(f"{error.kind}: {error.message}")
        print(f"statement {error.index} of the batch, code {error.code}")
        print(f"table {error.table}, columns {error.columns}")
        raise


# endregion details


def test_an_error_has_details() -> None:
    """A failed batch tells which statement failed, and why."""

    async def main() -> None:
        db = await _fresh()
        with pytest.raises(ubiqlite.Error) as caught:
            await invite(db, ["bob@example.org", "ann@example.org"])
        error = caught.value
        assert error.kind == "UniqueViolation"
        assert error.index == 1
        assert error.table == "users"
        assert error.columns == ("email",)
        assert error.code == 2067
        assert isinstance(error, sqlite3.IntegrityError)
        assert await db.table("users").count() == 1, "nothing of the batch is kept"
        await db.close()

    asyncio.run(main())


# region offset
async def ask(db: ubiqlite.Database, sql: str) -> list[ubiqlite.Row]:
    """Runs a query, and shows where its text is wrong."""
    try:
        return await db.query(sql)
    except ubiqlite.Error as error:
        if error.offset is not None:
            rest = sql.encode()[error.offset :].decode()  # in bytes of UTF-8
            print(f"{error.message}, here: {rest}")
        raise


# endregion offset


def test_an_error_names_the_place_in_the_sql() -> None:
    """The offset counts bytes."""

    async def main() -> None:
        db = await _fresh()
        sql = "SELECT name, prise FROM items"
        with pytest.raises(ubiqlite.NoSuchColumn) as caught:
            await ask(db, sql)
        assert caught.value.columns == ("prise",)
        assert sql[caught.value.offset :] == "prise FROM items"
        await db.close()

    asyncio.run(main())


# region outcome
async def pay(db: ubiqlite.Database, source: int, target: int, amount: int) -> str:
    """Moves an amount, if the accounts allow it."""
    try:
        await db.table("accounts").transfer("balance", [(source, target, amount)])
    except ubiqlite.NotFound:
        return "no such account"
    except ubiqlite.CheckViolation:
        return "overdrawn"
    return "done"


# endregion outcome


def test_an_expected_outcome_is_no_failure() -> None:
    """A refused payment is a result."""

    async def main() -> None:
        db = await _fresh()
        assert await pay(db, 1, 2, 30) == "done"
        assert await pay(db, 1, 99, 30) == "no such account"
        assert await pay(db, 1, 2, 1000) == "overdrawn"
        assert await db.query_value("SELECT sum(balance) FROM accounts") == 150
        with pytest.raises(ubiqlite.IntegrityError) as caught:
            await db.execute("INSERT INTO accounts VALUES (3, -1)")
        assert isinstance(caught.value, ubiqlite.CheckViolation)
        assert caught.value.columns == ()
        assert "balance >= 0" in caught.value.message
        assert issubclass(ubiqlite.DatatypeMismatch, ubiqlite.IntegrityError)
        # A statement that is refused inside a transaction is undone alone.
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO accounts VALUES (3, 0)")
            with pytest.raises(ubiqlite.CheckViolation):
                await tx.execute("INSERT INTO accounts VALUES (4, 0), (5, -1)")
            await tx.execute("INSERT INTO accounts VALUES (6, 0)")
        assert await db.query("SELECT id FROM accounts ORDER BY id", into=int) == [1, 2, 3, 6]
        await db.close()

    asyncio.run(main())


def test_a_transaction_that_sqlite_ended_does_nothing_more() -> None:
    """Later calls in it, and its commit, are refused."""

    async def main() -> None:
        db = await _fresh()
        tx = await db.begin()
        with pytest.raises(ubiqlite.UniqueViolation):
            await tx.execute("INSERT OR ROLLBACK INTO users (email) VALUES ('ann@example.org')")
        with pytest.raises(ubiqlite.Cancelled):
            await tx.execute("DELETE FROM users")
        with pytest.raises(ubiqlite.Cancelled):
            await tx.commit()
        assert await db.table("users").count() == 1
        await db.close()

    asyncio.run(main())


# region busy
async def retried(call: Callable[[], Awaitable[T]]) -> T:
    """Makes a call up to four times while the database is busy."""
    for pause in (0.05, 0.1, 0.2):
        try:
            return await call()
        except ubiqlite.Busy:
            await asyncio.sleep(pause)
    return await call()


# endregion busy


def test_a_busy_call_can_be_repeated() -> None:
    """The refused calls changed nothing."""

    async def main() -> None:
        db = await _fresh()
        holder = await db.begin()
        tries = 0

        async def add() -> int:
            nonlocal tries
            tries += 1
            done = await db.execute("UPDATE accounts SET balance = balance + 1 WHERE id = 1")
            return done.rows_changed

        done = asyncio.create_task(retried(add))
        await asyncio.sleep(0.12)
        await holder.rollback()
        assert await done == 1
        assert tries > 1
        assert await db.query_value("SELECT balance FROM accounts WHERE id = 1") == 101
        await db.close()

    asyncio.run(main())


# region unknown
async def place(db: ubiqlite.Database, order: str, item: int) -> None:
    """Stores an order once, however often it is called."""
    # The caller chose the key: to do it twice is to do it once.
    sql = "INSERT INTO orders (id, item_id) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"
    try:
        await db.execute(sql, (order, item))
    except ubiqlite.OutcomeUnknown:
        await db.execute(sql, (order, item))


# endregion unknown


def test_a_write_with_a_key_of_its_own_can_be_repeated() -> None:
    """The second call changes nothing."""

    async def main() -> None:
        async with await _fresh() as db:
            await place(db, "7f2c", 1)
            await place(db, "7f2c", 1)
            assert await db.table("orders").count() == 1

    asyncio.run(main())
