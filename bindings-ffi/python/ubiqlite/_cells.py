"""Conversion of a cell's content to a Python type that is a single value."""

from __future__ import annotations

import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Callable
from uuid import UUID

from . import _times

Reader = Callable[[Any], Any]


class Unfit(Exception):
    """The value does not fit the type; the text says why."""


def as_it_is(value: Any) -> Any:
    """Returns the value unchanged, for types that accept any value."""
    return value


def told(value: Any) -> str:
    """Describes a value in an error message."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"a blob of {len(value)} bytes"
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "…"


def then(first: Reader, make: Callable[[Any], Any]) -> Reader:
    """Returns a reader that applies ``make`` to what ``first`` reads."""

    def read(value: Any) -> Any:
        return make(first(value))

    return read


def null(value: Any) -> Any:
    """Accepts only ``NULL``."""
    if value is not None:
        raise Unfit(f"{told(value)} is not NULL")


def _exactly(kind: type, what: str) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise Unfit(f"{told(value)} is not {what}")
        return value

    return read


def _bool(value: Any) -> bool:
    if type(value) is int and value in (0, 1):
        return value == 1
    raise Unfit(f"{told(value)} is not a bool (0 or 1)")


def _float(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        if -(2**53) <= value <= 2**53:
            return float(value)
        raise Unfit(f"{value} can't be read as a float without rounding")
    raise Unfit(f"{told(value)} is not a number")


def _bytes(value: Any) -> bytes:
    if type(value) is bytes:
        return value
    if type(value) is str:
        return value.encode()
    raise Unfit(f"{told(value)} is not bytes")


def _decimal(value: Any) -> Decimal:
    if type(value) in (str, int, float):
        try:
            # The digits that identify a real: those that were stored in a numeric column.
            return Decimal(repr(value) if type(value) is float else value)
        except InvalidOperation:
            pass
    raise Unfit(f"{told(value)} is not a decimal")


def _uuid(value: Any) -> UUID:
    try:
        if type(value) is str:
            return UUID(value)
        if type(value) is bytes:
            return UUID(bytes=value)
    except ValueError:
        pass
    raise Unfit(f"{told(value)} is not a UUID")


def _text(read: Callable[[str], Any], what: str) -> Reader:
    def checked(value: Any) -> Any:
        if type(value) is not str:
            raise Unfit(f"{told(value)} is not {what}")
        try:
            return read(value)
        except ValueError as error:
            raise Unfit(str(error)) from None

    return checked


EXACT = (int, float, str, bytes, bool)
"""Types whose values may stay as they are."""

STORED: dict[Any, Reader] = {
    object: as_it_is,
    int: _exactly(int, "an integer"),
    float: _float,
    str: _exactly(str, "text"),
    bytes: _bytes,
    bytearray: then(_bytes, bytearray),
    memoryview: then(_bytes, memoryview),
    bool: _bool,
    Decimal: _decimal,
    UUID: _uuid,
    datetime.datetime: _text(_times.read_moment, "a date with a time"),
    datetime.date: _text(_times.read_date, "a date"),
    datetime.time: _text(_times.read_time, "a time of day"),
    datetime.timedelta: _text(_times.read_span, "a length of time"),
}
"""The reader of a column for each type."""

# JSON has booleans.
NESTED: dict[Any, Reader] = {bool: _exactly(bool, "a bool")}
