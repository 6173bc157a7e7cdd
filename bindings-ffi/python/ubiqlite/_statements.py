"""What runs queries and statements: a database, a session, a transaction, a savepoint, a snapshot."""

from __future__ import annotations

from asyncio import get_running_loop
from collections.abc import AsyncIterable, Iterable, Sequence
from marshal import dumps, loads
from typing import Any, NamedTuple, TypeVar, Union, overload

from . import _ops as op
from ._into import shape
from ._library import MALFORMED
from ._link import Link, Reply, check
from ._many import send_many
from ._pause import NOW_AND_THEN, pause
from ._place import Place, TimeLimit, millis
from ._row import Row, row_type
from ._values import Params
from .errors import error_of
from .select import first_row
from .stream import RowStream
from .table import Table

T = TypeVar("T")


class Executed(NamedTuple):
    """What a statement did."""

    rows_changed: int
    """How many rows it inserted, updated or deleted, those of triggers not counted."""
    last_row_id: int
    """The rowid of the last row inserted on its connection."""


Statement = Union[str, "tuple[str]", "tuple[str, Params]"]
"""A statement of a batch: SQL, or (SQL, parameters)."""


class Reader:
    """What runs queries.

    ``params`` are a sequence by position or a mapping by name. ``timeout`` is in seconds;
    a call past it fails with ``Timeout``, and nothing has happened.

    ``into`` is what a row becomes: ``Row`` if it is missing; ``dict`` and ``tuple``, which
    are made fastest; or any class that takes the columns by name, as a dataclass does.
    """

    __slots__ = ("_place",)

    def __init__(self, place: Place) -> None:
        self._place = place

    @overload
    async def query(self, sql: str, params: Params = ..., *, timeout: TimeLimit = ...) -> list[Row]: ...
    @overload
    async def query(self, sql: str, params: Params = ..., *, into: type[T], timeout: TimeLimit = ...) -> list[T]: ...
    async def query(self, sql: str, params: Params = None, *, into: Any = None, timeout: TimeLimit = None) -> Any:
        """Runs a query and answers all its rows.

        Raises those of SQLite by kind; ``InvalidArgument`` if the parameters do not fit::

            items = await db.query("SELECT * FROM items WHERE status = ?", ("new",), into=Item)
        """
        bit, make = shape(into)
        link, reply = await self._ask(op.QUERY, bit, sql, params, timeout)
        rows = reply[2]
        if not rows or into is tuple or into is dict:
            return rows
        return list(map(link.type_of(reply) if make is None else make, rows))

    @overload
    async def query_one(self, sql: str, params: Params = ..., *, timeout: TimeLimit = ...) -> Row: ...
    @overload
    async def query_one(self, sql: str, params: Params = ..., *, into: type[T], timeout: TimeLimit = ...) -> T: ...
    async def query_one(self, sql: str, params: Params = None, *, into: Any = None, timeout: TimeLimit = None) -> Any:
        """Runs a query and answers its first row. Raises ``NotFound`` if there is none."""
        # `_ask`, `Link.send` and `shape` written out: this is the call that is made most.
        place = self._place
        link = place.link
        if link.loop is not get_running_loop():
            link = place.switch()
        link.last = number = link.last + 1
        if number >= _RENUMBER:
            number = link.renumber()
        if not number & NOW_AND_THEN:
            await pause()
        make = None
        if into is not None:
            bit, make = shape(into)
            number |= bit
        limit = None if timeout is None else millis(timeout)
        request: Any = (number, op.QUERY_ONE, place.handle, limit, sql, params)
        try:
            data = dumps(request, 2)
            length = link.call(link.short, data, len(data))
        except ValueError:
            length = MALFORMED
        if length > 0:
            reply = loads(link.buffer)
        else:
            reply = None if length == 0 else link.other(request, length)
            if reply is None:
                reply = await link.answer(number, place.handle)
        if reply[1] == op.ERROR:
            raise error_of(reply[2])
        row = reply[2][0]
        if into is None:
            if reply[4] is None:
                return link.types[reply[3]](row)
            return (link.learn(reply) if length > 0 else row_type(reply[4]))(row)
        if length > 0 and reply[4] is not None:
            # They are told once, and the next one may want them.
            link.learn(reply)
        return row if make is None else make(row)

    @overload
    async def query_optional(self, sql: str, params: Params = ..., *, timeout: TimeLimit = ...) -> Row | None: ...
    @overload
    async def query_optional(
        self, sql: str, params: Params = ..., *, into: type[T], timeout: TimeLimit = ...
    ) -> T | None: ...
    async def query_optional(
        self, sql: str, params: Params = None, *, into: Any = None, timeout: TimeLimit = None
    ) -> Any:
        """Runs a query and answers its first row, or ``None`` if there is none."""
        bit, _ = shape(into)
        link, reply = await self._ask(op.QUERY_OPTIONAL, bit, sql, params, timeout)
        return first_row(link, reply, into)

    async def query_value(self, sql: str, params: Params = None, *, timeout: TimeLimit = None) -> Any:
        """Runs a query and answers the first value of its first row. Raises ``NotFound`` if there is none::

        count = await db.query_value("SELECT count(*) FROM items")
        """
        _, reply = await self._ask(op.QUERY_VALUE, 0, sql, params, timeout)
        return reply[2][0][0]

    @overload
    def stream(self, sql: str, params: Params = ..., *, timeout: TimeLimit = ...) -> RowStream[Row]: ...
    @overload
    def stream(self, sql: str, params: Params = ..., *, into: type[T], timeout: TimeLimit = ...) -> RowStream[T]: ...
    def stream(self, sql: str, params: Params = None, *, into: Any = None, timeout: TimeLimit = None) -> Any:
        """The rows of a query one after another, with memory for a few pages.

        Leaving the loop ends the query. ``timeout`` is for each wait for rows::

            async for row in db.stream("SELECT * FROM items"):
                print(row["name"])
        """
        return RowStream(self._place, op.STREAM, (sql, params), into, timeout)

    @overload
    def table(self, name: str) -> Table[Row]: ...
    @overload
    def table(self, name: str, *, into: type[T]) -> Table[T]: ...
    def table(self, name: str, *, into: Any = None) -> Any:
        """A table, for operations on its rows without SQL. Its rows become ``into``."""
        return Table(self._place, name, into)

    async def _ask(self, operation: int, bit: int, sql: str, params: Params, timeout: TimeLimit) -> tuple[Link, Reply]:
        place = self._place
        link = place.link
        if link.loop is not get_running_loop():
            link = place.switch()
        number = link.number() | bit
        if not number & NOW_AND_THEN:
            await pause()
        limit = None if timeout is None else millis(timeout)
        reply = link.send((number, operation, place.handle, limit, sql, params))
        if reply is None:
            reply = await link.answer(number, place.handle)
        return link, check(reply)


_RENUMBER = 1 << 30


class Statements(Reader):
    """What also runs statements that write."""

    __slots__ = ()

    async def execute(self, sql: str, params: Params = None, *, timeout: TimeLimit = None) -> Executed:
        """Runs one statement and answers the rows changed and the last rowid.

        Raises those of SQLite by kind; ``InvalidArgument`` if the parameters do not fit, for several
        statements in one text, and for statements that would change the connection under others
        (``BEGIN``, ``ATTACH``, …)::

            await db.execute("UPDATE items SET status = :status WHERE id = :id", {"status": "done", "id": 7})
        """
        reply = await self._place.write(op.EXECUTE, timeout, sql, params)
        return Executed(reply[2], reply[3])

    async def execute_many(
        self,
        sql: str,
        rows: Iterable[Params] | AsyncIterable[Params],
        *,
        timeout: TimeLimit = None,
    ) -> int:
        """Runs one statement for each item of an iterable: all or none. Answers the rows changed.

        The iterable may be asynchronous, and endless for all the memory it takes. Raises an error whose
        ``index`` tells the item::

            await db.execute_many("INSERT INTO items (id, name) VALUES (?, ?)", [(1, "lamp"), (2, "chair")])
        """
        return await send_many(self._place, op.EXECUTE_MANY, sql, rows, timeout)

    async def batch(self, statements: str | Sequence[Statement], *, timeout: TimeLimit = None) -> list[Executed]:
        """Runs a script, or a list of statements with their parameters: all or none.

        Answers what each did; a script counts as one. Raises an error whose ``index`` tells the statement::

            await db.batch("CREATE TABLE a (x); CREATE TABLE b (y);")
            await db.batch([("INSERT INTO a VALUES (?)", (1,)), "DELETE FROM b"])
        """
        reply = await self._place.call(op.BATCH, timeout, statements)
        return [Executed(*numbers) for numbers in reply[2]]
