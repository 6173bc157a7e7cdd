"""The rules of ``sqlite3``: what its Connection does with each call.

They are written once, as generators that yield requests and are sent the replies:
:meth:`Connection.run` drives one on this thread, :meth:`Connection.drive` on an event
loop. So the connection is also one that can be used without a loop, as those who
reach for ``aiosqlite``'s private ``_conn`` do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Iterator
from typing import Any, Callable, Optional, TypeVar

from . import _callbacks
from ._engine import Link, Reply
from ._errors import raised
from ._values import Shape, adapted

__all__ = ["Connection", "Steps"]

T = TypeVar("T")
Request = tuple[Any, ...]
Steps = Generator[Request, Reply, T]

_BEGIN = {"": 1, "DEFERRED": 1, "IMMEDIATE": 2, "EXCLUSIVE": 3}
_LEGACY: int = getattr(sqlite3, "LEGACY_TRANSACTION_CONTROL", -1)


class Connection:
    """One connection with the rules of :class:`sqlite3.Connection`."""

    def __init__(
        self,
        database: str,
        timeout: float = 5.0,
        detect_types: int = 0,
        isolation_level: Optional[str] = "",
        check_same_thread: bool = True,
        factory: Any = None,
        cached_statements: int = 128,
        uri: bool = False,
        *,
        autocommit: Any = _LEGACY,
    ) -> None:
        if factory is not None and factory is not sqlite3.Connection:
            raise sqlite3.NotSupportedError("factory: the connection is ubiqlite's own, and can't be of another class")
        self.link = Link()
        self.detect_types = detect_types
        self.row_factory: Any = None
        self.text_factory: Any = str
        self.callbacks = _callbacks.Callbacks()
        self._begin, self._level = _level(isolation_level)
        self._autocommit = autocommit if autocommit == _LEGACY else bool(autocommit)
        self._in_transaction = False
        self._total_changes = 0
        self._last_row_id = 0
        self._open = False
        self._cursors = 0
        self._shapes: dict[int, Shape] = {}
        self._opening = (database, uri, max(0, int(timeout * 1000)), cached_statements)

    # How calls are made.

    def run(self, steps: Steps[T]) -> T:
        """Does the steps, and holds this thread until they are done."""
        try:
            request = next(steps)
            while True:
                try:
                    reply = self.link.ask_blocking(request) if request[1:] else self.link.wait_blocking(request[0])
                except Exception as error:
                    request = steps.throw(error)
                else:
                    request = steps.send(self.noted(reply))
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

    async def drive(self, steps: Steps[T]) -> T:
        """Does the steps without holding the loop."""
        link = self.link
        try:
            request = next(steps)
            while True:
                try:
                    # A number alone is that of a request which is under way.
                    reply = link.call(request) if request[1:] else None
                    if reply is None:
                        reply = await link.wait(request[0])
                except Exception as error:
                    request = steps.throw(error)
                else:
                    request = steps.send(self.noted(reply))
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

    def noted(self, reply: Reply) -> Reply:
        """Keeps what the reply tells about the connection."""
        self._in_transaction = reply[2]
        self._total_changes = reply[3]
        self._last_row_id = reply[4]
        return reply

    def plain(self, op: int, *arguments: Any) -> Steps[Reply]:
        """A request that has no values."""
        reply = yield (self.link.number(), op, *arguments)
        if reply[1]:
            raise raised(reply)
        return reply

    def converted(self, sql: Any, values: Any) -> Any:
        """Values of a statement by Python's rules: those of a request that could not be sent as it is."""
        if not isinstance(sql, str):
            raise TypeError(f"execute() argument 1 must be str, not {type(sql).__name__}")
        sql.encode()
        return adapted(values)

    def end(self, commit: bool) -> Optional[Steps[None]]:
        """Ends a transaction, and answers nothing if that was done within the call: what is left to do, if not."""
        self.check()
        if self._autocommit != _LEGACY:
            return self._end(commit)
        number = self.link.number()
        reply = self.link.call((number, 6, commit))
        if reply is None:
            return self._ended(number)
        if self.noted(reply)[1]:
            raise raised(reply)
        return None

    def _ended(self, number: int) -> Steps[None]:
        reply = yield (number,)
        if reply[1]:
            raise raised(reply)

    # What it is.

    def steps_open(self) -> Steps[None]:
        yield from self.plain(0, *self._opening)
        self._open = True
        if self._autocommit is False:
            yield from self.plain(5, "BEGIN", False)

    def open(self) -> Connection:
        """Opens it, for who has no event loop."""
        self.run(self.steps_open())
        return self

    def check(self) -> None:
        """Refuses what is asked of a closed connection."""
        if not self._open:
            raise sqlite3.ProgrammingError("Cannot operate on a closed database.")

    @property
    def begin(self) -> int:
        """The number of the statement that begins a transaction before a change; 0: none."""
        return self._begin if self._autocommit == _LEGACY else 0

    @property
    def isolation_level(self) -> Optional[str]:
        """How transactions begin by themselves; none: they do not."""
        return self._level

    @isolation_level.setter
    def isolation_level(self, value: Optional[str]) -> None:
        level = _level(value)
        if value is None and self._in_transaction:
            # As `sqlite3` does.
            self.run(self.plain(6, True))
        self._begin, self._level = level

    @property
    def autocommit(self) -> Any:
        """Whether transactions are begun and ended by SQL alone; see Python's documentation."""
        return self._autocommit

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._in_transaction

    @property
    def total_changes(self) -> int:
        """How many rows were changed since the connection was opened."""
        return self._total_changes

    @property
    def last_row_id(self) -> int:
        """The row id of the last row inserted."""
        return self._last_row_id

    def shape(self, serial: int, told: Optional[tuple[Any, Any]]) -> Shape:
        """What rows of this number look like."""
        if told is not None:
            if len(self._shapes) >= 512:
                self._shapes.clear()
            self._shapes[serial] = Shape(*told, self.detect_types)
        return self._shapes[serial]

    def next_cursor(self) -> int:
        """A number for a cursor."""
        self._cursors += 1
        return self._cursors & 0x3FFFFFFF

    # What it does.

    def steps_end(self, commit: bool) -> Steps[None]:
        rest = self.end(commit)
        if rest is not None:
            yield from rest

    def _end(self, commit: bool) -> Steps[None]:
        if self._autocommit is True:
            return
        yield from self.plain(6, commit)
        if self._autocommit is False:
            yield from self.plain(5, "BEGIN", False)

    def steps_close(self) -> Steps[None]:
        if self._open:
            self._open = False
            yield from self.plain(7)
            self._in_transaction = False

    def steps_callback(self, op: int, *arguments: Any) -> Steps[None]:
        self.check()
        yield from self.plain(op, *arguments)

    def steps_backup(
        self,
        target: Connection,
        pages: int,
        progress: Optional[Callable[[int, int, int], Any]],
        name: str,
    ) -> Steps[bool]:
        """Copies some pages; whether all are copied."""
        if target is self:
            raise ValueError("target cannot be the same connection instance")
        self.check()
        target.check()
        reply = yield from self.plain(15, target.link.client, name, pages if pages > 0 else -1)
        done, remaining, count = reply[5:8]
        if progress is not None:
            progress(101 if done else 0, remaining, count)
        return bool(done)

    # For who uses it without a loop.

    def cursor(self, factory: Any = None) -> Any:
        """A cursor whose calls hold their thread."""
        from ._cursor import Cursor

        self.check()
        return (factory or Cursor)(self)

    def execute(self, sql: str, parameters: Any = ()) -> Any:
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any]) -> Any:
        return self.cursor().executemany(sql, parameters)

    def executescript(self, sql_script: str) -> Any:
        return self.cursor().executescript(sql_script)

    def commit(self) -> None:
        self.run(self.steps_end(True))

    def rollback(self) -> None:
        self.run(self.steps_end(False))

    def close(self) -> None:
        self.run(self.steps_close())
        self.link.release()

    def interrupt(self) -> None:
        """Stops what runs."""
        self.check()
        self.run(self.plain(8))

    def create_function(
        self, name: str, narg: int, func: Optional[Callable[..., Any]], *, deterministic: bool = False
    ) -> None:
        self.run(self.callbacks.function(self, name, narg, func, deterministic))

    def set_trace_callback(self, trace_callback: Optional[Callable[[str], Any]]) -> None:
        self.run(self.callbacks.trace(self, trace_callback))

    def set_progress_handler(self, progress_handler: Optional[Callable[[], Any]], n: int) -> None:
        self.run(self.callbacks.progress(self, progress_handler, n))

    def set_authorizer(self, authorizer_callback: Optional[Callable[..., int]]) -> None:
        self.run(self.callbacks.authorizer(self, authorizer_callback))

    def enable_load_extension(self, enable: bool) -> None:
        self.run(self.steps_callback(13, bool(enable)))

    def load_extension(self, path: str, *, entrypoint: Optional[str] = None) -> None:
        self.run(self.steps_callback(14, path, entrypoint))

    def iterdump(self) -> Iterator[str]:
        """The database as SQL."""
        from sqlite3.dump import _iterdump  # type: ignore[attr-defined]

        return _iterdump(self)  # type: ignore[no-any-return]

    def backup(
        self,
        target: Any,
        *,
        pages: int = -1,
        progress: Optional[Callable[[int, int, int], Any]] = None,
        name: str = "main",
        sleep: float = 0.250,
    ) -> None:
        import time

        while not self.run(self.steps_backup(target, pages, progress, name)):
            time.sleep(sleep)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, exc_type: Any, exc: Any, tb: Any) -> None:
        if exc_type is None:
            self.commit()
        else:
            self.rollback()

    def __getattr__(self, name: str) -> Any:
        if hasattr(sqlite3.Connection, name):
            raise sqlite3.NotSupportedError(f"{name} is not there in ubiqlite.aiosqlite")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __del__(self) -> None:
        link = self.__dict__.get("link")
        if link is not None:
            link.release()


def _level(value: Any) -> tuple[int, Optional[str]]:
    if value is None:
        return 0, None
    if not isinstance(value, str):
        raise TypeError("isolation_level must be str or None")
    begin = _BEGIN.get(value.upper())
    if begin is None:
        raise ValueError("isolation_level string must be '', 'DEFERRED', 'IMMEDIATE', or 'EXCLUSIVE'")
    return begin, value.upper()
