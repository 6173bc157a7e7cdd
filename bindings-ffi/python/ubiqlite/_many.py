"""One statement, or one insert, for many rows, which may come from an endless source."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from itertools import islice
from marshal import dumps
from typing import Any, Optional

from . import _ops as op
from ._client import EngineClient, Reply, check
from ._pause import Yielder
from ._target import CallTarget, TimeLimit, millis
from .errors import Error, InvalidArgument

_ROWS = 1024
"""The greatest number of rows in a chunk."""
_FEW = 64
"""The number of rows in the first chunk, which shows how large rows are."""
_BYTES = 1 << 18
"""The approximate size of a chunk."""
_AHEAD = 3
"""How many chunks may be in flight."""


async def send_many(target: CallTarget, operation: int, head: str, rows: Any, timeout: TimeLimit) -> int:
    """Sends rows as fast as the engine takes them, and returns how many were changed.

    Exceptions of the source propagate unchanged, and then nothing has happened.
    """
    client = target.here()
    sender = _Sender(client, target.handle, operation, head, millis(timeout))
    if isinstance(rows, AsyncIterable):
        return await sender.send_slowly(rows.__aiter__())
    if isinstance(rows, Iterable) and not isinstance(rows, (str, bytes)):
        return await sender.send_all(rows)
    raise InvalidArgument(f"rows must be a list or another iterable, not a {type(rows).__name__}")


class _Sender:
    __slots__ = (
        "_credit",
        "_handle",
        "_head",
        "_limit",
        "_client",
        "_number",
        "_on_the_way",
        "_operation",
        "_reply",
        "_sent",
        "_size",
    )

    def __init__(self, client: EngineClient, handle: int, operation: int, head: str, limit: Optional[int]) -> None:
        self._client = client
        self._handle = handle
        self._operation = operation
        self._head = head
        self._limit = limit
        self._number = 0
        self._sent = 0
        self._size = _FEW
        self._on_the_way = 0
        self._reply: Optional[Reply] = None
        self._credit: Optional[asyncio.Future[None]] = None

    async def send_all(self, rows: Iterable[Any]) -> int:
        source = iter(rows)
        turn = Yielder()
        try:
            chunk = list(islice(source, self._size))
            while chunk and self._reply is None:
                # Reads one chunk ahead, because the last chunk must be marked as the last.
                following = list(islice(source, self._size))
                if not following:
                    break
                await self._send(chunk, True)
                chunk = following
                await turn.over()
            return await self._finish(chunk)
        except BaseException:
            self._cancel()
            raise

    async def send_slowly(self, rows: AsyncIterator[Any]) -> int:
        chunk: list[Any] = []
        try:
            async for row in rows:
                if len(chunk) >= self._size:
                    full, chunk = chunk, []
                    await self._send(full, True)
                    if self._reply is not None:
                        # It has failed already: nobody needs the rest.
                        break
                chunk.append(row)
            return await self._finish(chunk)
        except BaseException:
            self._cancel()
            raise

    async def _finish(self, chunk: list[Any]) -> int:
        if self._reply is None:
            await self._send(chunk, False)
        while self._reply is None:
            await self._wait()
        self._number = 0
        return int(check(self._reply)[2])

    async def _send(self, chunk: list[Any], more: bool) -> None:
        """Sends a chunk, and waits until there is room for another."""
        client = self._client
        first = self._number == 0
        number = client.number()
        if first:
            self._number = number
            request: tuple[Any, ...] = (
                number, self._operation, self._handle, self._limit, self._head, chunk, more,
            )  # fmt: skip
        else:
            records = self._operation == op.INSERT_MANY
            request = (number, op.MORE, self._number, None, records, chunk, more)
        reply = self._write(request, len(chunk))
        if first:
            if reply is None:
                client.expect(number, _First(self), self._handle)
            else:
                self._take(reply)
        elif reply is None:
            self._on_the_way += 1
            client.expect(number, _Next(self), self._handle)
        while more and self._on_the_way >= _AHEAD and self._reply is None:
            await self._wait()

    def _write(self, request: tuple[Any, ...], rows: int) -> Reply:
        try:
            data = dumps(request, 2)
            reply = self._client.send_bytes(data)
            # If the rows' size changes, that of the chunks stays the same.
            self._size = max(1, min(_ROWS, rows * _BYTES // len(data)))
        except ValueError:
            reply = False
        if reply is False:
            try:
                reply = self._client.send(request)
            except Error as error:
                if error.index is not None:
                    error.index += self._sent
                raise
        self._sent += rows
        return reply

    async def _wait(self) -> None:
        self._credit = self._client.loop.create_future()
        await self._credit

    def _take(self, reply: Reply) -> None:
        self._reply = reply
        self.wake()

    def credited(self) -> None:
        self._on_the_way -= 1
        self.wake()

    def wake(self) -> None:
        if self._credit is not None and not self._credit.done():
            self._credit.set_result(None)

    def _cancel(self) -> None:
        if self._number != 0 and self._reply is None:
            self._client.cancel(self._number)


class _First:
    """Waits for the reply of the whole call."""

    __slots__ = ("_sender", "waiter")

    def __init__(self, sender: _Sender) -> None:
        self._sender = sender

    def done(self) -> bool:
        return False

    def set_result(self, reply: Reply) -> None:
        self._sender._take(reply)


class _Next(_First):
    """Waits until a chunk was taken. If one is not, its call has ended, and that call's reply says why."""

    __slots__ = ()

    def set_result(self, reply: Reply) -> None:
        self._sender.credited()
