"""The target of calls: a loop's client, and the object in the engine."""

from __future__ import annotations

import sys
import threading
import warnings
from asyncio import AbstractEventLoop, get_running_loop
from datetime import timedelta
from typing import Any, Optional, Union

from . import _fork, _library, _ops, _tracing
from ._client import CLOSED, EngineClient, Reply, check, closed
from ._pause import pause
from ._tracing import Traceable
from .errors import InvalidArgument

TimeLimit = Union[float, timedelta, None]
"""Seconds."""

_LONGEST = 0xFFFFFFFF

_NOW_AND_THEN = 15
"""A mask: one in ``_NOW_AND_THEN + 1`` writes that complete within the call gives other tasks a turn."""

_CROWD = 4
"""After this number of replies that came alone, nobody else is taken to be writing."""


def millis(limit: TimeLimit, what: str = "a timeout") -> int | None:
    """Converts a time limit to the engine's milliseconds. Raises ``InvalidArgument`` if it is not one."""
    if limit is None:
        return None
    seconds = seconds_of(limit, what)
    # Rounded up: a nonzero limit does not become zero.
    return None if seconds * 1000 >= _LONGEST else -int(-seconds * 1000 // 1)


def seconds_of(limit: Union[float, timedelta], what: str) -> float:
    """Converts a time to seconds. Raises ``InvalidArgument`` if it is not one."""
    seconds = limit.total_seconds() if isinstance(limit, timedelta) else limit
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 0:
        raise InvalidArgument(f"{what} must be a non-negative number of seconds")
    return seconds


def duration_of(limit: TimeLimit, what: str) -> Optional[timedelta]:
    """Converts a time to a ``timedelta``; one that is too long for it is none. Raises ``InvalidArgument``."""
    try:
        return None if limit is None else timedelta(seconds=seconds_of(limit, what))
    except OverflowError:
        return None


class CallTarget:
    """The target of calls. ``client`` is the one used last: it is valid only on its own loop."""

    __slots__ = ("__weakref__", "client", "handle")

    client: EngineClient
    handle: int

    def switch(self) -> EngineClient:
        """Returns the client of the running loop, which is not that of ``client``."""
        raise NotImplementedError

    def here(self) -> EngineClient:
        """Returns the client of the running loop."""
        client = self.client
        return client if client.loop is get_running_loop() else self.switch()

    async def call(self, op: int, timeout: TimeLimit = None, *payload: Any) -> Reply:
        """Makes a call and returns its reply."""
        client = self.here()
        number = client.number()
        reply = client.send((number, op, self.handle, millis(timeout), *payload))
        if reply is None:
            reply = await client.reply_of(number, self.handle)
        return check(reply)

    async def write(self, operation: int, timeout: TimeLimit, *payload: Any) -> Reply:
        """Makes a call that writes, and returns its reply.

        A lone write completes within the call, if its commit does not wait for the disk.
        If several tasks write, it is better that they share a commit.
        """
        client = self.here()
        number = client.number()
        limit = None if timeout is None else millis(timeout)
        client.writes = writes = client.writes + 1
        if self.handle:
            reply = client.send((number, operation, self.handle, limit, *payload))
        elif client.crowd:
            reply = client.send((number, operation | _ops.QUEUED, 0, limit, *payload))
        else:
            reply = client.send((number, operation, 0, limit, *payload))
            if reply is not None and not writes & _NOW_AND_THEN:
                await pause()
                if client.writes != writes:
                    client.crowd = _CROWD
        if reply is None:
            reply = await client.reply_of(number, self.handle)
        return check(reply)

    async def open_handle(self, op: int, timeout: TimeLimit, *payload: Any) -> tuple[EngineClient, int]:
        """Requests an object that the engine keeps for this client, and returns its handle."""
        client = self.here()
        number = client.number()
        reply = client.send((number, op, self.handle, millis(timeout), *payload))
        if reply is None:
            reply = await client.reply_of(number, self.handle)
        check(reply)
        client.hold(number, self.handle)
        return client, number


class DatabaseTarget(CallTarget):
    """An open database: its engine, and a client for each loop that uses it."""

    __slots__ = ("_closing", "_engine", "_clients", "_lock", "path", "traced")

    def __init__(self, engine: _library.Engine, path: str) -> None:
        self.handle = 0
        self.path = path
        self._engine: Optional[_library.Engine] = engine
        self._lock = threading.Lock()
        self._closing = False
        self.client = EngineClient(engine, get_running_loop())
        self._clients = [self.client]
        self.traced = Traceable(path, self.retrace)
        _fork.belongs(self)
        _tracing.belongs(self)
        self.retrace()

    @property
    def is_open(self) -> bool:
        """Whether it is neither closed nor being closed."""
        return not self._closing

    def switch(self) -> EngineClient:
        """Returns the client of the running loop, which is made with its first call."""
        _fork.check()
        loop = get_running_loop()
        with self._lock:
            # Loops come and go: closed ones make no more calls.
            for client in [client for client in self._clients if client.loop.is_closed()]:
                self._clients.remove(client)
                client.end()
            for client in self._clients:
                if client.loop is loop:
                    break
            else:
                if self._engine is None or self._closing:
                    raise closed()
                client = EngineClient(self._engine, loop)
                client.trace(self.traced)
                self._clients.append(client)
            self.client = client
        return client

    def retrace(self) -> None:
        """Begins or ends to trace the calls of all loops, after it has changed who wants to know of them."""
        with self._lock:
            for client in self._clients:
                client.trace(self.traced)

    def interrupt(self, handle: int = 0) -> None:
        """Stops running calls."""
        _fork.check()
        self.client.tell(_ops.INTERRUPT, handle)

    def start_close(self) -> Optional[_library.Pending]:
        """Begins to close, unless it is closed already."""
        _fork.check()
        with self._lock:
            self._closing = True
            return None if self._engine is None else self._engine.start_close()

    def closed(self) -> None:
        """Ends all clients, each on its loop. Must be called once the engine has closed."""
        with self._lock:
            clients, self._clients = self._clients, []
            self._engine = None
        here: Optional[AbstractEventLoop] = get_running_loop()
        _end(clients, here)

    @property
    def in_use(self) -> bool:
        """Whether it holds anything of the library: see `_fork`."""
        return self._engine is not None

    def forget(self) -> None:
        """Stops all use of the library: see `_fork`."""
        if self._engine is not None:
            # Otherwise it would be released in the child, which must not touch it.
            self._engine.__dict__.pop("_handle", None)
        self._engine = None
        self._clients = []
        self._closing = True

    def __del__(self) -> None:
        clients = getattr(self, "_clients", None)
        if not clients or sys.is_finalizing():
            return
        if not self._closing:
            warnings.warn(f"the database {self.path!r} was never closed", ResourceWarning, source=self, stacklevel=1)
        self._clients = []
        _end(clients, None)


def _end(clients: list[EngineClient], here: Optional[AbstractEventLoop]) -> None:
    for client in clients:
        if client.loop is here or client.loop.is_closed():
            client.settle()
            continue
        try:
            client.loop.call_soon_threadsafe(client.settle)
        except RuntimeError:
            client.end()


class HandleTarget(CallTarget):
    """An object that the engine keeps for this client, until it is ended or released."""

    __slots__ = ("inside", "is_over", "what")

    def __init__(self, client: EngineClient, handle: int, inside: CallTarget, what: str) -> None:
        self.client = client
        self.handle = handle
        # It lives no longer than the target it is a part of.
        self.inside = inside
        self.what = what
        self.is_over = False

    def switch(self) -> EngineClient:
        """Always raises: it belongs to one loop."""
        _fork.check()
        raise InvalidArgument(f"this {self.what} belongs to another event loop")

    def ended(self) -> None:
        """Records that the engine has ended it."""
        self.is_over = True
        self.client.release(self.handle)

    def drop(self) -> None:
        """Releases it: anything open in it is rolled back before any other write."""
        if not self.is_over:
            self.is_over = True
            self.client.drop(self.handle, CLOSED.replace("database", self.what))

    def __del__(self) -> None:
        if getattr(self, "is_over", True) or sys.is_finalizing() or self.client.is_over:
            return
        self.is_over = True
        self.client.release(self.handle)
        self.client.tell(_ops.DROP, self.handle)
        if self.what == "outbox":
            # Nothing of it is lost, and leaving its loop does not end it.
            return
        becomes = "ends now" if self.what in ("watch", "commit feed", "backup stream") else "is rolled back"
        warnings.warn(f"a {self.what} was never ended: it {becomes}", ResourceWarning, source=self, stacklevel=1)
