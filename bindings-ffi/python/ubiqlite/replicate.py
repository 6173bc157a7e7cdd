"""Replicas: a database that is stored elsewhere as it changes, and restored from there."""

from __future__ import annotations

import os
from asyncio import get_running_loop
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Literal, Optional, Union

from . import _ops as op
from ._client import EngineClient, cells_of, check
from ._paths import path_of
from ._target import CallTarget, TimeLimit, millis
from .errors import InvalidArgument
from .storage import ReplicaStorage, StorageTasks

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND = timedelta(milliseconds=1)
_LARGEST = 0x7FFFFFFFFFFFFFFF
_LONGEST = 1e12
"""Seconds: longer than anybody keeps anything."""

_STATE = 0
_FLUSH = 1
_STOP = 2

SnapshotReason = Literal["first", "gap", "differs", "log", "journal_mode", "memory", "due"]
"""Why all pages of a database were stored, and not only those that transactions have changed.

``first``: the folder had no replica; ``gap``: what it had was not whole; ``differs``: the database was not what the
replica had ended with; ``log``: the log had begun anew before all of it was read, as another process may do;
``journal_mode``: a statement has set the journal mode; ``memory``: more pages had waited than may be in memory;
``due``: it was time for it.
"""


@dataclass(frozen=True)
class ReplicaState:
    """How far a replica is."""

    transaction: int
    """The number of the last transaction that is stored; 0: none."""
    time: Optional[datetime]
    """When that was read from the log, in UTC, to the millisecond."""
    lag: int
    """How many transactions are committed and not stored."""
    waiting: int
    """The bytes of pages that wait in memory to be stored. What waits in the log is not counted."""
    snapshots: int
    """How often all pages were stored since this replica was begun here."""
    last_snapshot: Optional[int]
    """The number of the last transaction for which all pages were stored since then."""
    reason: Optional[SnapshotReason]
    """Why they were."""
    error: Optional[str]
    """Why nothing could be stored when that was tried last; ``None`` once it could. It is tried again."""
    ended: bool
    """Nothing is stored any more, since the replica was stopped or its database closed."""


class Replica:
    """A replica that is kept up to date, from :meth:`Database.replicate`.

    It is kept up to date until it is stopped or the database is closed, also when nobody has this object any more. Its
    errors never concern those who write: what could not be stored is tried again, and told by :meth:`state`.
    """

    __slots__ = ("_client", "_handle")

    def __init__(self, client: EngineClient, handle: int) -> None:
        self._client = client
        self._handle = handle

    async def state(self) -> ReplicaState:
        """Returns how far it is, and why nothing could be stored if that is so."""
        return await self._ask(_STATE, None)

    async def flush(self, *, timeout: TimeLimit = None) -> ReplicaState:
        """Waits until all is stored that was committed before this call, and returns how far it is then.

        As long as the folder can't be written, it waits. Raises ``Closed`` if the replica has ended, the error of the
        folder if it ends without having stored all, and ``Timeout`` after ``timeout`` seconds::

            await replica.flush()
        """
        return await self._ask(_FLUSH, timeout)

    async def stop(self) -> ReplicaState:
        """Stores what was committed before this call, for the close timeout at most, and ends.

        Raises the error of the storage if not all was stored, :class:`Io` if the storage has not replied 0.1 seconds
        after the close timeout; it has ended all the same. Does nothing if it has ended.
        """
        return await self._ask(_STOP, None)

    async def _ask(self, what: int, timeout: TimeLimit) -> ReplicaState:
        client = self._client
        if client.loop is not get_running_loop():
            raise InvalidArgument("this replica belongs to another event loop")
        number = client.number()
        reply = client.send((number, op.NEXT, self._handle, millis(timeout), what))
        if reply is None:
            reply = await client.reply_of(number, self._handle)
        cells: list[Any] = cells_of(check(reply))
        cells[1] = None if cells[1] is None else _EPOCH + cells[1] * _MILLISECOND
        cells[8] = bool(cells[8])
        return ReplicaState(*cells)


async def replicate(
    target: CallTarget,
    folder: Union[str, os.PathLike[str], ReplicaStorage],
    interval: TimeLimit,
    memory: Optional[int],
    snapshot_every: TimeLimit,
    keep: TimeLimit,
    close_timeout: TimeLimit,
    timeout: TimeLimit,
) -> Replica:
    """Begins a replica."""
    if memory is not None and (not isinstance(memory, int) or not 0 <= memory <= _LARGEST):
        raise InvalidArgument("the memory of a replica must be a number of bytes")
    order = (
        _span(interval),
        -1 if memory is None else memory,
        _span(snapshot_every),
        _span(keep),
        _span(close_timeout),
    )
    place, tasks = await _place(target, folder)
    try:
        client, handle = await target.open_handle(op.REPLICATE, timeout, place, *order)
    except BaseException:
        if tasks is not None:
            tasks.end()
        raise
    return Replica(client, handle)


async def _place(
    target: CallTarget, folder: Union[str, os.PathLike[str], ReplicaStorage]
) -> tuple[Union[str, int], Optional[StorageTasks]]:
    """Returns where a replica is, as it is sent."""
    if isinstance(folder, (str, os.PathLike)):
        return path_of(folder, "of the replica"), None
    if not isinstance(folder, ReplicaStorage):
        raise InvalidArgument(f"a replica is kept in a folder or a ReplicaStorage, not in {type(folder).__name__}")
    tasks = await StorageTasks.begin(target, folder)
    return tasks.handle, tasks


async def restore(
    target: CallTarget,
    folder: Union[str, os.PathLike[str], ReplicaStorage],
    path: Union[str, os.PathLike[str]],
    to: Union[int, datetime, None],
    timeout: TimeLimit,
) -> int:
    """Restores a moment of a replica."""
    kind, number = 0, 0
    if isinstance(to, datetime):
        kind, number = 2, max(0, (to.astimezone(timezone.utc) - _EPOCH) // _MILLISECOND)
    elif isinstance(to, int):
        kind, number = 1, to
    elif to is not None:
        raise InvalidArgument(f"a moment is the number of a transaction or a datetime, not {type(to).__name__}")
    if not 0 <= number <= _LARGEST:
        raise InvalidArgument("a transaction has a number from 1 on")
    order = (kind, number, path_of(path, "of the new file"))
    place, tasks = await _place(target, folder)
    try:
        reply = await target.call(op.REPLICA_RESTORE, timeout, place, *order)
    finally:
        if tasks is not None:
            tasks.end()
    return int(reply[2])


def _span(time: TimeLimit) -> int:
    """Returns a time as it is sent: in milliseconds, or -1 for the default."""
    if time is None:
        return -1
    # Which refuses what is no time; it takes a long one for no limit.
    millis(time, "a time of a replica")
    seconds = time.total_seconds() if isinstance(time, timedelta) else time
    return -int(-min(seconds, _LONGEST) * 1000 // 1)
