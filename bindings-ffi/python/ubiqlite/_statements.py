"""The methods that run queries and statements, for databases, sessions, transactions, savepoints and snapshots."""

from __future__ import annotations

from asyncio import get_running_loop
from collections.abc import AsyncIterable, Iterable, Sequence
from marshal import dumps, loads
from typing import Any, NamedTuple, TypeVar, Union, overload

from . import _ops as op
from ._arrow import ArrowQueries
from ._client import EngineClient, Reply, check
from ._into import Into, all_made, bit_of, make_of, value_of
from ._library import MALFORMED
from ._many import send_many
from ._pause import NOW_AND_THEN, pause
from ._row import Row, row_type
from ._target import CallTarget, TimeLimit, millis
from ._values import Params
from .errors import error_of
from .run_result import RunResult, run_result
from .select import first_row
from .stream import RowStream
from .table import Table

T = TypeVar("T")
K = TypeVar("K")


class Executed(NamedTuple):
    """What a statement did."""

    rows_changed: int
    """How many rows it inserted, updated or deleted, not counting those of triggers."""
    last_row_id: int
    """The rowid of the last row inserted on its connection."""


Statement = Union[str, "tuple[str]", "tuple[str, Params]"]
"""A statement of a batch: SQL, or (SQL, parameters)."""


class Reader(ArrowQueries):
    """Runs queries.

    ``params`` is a sequence by position or a mapping by name. ``timeout`` is in seconds;
    a call that exceeds it fails with ``Timeout``, and nothing has happened.

    ``into`` is what a row becomes:

    - ``Row`` if it is omitted; ``dict`` and ``tuple``, which are the fastest to make;
    - a dataclass, a named or typed tuple, a ``TypedDict``, a pydantic or msgspec model, an
      attrs class: by the names of its fields; a dataclass's field may have another name than its
      column, with ``field(metadata={"column": "first name"})``. A column without a field is ignored, and a field
      without a column gets its default. Values are converted to the fields' annotations, and
      anything that is not a single value (a list, a dict, another class) is read from JSON text;
    - the type of the only column: ``int``, ``datetime``, an ``Enum``;
    - a function that takes the columns by name, as they are stored, or the ``Row`` as its only
      argument. Exceptions it raises propagate unchanged.

    A value that does not fit raises ``DatatypeMismatch``, which names the column.
    """

    __slots__ = ("_target",)

    def __init__(self, target: CallTarget) -> None:
        self._target = target

    @overload
    async def query(self, sql: str, params: Params = ..., *, timeout: TimeLimit = ...) -> list[Row]: ...
    @overload
    async def query(self, sql: str, params: Params = ..., *, into: Into[T], timeout: TimeLimit = ...) -> list[T]: ...
    async def query(self, sql: str, params: Params = None, *, into: Any = None, timeout: TimeLimit = None) -> Any:
        """Runs a query and returns all its rows.

        Raises SQLite's errors by kind; ``InvalidArgument`` if the parameters do not fit::

            items = await db.query("SELECT * FROM items WHERE status = ?", ("new",), into=Item)
        """
        client, reply = await self._ask(op.QUERY, bit_of(into), sql, params, timeout)
        rows = reply[2]
        if not rows or into is tuple or into is dict:
            return rows
        return await all_made(make_of(into, client.type_of(reply)), rows)

    @overload
    async def query_one(self, sql: str, params: Params = ..., *, timeout: TimeLimit = ...) -> Row: ...
    @overload
    async def query_one(self, sql: str, params: Params = ..., *, into: Into[T], timeout: TimeLimit = ...) -> T: ...
    async def query_one(self, sql: str, params: Params = None, *, into: Any = None, timeout: TimeLimit = None) -> Any:
        """Runs a query and returns its first row. Raises ``NotFound`` if there is none."""
        # `_ask` and `EngineClient.send` inlined: this is the most frequent call.
        target = self._target
        client = target.client
        if client.loop is not get_running_loop():
            client = target.switch()
        client.last = number = client.last + 1
        if number >= _RENUMBER:
            number = client.renumber()
        if not number & NOW_AND_THEN:
            await pause()
        if into is not None:
            number |= bit_of(into)
        limit = None if timeout is None else millis(timeout)
        request: Any = (number, op.QUERY_ONE, target.handle, limit, sql, params)
        try:
            data = dumps(request, 2)
            length = client.call(client.short, data, len(data))
        except ValueError:
            length = MALFORMED
        if length > 0:
            reply = loads(client.buffer)
        else:
            reply = None if length == 0 else client.other(request, length)
            if reply is None:
                reply = await client.reply_of(number, target.handle)
        if reply[1] == op.ERROR:
            raise error_of(reply[2])
        row = reply[2][0]
        if into is None:
            if reply[4] is None:
                return client.types[reply[3]](row)
            return (client.learn(reply) if length > 0 else row_type(reply[4]))(row)
        if length > 0 and reply[4] is not None:
            # The columns are sent only once, and the next call may need them.
            client.learn(reply)
        return row if into is dict or into is tuple else make_of(into, client.type_of(reply))(row)

    @overload
    async def query_optional(self, sql: str, params: Params = ..., *, timeout: TimeLimit = ...) -> Row | None: ...
    @overload
    async def query_optional(
        self, sql: str, params: Params = ..., *, into: Into[T], timeout: TimeLimit = ...
    ) -> T | None: ...
    async def query_optional(
        self, sql: str, params: Params = None, *, into: Any = None, timeout: TimeLimit = None
    ) -> Any:
        """Runs a query and returns its first row, or ``None`` if there is none."""
        client, reply = await self._ask(op.QUERY_OPTIONAL, bit_of(into), sql, params, timeout)
        return first_row(client, reply, into)

    @overload
    async def query_value(self, sql: str, params: Params = ..., *, timeout: TimeLimit = ...) -> Any: ...
    @overload
    async def query_value(self, sql: str, params: Params = ..., *, into: Into[T], timeout: TimeLimit = ...) -> T: ...
    async def query_value(self, sql: str, params: Params = None, *, into: Any = None, timeout: TimeLimit = None) -> Any:
        """Runs a query and returns the first value of its first row. Raises ``NotFound`` if there is none.

        ``into`` is its type. ``NULL`` is not an ``int``: ``Optional[int]`` accepts both::

            count = await db.query_value("SELECT count(*) FROM items", into=int)
        """
        client, reply = await self._ask(op.QUERY_VALUE, 0, sql, params, timeout)
        value = reply[2][0][0]
        return value if into is None else value_of(into, value, client.type_of(reply).columns[0])

    @overload
    async def run(self, sql: str, params: Params = ..., *, timeout: TimeLimit = ...) -> RunResult[Row]: ...
    @overload
    async def run(self, sql: str, params: Params = ..., *, into: Into[T], timeout: TimeLimit = ...) -> RunResult[T]: ...
    async def run(self, sql: str, params: Params = None, *, into: Any = None, timeout: TimeLimit = None) -> Any:
        """Runs one statement of any kind and returns everything it reports.

        That is the columns with their declared types, the rows, the rows changed and the last rowid: what a
        query builder needs, since it does not know whether a statement reads. Raises SQLite's errors by kind;
        ``InvalidArgument`` if the parameters do not fit; ``ReadOnly`` for a statement that writes in a snapshot::

            done = await db.run("INSERT INTO items (name) VALUES (?) RETURNING id", ("lamp",))
            print(done.columns[0].name, done.rows, done.rows_changed, done.last_row_id)
        """
        return await run_result(self._target, sql, params, into, timeout)

    @overload
    def stream(self, sql: str, params: Params = ..., *, timeout: TimeLimit = ...) -> RowStream[Row]: ...
    @overload
    def stream(self, sql: str, params: Params = ..., *, into: Into[T], timeout: TimeLimit = ...) -> RowStream[T]: ...
    def stream(self, sql: str, params: Params = None, *, into: Any = None, timeout: TimeLimit = None) -> Any:
        """Streams the rows of a query one after another, keeping only a few pages in memory.

        Leaving the loop ends the query. ``timeout`` applies to each wait for rows::

            async for row in db.stream("SELECT * FROM items"):
                print(row["name"])
        """
        return RowStream(self._target, op.STREAM, (sql, params), into, timeout)

    @overload
    def table(self, name: str) -> Table[Row, Any]: ...
    @overload
    def table(self, name: str, *, into: Into[T]) -> Table[T, Any]: ...
    @overload
    def table(self, name: str, *, key: type[K]) -> Table[Row, K]: ...
    @overload
    def table(self, name: str, *, into: Into[T], key: type[K]) -> Table[T, K]: ...
    def table(self, name: str, *, into: Any = None, key: Any = None) -> Any:
        """Returns a table, for operations on its rows without SQL.

        Its rows become ``into``. ``key`` is the type of its keys, which ``insert`` returns: ``int``, ``UUID``,
        ``tuple[int, str]`` for a composite one. Without it, keys are returned as stored and have no static type.
        """
        return Table(self._target, name, into, key)

    async def _ask(
        self, operation: int, bit: int, sql: str, params: Params, timeout: TimeLimit
    ) -> tuple[EngineClient, Reply]:
        target = self._target
        client = target.client
        if client.loop is not get_running_loop():
            client = target.switch()
        number = client.number() | bit
        if not number & NOW_AND_THEN:
            await pause()
        limit = None if timeout is None else millis(timeout)
        reply = client.send((number, operation, target.handle, limit, sql, params))
        if reply is None:
            reply = await client.reply_of(number, target.handle)
        return client, check(reply)


_RENUMBER = 1 << 30


class Statements(Reader):
    """Runs queries, and statements that write."""

    __slots__ = ()

    async def execute(self, sql: str, params: Params = None, *, timeout: TimeLimit = None) -> Executed:
        """Runs one statement and returns the rows changed and the last rowid.

        Raises SQLite's errors by kind; ``InvalidArgument`` if the parameters do not fit, if the text has several
        statements, and for statements that would change the connection for other callers
        (``BEGIN``, ``ATTACH``, …)::

            await db.execute("UPDATE items SET status = :status WHERE id = :id", {"status": "done", "id": 7})
        """
        reply = await self._target.write(op.EXECUTE, timeout, sql, params)
        return Executed(reply[2], reply[3])

    async def execute_many(
        self,
        sql: str,
        rows: Iterable[Params] | AsyncIterable[Params],
        *,
        timeout: TimeLimit = None,
    ) -> int:
        """Runs one statement for each item of an iterable, all or none, and returns the rows changed.

        The iterable may be asynchronous, and its length does not affect memory use. Raises an error whose
        ``index`` identifies the item::

            await db.execute_many("INSERT INTO items (id, name) VALUES (?, ?)", [(1, "lamp"), (2, "chair")])
        """
        return await send_many(self._target, op.EXECUTE_MANY, sql, rows, timeout)

    async def batch(self, statements: str | Sequence[Statement], *, timeout: TimeLimit = None) -> list[Executed]:
        """Runs a script, or a list of statements with their parameters: all or none.

        Returns what each statement did; a script counts as one. Raises an error whose ``index`` identifies the
        statement::

            await db.batch("CREATE TABLE a (x); CREATE TABLE b (y);")
            await db.batch([("INSERT INTO a VALUES (?)", (1,)), "DELETE FROM b"])
        """
        reply = await self._target.call(op.BATCH, timeout, statements)
        return [Executed(*numbers) for numbers in reply[2]]
