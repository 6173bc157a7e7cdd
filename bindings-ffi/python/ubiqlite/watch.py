"""Live queries: results that follow the data."""

from __future__ import annotations

from dataclasses import dataclass
from struct import unpack
from typing import Any, Generic, TypeVar

from ._client import Reply
from ._into import all_made, bit_of, make_of
from ._live import Live
from ._target import CallTarget, TimeLimit
from .errors import Internal

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


class Watch(Live[Update[T]]):
    """A live query, from ``db.watch()``: its results, one after another.

    The first is the result now. Then one follows when, and only when, the result is another.
    Nothing runs before the first is requested, and nothing is queued: a reader that asks late
    gets the newest. The errors of the query are raised when it is read, and end it.

    It ends with its loop (by ``break``, by an exception), by :meth:`aclose`, and when the
    database is closed, which ends a loop without an error. It is also an asynchronous
    context manager, which closes it.
    """

    __slots__ = ("_into", "_rows")

    def __init__(
        self, target: CallTarget, operation: int, payload: tuple[Any, ...], into: Any, timeout: TimeLimit
    ) -> None:
        super().__init__(target, operation, payload, bit_of(into), timeout)
        self._into = into
        # The rows of the last result that was returned.
        self._rows: tuple[T, ...] = ()

    def _is_last(self, reply: Reply) -> bool:
        return reply[5] is None

    async def _fresh(self, reply: Reply) -> list[T]:
        """Converts the new rows of a reply."""
        rows: list[T] = reply[2]
        if not rows or self._into is dict or self._into is tuple:
            return rows
        return await all_made(make_of(self._into, self._client.type_of(reply)), rows)

    async def _made(self, reply: Reply) -> Update[T]:
        """Makes the result of its new rows and the rows of the result before, and remembers it."""
        fresh = await self._fresh(reply)
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
        self._number = number
        # Not the caller's list, which it may change.
        self._rows = tuple(rows)
        return Update(rows, new, gone, changed, moment)

    def _stop(self) -> None:
        super()._stop()
        self._rows = ()


def key_columns(key: Any) -> tuple[Any, ...]:
    """Returns the columns of a key: one, several or none."""
    return () if key is None else (key,) if isinstance(key, str) else tuple(key)
