"""One DB-API connection of the engine: its requests and their replies."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import marshal
import threading
from collections import deque
from typing import Any, Callable, Optional

from .. import _fork, _library, _wake

__all__ = [
    "BYTES",
    "CHECKED",
    "DbapiClient",
    "Reply",
    "Unconverted",
    "elsewhere",
    "running",
    "sqlite_version",
    "sqlite_version_info",
]

Reply = tuple[Any, ...]
Request = tuple[Any, ...]

CHECKED = 0x80
"""Added to an operation's number: each value was checked by Python's rules."""
BYTES = 1 << 30
"""Added to a request's number: texts must be returned as bytes."""

_ROOM = 64 * 1024
_NUMBERS = (1 << 30) - 1


class Unconverted(Exception):
    """The request has values that SQLite can't take without conversion."""


class DbapiClient:
    """Sends requests to one connection, and passes each reply to its receiver.

    Any thread may call, and fetch replies that were not available at once. Everything
    runs under one lock, including what a reply triggers, so nothing comes in between.
    """

    __slots__ = (
        "__weakref__",
        "_buffer",
        "_closed",
        "_count",
        "_dropped",
        "_inside",
        "_loops",
        "_room",
        "_taken",
        "_waiting",
        "client",
        "lock",
    )

    def __init__(self) -> None:
        _fork.check()
        self.client: int = _library.dbapi()
        self.lock = threading.RLock()
        self._count = itertools.count(1)
        self._waiting: dict[int, Callable[[Reply], None]] = {}
        # Replies that were taken, but not yet handed out.
        self._taken: deque[Reply] = deque()
        self._buffer = ctypes.create_string_buffer(_ROOM)
        self._room = _ROOM
        # Garbage-collected objects that are still open in the engine: the request that ends each, and its number.
        self._dropped: deque[tuple[int, int]] = deque()
        # Whether the buffer is in use: a garbage collection in the middle of that must not use it as well.
        self._inside = False
        # The loops that fetch: every one that ever waited, so that none waits for another.
        self._loops: dict[asyncio.AbstractEventLoop, _wake.Stop] = {}
        self._closed = False
        _fork.belongs(self)

    def number(self) -> int:
        """Returns the number of the next request."""
        return next(self._count) & _NUMBERS

    def call(self, request: Request, receive: Optional[Callable[[Reply], None]] = None) -> Optional[Reply]:
        """Makes a request and returns its reply if that is available at once. If not, ``receive`` gets it."""
        with self.lock:
            reply = self.call_held(request)
            if reply is None and receive is not None:
                self._waiting[request[0]] = receive
            return reply

    def call_held(self, request: Request) -> Optional[Reply]:
        """Does the same for a caller that holds the lock, and calls :meth:`expect` before releasing it."""
        try:
            data = marshal.dumps(request, 2)
        except ValueError:
            raise Unconverted from None
        length, reply = self._call(data)
        if self._dropped:
            self._end_dropped()
        if reply is not None or length == 0:
            return reply
        if length == _library.MALFORMED:
            raise Unconverted
        if length <= _library.NEEDS_ROOM:
            early: list[Reply] = []
            self._waiting[request[0]] = early.append
            self.fetch()
            return early[0] if early else None
        raise _gone(length)

    def _call(self, data: bytes) -> tuple[int, Optional[Reply]]:
        # A call made in the middle of this one by a garbage collection or a signal handler has its own buffer.
        nested = self._inside
        buffer = ctypes.create_string_buffer(self._room) if nested else self._buffer
        self._inside = True
        try:
            length: int = _library.call(self.client, data, len(data), buffer, self._room)
            return length, marshal.loads(buffer) if length > 0 else None
        finally:
            self._inside = nested

    def expect(self, number: int, receive: Callable[[Reply], None]) -> None:
        """Passes the reply of a request to ``receive``. The lock has been held since the request was made."""
        self._waiting[number] = receive

    def wait(self) -> None:
        """Blocks this thread until replies may have arrived, and fetches them."""
        # Another thread may fetch them, and then nothing wakes this one: hence the time limit.
        if _library.wait(self.client, 5) == _library.GONE:
            raise _gone(_library.GONE)
        self.fetch()

    def fetch(self) -> None:
        """Fetches all replies that are ready, and hands them out."""
        with self.lock:
            self._take()
            if self._dropped:
                self._end_dropped()
            # Including those that an exception kept from being handed out before.
            while self._taken:
                reply = self._taken.popleft()
                receive = self._waiting.pop(reply[0], None)
                if receive is not None:
                    receive(reply)

    def _take(self) -> None:
        nested = self._inside
        buffer = ctypes.create_string_buffer(self._room) if nested else self._buffer
        room = self._room
        self._inside = True
        try:
            length: int = _library.take(self.client, buffer, room)
            while length <= _library.NEEDS_ROOM:
                room = _library.NEEDS_ROOM - length
                buffer = ctypes.create_string_buffer(room)
                length = _library.take(self.client, buffer, room)
            if length > 0:
                self._taken.extend(marshal.loads(buffer))
        finally:
            self._inside = nested

    def drop(self, op: int, number: int) -> None:
        """Ends a garbage-collected object. May run on any thread, and in the middle of any other call."""
        self._dropped.append((op, number))
        # The holder of the lock checks before it releases it, except at the very last moment.
        while self._dropped and not self._closed and self.lock.acquire(blocking=False):
            try:
                if self._inside:
                    return
                self._end_dropped()
            finally:
                self.lock.release()

    def _end_dropped(self) -> None:
        while self._dropped and not self._inside:
            op, number = self._dropped.popleft()
            # Nobody receives the reply.
            self._call(marshal.dumps((self.number(), op, number), 2))

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Makes ``loop`` fetch replies when they are ready."""
        with self.lock:
            if loop in self._loops or self._closed:
                return
            for known in [known for known in self._loops if known.is_closed()]:
                self._loops.pop(known)()
            stop = _wake.on_descriptor(loop, _library.descriptor(self.client), self.fetch)
            self._loops[loop] = stop or _wake.by_thread(loop, self.client, self.fetch)

    def is_heard(self) -> bool:
        """Returns whether any open loop fetches replies."""
        return any(not loop.is_closed() for loop in list(self._loops))

    def _deafen(self) -> None:
        with self.lock:
            loops, self._loops = self._loops, {}
        for loop, stop in loops.items():
            if running() is loop or loop.is_closed():
                stop()
            else:
                elsewhere(loop, stop)

    @property
    def in_use(self) -> bool:
        """Whether it holds anything of the library: see `_fork`."""
        return not self._closed

    def forget(self) -> None:
        """Stops all use of the library: see `_fork`."""
        self.client = 0
        self._closed = True
        self._waiting.clear()
        # Another thread may have held it.
        self.lock = threading.RLock()

    def release(self) -> None:
        """Releases the connection: earlier requests complete, and then it closes."""
        if self._closed:
            return
        self._closed = True
        try:
            self._deafen()
        finally:
            _library.release(self.client)


def running() -> Optional[asyncio.AbstractEventLoop]:
    """Returns the event loop that is running on this thread, if any."""
    return asyncio._get_running_loop()


def elsewhere(loop: asyncio.AbstractEventLoop, call: Callable[..., Any], *args: Any) -> None:
    """Runs ``call`` on another thread's loop."""
    # If the loop has closed, nobody is waiting.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *args)


def _gone(code: int) -> Exception:
    from sqlite3 import InternalError, ProgrammingError

    # This raises in a child of a process that had it open.
    _fork.check()
    if code == _library.GONE:
        return ProgrammingError("Cannot operate on a closed database.")
    return InternalError(f"ubiqlite failed with {code}: this is a defect")


_number = int(_library.sqlite())

sqlite_version_info: tuple[int, ...] = (_number // 1_000_000, _number // 1000 % 1000, _number % 1000)
"""The version of the bundled SQLite, as numbers."""
sqlite_version: str = ".".join(map(str, sqlite_version_info))
"""The same as a text."""
