"""Selections of a table's rows by filters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any, Generic, Literal, TypeVar, overload

from . import _ops as op
from ._client import EngineClient, Reply, check
from ._into import all_made, bit_of, make_of
from ._requests import IN
from ._target import CallTarget, TimeLimit, millis
from .errors import InvalidArgument
from .stream import RowStream
from .watch import Watch

T = TypeVar("T")

Comparison = Literal["=", "!=", "<", "<=", ">", ">=", "like", "not like"]
"""How a column is compared with a value; ``like`` takes a pattern of ``%`` and ``_``."""

_COMPARE = {"=": 0, "!=": 1, "<": 2, "<=": 3, ">": 4, ">=": 5, "like": 6, "not like": 7}
_NULL, _NOT_NULL = 9, 10


class Select(Generic[T]):
    """A selection of rows, with filters, an order, a limit and an offset. All filters must hold.

    Nothing runs until :meth:`all`, :meth:`first`, :meth:`count`, :meth:`stream`,
    :meth:`watch` or ``async for``. Each method returns a new selection and leaves this one unchanged::

        rows = await (
            db.table("items").select()
            .where_in("status", ["new", "done"]).where("value", ">=", 10)
            .order_by("id", "desc").limit(20).all()
        )
    """

    __slots__ = ("_filters", "_into", "_limit", "_offset", "_order", "_target", "_table")

    def __init__(self, target: CallTarget, table: str, into: Any) -> None:
        self._target = target
        self._table = table
        self._into = into
        self._filters: tuple[tuple[Any, ...], ...] = ()
        self._order: tuple[tuple[str, bool], ...] = ()
        self._limit: int | None = None
        self._offset = 0

    @overload
    def where(self, column: str, value: Any, /) -> Select[T]: ...
    @overload
    def where(self, column: str, comparison: Comparison, value: Any, /) -> Select[T]: ...
    def where(self, column: str, *rest: Any) -> Select[T]:
        """Keeps rows whose column equals the value (is ``NULL``, for ``None``) or satisfies ``comparison`` with it."""
        if len(rest) not in (1, 2):
            raise InvalidArgument("a filter must be (column, value) or (column, comparison, value)")
        comparison, value = ("=", rest[0]) if len(rest) == 1 else rest
        number = _COMPARE.get(comparison) if isinstance(comparison, str) else None
        if number is None:
            raise InvalidArgument(f"{comparison!r} is not a comparison; use one of: {' '.join(_COMPARE)}")
        return self._filter(number, column, value)

    def where_in(self, column: str, values: Iterable[Any]) -> Select[T]:
        """Keeps rows whose column equals one of the values. An empty list selects none."""
        return self._filter(IN, column, list(values))

    def where_null(self, column: str) -> Select[T]:
        """Keeps rows whose column is ``NULL``."""
        return self._filter(_NULL, column)

    def where_not_null(self, column: str) -> Select[T]:
        """Keeps rows whose column is not ``NULL``."""
        return self._filter(_NOT_NULL, column)

    def order_by(self, column: str, direction: Literal["asc", "desc"] = "asc") -> Select[T]:
        """Orders by the column, after the columns of earlier calls."""
        if direction not in ("asc", "desc"):
            raise InvalidArgument("an order must be 'asc' or 'desc'")
        new = self._copy()
        new._order = (*self._order, (column, direction == "desc"))
        return new

    def limit(self, rows: int) -> Select[T]:
        """Limits the selection to ``rows`` rows."""
        new = self._copy()
        new._limit = rows
        return new

    def offset(self, rows: int) -> Select[T]:
        """Skips the first ``rows`` rows."""
        new = self._copy()
        new._offset = rows
        return new

    async def all(self, *, timeout: TimeLimit = None) -> list[T]:
        """Returns all selected rows."""
        client, reply = await ask(self._target, op.SELECT, self._into, timeout, *self._payload())
        rows: list[Any] = reply[2]
        if not rows or self._into is dict or self._into is tuple:
            return rows
        return await all_made(make_of(self._into, client.type_of(reply)), rows)

    async def first(self, *, timeout: TimeLimit = None) -> T | None:
        """Returns the first selected row, or ``None``."""
        row: T | None = await first_of(self._target, op.SELECT_FIRST, self._into, timeout, *self._payload())
        return row

    async def count(self, *, timeout: TimeLimit = None) -> int:
        """Returns the number of selected rows."""
        return int((await self._target.call(op.SELECT_COUNT, timeout, *self._payload()))[2])

    def stream(self, *, timeout: TimeLimit = None) -> RowStream[T]:
        """Streams the selected rows one after another."""
        return RowStream(self._target, op.SELECT_STREAM, self._payload(), self._into, timeout)

    def watch(self, *, timeout: TimeLimit = None) -> Watch[T]:
        """Watches the selected rows, which are told apart by the table's key: see ``db.watch()``.

        Raises, when it is read, ``Unsupported`` in a transaction, session or snapshot::

            async for now in db.table("items").select().where("status", "new").watch():
                print(now.rows, now.added, now.removed, now.updated)
        """
        return Watch(self._target, op.SELECT_WATCH, self._payload(), self._into, timeout)

    def __aiter__(self) -> AsyncIterator[T]:
        return self.stream().__aiter__()

    def _payload(self) -> tuple[Any, ...]:
        return self._table, self._filters, self._order, self._limit, self._offset

    def _filter(self, *parts: Any) -> Select[T]:
        new = self._copy()
        new._filters = (*self._filters, parts)
        return new

    def _copy(self) -> Select[T]:
        new: Select[T] = Select(self._target, self._table, self._into)
        new._filters, new._order = self._filters, self._order
        new._limit, new._offset = self._limit, self._offset
        return new


async def ask(
    target: CallTarget, operation: int, into: Any, timeout: TimeLimit, *payload: Any
) -> tuple[EngineClient, Reply]:
    """Requests rows."""
    client = target.here()
    number = client.number() | bit_of(into)
    reply = client.send((number, operation, target.handle, millis(timeout), *payload))
    if reply is None:
        reply = await client.reply_of(number, target.handle)
    return client, check(reply)


async def first_of(target: CallTarget, operation: int, into: Any, timeout: TimeLimit, *payload: Any) -> Any:
    """Requests a row; returns ``None`` if there is none."""
    client, reply = await ask(target, operation, into, timeout, *payload)
    return first_row(client, reply, into)


def first_row(client: EngineClient, reply: Reply, into: Any) -> Any:
    """Returns the first row of a reply, or ``None``."""
    rows = reply[2]
    if not rows:
        return None
    if into is dict or into is tuple:
        return rows[0]
    return make_of(into, client.type_of(reply))(rows[0])
