"""Python functions that SQLite calls, as C functions.

They are called on a Python thread. It does the connection's work from before the first
function is installed until the connection has ended, and keeps the functions alive until then.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import marshal
import sys
import threading
import weakref
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, Optional

from .. import _library
from ._values import adapted

if TYPE_CHECKING:
    from ._connection import Connection
    from ._jobs import Steps

__all__ = ["Callbacks"]

_Function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t)
_Aggregate = ctypes.CFUNCTYPE(
    ctypes.c_int64,
    ctypes.c_int,
    ctypes.c_uint64,
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_void_p,
    ctypes.c_size_t,
)
_Collation = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p
)
_Trace = ctypes.CFUNCTYPE(None, ctypes.c_char_p)
_Progress = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_Authorizer = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_int,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
)
_RAISED = -(1 << 63)
_TOO_BIG, _NO_MEMORY = _RAISED + 6, _RAISED + 7
_INIT, _STEP_FAILED, _FINAL_FAILED, _VALUE_FAILED, _INVERSE_FAILED = range(1, 6)
_STEP, _INVERSE, _VALUE, _FINAL, _AGAIN = 0, 1, 2, 3, 0x10
_DENY = 1

_TELLS_SIZES = sys.version_info >= (3, 11)
"""Whether ``sqlite3`` distinguishes overflow and lack of memory from other exceptions."""

_PATIENCE = 5.0
"""Seconds for which the interpreter's shutdown waits for a running function."""

_serving: weakref.WeakKeyDictionary[threading.Thread, int] = weakref.WeakKeyDictionary()


class Callbacks:
    """The functions that a connection may call, by slot."""

    def __init__(self) -> None:
        self._kept: dict[Any, list[Any]] = {}
        self._served = False
        # What a collation raised: in `sqlite3` the statement raises it.
        self.raised: list[BaseException] = []

    def install(self, connection: Connection, slot: Any, function: Any, op: int, *arguments: Any) -> Steps[None]:
        """Installs ``function``, made by ctypes, in place of what was in the slot; ``None`` removes it.

        ``None`` among the arguments stands for the function's address.
        """
        connection.check()
        if function is not None and not self._served:
            yield from self._serve(connection)
        kept = self._kept.setdefault(slot, [])
        kept.append(function)
        address = 0 if function is None else ctypes.cast(function, ctypes.c_void_p).value or 0
        yield from connection.plain(op, *(address if argument is None else argument for argument in arguments))
        # Nothing calls the previous functions any more.
        del kept[:-1]

    def _serve(self, connection: Connection) -> Steps[None]:
        """Moves the connection's work to a Python thread."""
        client, begin = connection.engine.client, _Begin()
        thread = threading.Thread(
            target=_work, args=(client, self._kept, begin), name="ubiqlite-aiosqlite", daemon=True
        )
        # Started first: if no thread can be started, the connection keeps its own.
        thread.start()
        try:
            yield from connection.plain(17)
            begin.wanted = True
            connection.server = thread.ident or 0
            _serving[thread] = client
            self._served = True
        finally:
            begin.set()


class _Begin(threading.Event):
    """Signals to a thread whether to do a connection's work."""

    wanted = False


def _work(client: int, kept: Any, begin: _Begin) -> None:
    begin.wait()
    # The functions live as long as this runs, even after the connection was released.
    if begin.wanted:
        _library.serve(client)
    del kept


def _end() -> None:
    """Stops the threads at the interpreter's shutdown, which would otherwise stop them at an arbitrary point."""
    until = monotonic() + _PATIENCE
    for thread, client in list(_serving.items()):
        while thread.is_alive() and monotonic() < until:
            _library.abandon(client)
            thread.join(0.01)


atexit.register(_end)


def function(func: Callable[..., Any]) -> Any:
    """Makes a SQL function."""
    # A second call for the same result immediately follows the first, on the same thread.
    waiting: list[bytes] = []

    def called(arguments: Optional[int], length: int, room: int, size: int) -> int:
        try:
            if arguments is None:
                data = waiting.pop()
            else:
                data = _written(func(*marshal.loads(ctypes.string_at(arguments, length))))
            return _put(data, waiting, room, size)
        except BaseException as error:
            return _code_of(error, 0)

    return _Function(called)


def aggregate(kind: Callable[[], Any]) -> Any:
    """Makes an aggregate or window function from a class."""
    objects: dict[int, Any] = {}
    waiting: list[bytes] = []

    def called(what: int, number: int, arguments: Optional[int], length: int, room: int, size: int) -> int:
        failed = _INIT
        try:
            if what & _AGAIN:
                return _put(waiting.pop(), waiting, room, size)
            found = objects.get(number)
            if found is None:
                found = objects[number] = kind()
            if what in (_STEP, _INVERSE):
                failed = _STEP_FAILED if what == _STEP else _INVERSE_FAILED
                values = marshal.loads(ctypes.string_at(arguments or 0, length))
                (found.step if what == _STEP else found.inverse)(*values)
                return 0
            failed = _VALUE_FAILED if what == _VALUE else _FINAL_FAILED
            if what == _FINAL:
                objects.pop(number, None)
            result = found.value() if what == _VALUE else found.finalize()
            return _put(_written(result), waiting, room, size)
        except BaseException as error:
            return _code_of(error, failed)

    return _Aggregate(called)


def collation(compare: Callable[[str, str], Any], raised: list[BaseException]) -> Any:
    """Makes a collation; what ``compare`` raises goes to the list."""

    def called(_context: Any, length: int, text: Optional[int], other_length: int, other: Optional[int]) -> int:
        try:
            one = ctypes.string_at(text or 0, length).decode() if length else ""
            two = ctypes.string_at(other or 0, other_length).decode() if other_length else ""
            order = int(compare(one, two))
        except BaseException as error:
            # As `sqlite3` does: the texts count as equal.
            raised[:] = [error]
            return 0
        return (order > 0) - (order < 0)

    return _Collation(called)


def trace(tell: Callable[[str], Any]) -> Any:
    """Makes a callback that passes each statement to ``tell``."""

    def called(sql: bytes) -> None:
        # As in `sqlite3`: a statement does not fail because of its tracer.
        with contextlib.suppress(BaseException):
            tell(sql.decode(errors="replace"))

    return _Trace(called)


def progress(handler: Callable[[], Any]) -> Any:
    """Makes a callback that stops a statement if ``handler`` returns true or raises."""

    def called(_context: Any) -> int:
        try:
            return 1 if handler() else 0
        except BaseException:
            return 1

    return _Progress(called)


def authorizer(allow: Callable[..., int]) -> Any:
    """Makes a callback that decides what a statement may do."""

    def called(_context: Any, action: int, *names: Optional[bytes]) -> int:
        try:
            return int(allow(action, *(name and name.decode() for name in names)))
        except BaseException:
            return _DENY

    return _Authorizer(called)


def _written(result: Any) -> bytes:
    return marshal.dumps(adapted((result,))[0], 2)


def _put(data: bytes, waiting: list[bytes], room: int, size: int) -> int:
    if len(data) > size:
        waiting.append(data)
        return -len(data)
    ctypes.memmove(room, data, len(data))
    return len(data)


def _code_of(error: BaseException, failed: int) -> int:
    if _TELLS_SIZES and isinstance(error, OverflowError):
        return _TOO_BIG
    if _TELLS_SIZES and isinstance(error, MemoryError):
        return _NO_MEMORY
    return _RAISED + failed
