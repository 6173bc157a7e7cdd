"""Streams of rows."""

from __future__ import annotations

from asyncio import _get_running_loop, get_running_loop
from collections.abc import AsyncIterator, Iterator
from marshal import dumps
from types import TracebackType
from typing import Any, Generic, Optional, TypeVar

from . import _ops as op
from ._client import EngineClient, Reply, Slot, check
from ._into import bit_of, make_of
from ._pause import Yielder
from ._target import CallTarget, HandleTarget, TimeLimit, millis
from .errors import InvalidArgument

T = TypeVar("T")


class RowStream(Generic[T]):
    """The rows of a running query, one after another.

    The query begins when the first row is requested, runs a little ahead of the loop, and
    ends with it: at its last row, by ``break``, by an exception, or by :meth:`aclose`.
    Its errors are raised when it is read. It is also an asynchronous context manager,
    which closes it.
    """

    __slots__ = (
        "__weakref__",
        "_ahead",
        "_args",
        "_bit",
        "_held",
        "_into",
        "_is_over",
        "_limit",
        "_client",
        "_target",
        "_rows",
        "_turn",
    )

    def __init__(
        self, target: CallTarget, operation: int, payload: tuple[Any, ...], into: Any, timeout: TimeLimit
    ) -> None:
        self._target = target
        self._args = (operation, payload)
        self._into = into
        self._bit = bit_of(into)
        self._limit = millis(timeout)
        self._held: Optional[HandleTarget] = None
        self._client: EngineClient = target.client
        self._ahead: Optional[Slot] = None
        self._rows: Iterator[T] = iter(())
        self._turn = Yielder()
        self._is_over = False

    def __aiter__(self) -> AsyncIterator[T]:
        return _Loop(self)

    async def __anext__(self) -> T:
        """Returns the next row. A cancelled wait loses no row: the next call continues where it was."""
        while True:
            for row in self._rows:
                return row
            if not await self._turn_page():
                raise StopAsyncIteration

    async def fetch_all(self) -> list[T]:
        """Returns all remaining rows."""
        rows = list(self._rows)
        while await self._turn_page():
            rows.extend(self._rows)
        return rows

    async def aclose(self) -> None:
        """Ends the query before its last row."""
        self._stop()

    async def __aenter__(self) -> RowStream[T]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _turn_page(self) -> bool:
        """Puts the next page's rows into ``_rows``; returns false if there is no page."""
        if self._is_over:
            return False
        if self._held is None:
            await self._begin()
        slot = self._ahead or self._ask()
        if slot.reply is None:
            await self._wait(slot)
        else:
            await self._turn.over()
        reply = slot.reply
        self._ahead = None
        if reply is None or self._is_over:
            return False
        if reply[1] == op.ERROR or reply[5]:
            # The engine has ended the query.
            self._is_over = True
            if self._held is not None:
                self._held.ended()
            check(reply)
        if not reply[5]:
            # Requested before this page's rows are handed out: the engine works on it in the meantime.
            self._ahead = self._ask()
        rows = reply[2]
        if not rows or self._into is dict or self._into is tuple:
            self._rows = iter(rows)
        else:
            try:
                self._rows = map(make_of(self._into, self._client.type_of(reply)), rows)
            except BaseException:
                # No row of this query can become `into`.
                self._stop()
                raise
        return bool(rows) or not reply[5]

    async def _begin(self) -> None:
        operation, payload = self._args
        target = self._target
        client = target.here()
        self._client = client
        number = client.number()
        reply: Reply = client.send((number, operation, target.handle, self._limit, *payload))
        if reply is None:
            reply = await client.reply_of(number, target.handle)
        try:
            check(reply)
        except BaseException:
            self._is_over = True
            raise
        client.hold(number, target.handle)
        self._held = HandleTarget(client, number, target, "stream")

    def _ask(self) -> Slot:
        slot = Slot()
        client, held = self._client, self._held
        if held is None or client.loop is not get_running_loop():
            raise InvalidArgument("this stream belongs to another event loop")
        number = client.number() | self._bit
        reply = client.send_bytes(dumps((number, op.NEXT, held.handle, self._limit, 1), 2))
        if reply is None:
            client.expect(number, slot, held.handle)
        else:
            slot.reply = reply
        self._ahead = slot
        return slot

    async def _wait(self, slot: Slot) -> None:
        if slot.waiter is not None:
            raise InvalidArgument("a stream can be read by only one task at a time")
        slot.waiter = self._client.loop.create_future()
        try:
            await slot.waiter
        finally:
            # A cancelled wait leaves the rows to the next call.
            slot.waiter = None
        self._turn = Yielder()

    def _stop(self) -> None:
        self._is_over = True
        self._rows = iter(())
        self._ahead = None
        if self._held is not None:
            self._held.drop()


class _Loop(Generic[T]):
    """An ``async for`` over a stream: the query ends with it.

    It is not a generator: a generator takes half as long again per row from CPython 3.12
    on, and before that for a row that is a tuple.
    """

    __slots__ = ("_rows", "_stream")

    def __init__(self, stream: RowStream[T]) -> None:
        self._stream = stream
        self._rows = stream._rows

    def __aiter__(self) -> _Loop[T]:
        return self

    async def __anext__(self) -> T:
        for row in self._rows:
            return row
        stream = self._stream
        try:
            while await stream._turn_page():
                self._rows = stream._rows
                for row in self._rows:
                    return row
        except BaseException:
            stream._stop()
            raise
        raise StopAsyncIteration

    def __del__(self) -> None:
        # Left before its last row. Off its loop there is no loop left that could continue.
        if not self._stream._is_over and self._stream._client.loop is _get_running_loop():
            self._stream._stop()
