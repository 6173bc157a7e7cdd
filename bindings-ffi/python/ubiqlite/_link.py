"""One event loop's connection to the engine of a database.

A call is one call of C: it gives the request and, where the engine returns at
once, has the reply when it returns. All other replies are taken together, when
the engine wakes the loop. Everything here happens on the loop's thread, but for
:meth:`Link.tell`, which any thread may do.
"""

from __future__ import annotations

import asyncio
import ctypes
from marshal import dumps, loads
from time import monotonic
from typing import Any, Callable, Optional, Protocol

from . import _fork, _library, _wake
from ._ops import CANCEL, DROP, ERROR, INTERRUPT, NEXT, ROWS
from ._requests import converted
from ._row import Row, row_type
from .errors import Closed, Error, Internal, error_of

Reply = Any
"""A tuple: the request's number, the kind, and what `reply.rs` lists for it."""

ROOM = 1 << 16
_LARGE = 1 << 20
_TURN = 0.0003
"""Seconds for which pieces of long replies are read before others on the loop have their turn."""
_LAST = 1 << 30
# As many lists of names the engine's side remembers: it tells all anew then.
_REMEMBERED = 512


class Slot:
    """A reply that is waited for by nobody yet, or by somebody who may stop to and come again."""

    __slots__ = ("reply", "waiter")

    def __init__(self) -> None:
        self.reply: Optional[Reply] = None
        self.waiter: Optional[asyncio.Future[None]] = None

    def done(self) -> bool:
        return False

    def set_result(self, reply: Reply) -> None:
        self.reply = reply
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class Waiting(Protocol):
    """Whom a reply is given to: a future, or what looks like one."""

    def done(self) -> bool:
        """Whether it wants none any more."""
        ...

    def set_result(self, result: Reply, /) -> None:
        """Gives it."""


class Link:
    """A client of the engine, for one loop."""

    __slots__ = (
        "__weakref__",
        "_address",
        "_array",
        "_call",
        "_client",
        "_held",
        "_pending",
        "_pieces",
        "_room",
        "_stop",
        "buffer",
        "call",
        "last",
        "crowd",
        "loop",
        "short",
        "types",
        "writes",
    )

    def __init__(self, engine: _library.Engine, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.last = 0
        # How many writes were asked for, and whether several tasks do so.
        self.writes = 0
        self.crowd = 0
        self.types: dict[int, type[Row]] = {}
        self._client: int = engine.client(_library.Format.MARSHAL)
        self._call: Callable[..., int] = _library.call
        self.call: Callable[..., int] = _library.short_call
        self.short = 0
        self._pending: dict[int, tuple[Waiting, int]] = {}
        # What has come of replies of which more follows.
        self._pieces: dict[int, Reply] = {}
        # What the engine keeps for this client, and what each is a part of.
        self._held: dict[int, int] = {}
        self._make_room(ROOM)
        stop = _wake.on_descriptor(loop, _library.descriptor(self._client), self._ready)
        self._stop = stop or _wake.by_thread(loop, self._client, self._ready)
        _fork.belongs(self)

    def _make_room(self, room: int) -> None:
        buffer = bytearray(room)
        array = (ctypes.c_char * room).from_buffer(buffer)
        address = ctypes.addressof(array)
        self.short = _library.begin(self._client, self.short, address, room)
        # The memory before it goes when the library knows of this.
        self._room, self._address = room, address
        self.buffer, self._array = buffer, array

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or its loop: what it held is gone."""
        return self._client == 0 or self.loop.is_closed()

    def renumber(self) -> int:
        """A number for a request, when those up to the greatest are used up."""
        self.last = 1
        while self.last in self._pending or self.last in self._held or self.last | _library.DICTS in self._pending:
            self.last += 1
        return self.last

    def number(self) -> int:
        """A number for a request."""
        self.last += 1
        return self.last if self.last < _LAST else self.renumber()

    def send(self, request: tuple[Any, ...]) -> Reply:
        """Sends a request, and returns its reply, if it is there at once; else :meth:`answer` waits for it.

        A request is ``(number, operation, handle, timeout in ms or None, …)``. Raises
        ``InvalidArgument`` for what can't be sent.
        """
        try:
            data = dumps(request, 2)
        except ValueError:
            return self._send_converted(request)
        length = self.call(self.short, data, len(data))
        if length > 0:
            reply = loads(self.buffer)
            if reply[1] == ROWS and reply[4] is not None:
                self.learn(reply)
            return reply
        return None if length == 0 else self.other(request, length)

    def send_bytes(self, data: bytes) -> Reply:
        """Sends a request that is written already; ``False``: its values need Python's rules.

        Names in its reply are not learned: they are told there each time.
        """
        length = self.call(self.short, data, len(data))
        if length == 0:
            return None
        if length == _library.MALFORMED:
            return False
        if length > 0:
            return loads(self.buffer)
        return self.other(loads(data), length)

    def _send_converted(self, request: tuple[Any, ...]) -> Reply:
        data = dumps(converted(request), 2)
        length = self.call(self.short, data, len(data))
        if length > 0:
            reply = loads(self.buffer)
            if reply[1] == ROWS and reply[4] is not None:
                self.learn(reply)
            return reply
        return None if length == 0 else self.other(request, length, True)

    def other(self, request: tuple[Any, ...], length: int, is_converted: bool = False) -> Reply:
        """Goes on with a request of which the library did not say that it took it, or answered it."""
        if length == _library.MALFORMED and not is_converted:
            return self._send_converted(request)
        if length == _library.GONE:
            raise closed()
        if length > _library.NEEDS_ROOM:
            raise Internal(f"the library refused the operation {request[1]} ({length}): this is a defect")
        # The reply is kept, and must be taken before another is made.
        slot = Slot()
        self._pending[request[0]] = (slot, 0)
        self._take(_library.NEEDS_ROOM - length)
        reply = slot.reply
        if reply is not None and reply[1] == ROWS and reply[4] is not None and request[1] != NEXT:
            self.learn(reply)
        return reply

    async def answer(self, number: int, handle: int = 0) -> Reply:
        """Waits for the reply of a request that was not answered at once. Whoever stops waiting gives it up."""
        future: asyncio.Future[Reply] = self.loop.create_future()
        self._pending[number] = (future, handle)
        try:
            return await future
        except BaseException:
            # What it has made meanwhile is let go by this, too.
            self.give_up(number)
            raise

    def expect(self, number: int, waiting: Waiting, handle: int = 0) -> None:
        """Has the reply of a request given to ``waiting``."""
        self._pending[number] = (waiting, handle)

    def give_up(self, number: int) -> None:
        """Gives a call up: its reply is wanted by nobody."""
        self._pending.pop(number, None)
        self._pieces.pop(number, None)
        self.tell(CANCEL, number)

    def hold(self, handle: int, inside: int) -> None:
        """Remembers what the engine keeps for this client."""
        self._held[handle] = inside

    def release(self, handle: int) -> None:
        """The engine has ended it."""
        self._held.pop(handle, None)

    def drop(self, handle: int, error: str) -> None:
        """Lets something go: what is open in it is rolled back; calls on it under way fail so."""
        if self._held.pop(handle, None) is None:
            return
        self.tell(DROP, handle)
        inner = {handle}
        for number, inside in list(self._held.items()):
            if inside in inner:
                inner.add(number)
        for number, (waiting, on) in list(self._pending.items()):
            if on in inner:
                self._pending.pop(number, None)
                self._pieces.pop(number, None)
                if not waiting.done():
                    waiting.set_result((number, ERROR, error))

    def tell(self, op: int, handle: int) -> None:
        """Sends what has no answer that anybody waits for. Any thread may do so, a finalizer too."""
        data = dumps((0, op, handle, None), 2)
        if op != INTERRUPT:
            self._call(self._client, data, len(data), None, 0)
            return
        room = ctypes.create_string_buffer(ROOM)
        length = self._call(self._client, data, len(data), ctypes.addressof(room), ROOM)
        # In a closed database nothing runs that could be stopped.
        if length > 0:
            check(loads(room))

    def type_of(self, reply: Reply) -> type[Row]:
        """The type of the rows of a reply: to be asked when it has arrived, if it does not tell their names."""
        return self.types[reply[3]] if reply[4] is None else row_type(reply[4])

    def learn(self, reply: Reply) -> type[Row]:
        """The type of the rows of a reply that tells their names; known again by their number."""
        if len(self.types) >= _REMEMBERED:
            self.types.clear()
        kind = self.types[reply[3]] = row_type(reply[4])
        return kind

    def _ready(self) -> bool:
        """Takes what is there, for one turn of the loop; whether there may be more at once."""
        if not self._take(self._room):
            return False
        # Pieces of a long reply: some together, so that the loop's own work is little beside them.
        until = monotonic() + _TURN
        while self._take(self._room):
            if monotonic() >= until:
                return True
        return False

    def _take(self, room: int) -> Optional[bool]:
        """Takes replies. True: they end with a piece of one; ``None``: there are none."""
        if room > self._room:
            self._make_room(max(room, self._room * 2))
        length = _library.take(self._client, self._address, self._room)
        while length <= _library.NEEDS_ROOM:
            self._make_room(max(_library.NEEDS_ROOM - length, self._room * 2))
            length = _library.take(self._client, self._address, self._room)
        if length <= 0:
            return None
        pending, pieces = self._pending, self._pieces
        replies, more = loads(self.buffer), False
        # Who is answered alone, again and again, has nobody to share a commit with.
        if self.crowd and len(replies) == 1:
            self.crowd -= 1
        for reply in replies:
            number = reply[0]
            more = reply[1] == ROWS and reply[5] is None
            if more:
                # Of what was given up, nothing is kept.
                if number not in pending:
                    pieces.pop(number, None)
                elif number in pieces:
                    pieces[number][2].extend(reply[2])
                else:
                    pieces[number] = reply
                continue
            waiting = pending.pop(number, None)
            if pieces and number in pieces:
                reply = _joined(pieces.pop(number), reply)
            if waiting is not None and not waiting[0].done():
                waiting[0].set_result(reply)
        if self._room > _LARGE:
            self._make_room(ROOM)
        return more

    def settle(self) -> None:
        """Takes what is left, and ends. Nobody is kept waiting."""
        if self._client == 0:
            return
        if not self.loop.is_closed():
            while self._take(self._room) is not None:
                pass
        self.end()

    def end(self) -> None:
        """Ends: calls are given up, and what is open is rolled back."""
        client, self._client = self._client, 0
        if client == 0:
            return
        self._stop()
        _library.end(self.short)
        _library.release(client)
        self._held.clear()
        pending, self._pending = self._pending, {}
        if self.loop.is_closed():
            return
        for number, (waiting, _) in pending.items():
            if not waiting.done():
                waiting.set_result((number, ERROR, CLOSED))

    @property
    def in_use(self) -> bool:
        """As `_fork` wants it."""
        return self._client != 0

    def forget(self) -> None:
        """As `_fork` wants it."""
        self.call = self._call = _refuse
        self._client = 0


CLOSED = '{"kind": "Closed", "message": "the database is closed"}'


def closed() -> Error:
    """What a call on a closed database is told."""
    return Closed("the database is closed")


def check(reply: Reply) -> Reply:
    """The reply, unless it is an error: that is raised."""
    if reply[1] == ERROR:
        raise error_of(reply[2])
    return reply


def _joined(pieces: Reply, last: Reply) -> Reply:
    """A reply whose first rows came before, unless it is an error: those count for nothing then."""
    if last[1] == ERROR:
        return last
    if last[1] != ROWS:
        pieces[2].extend(last[5])
        return (*last[:5], pieces[2])
    pieces[2].extend(last[2])
    return (last[0], ROWS, pieces[2], pieces[3], pieces[4], last[5])


def _refuse(client: int, *_: Any) -> int:
    raise _fork.refused()
