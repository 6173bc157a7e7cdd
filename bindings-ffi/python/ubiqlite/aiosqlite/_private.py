"""Private parts of ``aiosqlite`` that other packages use, and rarely used functions."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import tempfile
from typing import TYPE_CHECKING, Any, Callable, Optional

if TYPE_CHECKING:
    from .core import Connection

__all__ = ["Queue", "Thread", "backup_to_standard"]


class Queue:
    """Takes ``(future, function)`` as ``aiosqlite``'s queue does: SQLAlchemy puts such pairs there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put_nowait(self, item: tuple[Optional[asyncio.Future[Any]], Callable[[], Any]]) -> None:
        """Runs the function on the connection's own thread, and settles the future."""
        future, function = item

        def run() -> None:
            try:
                result = function()
            except BaseException as error:
                _tell(future, "set_exception", error)
            else:
                _tell(future, "set_result", result)

        self._connection._pool().submit(run)

    put = put_nowait

    def empty(self) -> bool:
        """Returns whether the queue is empty, which it always is: calls wait in the engine."""
        return True


def _tell(future: Optional[asyncio.Future[Any]], how: str, what: Any) -> None:
    if future is None:
        return

    def settle() -> None:
        if not future.done():
            getattr(future, how)(what)

    # If the loop has closed, nobody is waiting.
    with contextlib.suppress(RuntimeError):
        future.get_loop().call_soon_threadsafe(settle)


class Thread:
    """Stands in for ``aiosqlite``'s thread, which does not exist here: the engine's thread never
    keeps the interpreter from exiting."""

    daemon = True
    name = "ubiqlite"

    def is_alive(self) -> bool:
        return False

    def start(self) -> None:
        """Does nothing."""

    def join(self, timeout: Optional[float] = None) -> None:
        """Does nothing."""


async def backup_to_standard(
    source: Connection,
    target: sqlite3.Connection,
    pages: int,
    progress: Optional[Callable[[int, int, int], Any]],
    name: str,
    sleep: float,
) -> None:
    """Backs up to a connection of the standard module, which uses another SQLite library: through a file."""
    from . import _connection

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "backup.db")
        between = _connection.Connection(path)
        await between.drive(between.steps_open())
        await source.backup(between, name=name)
        await between.drive(between.steps_close())
        between.engine.release()
        copy = sqlite3.connect(path, check_same_thread=False)
        try:
            copy.backup(target, pages=pages or -1, progress=progress, sleep=sleep)
        finally:
            copy.close()
