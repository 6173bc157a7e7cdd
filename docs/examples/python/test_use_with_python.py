"""The programs of the page about Python's other tools."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

sqlalchemy = pytest.importorskip("sqlalchemy")
pytest.importorskip("greenlet")

from sqlalchemy.dialects import registry  # noqa: E402

# What is installed needs no registration.
registry.register("sqlite.ubiqlite", "ubiqlite.sqlalchemy", "Dialect")

# region models
from sqlalchemy import select, text  # noqa: E402
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine  # noqa: E402
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column  # noqa: E402


class Base(DeclarativeBase):
    """Of all models."""


class Item(Base):
    """A row of the table ``items``."""

    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    price: Mapped[float]


# endregion models


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a database that does not exist yet."""
    return f"sqlite+ubiqlite:///{tmp_path / 'app.db'}?journal_mode=wal&foreign_keys=true"


def test_objects_are_written_and_read(url: str) -> None:
    """The five lines."""

    async def main() -> None:
        # region session
        engine = create_async_engine(url)  # "sqlite+ubiqlite:///app.db?journal_mode=wal&foreign_keys=true"
        session = async_sessionmaker(engine, expire_on_commit=False)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with session.begin() as db:
            db.add_all([Item(name="lamp", price=40), Item(name="chair", price=85)])
        async with session() as db:
            cheap = (await db.scalars(select(Item).where(Item.price < 50))).all()
        await engine.dispose()
        # endregion session
        assert [item.name for item in cheap] == ["lamp"]

    asyncio.run(main())


def test_rows_are_streamed(url: str) -> None:
    """As they are needed."""

    async def main() -> None:
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with AsyncSession(engine) as session:
            session.add_all([Item(name=f"n{number}", price=number) for number in range(5000)])
            await session.commit()
        total = 0
        # region stream
        async with AsyncSession(engine) as session:
            async for price in await session.stream_scalars(select(Item.price)):
                total += price
        # endregion stream
        assert total == sum(range(5000))
        await engine.dispose()

    asyncio.run(main())


def test_savepoints_belong_to_the_transaction(url: str) -> None:
    """With ``autocommit=false``."""

    async def main() -> None:
        # region autocommit
        engine = create_async_engine(f"{url}&autocommit=false")
        async with engine.connect() as connection:
            await connection.execute(text("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)"))
            async with connection.begin_nested():
                await connection.execute(text("INSERT INTO items (name) VALUES ('lamp')"))
            await connection.rollback()
        # endregion autocommit
        async with engine.connect() as connection:
            found: Any = await connection.execute(text("SELECT count(*) FROM sqlite_schema"))
            assert found.scalar() == 0
        await engine.dispose()

    asyncio.run(main())


def test_the_programs_own_functions(url: str) -> None:
    """By the driver's connection."""

    async def main() -> None:
        engine = create_async_engine(url)
        async with engine.connect() as connection:
            # region driver
            raw = await connection.get_raw_connection()
            await raw.driver_connection.create_function("double", 1, lambda value: value * 2)
            assert (await connection.execute(text("SELECT double(21)"))).scalar() == 42
            # endregion driver
        await engine.dispose()

    asyncio.run(main())
