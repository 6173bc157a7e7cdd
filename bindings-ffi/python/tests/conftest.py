"""Fixtures and helpers that the tests share."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import pytest

import ubiqlite
from ubiqlite.aiosqlite._connection import Connection

if os.environ.get("UBIQLITE_COLLECT"):
    # Objects are collected in the middle of any operation.
    gc.set_threshold(int(os.environ["UBIQLITE_COLLECT"]))

HAS_SQLALCHEMY = find_spec("sqlalchemy") is not None and find_spec("greenlet") is not None
collect_ignore_glob = [] if HAS_SQLALCHEMY else ["dialect/*"]

if HAS_SQLALCHEMY:
    from sqlalchemy.dialects import registry

    # As the wheel's entry point does it.
    registry.register("sqlite.ubiqlite", "ubiqlite.sqlalchemy", "Dialect")

DEADLINE = 60
"""Seconds that a test of an engine of SQLAlchemy may take."""

T = TypeVar("T")
Engines = Callable[..., AbstractAsyncContextManager[Any]]
Run = Callable[[Awaitable[T]], T]


@pytest.fixture(params=["asyncio", "uvloop", "thread"])
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Run[Any]:
    """Runs a coroutine on each kind of loop, including one without file descriptors, like the default on Windows."""
    new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    if request.param == "uvloop":
        new_loop = pytest.importorskip("uvloop").new_event_loop
    elif request.param == "thread":
        new_loop = _without_readers

    def runner(work: Any) -> Any:
        loop = new_loop()
        try:
            return loop.run_until_complete(work)
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    return runner


def _without_readers() -> asyncio.AbstractEventLoop:
    class Loop(asyncio.SelectorEventLoop):
        def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
            raise NotImplementedError

    return Loop()


@pytest.fixture
def path(tmp_path: Path) -> str:
    """The path of a database that does not exist yet."""
    return str(tmp_path / "app.db")


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[sqlite3.Connection, Connection]]:
    """A connection of the standard module, and one of ours."""
    theirs, ours = sqlite3.connect(tmp_path / "theirs.db"), Connection(str(tmp_path / "ours.db")).open()
    yield theirs, ours
    theirs.close()
    ours.close()


def python(code: str, *args: str, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
    """Runs code in a separate Python, in which every warning is an error."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code, *args]
    # The package under test, whether it is installed or in the checkout.
    environment = {**os.environ, "PYTHONPATH": str(Path(ubiqlite.__file__).parent.parent)}
    done = subprocess.run(
        command,
        cwd=tempfile.gettempdir(),
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    # On a busy machine a turn of the loop is slow, which development mode reports.
    done.stderr = "".join(line for line in done.stderr.splitlines(True) if not line.startswith("Executing <"))
    return done


@pytest.fixture
def engines(path: str) -> Engines:
    """Makes engines of SQLAlchemy for the database file, each of which is disposed of at the end of its block."""
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
