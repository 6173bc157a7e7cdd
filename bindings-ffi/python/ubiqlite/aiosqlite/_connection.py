"""The rules of ``sqlite3``: what its Connection does with each call.

They are written once, as jobs (``_jobs.py``): either an event loop waits for a job, or it
blocks its thread. So the connection can also be used without a loop, as callers of
``aiosqlite``'s private ``_conn`` do.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Callable, Optional

from . import _callbacks
from ._blob import Blob
from ._engine import Reply, Unconverted
from ._errors import raised
from ._jobs import Job, Jobs, Steps, begun
from ._values import Shape, adapted

__all__ = ["Connection", "Steps"]

_BUSY, _LOCKED, _DONE = 5, 6, 101
_SLEEP = 29
_FIRST_SWITCH, _LAST_SWITCH = 1002, 1017

_BEGIN = {"": 1, "DEFERRED": 1, "IMMEDIATE": 2, "EXCLUSIVE": 3}
_LEGACY: int = getattr(sqlite3, "LEGACY_TRANSACTION_CONTROL", -1)


class Connection(Jobs):
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
        super().__init__()
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
        wait, named_by_position = max(0, int(timeout * 1000)), sys.version_info < (3, 14)
        self._opening = (database, bool(uri), wait, cached_statements, named_by_position)

    # How calls are made.

    def noted(self, reply: Reply) -> Reply:
        """Stores what the reply says about the connection."""
        self._in_transaction = reply[2]
        self._total_changes = reply[3]
        self._last_row_id = reply[4]
        return reply

    def _look(self) -> None:
        """Updates the connection's state while a job is running."""
        if self.active is not None and self._open:
            reply = self.engine.call((self.engine.number(), 16))
            if reply is not None:
                self.noted(reply)

    def plain(self, op: int, *arguments: Any) -> Steps[Reply]:
        """Makes a request without values."""
        try:
            reply = yield (self.engine.number(), op, *arguments)
        except Unconverted:
            raise TypeError("an argument is of a type, or a size, that it can't have") from None
        if reply[1]:
            raise raised(reply)
        return reply

    def converted(self, sql: Any, values: Any) -> tuple[str, Any]:
        """Converts a statement and its values by Python's rules, for a request that could not be sent unchanged."""
        if not isinstance(sql, str):
            raise TypeError(f"execute() argument 1 must be str, not {type(sql).__name__}")
        sql.encode()
        return str.__str__(sql), adapted(values)

    def end(self, commit: bool) -> Optional[Job[None]]:
        """Ends a transaction within the call, or returns the job to wait for."""
        self.check()
        if self._autocommit != _LEGACY or self.active is not None:
            return self.submit(self._end(commit))
        engine = self.engine
        with engine.lock:
            if self.active is not None:
                return self.submit(self._end(commit))
            number = engine.number()
            reply = engine.call_held((number, 6, commit))
            if reply is None:
                return self.expect(number, begun(_raise))
        if self.noted(reply)[1]:
            raise raised(reply)
        return None

    # What it is.

    def steps_open(self) -> Steps[None]:
        yield from self.plain(0, *self._opening)
        self._open = True
        if self._autocommit is False:
            yield from self.plain(5, "BEGIN", False)

    def open(self) -> Connection:
        """Opens the connection, for callers without an event loop."""
        self.run(self.steps_open())
        return self

    def check(self) -> None:
        """Raises ``ProgrammingError`` if the connection is closed."""
        if not self._open:
            raise sqlite3.ProgrammingError("Cannot operate on a closed database.")

    @property
    def begin(self) -> int:
        """The number of the statement that begins a transaction before a change; 0: none."""
        return self._begin if self._autocommit == _LEGACY else 0

    @property
    def isolation_level(self) -> Optional[str]:
        """How transactions begin implicitly; ``None``: they do not."""
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
        """Whether only SQL begins and ends transactions; see Python's documentation."""
        return self._autocommit

    @autocommit.setter
    def autocommit(self, value: Any) -> None:
        self.check()
        self.run(self.steps_autocommit(value))

    def steps_autocommit(self, value: Any) -> Steps[None]:
        """Commits or begins as the value requires, and keeps it."""
        if value is True:
            if self._in_transaction:
                yield from self.plain(6, True)
        elif value is False:
            if not self._in_transaction:
                yield from self.plain(5, "BEGIN", False)
        elif value != _LEGACY:
            raise ValueError("autocommit must be True, False, or sqlite3.LEGACY_TRANSACTION_CONTROL")
        self._autocommit = value

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        self._look()
        return self._in_transaction

    @property
    def total_changes(self) -> int:
        """The number of rows changed since the connection was opened."""
        self._look()
        return self._total_changes

    @property
    def last_row_id(self) -> int:
        """The row id of the last row inserted."""
        return self._last_row_id

    def shape(self, serial: int, told: Optional[tuple[Any, Any]]) -> Shape:
        """Returns the shape of rows with this number; ``told`` describes a new one."""
        if told is not None:
            if len(self._shapes) >= 512:
                self._shapes.clear()
            self._shapes[serial] = Shape(*told, self.detect_types)
        return self._shapes[serial]

    def next_cursor(self) -> int:
        """Returns a number for a cursor."""
        self._cursors += 1
        return self._cursors & 0x3FFFFFFF

    # What it does.

    def _end(self, commit: bool) -> Steps[None]:
        if self._autocommit is True:
            return
        yield from self.plain(6, commit)
        if self._autocommit is False:
            yield from self.plain(5, "BEGIN", False)

    def steps_close(self) -> Steps[None]:
        if self._open:
            if self._autocommit is False:
                # As `sqlite3` does.
                yield from self.plain(6, False)
            self._open = False
            yield from self.plain(7)
            self._in_transaction = False

    def steps_function(
        self, name: str, narg: int, func: Optional[Callable[..., Any]], deterministic: bool, anywhere: bool = False
    ) -> Steps[None]:
        """Installs a function. ``anywhere``: it is short and leaves the connection alone, so that statements still
        complete within the call, and it runs on any thread."""
        made = None if func is None else _callbacks.function(func)
        slot = ("function", name, narg)
        return self.callbacks.install(self, slot, made, 9, name, narg, bool(deterministic), None, anywhere)

    def steps_aggregate(self, name: str, narg: int, kind: Optional[Callable[[], Any]], window: bool) -> Steps[None]:
        # If an aggregate is not a class, each call fails, as in `sqlite3`.
        made = None if kind is None and window else _callbacks.aggregate(kind)  # type: ignore[arg-type]
        return self.callbacks.install(self, ("function", name, narg), made, 18, name, narg, None, window)

    def steps_collation(self, name: str, compare: Optional[Callable[[str, str], Any]]) -> Steps[None]:
        if compare is not None and not callable(compare):
            raise TypeError("parameter must be callable")
        made = None if compare is None else _callbacks.collation(compare, self.callbacks.raised)
        return self.callbacks.install(self, ("collation", name), made, 19, name, None)

    def steps_trace(self, tell: Optional[Callable[[str], Any]]) -> Steps[None]:
        return self.callbacks.install(self, "trace", tell and _callbacks.trace(tell), 10, None)

    def steps_progress(self, handler: Optional[Callable[[], Any]], steps: int) -> Steps[None]:
        return self.callbacks.install(self, "progress", handler and _callbacks.progress(handler), 11, None, steps)

    def steps_authorizer(self, allow: Optional[Callable[..., int]]) -> Steps[None]:
        return self.callbacks.install(self, "authorizer", allow and _callbacks.authorizer(allow), 12, None)

    def steps_backup(
        self,
        target: Connection,
        pages: int,
        progress: Optional[Callable[[int, int, int], Any]],
        name: str,
        sleep: float,
    ) -> Steps[None]:
        """Copies the database to that of another connection."""
        if target is self:
            raise ValueError("target cannot be the same connection instance")
        self.check()
        target.check()
        number, code = 0, 0
        try:
            while code != _DONE:
                reply = yield from self.plain(15, number, target.engine.client, name, pages if pages != 0 else -1)
                code, remaining, count, number = reply[5:9]
                if progress is not None:
                    progress(code, remaining, count)
                if code in (_BUSY, _LOCKED):
                    yield from self.plain(_SLEEP, max(0, int(sleep * 1000)))
        finally:
            if number != 0 and code != _DONE:
                yield from self.plain(28, number)

    # For use without a loop.

    def cursor(self, factory: Any = None) -> Any:
        """Makes a cursor whose calls block their thread."""
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
        self._finish(self.end(True))

    def rollback(self) -> None:
        self._finish(self.end(False))

    def _finish(self, job: Optional[Job[Any]]) -> None:
        if job is not None:
            self.finish(job)

    def close(self) -> None:
        self.run(self.steps_close())
        self.release()

    def interrupt(self) -> None:
        """Stops the running statement. This is not a job, since a job would wait for that statement."""
        self.check()
        self.engine.call((self.engine.number(), 8))

    def create_function(
        self, name: str, narg: int, func: Optional[Callable[..., Any]], *, deterministic: bool = False
    ) -> None:
        self.run(self.steps_function(name, narg, func, deterministic))

    def create_aggregate(self, name: str, n_arg: int, aggregate_class: Optional[Callable[[], Any]]) -> None:
        self.run(self.steps_aggregate(name, n_arg, aggregate_class, False))

    def create_window_function(
        self, name: str, num_params: int, aggregate_class: Optional[Callable[[], Any]], /
    ) -> None:
        self.run(self.steps_aggregate(name, num_params, aggregate_class, True))

    def create_collation(self, name: str, callback: Optional[Callable[[str, str], Any]]) -> None:
        self.run(self.steps_collation(name, callback))

    def set_trace_callback(self, trace_callback: Optional[Callable[[str], Any]]) -> None:
        self.run(self.steps_trace(trace_callback))

    def set_progress_handler(self, progress_handler: Optional[Callable[[], Any]], n: int) -> None:
        self.run(self.steps_progress(progress_handler, n))

    def set_authorizer(self, authorizer_callback: Optional[Callable[..., int]]) -> None:
        self.run(self.steps_authorizer(authorizer_callback))

    def getlimit(self, category: int, /) -> int:
        """Returns a limit; raises ``ProgrammingError`` if there is no such category."""
        return self.setlimit(category, -1)

    def setlimit(self, category: int, limit: int, /) -> int:
        """Sets a limit, and returns its previous value."""
        self.check()
        was: int = self.run(self.plain(20, category, limit))[5]
        if was < 0:
            raise sqlite3.ProgrammingError("'category' is out of bounds")
        return was

    def getconfig(self, op: int, /) -> bool:
        """Returns whether a switch is on."""
        self.check()
        return bool(self.run(self.plain(21, _switch(op), None))[5])

    def setconfig(self, op: int, enable: bool = True, /) -> None:
        """Turns a switch on or off."""
        self.check()
        if self.run(self.plain(21, _switch(op), bool(enable)))[5] != int(enable):
            raise sqlite3.OperationalError("Unable to set config")

    def serialize(self, *, name: str = "main") -> bytes:
        """Returns the bytes of a database."""
        self.check()
        data = self.run(self.plain(22, name))[5]
        if data is None:
            raise sqlite3.OperationalError(f"unable to serialize '{name}'")
        return bytes(data)

    def deserialize(self, data: Any, /, *, name: str = "main") -> None:
        """Replaces a database with one in memory, made from these bytes."""
        self.check()
        self.run(self.plain(23, name, bytes(data)))

    def blobopen(self, table: str, column: str, row: int, /, *, readonly: bool = False, name: str = "main") -> Blob:
        """Opens a value for reading and writing in place."""
        self.check()
        reply = self.run(self.plain(24, name, table, column, row, not readonly))
        return Blob(self, reply[5], reply[6])

    def enable_load_extension(self, enable: bool) -> None:
        self.run(self.plain(13, bool(enable)))

    def load_extension(self, path: str, *, entrypoint: Optional[str] = None) -> None:
        self.run(self.plain(14, path, entrypoint))

    def iterdump(self) -> Iterator[str]:
        """Yields the database as SQL."""
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
        self.run(self.steps_backup(target, pages, progress, name, sleep))

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, exc_type: Any, exc: Any, tb: Any) -> None:
        if exc_type is not None:
            self.rollback()
            return
        try:
            self.commit()
        except BaseException:
            # As `sqlite3` does: a transaction that can't be committed does not stay open.
            self.rollback()
            raise

    def __getattr__(self, name: str) -> Any:
        if hasattr(sqlite3.Connection, name):
            raise sqlite3.NotSupportedError(f"{name} is not there in ubiqlite.aiosqlite")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __del__(self) -> None:
        engine = self.__dict__.get("engine")
        if engine is not None:
            engine.release()


def _raise(reply: Reply) -> None:
    if reply[1]:
        raise raised(reply)


def _switch(op: int) -> int:
    if not _FIRST_SWITCH <= op <= _LAST_SWITCH:
        raise ValueError(f"unknown config 'op': {op}")
    return op


def _level(value: Any) -> tuple[int, Optional[str]]:
    if value is None:
        return 0, None
    if not isinstance(value, str):
        raise TypeError("isolation_level must be str or None")
    begin = _BEGIN.get(value.upper())
    if begin is None:
        raise ValueError("isolation_level string must be '', 'DEFERRED', 'IMMEDIATE', or 'EXCLUSIVE'")
    return begin, value.upper()
