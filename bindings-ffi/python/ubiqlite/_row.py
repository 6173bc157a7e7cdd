"""Rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, SupportsIndex, overload

from .errors import NoSuchColumn


class Row(tuple[Any, ...]):
    """A row: its values in order, each also available by its column's name.

    ``row[0]``, ``row["id"]``, ``id, name = row`` and ``dict(row)`` all work, as with
    ``sqlite3.Row``. If a statement yields a name several times, the later ones are
    ``id:2``, ``id:3``. If no name matches exactly, one in another case does, as in SQL.

    Raises ``NoSuchColumn`` (also a ``KeyError``) for a name that no column has.
    """

    __slots__ = ()

    columns: ClassVar[tuple[str, ...]] = ()
    """The names of the columns."""
    _places: ClassVar[dict[str, int]] = {}

    @overload
    def __getitem__(self, key: SupportsIndex | str, /) -> Any: ...
    @overload
    def __getitem__(self, key: slice, /) -> tuple[Any, ...]: ...
    def __getitem__(self, key: Any, /) -> Any:
        if isinstance(key, str):
            place = self._places.get(key)
            return tuple.__getitem__(self, self._place(key) if place is None else place)
        return tuple.__getitem__(self, key)

    def get(self, key: str, default: Any = None, /) -> Any:
        """Returns the value of a column, or ``default`` if there is no such column."""
        try:
            return self[key]
        except NoSuchColumn:
            return default

    def keys(self) -> tuple[str, ...]:
        """Returns the names of the columns."""
        return self.columns

    def values(self) -> tuple[Any, ...]:
        """Returns the values in order."""
        return tuple(self)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Returns the names and values in order."""
        return zip(self.columns, self)

    def __repr__(self) -> str:
        return f"Row({', '.join(f'{name}={value!r}' for name, value in self.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return row_of, (self.columns, tuple(self))

    @classmethod
    def _place(cls, key: str) -> int:
        place = place_of(cls.columns, key)
        if place is not None:
            return place
        columns = ", ".join(cls.columns)
        raise NoSuchColumn(f"no column {key!r} in this row: it has {columns}", columns=(key,))


# ASCII letters only, as in SQL.
_LOWER = {place: place + 32 for place in range(ord("A"), ord("Z") + 1)}


def _lower(name: str) -> str:
    return name.translate(_LOWER)


def place_of(columns: tuple[str, ...], key: str) -> int | None:
    """Returns the index of the column with this name: one in another case if no name matches exactly."""
    if key in columns:
        return columns.index(key)
    lower = _lower(key)
    return next((place for place, name in enumerate(columns) if _lower(name) == lower), None)


_MOST = 1024
_types: dict[tuple[str, ...], type[Row]] = {}


def row_type(columns: tuple[str, ...]) -> type[Row]:
    """Returns the type of rows with these columns. It holds the names, so that a row is just a tuple."""
    known = _types.get(columns)
    if known is None:
        if len(_types) >= _MOST:
            _types.clear()
        places = {name: place for place, name in enumerate(columns)}
        space = {"__slots__": (), "__module__": Row.__module__, "columns": columns, "_places": places}
        known = _types[columns] = type("Row", (Row,), space)
    return known


def row_of(columns: tuple[str, ...], values: tuple[Any, ...]) -> Row:
    """Makes a row with these columns."""
    return row_type(columns)(values)
