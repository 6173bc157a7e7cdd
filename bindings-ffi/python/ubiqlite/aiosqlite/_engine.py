"""One bare connection of the engine: requests, and the replies to them."""

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
    "Link",
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
"""Added to an operation's number: each value was looked at by Python's rules."""
BYTES = 1 << 30
"""Added to a request's number: texts are wanted as bytes."""

_ROOM = 64 * 1024
_NUMBERS = (1 << 30) - 1


class Unconverted(Exception):
    """The request has values that are no values of SQLite's as they are."""


class Link:
    """Sends requests to one connection, and gives the replies to who expects them.

    Any thread may call, and fetch replies that were not there at once. All is done under
    one lock, what a reply sets off too: so nothing comes between a reply and that.
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
        self.client: int = _library.bare()
        self.lock = threading.RLock()
        self._count = itertools.count(1)
        self._waiting: dict[int, Callable[[Reply], None]] = {}
        # Replies that were taken, and not yet given out.
        self._taken: deque[Reply] = deque()
        self._buffer = ctypes.create_string_buffer(_ROOM)
        self._room = _ROOM
        # What was collected and is still open in the engine: the request that ends it, and its number.
        self._dropped: deque[tuple[int, int]] = deque()
        # The buffer is in use: a collection in the midst of it must not use it as well.
        self._inside = False
        # Those that fetch: each that ever waited, so that none waits for another.
        self._loops: dict[asyncio.AbstractEventLoop, _wake.Stop] = {}
        self._closed = False
        _fork.belongs(self)

    def number(self) -> int:
        """The number of the next request."""
        return next(self._count) & _NUMBERS

    def call(self, request: Request, receive: Optional[Callable[[Reply], None]] = None) -> Optional[Reply]:
        """Makes a request; its reply if it is there at once. If not, ``receive`` is given it."""
        with self.lock:
            reply = self.call_held(request)
            if reply is None and receive is not None:
                self._waiting[request[0]] = receive
            return reply

    def call_held(self, request: Request) -> Optional[Reply]:
        """The same for who holds the lock, and has the reply expected before letting go of it."""
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
        # What a collection or a signal's handler does in the midst of it has a buffer of its own.
        nested = self._inside
        buffer = ctypes.create_string_buffer(self._room) if nested else self._buffer
        self._inside = True
        try:
            length: int = _library.call(self.client, data, len(data), buffer, self._room)
            return length, marshal.loads(buffer) if length > 0 else None
        finally:
            self._inside = nested

    def expect(self, number: int, receive: Callable[[Reply], None]) -> None:
        """Has ``receive`` given the reply of a request that was made under the same hold of the lock."""
        self._waiting[number] = receive

    def wait(self) -> None:
        """Holds this thread until replies may have come, and fetches them."""
        # Another thread may fetch them, and then nothing wakes this one.
        if _library.wait(self.client, 5) == _library.GONE:
            raise _gone(_library.GONE)
        self.fetch()

    def fetch(self) -> None:
        """Fetches all replies that are ready, and gives them out."""
        with self.lock:
            self._take()
            if self._dropped:
                self._end_dropped()
            # Those that an exception kept from being given out before, too.
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
        """Ends what was collected, on whatever thread and in the midst of whatever."""
        self._dropped.append((op, number))
        # Whoever has the lock looks before it is free; but for the last moment.
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
            # Its reply is nobody's.
            self._call(marshal.dumps((self.number(), op, number), 2))

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Has replies fetched when ``loop`` can."""
        with self.lock:
            if loop in self._loops or self._closed:
                return
            for known in [known for known in self._loops if known.is_closed()]:
                self._loops.pop(known)()
            stop = _wake.on_descriptor(loop, _library.descriptor(self.client), self.fetch)
            self._loops[loop] = stop or _wake.by_thread(loop, self.client, self.fetch)

    def is_heard(self) -> bool:
        """Whether a loop is there that fetches replies."""
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
        """As `_fork` wants it."""
        return not self._closed

    def forget(self) -> None:
        """In a forked child: touches nothing of the library from now on."""
        self.client = 0
        self._closed = True
        self._waiting.clear()
        # Another thread may have had it.
        self.lock = threading.RLock()

    def release(self) -> None:
        """Lets the connection go: what was asked is done, and then it closes."""
        if self._closed:
            return
        self._closed = True
        try:
            self._deafen()
        finally:
            _library.release(self.client)


def running() -> Optional[asyncio.AbstractEventLoop]:
    """The event loop of this thread, if it runs one."""
    return asyncio._get_running_loop()


def elsewhere(loop: asyncio.AbstractEventLoop, call: Callable[..., Any], *args: Any) -> None:
    """Has ``call`` made on another thread's loop."""
    # Where the loop has closed, nobody waits any more.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *args)


def _gone(code: int) -> Exception:
    from sqlite3 import InternalError, ProgrammingError

    # A child of a process that had it open is told so.
    _fork.check()
    if code == _library.GONE:
        return ProgrammingError("Cannot operate on a closed database.")
    return InternalError(f"ubiqlite failed with {code}: this is a defect")


_number = int(_library.sqlite())

sqlite_version_info: tuple[int, ...] = (_number // 1_000_000, _number // 1000 % 1000, _number % 1000)
"""The version of the SQLite that is inside, as numbers."""
sqlite_version: str = ".".join(map(str, sqlite_version_info))
"""The same as a text."""
