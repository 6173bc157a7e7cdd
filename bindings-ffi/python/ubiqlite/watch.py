"""Live queries: results that follow the data."""

from __future__ import annotations

from asyncio import _get_running_loop, get_running_loop
from collections.abc import AsyncIterator
from dataclasses import dataclass
from marshal import dumps
from struct import unpack
from types import TracebackType
from typing import Any, Generic, Optional, TypeVar

from . import _ops as op
from ._client import EngineClient, Reply, Slot, check
from ._into import all_made, bit_of, make_of
from ._pause import Yielder
from ._target import CallTarget, HandleTarget, TimeLimit, millis
from .errors import Closed, Internal, InvalidArgument, Timeout, error_of

T = TypeVar("T")

_NEW = 0xFFFFFFFF
"""Instead of a position in the result before: the next of the new rows."""


@dataclass(frozen=True)
class Update(Generic[T]):
    """One result of a watched query.

    The positions tell what differs from the result before. With a ``key``, rows that have the
    same key are the same row: it is ``updated`` if its other values differ. Without one, such
    a row is removed and added.
    """

    __slots__ = ("added", "moment", "removed", "rows", "updated")

    rows: list[T]
    """The rows. Those that are the same as in the result before are the same objects."""
    added: list[int]
    """The positions in ``rows`` of new rows; in the first result, of all."""
    removed: list[int]
    """The positions, in the result before, of rows that are gone."""
    updated: list[int]
    """The positions in ``rows`` of rows with other values than before."""
    moment: int
    """How many commits the result is known to contain, since the database's first watch."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Copying would set the fields one by one, which a frozen class does not allow.
        return type(self), (self.rows, self.added, self.removed, self.updated, self.moment)


class Watch(Generic[T]):
    """A live query, from ``db.watch()``: its results, one after another.

    The first is the result now. Then one follows when, and only when, the result is another.
    Nothing runs before the first is requested, and nothing is queued: a reader that asks late
    gets the newest. The errors of the query are raised when it is read, and end it.

    It ends with its loop (by ``break``, by an exception), by :meth:`aclose`, and when the
    database is closed, which ends a loop without an error. It is also an asynchronous
    context manager, which closes it.
    """

    __slots__ = (
        "__weakref__",
        "_args",
        "_bit",
        "_client",
        "_held",
        "_into",
        "_is_over",
        "_is_read",
        "_limit",
        "_number",
        "_reply",
        "_rows",
        "_target",
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
        self._client: EngineClient = target.client
        self._held: Optional[HandleTarget] = None
        # The last result that was returned, and its number; 0: none yet.
        self._rows: tuple[T, ...] = ()
        self._number = 0
        # A reply that has arrived and was not returned yet.
        self._reply: Optional[Reply] = None
        self._turn = Yielder()
        self._is_read = False
        self._is_over = False

    def __aiter__(self) -> AsyncIterator[Update[T]]:
        return _Loop(self)

    async def __anext__(self) -> Update[T]:
        """Returns the next result: the first at once, then one when it is another than the last.

        A cancelled wait loses nothing: the next call returns what this one would have returned, or something newer.
        So does one that exceeds the time limit, which raises ``Timeout``.
        """
        if self._is_read:
            raise InvalidArgument("a watch can be read by only one task at a time")
        self._is_read = True
        try:
            update = await self._next()
        finally:
            self._is_read = False
        if update is None:
            raise StopAsyncIteration
        return update

    async def aclose(self) -> None:
        """Ends the watch. A task that waits for its next result leaves its loop."""
        self._stop()

    async def __aenter__(self) -> Watch[T]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _next(self) -> Optional[Update[T]]:
        """Returns the next result, or ``None`` if the watch is over."""
        if self._is_over:
            return None
        held = self._held or await self._begin()
        if self._reply is None and not self._is_over:
            await self._ask(held)
        reply = self._reply
        if reply is None or self._is_over:
            return None
        if reply[1] == op.ERROR:
            self._reply = None
            error = error_of(reply[2])
            if not isinstance(error, Timeout):
                self._stop()
            if isinstance(error, Closed):
                return None
            raise error
        if reply[5] is None:
            self._stop()
            return None
        try:
            update = self._made(reply, await self._fresh(reply))
        except Exception:
            # It would be the same with the next call.
            self._stop()
            raise
        return None if self._is_over else update

    async def _begin(self) -> HandleTarget:
        operation, payload = self._args
        target = self._target
        client = target.here()
        self._client = client
        number = client.number()
        try:
            reply: Reply = client.send((number, operation, target.handle, self._limit, *payload))
            if reply is None:
                reply = await client.reply_of(number, target.handle)
            check(reply)
        except Timeout:
            raise
        except Exception:
            self._is_over = True
            raise
        client.hold(number, target.handle)
        self._held = held = HandleTarget(client, number, target, "watch")
        if self._is_over:
            # It was closed in the meantime.
            held.drop()
        return held

    async def _ask(self, held: HandleTarget) -> None:
        """Waits for the next result, which goes into ``_reply``."""
        client = self._client
        if client.loop is not get_running_loop():
            raise InvalidArgument("this watch belongs to another event loop")
        number = client.number() | self._bit
        try:
            reply = client.send_bytes(dumps((number, op.NEXT, held.handle, self._limit, self._number), 2))
        except Closed:
            # The database was closed between two results.
            self._stop()
            return
        if reply is not None:
            self._reply = reply
            await self._turn.over()
            return
        slot = Slot()
        slot.waiter = client.loop.create_future()
        client.expect(number, slot, held.handle)
        try:
            await slot.waiter
        except BaseException:
            # The engine is told what was received with the next call; what has arrived stays for that.
            if slot.reply is None:
                client.cancel(number)
            raise
        finally:
            self._reply = slot.reply
        self._turn = Yielder()

    async def _fresh(self, reply: Reply) -> list[T]:
        """Converts the new rows of a reply."""
        rows: list[T] = reply[2]
        if not rows or self._into is dict or self._into is tuple:
            return rows
        return await all_made(make_of(self._into, self._client.type_of(reply)), rows)

    def _made(self, reply: Reply, fresh: list[T]) -> Update[T]:
        """Makes the result of its new rows and the rows of the result before, and remembers it."""
        moment, number, whole, total, runs, added, removed, updated, data = reply[5]
        words = unpack(f"<{len(data) // 4}I", data)
        before = () if whole else self._rows
        rows: list[T] = []
        taken = 0
        for at in range(0, 2 * runs, 2):
            start, count = words[at], words[at + 1]
            if start == _NEW:
                rows += fresh[taken : taken + count]
                taken += count
            else:
                rows += before[start : start + count]
        if len(rows) != total:
            raise Internal("the engine sent a result that does not follow the one before: this is a defect")
        positions = iter(words[2 * runs :])
        new, gone, changed = ([next(positions) for _ in range(count)] for count in (added, removed, updated))
        if whole:
            new, gone = list(range(total)), list(range(len(self._rows)))
        self._reply = None
        self._number = number
        # Not the caller's list, which it may change.
        self._rows = tuple(rows)
        return Update(rows, new, gone, changed, moment)

    def _stop(self) -> None:
        self._is_over = True
        self._reply = None
        self._rows = ()
        if self._held is not None:
            self._held.drop()


class _Loop(Generic[T]):
    """An ``async for`` over a watch, which ends with it."""

    __slots__ = ("_watch",)

    def __init__(self, watch: Watch[T]) -> None:
        self._watch = watch

    def __aiter__(self) -> _Loop[T]:
        return self

    async def __anext__(self) -> Update[T]:
        try:
            return await self._watch.__anext__()
        except BaseException:
            self._watch._stop()
            raise

    def __del__(self) -> None:
        # Left by `break`. Off its loop there is no loop left that could continue.
        if not self._watch._is_over and self._watch._client.loop is _get_running_loop():
            self._watch._stop()


def key_columns(key: Any) -> tuple[Any, ...]:
    """Returns the columns of a key: one, several or none."""
    return () if key is None else (key,) if isinstance(key, str) else tuple(key)
