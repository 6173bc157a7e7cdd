"""SQLAlchemy's ORM, with the same lines on ``sqlite+ubiqlite`` and on ``sqlite+aiosqlite``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.dialects import registry
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from data import CACHE_KIB

# As the wheel's entry point does it.
registry.register("sqlite.ubiqlite", "ubiqlite.sqlalchemy", "Dialect")


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    data: Mapped[str]
    status: Mapped[str]
    value: Mapped[float]


class Log(Base):
    __tablename__ = "log"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    data: Mapped[str]
    status: Mapped[str]
    value: Mapped[float]


class Subject:
    sync = False
    item = Item
    log = Log

    def __init__(self, url: str, synchronous: str) -> None:
        self.engine = create_async_engine(url)
        # As SQLAlchemy's documentation recommends for asyncio.
        self.session = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False)

        @event.listens_for(self.engine.sync_engine, "connect")
        def connected(connection: Any, _: Any) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute(f"PRAGMA synchronous = {synchronous}")
            cursor.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.close()

    async def create(self) -> None:
        async with self.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)

    async def close(self) -> None:
        await self.engine.dispose()
