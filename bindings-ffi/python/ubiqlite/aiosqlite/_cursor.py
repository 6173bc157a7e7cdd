"""The rules of ``sqlite3``: what its Cursor does with each call."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from time import monotonic
from typing import Any, Callable, Optional

from ._connection import Connection
from ._engine import BYTES, CHECKED, Reply, Unconverted
from ._errors import raised
from ._jobs import Job, Steps, begun
from ._values import Shape, adapt, adapted, converted, factory_for, missing, special

__all__ = ["Cursor"]

_FIRST = 256
"""The number of rows that come with the reply to a statement."""
_MOST = 1024
"""The greatest number of rows that come at once, when many are fetched a few at a time."""

_ALL = 1024
"""The number of rows that come at once when all are fetched: other tasks on the loop run in between."""
_MANY = 1000
"""How many parameters of ``executemany`` are sent at once, and the seconds that their iterator may take."""
_TURN = 0.001

_MORE, _TUPLES, _RAN = 1, 2, 4


class Cursor:
    """One cursor with the rules of :class:`sqlite3.Cursor`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.row_factory: Any = connection.row_factory
        self.arraysize = 1
        self.description: Optional[tuple[tuple[Any, ...], ...]] = None
        self.rowcount = -1
        self.lastrowid: Optional[int] = None
        self._number = connection.next_cursor()
        self._shape: Optional[Shape] = None
        self._rows: list[Any] = []
        self._at = 0
        self._more = False
        self._convert = False
        self._wanted = _FIRST
        self._closed = False

    # Steps, written once for callers with and without a loop.

    def begin(self, sql: str, parameters: Any, rest: Optional[Callable[[], Steps[Any]]] = None) -> Optional[Job[Any]]:
        """Runs a statement within the call, or returns the job to wait for.

        If there are rows that have not been fetched, ``rest`` runs with it as one job.
        """
        connection = self._usable()
        engine = connection.engine
        first = _FIRST if rest is None else _ALL
        with engine.lock:
            if connection.active is not None or special():
                return connection.submit(self._steps(sql, parameters, rest))
            number = engine.number() | self._flags()
            self._forget()
            try:
                reply = engine.call_held((number, 1, self._number, sql, parameters, connection.begin, first))
            except Unconverted:
                return connection.submit(self._steps(sql, parameters, rest))
            if reply is None:
                return connection.expect(number, begun(self._executed, rest))
            self._executed(connection.noted(reply))
            return connection.submit(rest()) if rest is not None and self._more else None

    def _steps(self, sql: str, parameters: Any, rest: Optional[Callable[[], Steps[Any]]]) -> Steps[Any]:
        yield from self.steps_execute(sql, parameters)
        return None if rest is None else (yield from rest())

    def steps_execute(self, sql: str, parameters: Any) -> Steps[Cursor]:
        connection = self._usable()
        self._forget()
        number = connection.engine.number() | self._flags()
        reply: Optional[Reply] = None
        if not special():
            with contextlib.suppress(Unconverted):
                reply = yield (number, 1, self._number, sql, parameters, connection.begin, _FIRST)
        if reply is None:
            reply = yield from self._execute_converted(number, sql, parameters)
        self._executed(reply)
        return self

    def _execute_converted(self, number: int, sql: str, parameters: Any) -> Steps[Reply]:
        connection = self.connection
        sql, values = connection.converted(sql, parameters)
        while True:
            reply = yield (number, 1 | CHECKED, self._number, sql, values, connection.begin, _FIRST)
            name = missing(reply[7]) if reply[1] and isinstance(values, dict) else None
            if name is None or name in values:
                return reply
            try:
                found = parameters[name]
            except LookupError:
                return reply
            # It was omitted because it has no adapter, which raises here; or the mapping makes it on demand.
            values[name] = adapt(found, f":{name}")
            number = connection.engine.number() | self._flags()

    def _executed(self, reply: Reply) -> None:
        self._note_state(reply)
        self._note_result(reply)
        if reply[7] & _RAN:
            self.lastrowid = reply[4]

    def _note_state(self, reply: Reply) -> None:
        """Raises the reply's error, or what a collation has raised in the meantime."""
        errors = self.connection.callbacks.raised
        error = errors.pop() if errors else None
        if reply[1]:
            raise raised(reply)
        if error is not None:
            raise error

    def steps_executemany(self, sql: str, parameters: Iterable[Any]) -> Steps[Cursor]:
        self._usable()
        self._forget()
        rest, changed = iter(parameters), 0
        more, failed = True, None
        while more:
            # A limited number at a time: the iterator may be endless.
            some: list[Any] = []
            since = monotonic()
            try:
                for one in rest:
                    some.append(one)
                    if len(some) >= _MANY or monotonic() - since > _TURN:
                        break
                else:
                    more = False
            except BaseException as error:
                # Those before it are run, as in `sqlite3`.
                more, failed = False, error
            if some or (not more and failed is None):
                changed += yield from self._many(sql, some)
        if failed is not None:
            raise failed
        self.rowcount = changed
        return self

    def _many(self, sql: str, some: list[Any]) -> Steps[int]:
        connection = self.connection
        number = connection.engine.number()
        reply: Optional[Reply] = None
        failed: Optional[BaseException] = None
        if not special():
            with contextlib.suppress(Unconverted):
                reply = yield (number, 2, self._number, sql, some, connection.begin)
        if reply is None:
            each: list[Any] = []
            sql, _ = connection.converted(sql, ())
            try:
                each.extend(adapted(one) for one in some)
            except Exception as error:
                # Those before it are run, as in `sqlite3`.
                if not each:
                    raise
                failed = error
            reply = yield (number, 2 | CHECKED, self._number, sql, each, connection.begin)
        self._note_state(reply)
        if failed is not None:
            raise failed
        return reply[5] or 0

    def steps_executescript(self, sql_script: str) -> Steps[Cursor]:
        connection = self._usable()
        if not isinstance(sql_script, str):
            raise TypeError(f"executescript() argument must be str, not {type(sql_script).__name__}")
        # As `sqlite3` does: an open transaction is committed first, and this cursor keeps
        # its remaining rows.
        commit = connection.autocommit is not True and connection.autocommit is not False
        sql_script.encode()
        reply = yield (connection.engine.number(), 5, str.__str__(sql_script), commit)
        self._note_state(reply)
        return self

    def steps_fetch(self, most: int) -> Steps[list[Any]]:
        """Returns the next ``most`` rows; all of them if it is negative."""
        if most < 0:
            return (yield from self.steps_rest())
        ready = self.ready(most)
        while ready is None:
            self._wanted = min(self._wanted * 4, _MOST)
            yield from self._refill(max(self._wanted, most))
            ready = self.ready(most)
        return ready

    def steps_rest(self) -> Steps[list[Any]]:
        """Returns the remaining rows."""
        # Piece by piece: other tasks on the loop run in between.
        rows = self._rest()
        while self._more:
            yield from self._refill(_ALL)
            rows += self._rest()
        return rows

    def _rest(self) -> list[Any]:
        """Returns the rows that have been fetched."""
        self._usable()
        rows, at = self._rows, self._at
        self._rows, self._at = [], 0
        return self._made(rows[at:] if at else rows)

    def ready(self, most: int) -> Optional[list[Any]]:
        """Returns the next ``most`` rows, if that many have been fetched or no more will come."""
        if self._closed or not self.connection._open:
            self._usable()
        rows, at = self._rows, self._at
        end = at + most if most >= 0 else len(rows)
        if self._more and (most < 0 or end > len(rows)):
            return None
        if at == 0 and end >= len(rows):
            self._rows = []
        else:
            rows = rows[at:end]
            self._at = at + len(rows)
        return self._made(rows)

    def steps_insert(self, sql: str, parameters: Any) -> Steps[Any]:
        """Runs an ``INSERT`` and returns a row with the new row's id."""
        yield from self.steps_execute(sql, parameters)
        yield from self.steps_execute("SELECT last_insert_rowid()", ())
        rows = yield from self.steps_fetch(1)
        return rows[0] if rows else None

    def close_now(self) -> bool:
        """Closes the cursor if that needs nothing from the engine; returns whether it did."""
        if self._closed or self._more or self.connection.active is not None:
            return False
        self._closed = True
        self._forget()
        return True

    def steps_close(self) -> Steps[None]:
        if not self._closed:
            self._closed = True
            if self._more and self.connection._open:
                self._more = False
                yield from self.connection.plain(4, self._number)
            self._forget()

    def _refill(self, most: int) -> Steps[None]:
        number = self.connection.engine.number() | self._flags()
        try:
            reply = yield (number, 3, self._number, most)
        except BaseException:
            self._more = False
            raise
        if reply[1]:
            self._more = False
        self._note_state(reply)
        rest = self._rows[self._at :]
        self._note_result(reply)
        if rest:
            self._rows = rest + self._rows
        self._at = 0

    def __del__(self) -> None:
        # Otherwise its statement would keep its read transaction forever.
        if self.__dict__.get("_more") and self.connection._open:
            self.connection.engine.drop(4, self._number)

    # How replies are interpreted.

    def _usable(self) -> Connection:
        if self._closed:
            raise sqlite3.ProgrammingError("Cannot operate on a closed cursor.")
        self.connection.check()
        return self.connection

    def _flags(self) -> int:
        """Requests texts as bytes if a factory or converter of the caller makes values from them."""
        connection = self.connection
        return BYTES if connection.text_factory is not str or connection.detect_types else 0

    def _forget(self) -> None:
        if self._more and self.connection._open:
            # The next statement may be refused before it reaches the engine.
            self.connection.engine.drop(4, self._number)
        self._rows, self._at, self._more, self._convert = [], 0, False, False
        self._wanted = _FIRST
        self._shape = None
        self.description = None
        self.rowcount = -1

    def _note_result(self, reply: Reply) -> None:
        _, _, _, _, _, changed, rows, bits, serial, told = reply
        if changed is not None:
            self.rowcount = changed
        self._more = bits & _MORE != 0
        if serial:
            self._shape = shape = self.connection.shape(serial, told)
            self.description = shape.description
            # Rows are converted when they are fetched: one that can't be converted fails then.
            self._convert = self._convert or bool(bits & _TUPLES or shape.converters)
            self._rows = rows
            self._at = 0

    def _made(self, rows: list[Any]) -> list[Any]:
        shape = self._shape
        if not rows or shape is None:
            return rows
        if self._convert or self.connection.text_factory is not str:
            rows = converted(rows, shape, self.connection.text_factory)
        factory = self.row_factory
        return rows if factory is None else list(map(factory_for(self, shape, factory), rows))

    # For use without a loop.

    def execute(self, sql: str, parameters: Any = ()) -> Cursor:
        job = self.begin(sql, parameters)
        if job is not None:
            self.connection.finish(job)
        return self

    def executemany(self, sql: str, parameters: Iterable[Any]) -> Cursor:
        return self.connection.run(self.steps_executemany(sql, parameters))

    def executescript(self, sql_script: str) -> Cursor:
        return self.connection.run(self.steps_executescript(sql_script))

    def fetchone(self) -> Any:
        rows = self.connection.run(self.steps_fetch(1))
        return rows[0] if rows else None

    def fetchmany(self, size: Optional[int] = None) -> list[Any]:
        return self.connection.run(self.steps_fetch(self.arraysize if size is None else size))

    def fetchall(self) -> list[Any]:
        return self.connection.run(self.steps_fetch(-1))

    def close(self) -> None:
        self.connection.run(self.steps_close())

    def setinputsizes(self, sizes: Any, /) -> None:
        """Does nothing, as in ``sqlite3``."""

    def setoutputsize(self, size: Any, column: Any = None, /) -> None:
        """Does nothing, as in ``sqlite3``."""

    def __iter__(self) -> Cursor:
        return self

    def __next__(self) -> Any:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row
