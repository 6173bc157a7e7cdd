"""SQLAlchemy's ``sqlite+aiosqlite`` on ours, down to the private names that it touches."""

from __future__ import annotations

import asyncio
import datetime
import sys
from typing import Any

import pytest

sqlalchemy = pytest.importorskip("sqlalchemy")
pytest.importorskip("greenlet")


@pytest.fixture(params=["ubiqlite", "aiosqlite"])
def engine(monkeypatch: pytest.MonkeyPatch, path: str, request: pytest.FixtureRequest) -> Any:
    from sqlalchemy.dialects import registry
    from sqlalchemy.ext.asyncio import create_async_engine

    import ubiqlite.aiosqlite

    if request.param == "aiosqlite":
        monkeypatch.setitem(sys.modules, "aiosqlite", ubiqlite.aiosqlite)
    else:
        # As the wheel's entry point does it.
        registry.register("sqlite.ubiqlite", "ubiqlite.sqlalchemy", "Dialect")
    return create_async_engine(f"sqlite+{request.param}:///{path}")


def test_an_application_of_sqlalchemy_runs(engine: Any) -> None:
    from sqlalchemy import Column, DateTime, Integer, MetaData, String, Table, insert, select, text

    items = Table(
        "items",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("name", String, unique=True),
        Column("at", DateTime),
    )
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5)

    async def work() -> None:
        async with engine.begin() as connection:
            await connection.run_sync(items.metadata.create_all)
            await connection.execute(insert(items), [{"name": f"n{index}", "at": moment} for index in range(500)])
        async with engine.connect() as connection:
            row = (await connection.execute(select(items).where(items.c.id == 5))).one()
            assert (row.name, row.at) == ("n4", moment)
            with pytest.raises(sqlalchemy.exc.IntegrityError, match="UNIQUE constraint failed"):
                await connection.execute(insert(items), {"name": "n1", "at": moment})
            await connection.rollback()
            result = await connection.stream(select(items))
            assert len([row async for row in result]) == 500
            assert (await connection.execute(text("SELECT 'ab' REGEXP 'a.'"))).scalar() == 1
            await connection.rollback()
            # This uses the private queue and connection.
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(items.delete())
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM items"))).scalar() == 0
        await engine.dispose()

    asyncio.run(work())
