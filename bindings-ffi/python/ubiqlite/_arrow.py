"""Queries whose results are Arrow tables, for Polars, pandas, pyarrow, DuckDB and others.

None of these packages is needed here: a result has the methods of the `Arrow PyCapsule interface
<https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html>`_, which they
all read, without a copy. The rows become columns in the library, on the thread that runs
the statement: the event loop and the GIL are free in the meantime.
"""

from __future__ import annotations

import ctypes
import json
from marshal import dumps
from typing import Any, Optional

from . import _fork, _library
from . import _ops as op
from ._client import EngineClient, check, closed
from ._requests import converted
from ._target import CallTarget, TimeLimit, millis
from ._values import Params
from .errors import Internal

_query = _library._holding.ubiqlite_arrow_query
_query.argtypes = (ctypes.c_uint64, ctypes.c_char_p, ctypes.c_size_t)
_query.restype = ctypes.c_int64

_names = _library._holding.ubiqlite_arrow_names
_names.argtypes = (ctypes.c_int64, ctypes.c_void_p, ctypes.c_size_t)
_names.restype = ctypes.c_int64

# Each makes a Python object while holding the GIL.
_stream = _library._holding.ubiqlite_arrow_stream
_stream.argtypes = (ctypes.c_int64,)
_stream.restype = ctypes.py_object

_schema = _library._holding.ubiqlite_arrow_schema
_schema.argtypes = (ctypes.c_int64,)
_schema.restype = ctypes.py_object

# Without the GIL: freeing the memory of a large table takes time.
_release = _library._releasing.ubiqlite_arrow_release
_release.argtypes = (ctypes.c_int64,)
_release.restype = None


def _introduce() -> None:
    """Gives the library, which is not linked with Python, the addresses of Python's capsule functions."""
    addresses = (ctypes.pythonapi.PyCapsule_New, ctypes.pythonapi.PyCapsule_GetPointer)
    function = _library._holding.ubiqlite_arrow_python
    function.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    function.restype = None
    function(*(ctypes.cast(address, ctypes.c_void_p) for address in addresses))


_introduce()


def _send(client: EngineClient, data: bytes) -> int:
    if client.traces is not None and client.is_traced:
        data = client.traces.flagged(data)
    return int(_query(client._raw, data, len(data)))


class ArrowTable:
    """The whole result of a query as an Arrow table in memory, from ``query_arrow()``.

    Any reader of the Arrow PyCapsule interface accepts it, any number of times, and none
    needs a copy: ``polars.DataFrame(found)``, ``pyarrow.table(found)``,
    ``pandas.DataFrame.from_arrow(found)``, ``duckdb.sql("SELECT … FROM found")``. Data
    taken from it stays valid after the table and the database are gone.
    """

    __slots__ = ("__weakref__", "_column_names", "_number", "_num_rows")

    def __init__(self, number: int) -> None:
        self._number = number
        self._num_rows = 0
        self._column_names: Optional[list[str]] = None

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return self._num_rows

    @property
    def num_columns(self) -> int:
        """How many columns there are."""
        return len(self._names())

    @property
    def column_names(self) -> list[str]:
        """The names of the columns; if several share a name, the later ones are ``name:2`` and so on."""
        return list(self._names())

    def _names(self) -> list[str]:
        names = self._column_names
        if names is None:
            room = 1 << 12
            while True:
                buffer = ctypes.create_string_buffer(room)
                length: int = _names(self._number, buffer, room)
                if length > _library.NEEDS_ROOM:
                    break
                room = _library.NEEDS_ROOM - length
            if length < 0:
                raise Internal(f"the library has lost a result ({length}): this is a defect")
            self._column_names = names = [str(name) for name in json.loads(buffer.raw[:length])]
        return names

    def __len__(self) -> int:
        return self._num_rows

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Returns a new capsule with all rows, in the types of the table: ``requested_schema`` is ignored."""
        return _stream(self._number)

    def __arrow_c_schema__(self) -> object:
        """Returns a new capsule with the names and types of the columns."""
        return _schema(self._number)

    def __repr__(self) -> str:
        return f"<ArrowTable: {self._num_rows} rows of {', '.join(map(repr, self._names()))}>"

    # Bound here: the module's names are gone when the interpreter ends.
    def __del__(self, _release: Any = _release) -> None:
        _release(self._number)


class ArrowQueries:
    """Runs queries whose results are Arrow tables."""

    __slots__ = ()

    _target: CallTarget

    async def query_arrow(self, sql: str, params: Params = None, *, timeout: TimeLimit = None) -> ArrowTable:
        """Runs a query and returns all its rows as an Arrow table.

        A column has the type of its values over all rows: ``int64``, ``double``, ``string`` or ``binary``;
        integers mixed with reals become reals. A column with only ``NULL``\\ s has the type that its declared
        type implies, or Arrow's ``null``. Dates, booleans and JSON keep the type SQLite stores them as.

        Raises what :meth:`query` does, and ``DatatypeMismatch`` for a column that has values of several types, an
        integer among reals that no real equals, or text that is not UTF-8. The error names the column, and the
        row by ``index``. ``CAST`` in the query makes it one type::

            frame = polars.DataFrame(await db.query_arrow("SELECT * FROM items WHERE price > ?", (10,)))
        """
        _fork.check()
        target = self._target
        client = target.here()
        number = client.number()
        request: Any = (number, op.QUERY, target.handle, millis(timeout), sql, params)
        result = _library.MALFORMED
        try:
            data = dumps(request, 2)
            result = _send(client, data)
        except ValueError:
            pass
        if result == _library.MALFORMED:
            result = _send(client, dumps(converted(request), 2))
        if result == _library.GONE:
            raise closed()
        if result <= 0:
            raise Internal(f"the library refused a query ({result}): this is a defect")
        table = ArrowTable(result)
        reply = check(await client.reply_of(number, target.handle))
        table._num_rows = reply[2]
        return table
