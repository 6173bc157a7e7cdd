"""One event loop's connection to the engine of a database.

A call is one C call: it passes the request and, if the engine completes it at once,
returns with the reply. All other replies are taken together, when the engine wakes
the loop. Everything here runs on the loop's thread, except :meth:`EngineClient.tell`, which
any thread may call.
"""

from __future__ import annotations

import asyncio
import ctypes
from marshal import dumps, loads
from time import monotonic
from typing import Any, Callable, Optional, Protocol

from . import _fork, _library, _wake
from ._ops import CANCEL, DROP, ERROR, INTERRUPT, NEXT, RAN, ROWS, TIMES
from ._requests import converted
from ._row import Row, row_type
from ._tracing import ClientTraces, Traceable
from .errors import Closed, Error, Internal, error_of

Reply = Any
"""A tuple: the request's number, the kind, and what `reply.rs` lists for it."""

ROOM = 1 << 16
_LARGE = 1 << 20
_TURN = 0.0003
"""Seconds for which pieces of long replies are read before other tasks on the loop run."""
_LAST = 1 << 30
# How many lists of names the engine's side remembers: then it sends all of them again.
_REMEMBERED = 512


def cells_of(reply: Reply) -> list[Any]:
    """Returns the values of a reply whose rows of one column are values, one after another."""
    return [cell for (cell,) in reply[2]]


class Slot:
    """A reply that nobody waits for yet, or whose waiter may stop and come back later."""

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
    """The receiver of a reply: a future, or an object that looks like one."""

    def done(self) -> bool:
        """Whether it no longer needs the reply."""
        ...

    def set_result(self, result: Reply, /) -> None:
        """Passes it the reply."""


class EngineClient:
    """A client of the engine, for one loop."""

    __slots__ = (
        "__weakref__",
        "_address",
        "_array",
        "_call",
        "_raw",
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
        "traces",
        "types",
        "writes",
    )

    def __init__(self, engine: _library.Engine, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.last = 0
        # How many writes were requested, and whether several tasks write.
        self.writes = 0
        self.crowd = 0
        self.types: dict[int, type[Row]] = {}
        self._raw: int = engine.client(_library.Format.MARSHAL)
        self._call: Callable[..., int] = _library.call
        self.call: Callable[..., int] = _library.short_call
        self.short = 0
        # Those of its calls that are traced; it stays while some may still be under way.
        self.traces: Optional[ClientTraces] = None
        self._pending: dict[int, tuple[Waiting, int]] = {}
        # The parts so far of replies that have more to come.
        self._pieces: dict[int, Reply] = {}
        # The handles that the engine keeps for this client, each with the one it is a part of.
        self._held: dict[int, int] = {}
        self._make_room(ROOM)
        stop = _wake.on_descriptor(loop, _library.descriptor(self._raw), self._ready)
        self._stop = stop or _wake.by_thread(loop, self._raw, self._ready)
        _fork.belongs(self)

    def _make_room(self, room: int) -> None:
        buffer = bytearray(room)
        array = (ctypes.c_char * room).from_buffer(buffer)
        address = ctypes.addressof(array)
        self.short = _library.begin(self._raw, self.short, address, room)
        # The previous memory is freed only after the library knows the new one.
        self._room, self._address = room, address
        self.buffer, self._array = buffer, array

    def trace(self, database: Traceable) -> None:
        """Begins or ends to trace its calls, as the database wants it. Any thread may call this."""
        if self._raw == 0:
            return
        if not database.is_traced:
            self.call = _library.short_call
            return
        traces = self.traces = self.traces or ClientTraces(self, database)
        self.call = traces.call

    @property
    def is_traced(self) -> bool:
        """Whether its calls are traced."""
        return self.call is not _library.short_call

    @property
    def is_over(self) -> bool:
        """Whether it or its loop has ended: everything it held is gone."""
        return self._raw == 0 or self.loop.is_closed()

    def renumber(self) -> int:
        """Returns a number for a request after the greatest number was used."""
        self.last = 1
        while self.last in self._pending or self.last in self._held or self.last | _library.DICTS in self._pending:
            self.last += 1
        return self.last

    def number(self) -> int:
        """Returns a number for a request."""
        self.last += 1
        return self.last if self.last < _LAST else self.renumber()

    def send(self, request: tuple[Any, ...]) -> Reply:
        """Sends a request and returns its reply if it completes at once; otherwise :meth:`reply_of` waits for it.

        A request is ``(number, operation, handle, timeout in ms or None, …)``. Raises
        ``InvalidArgument`` for one that can't be sent.
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
        """Sends a serialized request; returns ``False`` if its values need Python's rules.

        Names in its reply are not learned: such replies contain them each time.
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
        """Continues with a request for which the library returned neither acceptance nor a reply."""
        if length == _library.MALFORMED and not is_converted:
            return self._send_converted(request)
        if length == _library.GONE:
            raise closed()
        if length > _library.NEEDS_ROOM:
            raise Internal(f"the library refused the operation {request[1]} ({length}): this is a defect")
        # The library keeps the reply, and it must be taken before another one is made.
        slot = Slot()
        self._pending[request[0]] = (slot, 0)
        self._take(_library.NEEDS_ROOM - length)
        reply = slot.reply
        if reply is not None and reply[1] == ROWS and reply[4] is not None and request[1] != NEXT:
            self.learn(reply)
        return reply

    async def reply_of(self, number: int, handle: int = 0) -> Reply:
        """Waits for the reply to a request that did not complete at once. Cancelling the wait cancels the call."""
        future: asyncio.Future[Reply] = self.loop.create_future()
        self._pending[number] = (future, handle)
        try:
            return await future
        except BaseException:
            # This also releases anything it has made in the meantime.
            self.cancel(number)
            raise

    def expect(self, number: int, waiting: Waiting, handle: int = 0) -> None:
        """Passes the reply of a request to ``waiting``."""
        self._pending[number] = (waiting, handle)

    def cancel(self, number: int) -> None:
        """Cancels a call: nobody needs its reply any more."""
        self._pending.pop(number, None)
        self._pieces.pop(number, None)
        if self.traces is not None:
            self.traces.cancelled(number)
        self.tell(CANCEL, number)

    def forget_reply(self, number: int) -> Optional[Waiting]:
        """Returns the receiver of a reply, which then does not get it."""
        waiting = self._pending.pop(number, None)
        return None if waiting is None else waiting[0]

    def hold(self, handle: int, inside: int) -> None:
        """Remembers a handle that the engine keeps for this client."""
        self._held[handle] = inside

    def release(self, handle: int) -> None:
        """Forgets a handle that the engine has ended."""
        self._held.pop(handle, None)
        if self.traces is not None:
            self.traces.over(handle)

    def drop(self, handle: int, error: str) -> None:
        """Releases a handle: anything open in it is rolled back, and running calls on it fail with ``error``."""
        if self._held.pop(handle, None) is None:
            return
        self.tell(DROP, handle)
        if self.traces is not None:
            self.traces.over(handle)
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
        """Sends a request whose reply nobody waits for. Any thread may call this, and so may a finalizer."""
        data = dumps((0, op, handle, None), 2)
        if op != INTERRUPT:
            self._call(self._raw, data, len(data), None, 0)
            return
        room = ctypes.create_string_buffer(ROOM)
        length = self._call(self._raw, data, len(data), ctypes.addressof(room), ROOM)
        # In a closed database there is nothing running to stop.
        if length > 0:
            check(loads(room))

    def type_of(self, reply: Reply) -> type[Row]:
        """Returns the type of a reply's rows. If the reply has no names, it must have just arrived."""
        return self.types[reply[3]] if reply[4] is None else row_type(reply[4])

    def learn(self, reply: Reply) -> type[Row]:
        """Returns the type of the rows of a reply that has their names, and remembers it by its number."""
        if len(self.types) >= _REMEMBERED:
            self.types.clear()
        kind = self.types[reply[3]] = row_type(reply[4])
        return kind

    def _ready(self) -> bool:
        """Takes the available replies, for one turn of the loop; returns whether more may be available at once."""
        if not self._take(self._room):
            return False
        # Pieces of a long reply: several per turn, so that the loop's own overhead stays small in comparison.
        until = monotonic() + _TURN
        while self._take(self._room):
            if monotonic() >= until:
                return True
        return False

    def _take(self, room: int) -> Optional[bool]:
        """Takes replies. Returns true if they end with a piece of one, and ``None`` if there are none."""
        if room > self._room:
            self._make_room(max(room, self._room * 2))
        length = _library.take(self._raw, self._address, self._room)
        while length <= _library.NEEDS_ROOM:
            self._make_room(max(_library.NEEDS_ROOM - length, self._room * 2))
            length = _library.take(self._raw, self._address, self._room)
        if length <= 0:
            return None
        pending, pieces = self._pending, self._pieces
        replies, more = loads(self.buffer), False
        # A writer whose reply comes alone, again and again, has nobody to share a commit with.
        if self.crowd and (len(replies) == 1 or (len(replies) == 2 and replies[0][1] == TIMES)):
            self.crowd -= 1
        for reply in replies:
            number = reply[0]
            more = reply[1] == ROWS and reply[5] is None
            if more:
                # Nothing is kept of a call that was cancelled.
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
        """Takes the remaining replies, and ends. Nobody is left waiting."""
        if self._raw == 0:
            return
        if not self.loop.is_closed():
            while self._take(self._room) is not None:
                pass
        self.end()

    def end(self) -> None:
        """Ends the client: calls are cancelled, and anything open is rolled back."""
        client, self._raw = self._raw, 0
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
        if self.traces is not None:
            self.traces.end()
            # They refer to each other.
            self.traces, self.call = None, _library.short_call

    @property
    def in_use(self) -> bool:
        """Whether it holds anything of the library: see `_fork`."""
        return self._raw != 0

    def forget(self) -> None:
        """Stops all use of the library: see `_fork`."""
        self.call = self._call = _refuse
        self._raw = 0


CLOSED = '{"kind": "Closed", "message": "the database is closed"}'


def closed() -> Error:
    """Returns the error of a call on a closed database."""
    return Closed("the database is closed")


def check(reply: Reply) -> Reply:
    """Returns the reply, or raises it if it is an error."""
    if reply[1] == ERROR:
        raise error_of(reply[2])
    return reply


def _joined(pieces: Reply, last: Reply) -> Reply:
    """Joins a reply with its earlier rows. If it is an error, those are discarded."""
    if last[1] == ERROR:
        return last
    if last[1] == RAN:
        pieces[2].extend(last[5])
        return (*last[:5], pieces[2])
    pieces[2].extend(last[2])
    return (last[0], last[1], pieces[2], pieces[3], pieces[4], last[5])


def _refuse(client: int, *_: Any) -> int:
    raise _fork.refused()
