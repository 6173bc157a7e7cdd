"""Live queries: results that follow the data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import unpack
from typing import Any, Generic, NamedTuple, Optional, TypeVar, Union

from . import _ops as op
from ._client import Reply
from ._into import all_made, bit_of, make_of
from ._library import DICTS
from ._live import Live
from ._row import Row, row_type
from ._target import CallTarget, TimeLimit
from ._values import Params
from .errors import Internal, InvalidArgument

T = TypeVar("T")

RowKey = Union[str, Sequence[str], None]
"""The column that tells a row from the others, or the columns."""

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


class WatchedQuery(NamedTuple):
    """One of the queries of ``db.watch_all()``, with what ``db.watch()`` takes with it."""

    sql: str
    params: Params = None
    key: RowKey = None
    into: Any = None


class _Results(Generic[T]):
    """The results of a query, of which each builds on the one before."""

    __slots__ = ("into", "rows")

    def __init__(self, into: Any) -> None:
        self.into = into
        # The rows of the last result that was returned.
        self.rows: tuple[T, ...] = ()

    async def converted(self, rows: list[Any], kind: Optional[type[Row]], are_dicts: bool) -> list[T]:
        """Converts the new rows of a reply, which have these columns. It changes nothing, so it may be repeated."""
        if not rows or kind is None or self.into is tuple or (self.into is dict and are_dicts):
            return rows
        if self.into is dict:
            columns = kind.columns
            return await all_made(lambda row: dict(zip(columns, row)), rows)
        return await all_made(make_of(self.into, kind), rows)

    def follow(self, fresh: list[T], head: tuple[Any, ...]) -> Update[T]:
        """Makes the result of its new rows and the rows of the result before, and remembers it."""
        moment, _, whole, total, runs, added, removed, updated, data = head
        words = unpack(f"<{len(data) // 4}I", data)
        before = () if whole else self.rows
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
            new, gone = list(range(total)), list(range(len(self.rows)))
        # Not the caller's list, which it may change.
        self.rows = tuple(rows)
        return Update(rows, new, gone, changed, moment)


class Watch(Live[Update[T]]):
    """A live query, from ``db.watch()``: its results, one after another.

    The first is the result now. Then one follows when, and only when, the result is another.
    Nothing runs before the first is requested, and nothing is queued: a reader that asks late
    gets the newest. The errors of the query are raised when it is read, and end it.

    It ends with its loop (by ``break``, by an exception), by :meth:`aclose`, and when the
    database is closed, which ends a loop without an error. It is also an asynchronous
    context manager, which closes it.
    """

    __slots__ = ("_results",)

    def __init__(
        self, target: CallTarget, operation: int, payload: tuple[Any, ...], into: Any, timeout: TimeLimit
    ) -> None:
        super().__init__(target, operation, payload, bit_of(into), timeout)
        self._results: _Results[T] = _Results(into)

    def _is_last(self, reply: Reply) -> bool:
        return reply[5] is None

    async def _made(self, reply: Reply) -> Update[T]:
        results = self._results
        is_plain = results.into is dict or results.into is tuple
        kind = None if is_plain or not reply[2] else self._client.type_of(reply)
        fresh = await results.converted(reply[2], kind, are_dicts=True)
        update = results.follow(fresh, reply[5])
        self._number = reply[5][1]
        return update

    def _stop(self) -> None:
        super()._stop()
        self._results.rows = ()


class WatchAll(Live[tuple[Update[Any], ...]]):
    """Several live queries, from ``db.watch_all()``: tuples with an :class:`Update` for each, all of one moment.

    The first tuple has the results now. Then one follows when, and only when, the result of one of
    the queries is another. Everything else is as with :class:`Watch`.
    """

    __slots__ = ("_results",)

    def __init__(self, target: CallTarget, queries: Iterable[Any], into: Any, timeout: TimeLimit) -> None:
        if isinstance(queries, str):
            raise InvalidArgument("expected a list of queries, not a str")
        given = [_query(query) for query in queries]
        self._results: list[_Results[Any]] = [_Results(into if query.into is None else query.into) for query in given]
        payload = ([(query.sql, query.params, key_columns(query.key)) for query in given],)
        # Rows come as dicts if all queries want them so.
        bits = [bit_of(results.into) for results in self._results]
        super().__init__(target, op.WATCH_ALL, payload, DICTS if bits and all(bits) else 0, timeout)

    def _is_last(self, reply: Reply) -> bool:
        return reply[5] is None

    async def _made(self, reply: Reply) -> tuple[Update[Any], ...]:
        arrived = _whole(reply[2])
        if len(arrived) != len(self._results):
            raise Internal("the engine sent results of other queries: this is a defect")
        are_dicts = self._bit != 0
        fresh = [
            await results.converted(rows, None if names is None else row_type(names), are_dicts)
            for results, (rows, names, _) in zip(self._results, arrived)
        ]
        # Nothing is waited for from here on: a cancelled call leaves all results as they were, or none.
        updates = tuple(
            results.follow(rows, head) for results, rows, (_, _, head) in zip(self._results, fresh, arrived)
        )
        self._number = arrived[0][2][1]
        return updates

    def _stop(self) -> None:
        super()._stop()
        for results in self._results:
            results.rows = ()


def _query(query: Any) -> WatchedQuery:
    if isinstance(query, str):
        return WatchedQuery(query)
    if not isinstance(query, (tuple, list)) or not 1 <= len(query) <= len(WatchedQuery._fields):
        raise InvalidArgument("a query to watch must be SQL, or a tuple (SQL, parameters, key, into) or its beginning")
    return WatchedQuery(*query)


def _whole(parts: list[Any]) -> list[tuple[list[Any], Any, tuple[Any, ...]]]:
    """Joins the rows of results that have come in several parts: new rows, names of their columns, and the head."""
    done: list[tuple[list[Any], Any, tuple[Any, ...]]] = []
    before: list[Any] = []
    names = None
    for rows, _, told, head in parts:
        names = told or names
        if head is None:
            before.extend(rows)
            continue
        done.append((before + rows if before else rows, names, head))
        before, names = [], None
    return done


def key_columns(key: Any) -> tuple[Any, ...]:
    """Returns the columns of a key: one, several or none."""
    return () if key is None else (key,) if isinstance(key, str) else tuple(key)
