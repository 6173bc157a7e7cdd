"""Copies of a database, and replacing it by one."""

from __future__ import annotations

import os
from asyncio import _get_running_loop, get_running_loop
from collections.abc import AsyncIterator
from marshal import dumps
from time import monotonic
from types import TracebackType
from typing import Any, Callable, NamedTuple, Optional, Union

from . import _ops as op
from ._client import Reply, Slot, check
from ._paths import path_of
from ._pause import Yielder
from ._target import CallTarget, HandleTarget, TimeLimit, millis
from .errors import InvalidArgument, Timeout, TooBig, error_of

Bytes = Union[bytes, bytearray, memoryview]

STREAM = "backup stream"

_MOST = 0x7FFFFFFF
"""How many bytes a request can have."""


class BackupProgress(NamedTuple):
    """How far a copy is."""

    done: int
    """The pages that are copied. It begins anew at 0 when the copy does."""
    total: int
    """The pages that the database has now."""


class Deadline:
    """A time limit for several requests together."""

    __slots__ = ("_until",)

    def __init__(self, limit: TimeLimit) -> None:
        whole = millis(limit)
        self._until = None if whole is None else monotonic() + whole / 1000

    def left(self) -> Optional[float]:
        """Returns the seconds that are left, for the next request."""
        return None if self._until is None else max(0.0, self._until - monotonic())


async def backup(
    target: CallTarget,
    path: Union[str, os.PathLike[str]],
    overwrite: bool,
    compact: bool,
    progress: Optional[Callable[[BackupProgress], object]],
    timeout: TimeLimit,
) -> None:
    """Copies the database into a file."""
    deadline = Deadline(timeout)
    order = (int(bool(overwrite)), int(bool(compact)), path_of(path, "of the copy"))
    client, handle = await target.open_handle(op.BACKUP, deadline.left(), *order)
    held = HandleTarget(client, handle, target, "backup")
    turn = Yielder()
    try:
        while True:
            number = client.number()
            reply: Reply = client.send((number, op.NEXT, handle, millis(deadline.left()), 0))
            if reply is None:
                reply = await client.reply_of(number, handle)
                turn = Yielder()
            else:
                await turn.over()
            rows = check(reply)[2]
            if reply[5]:
                held.ended()
                return
            if progress is not None:
                (done,), (total,) = rows
                progress(BackupProgress(done, total))
    finally:
        # Unless it is complete: the copy ends, and what there is of it is removed.
        held.drop()


async def restore(target: CallTarget, source: Union[str, os.PathLike[str], Bytes], timeout: TimeLimit) -> None:
    """Replaces what the database contains."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        await target.call(op.RESTORE, timeout, content_of(source))
    else:
        await target.call(op.RESTORE, timeout, path_of(source, "to restore"))


def content_of(source: Any) -> bytes:
    """Returns the bytes of a database file, as they can be sent. Raises ``InvalidArgument`` and ``TooBig``."""
    if not isinstance(source, (bytes, bytearray, memoryview)):
        raise InvalidArgument(f"expected the bytes of a database file, not {type(source).__name__}")
    length = source.nbytes if isinstance(source, memoryview) else len(source)
    if length > _MOST:
        raise TooBig("these are 2 GiB or more: write them into a file, and use that")
    return bytes(source)


async def serialize(target: CallTarget, compact: bool, timeout: TimeLimit) -> bytes:
    """Copies the database as bytes."""
    deadline = Deadline(timeout)
    chunks: list[bytes] = []
    stream = BackupStream(target, compact, None)
    try:
        while (chunk := await stream._next(deadline.left())) is not None:
            chunks.append(chunk)
    finally:
        stream._stop()
    return b"".join(chunks)


class BackupStream:
    """The bytes of a copy of a database, from ``db.backup_stream()``, one ``bytes`` after another.

    The copy begins when the first of them is requested, and ends with the loop: after the last, by ``break``, by an
    exception, or by :meth:`aclose`. It is also an asynchronous context manager, which closes it. Its errors are raised
    when it is read; what has come before an error is no database. Outside a loop, with ``__anext__()``, a wait that is
    cancelled or raises ``Timeout`` loses nothing: the next call continues where it was.
    """

    __slots__ = (
        "__weakref__",
        "_client",
        "_compact",
        "_held",
        "_is_over",
        "_is_read",
        "_limit",
        "_slot",
        "_target",
        "_turn",
    )

    def __init__(self, target: CallTarget, compact: bool, timeout: TimeLimit) -> None:
        millis(timeout)
        self._target = target
        self._compact = int(bool(compact))
        self._limit = timeout
        self._client = target.client
        self._held: Optional[HandleTarget] = None
        # A request whose bytes were not returned yet: its wait was cancelled.
        self._slot: Optional[Slot] = None
        self._turn = Yielder()
        self._is_read = False
        self._is_over = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Loop(self)

    async def __anext__(self) -> bytes:
        """Returns the next bytes."""
        chunk = await self._next(self._limit)
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Ends the copy. A task that waits for its next bytes gets ``Closed``."""
        self._stop()

    async def __aenter__(self) -> BackupStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _next(self, limit: TimeLimit) -> Optional[bytes]:
        if self._is_read:
            raise InvalidArgument(f"a {STREAM} can be read by only one task at a time")
        self._is_read = True
        try:
            return await self._fetch(limit)
        finally:
            self._is_read = False

    async def _fetch(self, limit: TimeLimit) -> Optional[bytes]:
        if self._is_over:
            return None
        held = self._held
        if held is None:
            client, handle = await self._target.open_handle(op.BACKUP_STREAM, limit, self._compact)
            self._client = client
            self._held = held = HandleTarget(client, handle, self._target, STREAM)
            if self._is_over:
                # It was closed in the meantime.
                held.drop()
                return None
        reply = await self._reply(held, limit)
        if reply[1] == op.ERROR:
            error = error_of(reply[2])
            if not isinstance(error, Timeout):
                self._is_over = True
                held.ended()
            raise error
        if reply[5]:
            self._is_over = True
            held.ended()
            return None
        [(chunk,)] = reply[2]
        return bytes(chunk)

    async def _reply(self, held: HandleTarget, limit: TimeLimit) -> Reply:
        client = self._client
        if client.loop is not get_running_loop():
            raise InvalidArgument(f"this {STREAM} belongs to another event loop")
        slot = self._slot
        if slot is None:
            number = client.number()
            reply: Reply = client.send_bytes(dumps((number, op.NEXT, held.handle, millis(limit), 0), 2))
            self._slot = slot = Slot()
            if reply is None:
                client.expect(number, slot, held.handle)
            else:
                slot.reply = reply
                await self._turn.over()
        if slot.reply is None:
            slot.waiter = client.loop.create_future()
            try:
                await slot.waiter
            finally:
                # A cancelled wait leaves the bytes to the next call.
                slot.waiter = None
            self._turn = Yielder()
        self._slot = None
        return slot.reply

    def _stop(self) -> None:
        self._is_over = True
        if self._held is not None:
            self._held.drop()


class _Loop:
    """An ``async for``, with which the copy ends."""

    __slots__ = ("_stream",)

    def __init__(self, stream: BackupStream) -> None:
        self._stream = stream

    def __aiter__(self) -> _Loop:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self._stream.__anext__()
        except BaseException:
            self._stream._stop()
            raise

    def __del__(self) -> None:
        # Left by `break`. Off its loop there is no loop left that could continue.
        if not self._stream._is_over and self._stream._client.loop is _get_running_loop():
            self._stream._stop()
