"""Opening a database."""

from __future__ import annotations

import ubiqlite

from .show import chapter, note, refused, step
from .tables import SCHEMA


async def run(path: str) -> ubiqlite.Database:
    """Opens the database, and makes the tables."""
    chapter("Open", "Safe and fast settings are the default, and each can be changed.")
    with step("open") as done:
        # Usually `async with ubiqlite.open(path) as db:`, which also closes it.
        db = await ubiqlite.open(path, busy_timeout=2)
        done(path)
    names = ("journal_mode", "foreign_keys", "synchronous", "trusted_schema")
    settings = [f"{name}={await db.query_value(f'PRAGMA {name}')}" for name in names]
    note("settings, read back", ", ".join(settings))
    with step("run a script: the schema") as done:
        await db.batch(SCHEMA)
        done("every statement of it, or none")
    await refused("a path that can't be opened", ubiqlite.open("no/such/folder/app.db"))
    return db
