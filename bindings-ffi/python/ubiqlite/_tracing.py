"""Traces calls: what is sent to the engine with the request to measure it, and what it then reports.

A client whose calls are traced makes them through :meth:`ClientTraces.call` instead of the library's
function: so nobody else has anything to do, and calls that nobody traces cost nothing. The engine reports
the times of a call under the call's number with ``TOLD``: behind its reply if it completes at once, and
otherwise as a reply of its own.
"""

from __future__ import annotations

import threading
import weakref
from contextvars import Context, copy_context
from datetime import datetime, timedelta, timezone
from marshal import loads
from struct import Struct
from time import perf_counter
from typing import TYPE_CHECKING, Any, Callable, Optional

from . import _library, _ops
from .errors import Cancelled, error_of
from .trace import TracedCall, TraceListener

if TYPE_CHECKING:
    from ._client import EngineClient

TOLD = 1 << 31
"""Added to a request's number: the times of that request."""

_HEAD = Struct("<6xIxIxI")
"""What a request begins with: a tuple of its number, its operation and its handle, each an integer of 32 bits."""
_FLAGS = 12
"""The position of the second byte of the operation, which has ``TIMED``."""
_TIMED = 0x200 >> 8
_LENGTH = 4
"""How many bytes behind a reply say how long its times are."""

_STREAMS = frozenset((_ops.STREAM, _ops.SELECT_STREAM, _ops.TABLE_STREAM))
_WITH_SQL = frozenset((
    _ops.EXECUTE, _ops.QUERY, _ops.QUERY_ONE, _ops.QUERY_OPTIONAL, _ops.QUERY_VALUE, _ops.EXECUTE_MANY, _ops.BATCH,
    _ops.STREAM, _ops.RUN,
))  # fmt: skip


class Listeners:
    """Those who are told of calls."""

    __slots__ = ("_all", "_changed")

    def __init__(self, changed: Callable[[], None]) -> None:
        self._all: tuple[tuple[TraceListener, Optional[timedelta]], ...] = ()
        self._changed = changed

    def __bool__(self) -> bool:
        return bool(self._all)

    def add(self, listener: TraceListener, slower_than: Optional[timedelta] = None) -> Callable[[], None]:
        """Adds a listener, and returns a function that removes it."""
        entry = (listener, slower_than)
        with _changing:
            self._all = (*self._all, entry)
        self._changed()

        def remove() -> None:
            with _changing:
                self._all = tuple(each for each in self._all if each is not entry)
            self._changed()

        return remove

    def wanted_by(self, call: TracedCall) -> list[TraceListener]:
        """Returns those who are to be told of a call."""
        return [listener for listener, least in self._all if least is None or call.took(least)]


_changing = threading.Lock()


class Traceable:
    """A database: what its calls are traced for."""

    __slots__ = ("listeners", "namespace")

    def __init__(self, namespace: str, changed: Callable[[], None]) -> None:
        self.namespace = namespace
        # It belongs to the database, and must not keep it.
        weakly = weakref.WeakMethod(changed)
        self.listeners = Listeners(lambda: _call(weakly))

    @property
    def is_traced(self) -> bool:
        """Whether anybody wants to know of its calls."""
        return bool(self.listeners) or bool(everywhere)


def _call(method: weakref.WeakMethod[Callable[[], None]]) -> None:
    alive = method()
    if alive is not None:
        alive()


_databases: weakref.WeakSet[Any] = weakref.WeakSet()
_registering = threading.Lock()


def _retrace() -> None:
    # Another thread may open a database.
    with _registering:
        databases = list(_databases)
    for database in databases:
        database.retrace()


everywhere = Listeners(_retrace)
"""Those who are told of the calls of all databases."""


def belongs(database: Any) -> None:
    """Registers a database: its ``retrace()`` is called when those change who trace all of them."""
    with _registering:
        _databases.add(database)


class _Trace:
    """One call that is traced."""

    __slots__ = ("_begun", "_context", "_sql", "_started", "_statements", "operation", "times")

    def __init__(self, operation: int, request: bytes) -> None:
        self.operation = operation
        payload: Any = loads(request)[4] if operation in _WITH_SQL else None
        self._sql: Optional[str] = payload if isinstance(payload, str) else None
        self._statements = len(payload) if isinstance(payload, list) else None
        # What a listener does belongs to whoever made the call: its span, its request's id.
        self._context: Context = copy_context()
        self._started = datetime.now(timezone.utc)
        self._begun = perf_counter()
        self.times: Any = None

    def end(self, database: Traceable, client: EngineClient, error: Optional[Exception] = None) -> None:
        """Tells those who want to know, on the loop and in a moment: the reply is not read yet."""
        waited = ran = rows = changed = None
        summary = ""
        if self.times is not None:
            _, _, waited, ran, summary, rows, changed, failure = self.times
            error = error if failure is None else error_of(failure)
        call = TracedCall(
            namespace=database.namespace,
            summary=summary,
            sql=self._sql,
            statements=self._statements,
            started=self._started,
            duration=timedelta(seconds=perf_counter() - self._begun),
            queue_wait=_nanos(waited),
            run=_nanos(ran),
            rows=rows,
            rows_changed=changed,
            error=error,
        )
        for listener in (*database.listeners.wanted_by(call), *everywhere.wanted_by(call)):
            client.loop.call_soon(listener, call, context=self._context)


def _nanos(time: Optional[int]) -> Optional[timedelta]:
    # Rounded up: what has run did not run for no time.
    return None if time is None else timedelta(microseconds=-(-time // 1000))


class ClientTraces:
    """The calls of one client that are traced."""

    __slots__ = ("_client", "_database", "_streams")

    def __init__(self, client: EngineClient, database: Traceable) -> None:
        self._client = client
        self._database = database
        self._streams: dict[int, _Trace] = {}

    def call(self, short: int, data: bytes, length: int) -> int:
        """Makes a call as the library's function does, and traces it."""
        client = self._client
        told = self._begin(data)
        if told is None:
            return int(_library.short_call(short, data, length))
        result = int(_library.short_call(short, _timed(data), length))
        if result > 0:
            end = result - _LENGTH
            size = int.from_bytes(client.buffer[end:result], "little")
            told.set_result(loads(client.buffer[end - size : end]))
        elif result == 0 or result <= _library.NEEDS_ROOM:
            told.expect()
        return result

    def flagged(self, data: bytes) -> bytes:
        """Returns a request that is traced; its reply is taken."""
        told = self._begin(data)
        if told is None:
            return data
        told.expect()
        return _timed(data)

    def _begin(self, data: bytes) -> Optional[_Told]:
        number, flagged, handle = _HEAD.unpack_from(data)
        operation = flagged & 0x7F
        if operation == _ops.NEXT:
            trace = self._streams.get(handle)
            return None if trace is None else _Told(self, trace, number, handle, True)
        if operation in _ops.UNTRACED:
            return None
        return _Told(self, _Trace(operation, data), number, handle, False)

    def told(self, number: int, trace: _Trace) -> None:
        """Continues with a call that the engine has reported."""
        if trace.operation in _STREAMS and trace.times[7] is None:
            self._streams[number] = trace
        else:
            trace.end(self._database, self._client)

    def lost(self, trace: _Trace, error: Exception) -> None:
        """Ends a call that the engine will not report."""
        trace.end(self._database, self._client, error)

    def over(self, handle: int) -> None:
        """Ends the stream with this handle, if it is one."""
        trace = self._streams.pop(handle, None)
        if trace is not None:
            trace.end(self._database, self._client)

    def cancelled(self, number: int) -> None:
        """Ends the call with this number, whose reply nobody needs."""
        waiting = self._client.forget_reply(number | TOLD)
        if isinstance(waiting, _Told):
            waiting.cancelled()

    def end(self) -> None:
        """Ends all streams."""
        for handle in list(self._streams):
            self.over(handle)


class _Told:
    """Waits for the times of a request: one that begins a call, or one for the next rows of a stream."""

    __slots__ = ("_handle", "_is_next", "_number", "_trace", "_traces")

    def __init__(self, traces: ClientTraces, trace: _Trace, number: int, handle: int, is_next: bool) -> None:
        self._traces = traces
        self._trace = trace
        self._number = number
        self._handle = handle
        self._is_next = is_next

    def done(self) -> bool:
        return False

    def expect(self) -> None:
        self._traces._client.expect(self._number | TOLD, self, self._handle)

    def set_result(self, reply: Any) -> None:
        if reply[1] == _ops.TIMES:
            self._trace.times = reply
            if not self._is_next:
                self._traces.told(self._number, self._trace)
        elif not self._is_next:
            # The handle or the database that it was made on has ended.
            self._traces.lost(self._trace, error_of(reply[2]))

    def cancelled(self) -> None:
        if not self._is_next:
            self._traces.lost(self._trace, Cancelled("the call was cancelled"))


def _timed(data: bytes) -> bytes:
    return b"".join((data[:_FLAGS], bytes((data[_FLAGS] | _TIMED,)), data[_FLAGS + 1 :]))
