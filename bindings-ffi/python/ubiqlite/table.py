"""Operations on a table's rows, without SQL."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from . import _ops as op
from ._client import check
from ._into import bit_of, key_of, make_of
from ._many import send_many
from ._pause import NOW_AND_THEN, pause
from ._target import CallTarget, TimeLimit, millis
from ._values import Key, Record
from .errors import InvalidArgument
from .select import Select
from .stream import RowStream

T = TypeVar("T")
if TYPE_CHECKING:
    import typing_extensions

    K = typing_extensions.TypeVar("K", default=Any)
else:
    K = TypeVar("K")

Transfer = tuple[Key, Key, Any]
"""An amount to move: (from, to, amount)."""


class Table(Generic[T, K]):
    """A table, or a view to read from: ``db.table("items")``.

    Its name and column names are checked against the schema and quoted, so that no name
    can become SQL. An unknown name raises ``NoSuchTable`` or ``NoSuchColumn`` before
    anything runs. Rows are identified by their primary key, whatever it is called; by the
    rowid in a table without one; by a tuple if the key is composite::

        items = db.table("items", into=Item)
        item_id = await items.insert(name="lamp", data={"watt": 40})
        await items.update(item_id, status="done")
        done = await items.select().where("status", "done").order_by("id").all()

    Records are keywords, as above; a mapping; or an object with fields, such as a dataclass
    or a pydantic, msgspec or attrs model. ``timeout``, in seconds, is a time limit only
    next to an object or mapping, since a column may have that name. All fields of an object
    are written, under the names its own package serializes them as. If the key is the
    rowid, SQLite generates it where it is ``None``.
    """

    __slots__ = ("_bit", "_into", "_key", "_target", "name")

    def __init__(self, target: CallTarget, name: str, into: Any = None, key: Any = None) -> None:
        self._target = target
        self._into = into
        self._bit = bit_of(into)
        self._key = key
        self.name = name

    if not TYPE_CHECKING:

        def __class_getitem__(cls, arguments):
            # The type of the keys may be omitted, as type checkers know.
            given = arguments if isinstance(arguments, tuple) else (arguments,)
            return super().__class_getitem__(given if len(given) > 1 else (*given, Any))

    @overload
    async def insert(self, record: Record, /, *, timeout: TimeLimit = ...) -> K: ...
    @overload
    async def insert(self, /, **fields: Any) -> K: ...
    async def insert(self, record: Any = None, /, **fields: Any) -> Any:
        """Inserts a row and returns its key. Columns that are not named get their defaults.

        Raises ``NoSuchTable``, ``NoSuchColumn``, and the errors of violated constraints::

            item_id = await db.table("items", key=int).insert(Item(name="lamp"))
        """
        record, timeout = _record(record, fields)
        key = (await self._target.write(op.INSERT, timeout, self.name, record))[2]
        return key if self._key is None else key_of(self._key, key)

    @overload
    async def upsert(self, record: Record, /, *, timeout: TimeLimit = ...) -> K: ...
    @overload
    async def upsert(self, /, **fields: Any) -> K: ...
    async def upsert(self, record: Any = None, /, **fields: Any) -> Any:
        """Inserts a row or, if one with its primary key exists, sets the named columns of that row.

        Returns the key.
        """
        record, timeout = _record(record, fields)
        key = (await self._target.write(op.UPSERT, timeout, self.name, record))[2]
        return key if self._key is None else key_of(self._key, key)

    async def insert_many(
        self,
        records: Iterable[Record] | AsyncIterable[Record],
        *,
        timeout: TimeLimit = None,
    ) -> int:
        """Inserts rows, all or none, and returns how many. They may name different columns.

        Raises an error whose ``index`` identifies the row.
        """
        return await send_many(self._target, op.INSERT_MANY, self.name, records, timeout)

    async def get(self, key: Key, *, timeout: TimeLimit = None) -> T | None:
        """Returns the row with this key, or ``None``."""
        # `first_of` inlined: this is the most frequent call here.
        target = self._target
        client = target.here()
        number = client.number() | self._bit
        if not number & NOW_AND_THEN:
            await pause()
        limit = None if timeout is None else millis(timeout)
        reply = client.send((number, op.GET, target.handle, limit, self.name, key))
        if reply is None:
            reply = await client.reply_of(number, target.handle)
        rows: list[Any] = check(reply)[2]
        if not rows:
            return None
        if self._into is dict or self._into is tuple:
            return rows[0]  # type: ignore[no-any-return]
        return make_of(self._into, client.type_of(reply))(rows[0])  # type: ignore[no-any-return]

    @overload
    async def update(self, key: Key, record: Record, /, *, timeout: TimeLimit = ...) -> bool: ...
    @overload
    async def update(self, key: Key, /, **fields: Any) -> bool: ...
    async def update(self, key: Key, record: Any = None, /, **fields: Any) -> bool:
        """Sets the named columns of a row and returns whether there is such a row.

        Without columns it returns ``False`` and changes nothing.
        """
        record, timeout = _record(record, fields)
        return bool((await self._target.write(op.UPDATE, timeout, self.name, key, record))[2])

    @overload
    async def update_many(self, keys: Iterable[Key], record: Record, /, *, timeout: TimeLimit = ...) -> int: ...
    @overload
    async def update_many(self, keys: Iterable[Key], /, **fields: Any) -> int: ...
    async def update_many(self, keys: Iterable[Key], record: Any = None, /, **fields: Any) -> int:
        """Sets the named columns of many rows, all or none, and returns how many rows there were.

        Unknown keys are ignored, and a key given twice counts once.
        """
        record, timeout = _record(record, fields)
        return int((await self._target.write(op.UPDATE_MANY, timeout, self.name, _list(keys), record))[2])

    async def delete(self, key: Key, *, timeout: TimeLimit = None) -> bool:
        """Deletes a row and returns whether there was one."""
        return bool((await self._target.write(op.DELETE, timeout, self.name, key))[2])

    def select(self) -> Select[T]:
        """Starts a selection of rows, with filters, an order, a limit and an offset."""
        return Select(self._target, self.name, self._into)

    async def count(self, *, timeout: TimeLimit = None) -> int:
        """Returns the number of rows."""
        return await self.select().count(timeout=timeout)

    def stream(self, *, timeout: TimeLimit = None) -> RowStream[T]:
        """Streams all rows, one after another, in the order of their keys."""
        return RowStream(self._target, op.TABLE_STREAM, (self.name,), self._into, timeout)

    async def transfer(self, column: str, transfers: Iterable[Transfer], *, timeout: TimeLimit = None) -> None:
        """Moves amounts between rows: each is subtracted from a column of one row and added to that of another.

        All or none. Raises ``NotFound`` if a row does not exist, and ``CheckViolation`` or another error if a
        constraint refuses; then ``index`` identifies the transfer, and nothing is changed::

            await db.table("accounts").transfer("balance", [(1, 2, 50)])
        """
        await self._target.call(op.TRANSFER, timeout, self.name, column, _list(transfers))


def _list(items: Any) -> list[Any]:
    if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
        raise InvalidArgument(f"expected a list, not a {type(items).__name__}")
    return list(items)


def _record(record: Any, fields: dict[str, Any]) -> tuple[Any, TimeLimit]:
    """Returns the record and the time limit of a call."""
    if record is None:
        return fields, None
    timeout = fields.pop("timeout", None)
    if fields:
        raise InvalidArgument("a record must be an object or a mapping, or keywords, not both")
    return record, timeout
