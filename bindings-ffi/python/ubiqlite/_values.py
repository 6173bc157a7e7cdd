"""Conversion of Python's values to SQLite's: the slow path, for values that ``marshal`` can't write.

=====================================  ============================================
Python                                 SQLite
=====================================  ============================================
``None``                               NULL
``bool``, ``int``                      INTEGER; beyond 64 bits it is refused
``float``                              REAL; NaN is NULL, as SQLite has it
``str``                                TEXT; half a surrogate pair is refused
``bytes``, ``bytearray``,              BLOB
``memoryview``
``datetime`` with a time zone          TEXT in UTC, ``2024-05-06T07:08:09.000000000Z``
``datetime`` without one               TEXT, ``2024-05-06T07:08:09.000000000``
``date``, ``time``                     TEXT, ``2024-05-06``, ``07:08:09.000000000``
``timedelta``                          TEXT, ISO 8601: ``PT1H30M``
``Decimal``, ``UUID``                  TEXT
``Enum``                               its value
``dict``, ``list``, a dataclass, a     TEXT, as JSON: with all these inside but bytes
model of pydantic, msgspec or attrs
=====================================  ============================================

A record is a mapping, or an object with fields: a dataclass, a named tuple, a model. A
field of such an object may also be a tuple or a set, which is stored as a list.

Everything else raises ``InvalidArgument``, which names the parameter. Numbers of other
libraries are not converted by guessing: ``int(x)`` and ``float(x)`` say what is meant.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar, Protocol, Union
from uuid import UUID

from . import _times
from ._records import fields_of, plain_of
from .errors import InvalidArgument

Value = Union[
    None,
    bool,
    int,
    float,
    str,
    bytes,
    bytearray,
    memoryview,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    Decimal,
    UUID,
    Enum,
    Mapping[str, Any],
    "list[Any]",
]
"""A value that can be stored."""


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


class _NamedTuple(Protocol):
    def _asdict(self) -> dict[str, Any]: ...


class _PydanticModel(Protocol):
    def model_dump(self) -> Any: ...


class _MsgspecStruct(Protocol):
    __struct_fields__: ClassVar[tuple[str, ...]]


class _AttrsClass(Protocol):
    __attrs_attrs__: ClassVar[Any]


class _Named(Protocol):
    def keys(self) -> Iterable[str]: ...
    def __getitem__(self, name: str, /) -> Any: ...


Record = Union[Mapping[str, Any], _Dataclass, _NamedTuple, _PydanticModel, _MsgspecStruct, _AttrsClass, _Named]
"""A row to write: a mapping by column names, or an object with fields."""

Params = Union[Sequence[Any], Record, None]
"""Parameters by position, or by name without its sign; also the fields of an object."""

Key = Any
"""A primary key: one value, or a tuple of them for a composite key."""

_LEAST, _MOST = -(2**63), 2**63 - 1


def convert(value: Any, what: str) -> Any:
    """Converts a value to one that ``marshal`` can write. ``what`` describes it in the error that refuses it."""
    kind = type(value)
    if value is None or kind is float or kind is bytes or kind is bool:
        return value
    if isinstance(value, Enum):
        return convert(value.value, what)
    if isinstance(value, str):
        return _text(str.__str__(value), what)
    if isinstance(value, int):
        value = int.__int__(value)
        if not _LEAST <= value <= _MOST:
            raise InvalidArgument(f"{what} is an integer that does not fit in 64 bits; store it as text")
        return value
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, (list, dict)):
        return _text(_json(value, what), what)
    text = _as_text(value, what)
    if text is not None:
        return text
    if not isinstance(value, (tuple, type)):
        plain = plain_of(value)
        if plain is not value:
            return convert(plain, what) if _is_value(plain) else _text(_json(plain, what), what)
    raise InvalidArgument(f"{what} is a {_name(kind)}, which can't be stored{_ADVICE.get(kind.__name__, '')}")


def convert_params(params: Any) -> Any:
    """Converts all parameters."""
    if params is None:
        return None
    if isinstance(params, Mapping):
        return _named(params, "parameter")
    if isinstance(params, Sequence) and not isinstance(params, (str, bytes, bytearray, memoryview)):
        return [convert(value, f"parameter {place}") for place, value in enumerate(params, 1)]
    fields = None if isinstance(params, type) else fields_of(params)
    if fields is not None:
        return _named(fields, "parameter")
    raise InvalidArgument(f"parameters must be a sequence by position or mapping by name, not a {_name(type(params))}")


def convert_record(record: Any) -> dict[str, Any]:
    """Converts all values of a record."""
    if isinstance(record, Mapping):
        return _named(record, "field")
    # A `Row` is a tuple that has names.
    if hasattr(record, "keys") and hasattr(record, "__getitem__"):
        # A `Row` iterates over its values.
        return _named({name: record[name] for name in record.keys()}, "field")  # noqa: SIM118
    fields = None if isinstance(record, type) else fields_of(record)
    if fields is None:
        raise InvalidArgument(
            f"a record must be a mapping with column names, or an object with fields, not a {_name(type(record))}"
        )
    return _named(fields, "field")


def convert_key(key: Any) -> Any:
    """Converts a key: a value, or several."""
    if isinstance(key, (tuple, list)):
        return [convert(value, "the key") for value in key]
    return convert(key, "the key")


def check_text(text: Any, what: str) -> str:
    """Checks a text that is a name or SQL, and returns it."""
    if not isinstance(text, str):
        raise InvalidArgument(f"{what} must be a string, not a {_name(type(text))}")
    return _text(str.__str__(text), what)


_ADVICE = {
    "tuple": "; a list is stored as JSON",
    "set": "; a list is stored as JSON",
    "frozenset": "; a list is stored as JSON",
    "complex": "; store its parts",
    "ndarray": "; store its bytes, or a list",
}


def _name(kind: type) -> str:
    module = kind.__module__
    return kind.__qualname__ if module in ("builtins", "__main__") else f"{module}.{kind.__qualname__}"


def _named(values: Mapping[Any, Any], what: str) -> dict[str, Any]:
    named = {}
    for name, value in values.items():
        if not isinstance(name, str):
            raise InvalidArgument(f"the name of a {what} must be a string, not a {_name(type(name))}")
        named[_text(str.__str__(name), f"the name of a {what}")] = convert(value, f"{what} {name!r}")
    return named


def _text(text: str, what: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(
            f"{what} contains half of a surrogate pair, which is not valid text; store it as bytes"
        ) from None
    return text


def _as_text(value: Any, what: str) -> str | None:
    """Returns the text for types that have a text form of their own; ``None`` for others."""
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    try:
        return _times.write(value)
    except ValueError as error:
        raise InvalidArgument(f"{what} {error}") from None


def _is_value(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str, bytes))


def _json(value: Any, what: str) -> str:
    def other(inner: Any) -> Any:
        if isinstance(inner, Enum):
            return inner.value
        text = _as_text(inner, what)
        if text is not None:
            return text
        plain = inner if isinstance(inner, type) else plain_of(inner)
        if plain is inner:
            raise InvalidArgument(f"{what} contains a {_name(type(inner))}, which JSON does not have")
        _check_names(plain, what)
        return plain

    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=other)
        _check_names(value, what)
        return text
    except InvalidArgument:
        raise
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidArgument(f"{what} can't be written as JSON: {error}") from error


def _check_names(value: Any, what: str) -> None:
    """Refuses names that are not texts: JSON would silently convert them to texts."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise InvalidArgument(f"{what} contains the name {name!r}, which is not a string")
            _check_names(inner, what)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _check_names(inner, what)
