"""The outbox: changes that wait to be sent elsewhere."""

from __future__ import annotations

import builtins
from asyncio import get_running_loop
from collections.abc import AsyncIterator
from dataclasses import dataclass
from marshal import dumps
from types import TracebackType
from typing import Optional

from . import _ops as op
from ._client import check
from ._pause import Yielder
from ._target import HandleTarget, TimeLimit, millis
from .errors import Closed, InvalidArgument

NAME = "outbox"


@dataclass(frozen=True)
class OutboxBatch:
    """What one commit has changed in recorded tables."""

    id: int
    """Its number, for :meth:`Outbox.ack`. Later batches have greater ones, and none is used twice."""
    bytes: builtins.bytes
    """The changes, for :meth:`Database.apply` elsewhere: SQLite's format of change sets."""


class Outbox:
    """The changes of a database that wait to be sent, from ``await db.outbox()``.

    Each commit that has changed recorded tables has left one batch here, in the same commit: neither is ever there
    without the other. It stays until it is acknowledged, whatever happens in between. Each loop begins with the oldest
    batch that is there, and has each once::

        outbox = await db.outbox(["items"])
        async for batch in outbox:
            await send(batch.bytes)
            await outbox.ack(batch.id)

    The loop waits for the next commit, and ends when the database is closed. :meth:`next` does not wait. A wait that is
    cancelled or fails loses nothing: the next one returns that batch. A loop that was left, since sending failed for
    example, is followed by another, which has again what was not acknowledged. :meth:`aclose` ends the outbox, and so
    does its block, as an asynchronous context manager.

    :meth:`Database.apply` makes what waits stand on what it applies, which may replace a batch that is just being sent:
    a program does one after the other.
    """

    __slots__ = ("__weakref__", "_held", "_reader")

    def __init__(self, held: HandleTarget) -> None:
        self._held = held
        # Of `next`: each loop has its own.
        self._reader = _Reader(held)

    async def next(self, *, timeout: TimeLimit = None) -> Optional[OutboxBatch]:
        """Returns the oldest batch that this method has not returned yet, or ``None`` if there is none now.

        A batch that could not be sent is kept and sent again before later ones are acknowledged, which would remove it.
        Raises ``Closed`` once the outbox or the database is closed, and what a query does::

            while (batch := await outbox.next()) is not None:
                await send(batch.bytes)
                await outbox.ack(batch.id)
        """
        return await self._reader.read(False, timeout)

    async def ack(self, id: int, *, timeout: TimeLimit = None) -> None:  # noqa: A002 - as it is named in a batch
        """Removes a batch that has arrived, by its number, and all before it.

        Raises what a statement that writes does.
        """
        await self._held.inside.write(op.ACK, timeout, id)

    def __aiter__(self) -> AsyncIterator[OutboxBatch]:
        return _Loop(_Reader(self._held))

    async def aclose(self) -> None:
        """Ends it. What waits stays; a task that waits for the next batch leaves its loop."""
        self._held.drop()

    async def __aenter__(self) -> Outbox:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class _Reader:
    """A place among the batches."""

    __slots__ = ("_held", "_is_read", "_last", "_turn")

    def __init__(self, held: HandleTarget) -> None:
        self._held = held
        # The number of the batch that was returned last.
        self._last = 0
        self._is_read = False
        self._turn = Yielder()

    async def read(self, wait: bool, timeout: TimeLimit) -> Optional[OutboxBatch]:
        """Returns the next batch."""
        if self._is_read:
            raise InvalidArgument(f"an {NAME} can be read by only one task at a time")
        self._is_read = True
        try:
            return await self._fetch(wait, timeout)
        finally:
            self._is_read = False

    async def _fetch(self, wait: bool, timeout: TimeLimit) -> Optional[OutboxBatch]:
        held = self._held
        if held.is_over:
            raise Closed(f"the {NAME} is closed")
        client = held.client
        if client.loop is not get_running_loop():
            raise InvalidArgument(f"this {NAME} belongs to another event loop")
        number = client.number()
        reply = client.send_bytes(dumps((number, op.NEXT, held.handle, millis(timeout), int(wait), self._last), 2))
        if reply is None:
            reply = await client.reply_of(number, held.handle)
            self._turn = Yielder()
        else:
            await self._turn.over()
        rows = check(reply)[2]
        if not rows:
            if reply[5]:
                held.ended()
            return None
        [(self._last, changes)] = rows
        return OutboxBatch(self._last, changes)


class _Loop:
    """An ``async for``, from the oldest batch on."""

    __slots__ = ("_reader",)

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader

    def __aiter__(self) -> _Loop:
        return self

    async def __anext__(self) -> OutboxBatch:
        """Waits for the next batch."""
        try:
            batch = await self._reader.read(True, None)
        except Closed:
            batch = None
        if batch is None:
            raise StopAsyncIteration
        return batch
