"""A SQLAlchemy dialect: ``create_async_engine("sqlite+ubiqlite:///app.db")``.

SQLAlchemy finds it by its name, once the package is installed with what it needs:
``pip install ubiqlite[sqlalchemy]``. It is for asynchronous engines::

    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine("sqlite+ubiqlite:///app.db?journal_mode=wal&foreign_keys=true")
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT)"))
    await engine.dispose()

Types, transactions, pools and errors are those of ``sqlite+aiosqlite``. A short statement runs within the
call that asks for it, without another thread; all rows of a result come with its execution, except with
``stream_results``. :class:`Dialect` has the arguments of an URL.
"""

from __future__ import annotations

from ._dialect import Dialect

__all__ = ["Dialect"]
