"""Engines of SQLAlchemy on ``sqlite+ubiqlite``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.util import find_spec
from typing import Any

import pytest

HAS_SQLALCHEMY = find_spec("sqlalchemy") is not None and find_spec("greenlet") is not None
collect_ignore_glob = [] if HAS_SQLALCHEMY else ["test_*.py"]

Engines = Callable[..., AbstractAsyncContextManager[Any]]
DEADLINE = 60

if HAS_SQLALCHEMY:
    from sqlalchemy.dialects import registry

    # As the wheel's entry point does it.
    registry.register("sqlite.ubiqlite", "ubiqlite.sqlalchemy", "Dialect")


@pytest.fixture
def engines(path: str) -> Engines:
    """Makes an engine for the database file, and disposes of it at the end of the block."""

    from sqlalchemy.ext.asyncio import create_async_engine

    @asynccontextmanager
    async def made(arguments: str = "", database: str = path, **options: Any) -> AsyncIterator[Any]:
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
