"""Transactions and savepoints."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Literal, Optional, Union

from . import _ops as op
from ._statements import Statements
from ._target import CallTarget, HandleTarget, TimeLimit
from .apply import Applied, Policy, apply
from .errors import InvalidArgument

Mode = Literal["immediate", "deferred", "exclusive"]
"""How a transaction begins: with the write lock, with no lock until it is needed, or without readers."""

_MODES = {"immediate": 0, "deferred": 1, "exclusive": 2}


async def begin(target: CallTarget, mode: str, timeout: TimeLimit) -> Transaction:
    """Begins a transaction."""
    number = _MODES.get(mode) if isinstance(mode, str) else None
    if number is None:
        raise InvalidArgument(f"a transaction's mode must be one of {', '.join(_MODES)}, not {mode!r}")
    client, handle = await target.open_handle(op.BEGIN, timeout, number)
    return Transaction(HandleTarget(client, handle, target, "transaction"))


class _Nest(Statements):
    """A transaction or savepoint: its changes are kept if it succeeds, and undone if not."""

    __slots__ = ()

    _target: HandleTarget

    @property
    def is_over(self) -> bool:
        """Whether it was ended or released."""
        return self._target.is_over

    def savepoint(self, *, timeout: TimeLimit = None) -> SavepointScope:
        """A savepoint as a block: if an exception leaves it, the changes made in it, and only those, are undone::

        async with tx.savepoint() as sp:
            await sp.execute("DELETE FROM items WHERE id = ?", (7,))
        """
        return SavepointScope(self._target, timeout)

    async def begin_savepoint(self, *, timeout: TimeLimit = None) -> Savepoint:
        """Begins a savepoint and returns its handle: it is undone unless it is released."""
        client, handle = await self._target.open_handle(op.SAVEPOINT, timeout)
        return Savepoint(HandleTarget(client, handle, self._target, "savepoint"))

    async def apply(
        self,
        changes: Union[bytes, bytearray, memoryview],
        policy: Policy,
        *,
        tables: Optional[Mapping[str, Policy]] = None,
        timeout: TimeLimit = None,
    ) -> Applied:
        """Applies changes that were made elsewhere, as :meth:`Database.apply` does, as a part of this transaction.

        With a note of how far they were received, for example, so that none is applied twice. Raises
        ``InvalidArgument``, besides, after a change of recorded tables in the same transaction::

            async with db.transaction() as tx:
                await tx.apply(changes, "theirs")
                await tx.execute("UPDATE received SET number = ?", (number,))
        """
        return await apply(self._target, changes, policy, tables, timeout)

    async def rollback(self, *, timeout: TimeLimit = None) -> None:
        """Rolls back, and waits until that has finished."""
        await self._end(op.ROLLBACK, timeout)

    def close(self) -> None:
        """Abandons it, unless it has ended: it is rolled back before any other write."""
        self._target.drop()

    async def _end(self, operation: int, timeout: TimeLimit) -> None:
        try:
            await self._target.call(operation, timeout)
        except BaseException:
            # Whatever happened, nothing of it stays open.
            self._target.drop()
            raise
        self._target.ended()


class Transaction(_Nest):
    """An open transaction. It reads its own writes; nobody else sees them before the commit.

    If neither :meth:`commit` nor :meth:`rollback` ends it, it is rolled back when it is garbage-collected.
    """

    __slots__ = ()

    async def commit(self, *, timeout: TimeLimit = None) -> None:
        """Commits: everything is durable, or nothing happened.

        Raises ``ForeignKeyViolation`` for a deferred foreign key, ``DiskFull`` or ``Io``; then it is rolled back.
        """
        await self._end(op.COMMIT, timeout)


class Savepoint(_Nest):
    """A savepoint inside a transaction: a part of it that can be undone on its own."""

    __slots__ = ()

    async def release(self, *, timeout: TimeLimit = None) -> None:
        """Keeps its changes as part of the enclosing transaction."""
        await self._end(op.RELEASE, timeout)


class TransactionScope:
    """A transaction as a block: committed if the block succeeds, rolled back if an exception leaves it.

    That exception propagates unchanged.
    """

    __slots__ = ("_mode", "_target", "_timeout", "_transaction")

    def __init__(self, target: CallTarget, mode: str, timeout: TimeLimit) -> None:
        self._target = target
        self._mode = mode
        self._timeout = timeout
        self._transaction: Optional[Transaction] = None

    async def __aenter__(self) -> Transaction:
        if self._transaction is not None:
            raise InvalidArgument("a transaction's block can be entered only once")
        self._transaction = await begin(self._target, self._mode, self._timeout)
        return self._transaction

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await _leave(self._transaction, kind)


class SavepointScope:
    """A savepoint as a block: kept if the block succeeds, undone if an exception leaves it."""

    __slots__ = ("_target", "_savepoint", "_timeout")

    def __init__(self, target: HandleTarget, timeout: TimeLimit) -> None:
        self._target = target
        self._timeout = timeout
        self._savepoint: Optional[Savepoint] = None

    async def __aenter__(self) -> Savepoint:
        if self._savepoint is not None:
            raise InvalidArgument("a savepoint's block can be entered only once")
        client, handle = await self._target.open_handle(op.SAVEPOINT, self._timeout)
        self._savepoint = Savepoint(HandleTarget(client, handle, self._target, "savepoint"))
        return self._savepoint

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await _leave(self._savepoint, kind)


async def _leave(nest: Union[Transaction, Savepoint, None], kind: type[BaseException] | None) -> None:
    # The body may already have ended it.
    if nest is None or nest.is_over:
        return
    if kind is not None:
        # Nothing is awaited: a second cancellation of the task can't leave it open.
        nest.close()
    elif isinstance(nest, Transaction):
        await nest.commit()
    else:
        await nest.release()
