"""What follows the changes of a database: requests that each wait for the next thing to tell."""

from __future__ import annotations

from abc import abstractmethod
from asyncio import _get_running_loop, get_running_loop
from collections.abc import AsyncIterator
from marshal import dumps
from types import TracebackType
from typing import Any, Generic, Optional, TypeVar

from . import _ops as op
from ._client import EngineClient, Reply, Slot, check
from ._pause import Yielder
from ._target import CallTarget, HandleTarget, TimeLimit, millis
from .errors import Closed, InvalidArgument, Timeout, error_of

T = TypeVar("T")
Self = TypeVar("Self", bound="Live[Any]")


class Live(Generic[T]):
    """Something of the engine's that has more to tell with each call, until the database closes."""

    __slots__ = (
        "__weakref__",
        "_args",
        "_bit",
        "_client",
        "_held",
        "_is_over",
        "_is_read",
        "_limit",
        "_number",
        "_reply",
        "_target",
        "_turn",
    )

    _name = "watch"

    def __init__(
        self, target: CallTarget, operation: int, payload: tuple[Any, ...], bit: int, timeout: TimeLimit
    ) -> None:
        self._target = target
        self._args = (operation, payload)
        self._bit = bit
        self._limit = millis(timeout)
        self._client: EngineClient = target.client
        self._held: Optional[HandleTarget] = None
        # The number of what was returned last; 0: nothing yet.
        self._number = 0
        # A reply that has arrived and was not returned yet.
        self._reply: Optional[Reply] = None
        self._turn = Yielder()
        self._is_read = False
        self._is_over = False

    @abstractmethod
    def _is_last(self, reply: Reply) -> bool:
        """Whether a reply only says that it is over."""

    @abstractmethod
    async def _made(self, reply: Reply) -> T:
        """Makes what is returned of a reply, and remembers its number."""

    def __aiter__(self) -> AsyncIterator[T]:
        return _Loop(self)

    async def __anext__(self) -> T:
        """Returns the next one.

        A cancelled wait loses nothing: the next call returns what this one would have returned, or something newer.
        So does one that exceeds the time limit, which raises ``Timeout``.
        """
        if self._is_read:
            raise InvalidArgument(f"a {self._name} can be read by only one task at a time")
        self._is_read = True
        try:
            item = await self._next()
        finally:
            self._is_read = False
        if item is None:
            raise StopAsyncIteration
        return item

    async def aclose(self) -> None:
        """Ends it. A task that waits for the next one leaves its loop."""
        self._stop()

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _next(self) -> Optional[T]:
        """Returns the next one, or ``None`` if it is over."""
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
        if self._is_last(reply):
            self._stop()
            return None
        try:
            item = await self._made(reply)
        except Exception:
            # It would be the same with the next call.
            self._stop()
            raise
        if self._is_over:
            return None
        self._reply = None
        return item

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
        self._held = held = HandleTarget(client, number, target, self._name)
        if self._is_over:
            # It was closed in the meantime.
            held.drop()
        return held

    async def _ask(self, held: HandleTarget) -> None:
        """Waits for the next result, which goes into ``_reply``."""
        client = self._client
        if client.loop is not get_running_loop():
            raise InvalidArgument(f"this {self._name} belongs to another event loop")
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

    def _stop(self) -> None:
        self._is_over = True
        self._reply = None
        if self._held is not None:
            self._held.drop()


class _Loop(Generic[T]):
    """An ``async for``, with which what it goes over ends."""

    __slots__ = ("_live",)

    def __init__(self, live: Live[T]) -> None:
        self._live = live

    def __aiter__(self) -> _Loop[T]:
        return self

    async def __anext__(self) -> T:
        try:
            return await self._live.__anext__()
        except BaseException:
            self._live._stop()
            raise

    def __del__(self) -> None:
        # Left by `break`. Off its loop there is no loop left that could continue.
        if not self._live._is_over and self._live._client.loop is _get_running_loop():
            self._live._stop()
