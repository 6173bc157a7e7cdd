"""A dialect of SQLAlchemy's: ``create_async_engine("sqlite+ubiqlite:///app.db")``.

It is SQLAlchemy's own for ``aiosqlite``, on :mod:`ubiqlite.aiosqlite`. Where the package is
installed SQLAlchemy finds it by its name.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_dbapi, SQLiteDialect_aiosqlite

__all__ = ["Dialect"]


class Dialect(SQLiteDialect_aiosqlite):
    """SQLite by ubiqlite, for asyncio."""

    driver = "ubiqlite"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        """What the dialect calls."""
        from . import aiosqlite

        return AsyncAdapt_aiosqlite_dbapi(aiosqlite, sqlite3)

    @classmethod
    def load_provisioning(cls) -> None:
        """What SQLAlchemy's own tests need of a database is what they need of SQLite."""
        SQLiteDialect_aiosqlite.load_provisioning()  # type: ignore[no-untyped-call]
