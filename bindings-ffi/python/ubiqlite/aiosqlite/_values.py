"""Values and rows by the rules of the standard ``sqlite3`` module."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Callable, Optional

__all__ = ["Row", "Shape", "adapted", "converted", "factory_for"]

_PLAIN = (int, float, str, bytearray)
"""Types that need no adapter lookup, unless one of them has an adapter: then all are looked up."""
_ADAPTABLE = (*_PLAIN, bool, bytes, type(None))
_adapters: dict[Any, Any] = sqlite3.adapters
_known = 0
_plain: tuple[type, ...] = _PLAIN
_special = False
_NEW = sys.version_info >= (3, 11)


def special() -> bool:
    """Returns whether types that SQLite takes directly have adapters: then each value must be checked."""
    global _known, _plain, _special
    if len(_adapters) != _known:
        _known = len(_adapters)
        has = {kind for kind, protocol in _adapters if protocol is sqlite3.PrepareProtocol}
        _special = not has.isdisjoint(_ADAPTABLE)
        _plain = () if not has.isdisjoint(_PLAIN) else _PLAIN
    return _special


def adapted(parameters: Any) -> Any:
    """Converts parameters to SQLite's values, with the registered adapters."""
    if isinstance(parameters, Mapping):
        return dict(_named(parameters))
    if hasattr(parameters, "__getitem__") and hasattr(parameters, "__missing__"):
        return dict(parameters)
    if not isinstance(parameters, (Sequence, Iterable)):
        raise sqlite3.ProgrammingError("parameters are of unsupported type")
    return tuple(adapt(value, index + _NEW) for index, value in enumerate(parameters))


def _named(parameters: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in parameters.items():
        name = str.__str__(key) if isinstance(key, str) else str(key)
        # A parameter that the statement does not use may fail to convert.
        with contextlib.suppress(Exception):
            yield name, adapt(value, f":{name}")


def missing(message: str) -> Optional[str]:
    """Returns the name of the parameter that the engine's error reports as missing."""
    found = _MISSING.search(message)
    return None if found is None else found[1]


_MISSING = re.compile(r"did not supply a value for binding parameter :(.+)\.$")


def adapt(value: Any, place: Any) -> Any:
    """Converts a value to one of SQLite's, with the registered adapters."""
    special()
    if type(value) not in _plain:
        value = sqlite3.adapt(value, sqlite3.PrepareProtocol, value)
    if value is None:
        return None
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 63:
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        # An unpaired surrogate is not valid text: this raises the error that says so.
        value.encode()
        return str.__str__(value)
    try:
        return bytes(memoryview(value))
    except TypeError:
        pass
    if _NEW:
        raise sqlite3.ProgrammingError(
            f"Error binding parameter {place}: type '{type(value).__name__}' is not supported"
        )
    raise sqlite3.InterfaceError(f"Error binding parameter {place} - probably unsupported type.")


class Shape:
    """The shape of a statement's rows."""

    __slots__ = ("_template", "converters", "declared", "description", "names")

    def __init__(self, names: tuple[str, ...], declared: tuple[Optional[str], ...], detect_types: int) -> None:
        converters = [_converter(*column, detect_types) for column in zip(names, declared)]
        self.converters = converters if any(converters) else None
        if detect_types & sqlite3.PARSE_COLNAMES:
            names = tuple(name.split(" [", 1)[0] for name in names)
        self.names = names
        self.declared = declared
        self.description = tuple((name, None, None, None, None, None, None) for name in names)
        self._template: Optional[sqlite3.Cursor] = None

    def template(self) -> sqlite3.Cursor:
        """Returns a cursor of the standard module with these column names, to make a ``sqlite3.Row`` with."""
        if self._template is None:
            columns = ", ".join('NULL AS "{}"'.format(name.replace('"', '""')) for name in self.names)
            # Its connection is a separate one, in memory, which never touches a file. The cursor
            # still knows its columns after the connection is closed.
            connection = sqlite3.connect(":memory:")
            self._template = connection.execute(f"SELECT {columns} LIMIT 0")
            connection.close()
        return self._template


class Row(sqlite3.Row):
    """A row that is a tuple with names: a :class:`sqlite3.Row` that this package's cursors can make, too."""

    def __new__(cls, cursor: Any, data: tuple[Any, ...], /) -> Row:
        shape = getattr(cursor, "_shape", None)
        return super().__new__(cls, cursor if shape is None else shape.template(), data)


def _converter(name: str, declared: Optional[str], detect_types: int) -> Optional[Callable[[bytes], Any]]:
    known: Mapping[str, Callable[[bytes], Any]] = sqlite3.converters
    if detect_types & sqlite3.PARSE_COLNAMES and "[" in name:
        key = name[name.index("[") + 1 :].split("]", 1)[0]
        found = known.get(key.upper())
        if found is not None:
            return found
    if detect_types & sqlite3.PARSE_DECLTYPES and declared:
        key = declared.split("(", 1)[0].split(" ", 1)[0]
        return known.get(key.upper())
    return None


def factory_for(cursor: Any, shape: Shape, factory: Any) -> Callable[[tuple[Any, ...]], Any]:
    """Returns the function that makes a row from a tuple."""
    if isinstance(factory, type) and issubclass(factory, sqlite3.Row):
        return partial(factory, shape.template())
    return partial(factory, cursor)


def converted(rows: list[tuple[Any, ...]], shape: Shape, text_factory: Any) -> list[tuple[Any, ...]]:
    """Applies the text factory and the converters to rows, in which texts are tuples of bytes."""
    converters = shape.converters or (None,) * len(shape.names)
    out = []
    for row in rows:
        values = []
        for value, convert, name in zip(row, converters, shape.names):
            if convert is not None and value is not None:
                raw = _raw(value)
                # As in `sqlite3`, where an empty value has no bytes to convert.
                value = convert(raw) if raw else None
            elif type(value) is tuple:
                value = _text(value[0], text_factory, name)
            elif type(value) is str:
                # The factory was set after the statement ran.
                value = _text(value.encode(), text_factory, name)
            values.append(value)
        out.append(tuple(values))
    return out


def _raw(value: Any) -> bytes:
    if type(value) is tuple:
        return bytes(value[0])
    if isinstance(value, bytes):
        return value
    return str(value).encode()


def _text(raw: bytes, factory: Any, name: str) -> Any:
    if factory is str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            text = raw.decode(errors="replace")
            raise sqlite3.OperationalError(f"Could not decode to UTF-8 column '{name}' with text '{text}'") from None
    return raw if factory is bytes else factory(raw)
