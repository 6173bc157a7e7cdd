"""Errors by kind: nobody has to read a message to know what happened."""

from __future__ import annotations

from typing import Any

import ubiqlite

from .show import chapter, note, refused, step


async def safe_insert(db: ubiqlite.Database, table: str, row: dict[str, Any]) -> tuple[bool, str]:
    """Inserts a row and returns whether that succeeded, with a message for a user."""
    try:
        await db.table(table).insert(row)
    except (ubiqlite.UniqueViolation, ubiqlite.PrimaryKeyViolation):
        return False, "Duplicate entry"
    except ubiqlite.ForeignKeyViolation:
        return False, "Referenced record not found"
    except ubiqlite.NoSuchTable:
        return False, "Table not found"
    except ubiqlite.Busy:
        return False, "Database busy"
    except ubiqlite.Error as error:
        return False, str(error)
    return True, "Success"


async def run(db: ubiqlite.Database, path: str) -> None:
    """Tries inserts that can't succeed."""
    chapter("A safe insert", "What went wrong is a class to tell by, not a text to search in.")
    alan = {"name": "Alan", "email": "alan@example.org"}
    for what, table, row in (
        ("a new user", "users", alan),
        ("the same e-mail again", "users", alan),
        ("an order of nobody", "orders", {"user_id": 99, "total": 1}),
        ("a table that is not there", "customers", alan),
        ("no name", "users", {"email": "x@example.org"}),
    ):
        with step(what) as done:
            done(await safe_insert(db, table, row))

    # Another part of the program has the file open and is writing.
    async with ubiqlite.open(path) as other, ubiqlite.open(path, busy_timeout=0.05) as impatient:
        writing = await other.begin()
        with step("somebody else is writing") as done:
            done(await safe_insert(impatient, "users", {"name": "Mary", "email": "mary@example.org"}))
        await writing.rollback()

    chapter("Errors", "Each carries what SQLite knows, and is that of `sqlite3`, too.")
    error = await refused("the same e-mail", db.table("users").insert(name="Ada", email="ada@example.org"))
    if error:
        note("code, table, columns", f"{error.code}, {error.table}, {error.columns}")
        note("bases", " < ".join(kind.__module__ + "." + kind.__name__ for kind in type(error).__mro__[:4]))
    wrong = await refused("a typo", db.query("SELECT id, nmae FROM items"))
    note("", "SELECT id, nmae FROM items")
    print(" " * (33 + (wrong.offset or 0 if wrong else 0)) + "^")
