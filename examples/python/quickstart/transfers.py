"""Moving amounts between accounts, all or nothing."""

from __future__ import annotations

import ubiqlite

from .show import chapter, note, refused, step


async def run(db: ubiqlite.Database) -> None:
    """Moves amounts, and tries transfers that can't succeed."""
    chapter("Transfers", "Both accounts must exist; the whole list happens, or nothing.")
    accounts = db.table("accounts")
    await accounts.insert_many({"id": number, "balance": 100} for number in (1, 2, 3))
    note("balances before", await _balances(db))
    with step("1 to 2: 30; 2 to 3: 50") as done:
        await accounts.transfer("balance", [(1, 2, 30), (2, 3, 50)])
        done("done")
    note("balances after", await _balances(db))
    await refused("1 to 2: 10; 1 to 99: 5", accounts.transfer("balance", [(1, 2, 10), (1, 99, 5)]))
    error = await refused("3 to 1: 10; 2 to 1: 1,000", accounts.transfer("balance", [(3, 1, 10), (2, 1, 1000)]))
    note("", f"by the transfer with index {error and error.index} of the list")
    note("balances now", await _balances(db))


async def _balances(db: ubiqlite.Database) -> str:
    rows = await db.query("SELECT id, balance FROM accounts ORDER BY id")
    return ", ".join(f"{row['id']} has {row['balance']}" for row in rows)
