"""An open database."""

from __future__ import annotations

from types import TracebackType
from typing import NamedTuple, Optional

from . import _ops as op
from ._opening import settled
from ._statements import Statements
from ._target import DatabaseTarget, TimeLimit
from .session import AcquireContext, Session, Snapshot
from .transaction import Mode, Transaction, TransactionScope, begin


class Capabilities(NamedTuple):
    """What a storage backend can do."""

    transactions: bool
    """Interactive transactions."""
    cursors: bool
    """Streams that keep only a few pages in memory."""
    snapshots: bool
    """Several reads of the same moment."""
    sessions: bool
    """Dedicated connections."""


class Database(Statements):
    """An open database, from ``ubiqlite.open()``.

    One write runs at a time, and reads run concurrently with it. Each call is its own
    transaction; :meth:`transaction` groups several statements into one. All tasks may use
    it, and so may several event loops in several threads. :meth:`close` closes it, and so
    does the end of its block.
    """

    __slots__ = ("__weakref__",)

    _target: DatabaseTarget

    @property
    def path(self) -> str:
        """The path it was opened with."""
        return self._target.path

    def transaction(self, *, mode: Mode = "immediate", timeout: TimeLimit = None) -> TransactionScope:
        """A transaction as a block: committed if the block succeeds, rolled back if an exception leaves it.

        Other reads run concurrently with it. Other writes, including those through the database itself, wait until
        it ends. ``timeout``, in seconds, limits how long it takes to begin. Raises ``Busy`` if the write lock could
        not be taken::

            async with db.transaction() as tx:
                await tx.execute("UPDATE accounts SET balance = balance - 10 WHERE id = ?", (1,))
                left = await tx.query_value("SELECT balance FROM accounts WHERE id = ?", (1,))
        """
        return TransactionScope(self._target, mode, timeout)

    async def begin(self, *, mode: Mode = "immediate", timeout: TimeLimit = None) -> Transaction:
        """Begins a transaction and returns its handle: it is rolled back unless it is committed."""
        return await begin(self._target, mode, timeout)

    def snapshot(self, *, timeout: TimeLimit = None) -> AcquireContext[Snapshot]:
        """Several reads of the same moment, over any number of calls::

        async with db.snapshot() as moment:
            user, orders = await asyncio.gather(
                moment.table("users").get(7),
                moment.query("SELECT * FROM orders WHERE user_id = ?", (7,)),
            )
        """
        return AcquireContext(Snapshot, self._target, op.SNAPSHOT, timeout)

    def acquire(self, *, timeout: TimeLimit = None) -> AcquireContext[Session]:
        """Acquires a dedicated connection, for ``ATTACH``, temporary tables and ``PRAGMA``\\ s.

        Raises ``Timeout`` if none becomes free within ``timeout`` or the option ``acquire_timeout``::

            async with db.acquire() as session:
                await session.execute("CREATE TEMP TABLE seen (id)")
        """
        return AcquireContext(Session, self._target, op.ACQUIRE, timeout)

    async def capabilities(self) -> Capabilities:
        """Returns what the storage can do."""
        bits = (await self._target.call(op.CAPABILITIES))[2]
        return Capabilities(*(bool(bits & 1 << target) for target in range(4)))

    def interrupt(self) -> None:
        """Stops all running calls: they fail with ``Cancelled``. Any thread may call this."""
        self._target.interrupt()

    async def close(self) -> None:
        """Waits for every accepted call, then closes.

        Transactions, sessions, snapshots and streams that are still open have the busy timeout to end; then they
        are rolled back. Later calls raise ``Closed``; closing again does nothing.
        """
        target = self._target
        closing = target.start_close()
        if closing is None:
            return
        try:
            await settled(closing)
        finally:
            target.closed()

    async def __aenter__(self) -> Database:
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()
