"""The programs of the page on transactions."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import ubiqlite

SCHEMA = """
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
    INSERT INTO accounts VALUES (1, 100), (2, 50), (3, 0);
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, stock INTEGER NOT NULL DEFAULT 0);
    INSERT INTO items (name, stock) VALUES ('lamp', 5);
    CREATE TABLE log (message TEXT NOT NULL);
"""


async def messages(db: ubiqlite.Database) -> list[str]:
    """The texts of the log, in order."""
    return await db.query("SELECT message FROM log ORDER BY rowid", into=str)


async def balances(db: ubiqlite.Database) -> list[int]:
    """The balances, in order of the accounts."""
    return await db.query("SELECT balance FROM accounts ORDER BY id", into=int)


def test_a_transaction_is_committed_when_its_block_ends(tmp_path: Path) -> None:
    """All of it is there afterwards."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            # region transaction
            async with db.transaction() as tx:
                await tx.execute("UPDATE accounts SET balance = balance - 10 WHERE id = ?", (1,))
                await tx.execute("INSERT INTO log (message) VALUES (?)", ("paid 10",))
                left = await tx.query_value("SELECT balance FROM accounts WHERE id = ?", (1,), into=int)
            # endregion transaction
            assert left == 90
            assert await balances(db) == [90, 50, 0]
            assert await messages(db) == ["paid 10"]

    asyncio.run(main())


# region error
class TooPoor(Exception):
    """The account must keep 20."""


async def pay(db: ubiqlite.Database, amount: int) -> None:
    """Takes an amount from account 1."""
    async with db.transaction() as tx:
        await tx.execute("UPDATE accounts SET balance = balance - ? WHERE id = 1", (amount,))
        left = await tx.query_value("SELECT balance FROM accounts WHERE id = 1", into=int)
        if left < 20:
            raise TooPoor(left)  # rolls back


# endregion error


def test_an_exception_that_leaves_the_block_rolls_back(tmp_path: Path) -> None:
    """It comes out unchanged."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            await pay(db, 30)
            with pytest.raises(TooPoor) as raised:
                await pay(db, 60)
            assert raised.value.args == (10,)
            assert await balances(db) == [70, 50, 0]

    asyncio.run(main())


def test_an_error_that_the_block_catches_undoes_its_statement_alone(tmp_path: Path) -> None:
    """The transaction continues."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            # region caught
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO log (message) VALUES ('a lamp arrived')")
                try:
                    await tx.table("items").insert(name="lamp", stock=1)
                except ubiqlite.UniqueViolation:
                    await tx.execute("UPDATE items SET stock = stock + 1 WHERE name = 'lamp'")
            # endregion caught
            assert await db.query_value("SELECT stock FROM items") == 6
            assert await messages(db) == ["a lamp arrived"]
            # Unless the statement itself says that its failure ends the transaction.
            tx = await db.begin()
            with pytest.raises(ubiqlite.UniqueViolation):
                await tx.execute("INSERT OR ROLLBACK INTO items (name) VALUES ('lamp')")
            with pytest.raises(ubiqlite.Cancelled):
                await tx.execute("INSERT INTO log (message) VALUES ('never')")
            with pytest.raises(ubiqlite.Cancelled):
                await tx.commit()

    asyncio.run(main())


def test_a_deferred_foreign_key_is_checked_by_the_commit(tmp_path: Path) -> None:
    """Which undoes everything if it is violated."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            await db.batch("CREATE TABLE parts (item_id REFERENCES items (id) DEFERRABLE INITIALLY DEFERRED)")
            tx = await db.begin()
            await tx.execute("INSERT INTO parts VALUES (99)")
            with pytest.raises(ubiqlite.ForeignKeyViolation):
                await tx.commit()
            assert await db.table("parts").count() == 0

    asyncio.run(main())


def test_a_transaction_is_begun_and_committed_by_hand(tmp_path: Path) -> None:
    """One that is not committed is rolled back."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            # region handle
            tx = await db.begin()
            try:
                await tx.execute("UPDATE items SET stock = stock - 1 WHERE id = ?", (1,))
                await tx.execute("INSERT INTO log (message) VALUES ('sold a lamp')")
                await tx.commit()
            finally:
                tx.close()  # rolls back, unless it was committed
            # endregion handle
            assert await db.query_value("SELECT stock FROM items") == 4
            tx = await db.begin()
            await tx.execute("DELETE FROM items")
            tx.close()
            # It is rolled back before the next write.
            assert (await db.execute("UPDATE items SET stock = 9")).rows_changed == 1

    asyncio.run(main())


def test_what_is_refused_inside_a_transaction(tmp_path: Path) -> None:
    """The transaction continues after each of these."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db", busy_timeout=0.1) as db:
            await db.batch(SCHEMA)
            async with db.transaction() as tx:
                for sql in (
                    "BEGIN",
                    "COMMIT",
                    "ROLLBACK",
                    "SAVEPOINT one",
                    "ATTACH ':memory:' AS other",
                    "CREATE TEMP TABLE seen (id)",
                    "PRAGMA foreign_keys = OFF",
                    "PRAGMA journal_mode = DELETE",
                    "VACUUM",
                    "DELETE FROM items; DELETE FROM log",
                ):
                    with pytest.raises(ubiqlite.InvalidArgument):
                        await tx.execute(sql)
                await tx.execute("PRAGMA defer_foreign_keys = ON")
                with pytest.raises(ubiqlite.Busy):
                    await db.execute("DELETE FROM items")
                with pytest.raises(ubiqlite.Busy):
                    await db.begin()
                await tx.execute("UPDATE items SET stock = 0")
                assert await db.query_value("SELECT stock FROM items") == 5
                sp = await tx.begin_savepoint()
                with pytest.raises(ubiqlite.InvalidArgument):
                    await tx.execute("DELETE FROM items")
                await sp.release()
            with pytest.raises(ubiqlite.Closed):
                await tx.execute("DELETE FROM items")
            assert await db.query_value("SELECT stock FROM items") == 0

    asyncio.run(main())


def test_modes(tmp_path: Path) -> None:
    """What a deferred transaction leaves to others."""

    async def main() -> None:
        path = tmp_path / "app.db"
        async with ubiqlite.open(path, busy_timeout=0.1) as db, ubiqlite.open(path) as other:
            await db.batch(SCHEMA)
            # region mode
            async with db.transaction(mode="deferred") as tx:
                stock = await tx.query_value("SELECT stock FROM items WHERE id = 1", into=int)
                if stock < 10:
                    await tx.execute("UPDATE items SET stock = 10 WHERE id = 1")
            # endregion mode
            assert await db.query_value("SELECT stock FROM items") == 10
            async with db.transaction(mode="exclusive") as tx:
                await tx.execute("UPDATE items SET stock = 11")
            tx = await db.begin(mode="deferred")
            assert await tx.query_value("SELECT stock FROM items") == 11
            # It has its own database's turn to write, and leaves the file to others.
            with pytest.raises(ubiqlite.Busy):
                await db.execute("UPDATE items SET stock = 12")
            await other.execute("UPDATE items SET stock = 13")
            assert await tx.query_value("SELECT stock FROM items") == 11
            with pytest.raises(ubiqlite.Busy):
                await tx.execute("UPDATE items SET stock = 14")
            await tx.rollback()
            # In a session it leaves both.
            async with db.acquire() as session:
                tx = await session.begin(mode="deferred")
                assert await tx.query_value("SELECT stock FROM items") == 13
                await db.execute("UPDATE items SET stock = 15")
                await tx.rollback()

    asyncio.run(main())


def test_a_savepoint_is_undone_alone(tmp_path: Path) -> None:
    """The transaction around it continues."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            # region savepoint
            async with db.transaction() as tx:
                for name in ("chair", "lamp", "table"):
                    try:
                        async with tx.savepoint() as sp:
                            await sp.execute("INSERT INTO log (message) VALUES (?)", (f"added {name}",))
                            await sp.table("items").insert(name=name)
                    except ubiqlite.UniqueViolation:
                        await tx.execute("INSERT INTO log (message) VALUES (?)", (f"skipped {name}",))
            # endregion savepoint
            assert await messages(db) == ["added chair", "skipped lamp", "added table"]
            assert await db.table("items").count() == 3

    asyncio.run(main())


def test_a_batch_is_one_transaction(tmp_path: Path) -> None:
    """A list of statements, and a script."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            # region batch
            done = await db.batch(
                [
                    ("UPDATE items SET stock = stock - ? WHERE id = ?", (2, 1)),
                    ("INSERT INTO log (message) VALUES (?)", ("sold two lamps",)),
                ]
            )
            # endregion batch
            assert [one.rows_changed for one in done] == [1, 1]
            assert await db.query_value("SELECT stock FROM items") == 3
            with pytest.raises(ubiqlite.UniqueViolation) as raised:
                await db.batch(["DELETE FROM log", "INSERT INTO items (name) VALUES ('lamp')"])
            assert raised.value.index == 1
            assert await messages(db) == ["sold two lamps"]
            # region script
            await db.batch("""
                CREATE TABLE orders (id INTEGER PRIMARY KEY, item_id INTEGER REFERENCES items (id));
                CREATE INDEX orders_of_item ON orders (item_id);
                INSERT INTO log (message) VALUES ('orders can be taken');
            """)
            # endregion script
            assert await db.table("orders").count() == 0
            with pytest.raises(ubiqlite.Syntax) as wrong:
                await db.batch("DELETE FROM log; SELEC 1;")
            assert wrong.value.index == 1
            assert len(await messages(db)) == 2
            # A script may have transactions of its own: what they committed stays.
            with pytest.raises(ubiqlite.UniqueViolation, match="stay"):
                await db.batch("BEGIN; DELETE FROM log; COMMIT; INSERT INTO items (name) VALUES ('lamp');")
            assert await messages(db) == []
            with pytest.raises(ubiqlite.InvalidArgument):
                await db.batch(["BEGIN", "DELETE FROM items", "COMMIT"])
            # Inside a transaction, a batch that fails undoes itself and nothing else.
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO log (message) VALUES ('kept')")
                with pytest.raises(ubiqlite.UniqueViolation):
                    await tx.batch(["DELETE FROM log", "INSERT INTO items (name) VALUES ('lamp')"])
            assert await messages(db) == ["kept"]

    asyncio.run(main())


def test_a_transfer_happens_whole_or_not_at_all(tmp_path: Path) -> None:
    """The index names the transfer that was refused."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(SCHEMA)
            # region transfer
            await db.table("accounts").transfer("balance", [(1, 2, 30), (2, 3, 60)])
            # endregion transfer
            assert await balances(db) == [70, 20, 60]
            accounts = db.table("accounts")
            for transfers, error in (
                ([(1, 2, 10), (1, 99, 10)], ubiqlite.NotFound),
                ([(1, 2, 10), (2, 1, 1000)], ubiqlite.CheckViolation),
                ([(1, 2, 10), (2, 1, -1)], ubiqlite.InvalidArgument),
            ):
                with pytest.raises(error) as raised:
                    await accounts.transfer("balance", transfers)
                assert raised.value.index == 1
            assert await balances(db) == [70, 20, 60]

    asyncio.run(main())
