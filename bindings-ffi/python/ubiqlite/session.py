"""Dedicated connections, and several reads of the same moment."""

from __future__ import annotations

from collections.abc import Generator
from types import TracebackType
from typing import Any, Generic, Optional, TypeVar, Union

from . import _ops as op
from ._statements import Reader, Statements
from ._target import CallTarget, HandleTarget, TimeLimit
from .errors import InvalidArgument
from .transaction import Mode, Transaction, TransactionScope, begin


class Session(Statements):
    """A dedicated connection, from ``db.acquire()``.

    Only here may statements change the connection itself: ``ATTACH``, temporary tables,
    ``PRAGMA``\\ s, a bare ``BEGIN``. :meth:`close` or the end of its block gives it back,
    and anything open in it is rolled back.
    """

    __slots__ = ()

    _target: HandleTarget

    def transaction(self, *, mode: Mode = "immediate", timeout: TimeLimit = None) -> TransactionScope:
        """A transaction of this session as a block: see ``db.transaction()``."""
        return TransactionScope(self._target, mode, timeout)

    async def begin(self, *, mode: Mode = "immediate", timeout: TimeLimit = None) -> Transaction:
        """Begins a transaction in this session."""
        return await begin(self._target, mode, timeout)

    def interrupt(self) -> None:
        """Stops the running calls of this session: they fail with ``Cancelled``."""
        self._target.client.tell(op.INTERRUPT, self._target.handle)

    def close(self) -> None:
        """Gives the connection back."""
        self._target.drop()


class Snapshot(Reader):
    """One moment of the database, from ``db.snapshot()``.

    Everything read through it is of that moment, whatever is committed in the meantime, and
    its reads run in parallel. A write fails with ``ReadOnly``.
    """

    __slots__ = ()

    _target: HandleTarget

    def close(self) -> None:
        """Releases the moment."""
        self._target.drop()


L = TypeVar("L", Session, Snapshot)


class AcquireContext(Generic[L]):
    """Acquires a session or snapshot: ``async with`` gives it back at the block's end; ``await`` needs ``close()``."""

    __slots__ = ("_kind", "_acquired", "_operation", "_target", "_timeout")

    def __init__(self, kind: type[L], target: CallTarget, operation: int, timeout: TimeLimit) -> None:
        self._kind: type[L] = kind
        self._target = target
        self._operation = operation
        self._timeout = timeout
        self._acquired: Optional[L] = None

    def __await__(self) -> Generator[Any, Any, L]:
        return self._acquire().__await__()

    async def _acquire(self) -> L:
        client, handle = await self._target.open_handle(self._operation, self._timeout)
        return self._kind(HandleTarget(client, handle, self._target, self._kind.__name__.lower()))

    async def __aenter__(self) -> L:
        if self._acquired is not None:
            raise InvalidArgument("a block can be entered only once")
        self._acquired = await self._acquire()
        return self._acquired

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        acquired: Union[Session, Snapshot, None] = self._acquired
        if acquired is not None:
            acquired.close()
