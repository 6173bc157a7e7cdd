"""Explicit transactions, and savepoints in them."""

from __future__ import annotations

import ubiqlite

from .show import chapter, note, step


async def run(db: ubiqlite.Database) -> None:
    """Commits, rolls back, and nests."""
    chapter("Transactions", "Committed if the block ends well; else nothing has happened.")
    with step("a transaction") as done:
        async with db.transaction() as tx:
            ada = await tx.table("users").insert(name="Ada", email="ada@example.org")
            for total in (120, 80):
                await tx.table("orders").insert(user_id=ada, total=total)
        done(f"user {ada} with {await db.table('orders').count()} orders, in one commit")
    with step("a savepoint in it") as done:
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO orders (user_id, total) VALUES (?, 10)", (ada,))
            try:
                async with tx.savepoint() as sp:
                    await sp.execute("DELETE FROM orders")
                    # No such user: the savepoint is undone, but the order above stays.
                    await sp.execute("INSERT INTO orders (user_id, total) VALUES (99, 1)")
            except ubiqlite.ForeignKeyViolation as error:
                kind = error.kind
        done(f"{await db.table('orders').count()} orders; what it deleted is back after its {kind}")
    with step("an exception in the block") as done:
        try:
            async with db.transaction() as tx:
                await tx.execute("DELETE FROM orders")
                raise RuntimeError("changed my mind")
        except RuntimeError as error:
            done(f"comes out unchanged: {error}")
    with step("a handle, given up") as done:
        tx = await db.begin()
        await tx.execute("DELETE FROM orders")
        await tx.rollback()
        done("rolled back")
    note("", f"still {await db.table('orders').count()} orders")
