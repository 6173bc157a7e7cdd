"""A SQLAlchemy dialect: ``create_async_engine("sqlite+ubiqlite:///app.db")``.

It is SQLAlchemy's own dialect for ``aiosqlite``, on :mod:`ubiqlite.aiosqlite`. Once the
package is installed, SQLAlchemy finds it by its name.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_dbapi, SQLiteDialect_aiosqlite

__all__ = ["Dialect"]


class Dialect(SQLiteDialect_aiosqlite):
    """The dialect for SQLite through ubiqlite, for asyncio."""

    driver = "ubiqlite"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        """Returns the DBAPI module that the dialect calls."""
        from . import aiosqlite

        return AsyncAdapt_aiosqlite_dbapi(aiosqlite, sqlite3)

    @classmethod
    def load_provisioning(cls) -> None:
        """Provisions databases for SQLAlchemy's own tests the way the SQLite dialect does."""
        SQLiteDialect_aiosqlite.load_provisioning()  # type: ignore[no-untyped-call]
