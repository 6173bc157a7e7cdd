"""Functions of Python that SQLite calls, as C functions.

They are called on the connection's own thread, and take Python's lock there.
"""

from __future__ import annotations

import contextlib
import ctypes
import marshal
from typing import TYPE_CHECKING, Any, Callable, Optional

from ._values import adapted

if TYPE_CHECKING:
    from ._connection import Connection, Steps

__all__ = ["Callbacks"]

_Function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t)
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
_DENY = 1


class Callbacks:
    """What a connection may call. It is kept until the connection is closed: a function
    that was replaced may be running."""

    def __init__(self) -> None:
        self._kept: list[Any] = []

    def _address(self, function: Any) -> int:
        self._kept.append(function)
        return ctypes.cast(function, ctypes.c_void_p).value or 0

    def function(
        self,
        connection: Connection,
        name: str,
        narg: int,
        func: Optional[Callable[..., Any]],
        deterministic: bool,
    ) -> Steps[None]:
        address = 0 if func is None else self._address(_function(func))
        return connection.steps_callback(9, name, narg, bool(deterministic), address)

    def trace(self, connection: Connection, tell: Optional[Callable[[str], Any]]) -> Steps[None]:
        if tell is None:
            return connection.steps_callback(10, 0)

        def called(sql: bytes) -> None:
            # As in `sqlite3`: a statement does not fail because of who looks on.
            with contextlib.suppress(BaseException):
                tell(sql.decode(errors="replace"))

        return connection.steps_callback(10, self._address(_Trace(called)))

    def progress(self, connection: Connection, handler: Optional[Callable[[], Any]], steps: int) -> Steps[None]:
        if handler is None:
            return connection.steps_callback(11, 0, steps)

        def called(_context: Any) -> int:
            try:
                return 1 if handler() else 0
            except BaseException:
                return 1

        return connection.steps_callback(11, self._address(_Progress(called)), steps)

    def authorizer(self, connection: Connection, allow: Optional[Callable[..., int]]) -> Steps[None]:
        if allow is None:
            return connection.steps_callback(12, 0)

        def called(_context: Any, action: int, *names: Optional[bytes]) -> int:
            try:
                return int(allow(action, *(name and name.decode() for name in names)))
            except BaseException:
                return _DENY

        return connection.steps_callback(12, self._address(_Authorizer(called)))


def _function(func: Callable[..., Any]) -> Any:
    # The second call for the same result follows the first at once, on the same thread.
    waiting: list[bytes] = []

    def called(arguments: Optional[int], length: int, room: int, size: int) -> int:
        try:
            if arguments is None:
                data = waiting.pop()
            else:
                result = func(*marshal.loads(ctypes.string_at(arguments, length)))
                data = marshal.dumps(adapted((result,))[0], 2)
            if len(data) > size:
                waiting.append(data)
                return -len(data)
            ctypes.memmove(room, data, len(data))
            return len(data)
        except BaseException:
            return _RAISED

    return _Function(called)
