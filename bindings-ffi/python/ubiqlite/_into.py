"""Conversion of rows with ``into``: a plan for each class and list of columns, made once."""

from __future__ import annotations

import inspect
from typing import Any, Callable, TypeVar, Union, get_args, get_origin

from ._cells import Reader, Unfit, as_it_is, told
from ._hints import bare
from ._library import DICTS
from ._models import Field, Model, describe, is_complete
from ._pause import Yielder
from ._plans import Make, compiled, mismatch, missing, of_column
from ._readers import reader_of, tuple_of
from ._row import Row, place_of
from .errors import DatatypeMismatch, InvalidArgument

T = TypeVar("T")

Into = Union[type[T], Callable[..., T]]
"""What rows become: a class, or a function that makes a ``T`` from a row's columns."""

_MOST = 1024
_AT_ONCE = 256
_makes: dict[tuple[Any, type[Row]], Make] = {}
_values: dict[Any, Reader] = {}


def _exactly(into: Any) -> Any:
    """Returns the cache key of ``into``: unions in a different order are equal, but are read in their own order."""
    # Most are plain classes.
    return into if type(into) is type else (into, *map(_exactly, get_args(into)))


def bit_of(into: Any) -> int:
    """Returns the bit of a request that asks for these rows. Raises ``InvalidArgument`` if they can't be ``into``."""
    if into is None or into is tuple:
        return 0
    if into is dict:
        return DICTS
    if not callable(into) and get_origin(into) is None:
        raise InvalidArgument(
            f"`into` must be dict, tuple, a class, or a function that takes the columns by name, not {told(into)}"
        )
    return 0


def make_of(into: Any, kind: type[Row]) -> Make:
    """Returns the function that converts a row with these columns to ``into``. Rows for ``dict`` are dicts already."""
    if into is None:
        return kind
    exactly = _exactly(into)
    try:
        known = _makes.get((exactly, kind))
    except TypeError:
        # It has no hash.
        return _plan(into, kind)
    if known is None:
        known = _plan(into, kind)
        # Functions are often created again for each call.
        if (isinstance(into, type) or get_origin(into) is not None) and is_complete(into):
            if len(_makes) >= _MOST:
                _makes.clear()
            _makes[exactly, kind] = known
    return known


async def all_made(make: Make, rows: list[Any]) -> list[Any]:
    """Converts all rows. If there are many, other tasks on the loop run in between."""
    if len(rows) <= _AT_ONCE:
        return list(map(make, rows))
    turn = Yielder()
    done: list[Any] = []
    for start in range(0, len(rows), _AT_ONCE):
        done.extend(map(make, rows[start : start + _AT_ONCE]))
        await turn.over()
    return done


def value_of(into: Any, value: Any, name: str) -> Any:
    """Converts one value to ``into``. ``name`` is that of its column, for the error."""
    exactly = _exactly(into)
    has_hash = True
    try:
        read = _values.get(exactly)
    except TypeError:
        read, has_hash = None, False
    if read is None:
        bit_of(into)
        read = reader_of(into)
        if read is as_it_is and callable(into) and into is not object and into is not Any:
            # A function, or a class that converts the value itself.
            read = into
        elif has_hash and (get_origin(into) is not None or isinstance(into, type)):
            if len(_values) >= _MOST:
                _values.clear()
            _values[exactly] = read
    try:
        return read(value)
    except Unfit as unfit:
        raise mismatch(name, str(unfit)) from unfit.__cause__


def key_of(into: Any, key: Any) -> Any:
    """Converts the key of a row that was written to ``into``."""
    try:
        return value_of(into, key, "the key") if get_origin(into) is not tuple else _composite(into)(key)
    except (DatatypeMismatch, Unfit) as error:
        raise DatatypeMismatch(f"the row was written, but its key is {told(key)}: {error}") from None


def _composite(into: Any) -> Reader:
    return tuple_of(get_args(into), "key", nested=False)


def _plan(into: Any, kind: type[Row]) -> Make:
    columns = kind.columns
    if into is Row:
        return kind
    wanted = bare(into)
    origin = get_origin(wanted)
    arguments = get_args(wanted)
    model = describe(wanted)
    if model is not None and not getattr(origin or wanted, "__pydantic_root_model__", False):
        return compiled(model, columns)
    if origin in (tuple, list) and arguments:
        return _by_place(origin, arguments, columns)
    if origin is dict:
        read = as_it_is if len(arguments) < 2 else reader_of(arguments[1])
        readers = [of_column(name, read) for name in columns]
        return lambda row: {name: read(value) for name, read, value in zip(columns, readers, row)}
    if wanted in (list, set, frozenset):
        make: Make = wanted
        return make
    is_mapping = isinstance(wanted, type) and issubclass(wanted, dict)
    if origin is not None or model is not None or (not is_mapping and reader_of(wanted) is not as_it_is):
        return _only_value(wanted, columns)
    return _by_signature(into, kind)


def _only_value(wanted: Any, columns: tuple[str, ...]) -> Make:
    """Plans to return the value of a row with one column."""
    if len(columns) != 1:
        what = getattr(wanted, "__name__", wanted)
        raise InvalidArgument(
            f"a row of {len(columns)} columns can't be read as one {what}; select one, or name a class"
        )
    read = of_column(columns[0], reader_of(wanted))
    return lambda row: read(row[0])


def _by_place(origin: Any, arguments: tuple[Any, ...], columns: tuple[str, ...]) -> Make:
    if origin is list or arguments[-1] is ...:
        arguments = (arguments[0],) * len(columns)
    if len(arguments) != len(columns):
        raise InvalidArgument(f"a row of {len(columns)} columns can't be read as a tuple of {len(arguments)}")
    readers = [of_column(name, reader_of(each)) for name, each in zip(columns, arguments)]
    return lambda row: origin([read(value) for read, value in zip(readers, row)])


def _by_signature(into: Any, kind: type[Row]) -> Make:
    """Plans to call a function, or an otherwise unknown class, with the columns that it has parameters for."""
    columns = kind.columns
    try:
        parameters = list(inspect.signature(into).parameters.values())
    except (TypeError, ValueError):
        # A C function without a signature.
        return lambda row: into(**dict(zip(columns, row)))
    of_place = [it for it in parameters if it.kind is it.POSITIONAL_ONLY]
    required = [
        it for it in parameters if it.default is it.empty and it.kind not in (it.VAR_POSITIONAL, it.VAR_KEYWORD)
    ]
    takes_all = any(it.kind is it.VAR_KEYWORD for it in parameters)
    if len(required) == 1 and not takes_all:
        only = required[0]
        if only.kind is not only.KEYWORD_ONLY and (only in of_place or place_of(columns, only.name) is None):
            # It takes the whole row.
            return lambda row: into(kind(row))
    if any(it.kind is it.VAR_POSITIONAL for it in parameters) and not required and not takes_all:
        return lambda row: into(*row)
    if len(of_place) > 1 and len(of_place) == len(parameters):
        return lambda row: into(*row)
    named = [it for it in parameters if it.kind in (it.POSITIONAL_OR_KEYWORD, it.KEYWORD_ONLY)]
    name = getattr(into, "__name__", type(into).__name__)
    if isinstance(into, type):
        by_place = [it.kind is it.POSITIONAL_OR_KEYWORD for it in named]
        fields = [Field(it.name, (it.name,), Any, it.default is it.empty, at) for it, at in zip(named, by_place)]
        return compiled(Model(name, into, tuple(fields), takes_all), columns)
    places = {it.name: place_of(columns, it.name) for it in named}
    for it in required:
        if places[it.name] is None:
            raise missing(name, it.name, columns)
    given = [(name, place) for name, place in places.items() if place is not None]
    if takes_all:
        taken = {place for _, place in given}
        given += [(name, place) for place, name in enumerate(columns) if place not in taken]
    return lambda row: into(**{name: row[place] for name, place in given})
