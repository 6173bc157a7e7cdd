"""Engines of SQLAlchemy on ``sqlite+ubiqlite``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("greenlet")

from sqlalchemy.dialects import registry
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

# As the wheel's entry point does it.
registry.register("sqlite.ubiqlite", "ubiqlite.sqlalchemy", "Dialect")

Engines = Callable[..., AbstractAsyncContextManager[AsyncEngine]]
DEADLINE = 60


@pytest.fixture
def engines(path: str) -> Engines:
    """Makes an engine for the database file, and disposes of it at the end of the block."""

    @asynccontextmanager
    async def made(arguments: str = "", database: str = path, **options: Any) -> AsyncIterator[AsyncEngine]:
        engine = create_async_engine(f"sqlite+ubiqlite:///{database}{arguments}", **options)
        try:
            yield engine
        finally:
            await engine.dispose()

    return made


@pytest.fixture
def work() -> Callable[[Awaitable[Any]], Any]:
    """Runs a coroutine, which must end some time."""

    def run(some: Awaitable[Any]) -> Any:
        async def bounded() -> Any:
            return await asyncio.wait_for(some, DEADLINE)

        return asyncio.run(bounded())

    return run
