"""One bare connection of the engine: requests, and the replies to them."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import marshal
import threading
from typing import Any, Callable, Optional, Union

from .. import _fork, _library, _wake

__all__ = ["BYTES", "CHECKED", "Link", "Reply", "Unconverted", "sqlite_version", "sqlite_version_info"]

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


class _Waiter:
    """Who waits for a reply without an event loop."""

    __slots__ = ("reply",)

    def __init__(self) -> None:
        self.reply: Optional[Reply] = None


class Link:
    """Sends requests to one connection, and wakes who waits for the replies.

    A reply may be fetched on any thread; each is given to whoever waits for its number.
    """

    __slots__ = (
        "__weakref__",
        "_buffer",
        "_closed",
        "_count",
        "_early",
        "_fetching",
        "_loops",
        "_room",
        "_waiting",
        "client",
    )

    def __init__(self) -> None:
        _fork.check()
        self.client: int = _library.bare()
        _fork.belongs(self)
        self._count = itertools.count(1)
        self._waiting: dict[int, Union[asyncio.Future[Reply], _Waiter]] = {}
        # Replies that were fetched before who asked for them said that it waits.
        self._early: dict[int, Reply] = {}
        self._buffer = ctypes.create_string_buffer(_ROOM)
        self._room = _ROOM
        self._fetching = threading.Lock()
        # Those that fetch: each that ever waited, so that none waits for another.
        self._loops: dict[asyncio.AbstractEventLoop, _wake.Stop] = {}
        self._closed = False

    def number(self) -> int:
        """The number of the next request."""
        return next(self._count) & _NUMBERS

    def call(self, request: Request) -> Optional[Reply]:
        """Makes a request; its reply if it is there at once."""
        try:
            data = marshal.dumps(request, 2)
        except ValueError:
            raise Unconverted from None
        # A buffer of its own: another thread may be calling, or reading its reply.
        with self._fetching:
            length: int = _library.call(self.client, data, len(data), self._buffer, self._room)
            if length > 0:
                reply: Reply = marshal.loads(self._buffer)
                return reply
        if length == 0:
            return None
        if length == _library.MALFORMED:
            raise Unconverted
        if length <= _library.NEEDS_ROOM:
            self.fetch()
            return self._early.pop(request[0], None)
        raise _gone(length)

    async def ask(self, request: Request) -> Reply:
        """Makes a request, and waits for its reply."""
        reply = self.call(request)
        return await self.wait(request[0]) if reply is None else reply

    async def wait(self, number: int) -> Reply:
        """Waits for a reply that was not there at once."""
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            self._listen(loop)
        future: asyncio.Future[Reply] = loop.create_future()
        self._waiting[number] = future
        early = self._early.pop(number, None)
        if early is not None:
            self._waiting.pop(number, None)
            return early
        try:
            return await future
        finally:
            # Given up: what it was for is done all the same.
            if self._waiting.get(number) is future:
                del self._waiting[number]

    def ask_blocking(self, request: Request) -> Reply:
        """Makes a request, and holds this thread until its reply is there."""
        reply = self.call(request)
        return self.wait_blocking(request[0]) if reply is None else reply

    def wait_blocking(self, number: int) -> Reply:
        """Holds this thread until the reply to a request that was sent is there."""
        waiter = _Waiter()
        self._waiting[number] = waiter
        while waiter.reply is None:
            early = self._early.pop(number, None)
            if early is not None:
                self._waiting.pop(number, None)
                return early
            # Another thread may fetch the reply, and then nothing wakes this one.
            if _library.wait(self.client, 5) == _library.GONE:
                raise _gone(_library.GONE)
            self.fetch()
        return waiter.reply

    def fetch(self) -> None:
        """Fetches all replies that are ready, and gives them out."""
        with self._fetching:
            length: int = _library.take(self.client, self._buffer, self._room)
            while length <= _library.NEEDS_ROOM:
                needed = _library.NEEDS_ROOM - length
                large = ctypes.create_string_buffer(needed)
                length = _library.take(self.client, large, needed)
                if length > 0:
                    replies = marshal.loads(large)
                    break
            else:
                replies = marshal.loads(self._buffer) if length > 0 else ()
        for reply in replies:
            self._give(reply)

    def _give(self, reply: Reply) -> None:
        waiter = self._waiting.pop(reply[0], None)
        if waiter is None:
            if not self._closed:
                self._early[reply[0]] = reply
                # Replies to those who have given up are nobody's.
                if len(self._early) > 1000:
                    del self._early[next(iter(self._early))]
        elif isinstance(waiter, _Waiter):
            waiter.reply = reply
        else:
            loop = waiter.get_loop()
            if _running() is loop:
                _settle(waiter, reply)
            else:
                _elsewhere(loop, _settle, waiter, reply)

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Has replies fetched when `loop` can."""
        self._loops = {known: stop for known, stop in self._loops.items() if not known.is_closed()}
        stop = _wake.on_descriptor(loop, _library.descriptor(self.client), self.fetch)
        self._loops[loop] = stop or _wake.by_thread(loop, self.client, self.fetch)

    def _deafen(self) -> None:
        loops, self._loops = self._loops, {}
        for loop, stop in loops.items():
            if _running() is loop:
                stop()
            elif not loop.is_closed():
                _elsewhere(loop, stop)

    def forget(self) -> None:
        """In a forked child: touches nothing of the library from now on."""
        self.client = 0
        self._closed = True
        self._waiting.clear()

    def release(self) -> None:
        """Lets the connection go: what was asked is done, and then it closes."""
        if self._closed:
            return
        self._closed = True
        try:
            self._deafen()
        finally:
            _library.release(self.client)


def _running() -> Optional[asyncio.AbstractEventLoop]:
    return asyncio._get_running_loop()


def _elsewhere(loop: asyncio.AbstractEventLoop, call: Callable[..., Any], *args: Any) -> None:
    # Where the loop has closed, nobody waits any more.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *args)


def _settle(future: asyncio.Future[Reply], reply: Reply) -> None:
    if not future.done():
        future.set_result(reply)


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
