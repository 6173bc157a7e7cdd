"""Objects as records: the fields of dataclasses, named tuples, and the models of pydantic, msgspec and attrs."""

from __future__ import annotations

import dataclasses
import datetime
import sys
from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, Callable, Optional
from uuid import UUID

from .errors import InvalidArgument

Fields = Callable[[Any], "dict[str, Any]"]
"""Returns the fields of an object, each under the name its own package serializes it as."""


def fields_of(record: Any) -> Optional[dict[str, Any]]:
    """Returns the fields of an object whose class has some; ``None`` for all others."""
    kind = type(record)
    known = _known.get(kind, _unknown)
    if known is _unknown:
        if len(_known) >= _MOST:
            _known.clear()
        known = _known[kind] = _way(kind)
    if known is None:
        return None
    # A value that its class reads back as a tuple or a set is stored as a list.
    return {name: list(it) if isinstance(it, _LISTS) else it for name, it in known(record).items()}


def plain_of(value: Any) -> Any:
    """Returns the plain value that stands for such an object in JSON; for any other object, itself."""
    if hasattr(type(value), "model_dump") and not isinstance(value, type):
        # Its root may not be an object.
        return _listed(_dump(value))
    if hasattr(type(value), "__struct_fields__"):
        return _builtins(value)
    fields = fields_of(value)
    return value if fields is None else fields


_MOST = 1024
_LISTS = (tuple, set, frozenset, deque)


def _unknown(record: Any) -> dict[str, Any]:
    """Stands for a class that has not been examined yet."""
    raise NotImplementedError


_known: dict[type, Optional[Fields]] = {}


def _way(kind: type) -> Optional[Fields]:
    if hasattr(kind, "model_dump") and hasattr(kind, "model_fields"):
        return _of_pydantic
    if hasattr(kind, "__struct_fields__"):
        return _of_msgspec
    if hasattr(kind, "__attrs_attrs__"):
        return _by_name(tuple(attribute.name for attribute in kind.__attrs_attrs__))
    if dataclasses.is_dataclass(kind):
        return _of_dataclass(dataclasses.fields(kind))
    if issubclass(kind, tuple) and hasattr(kind, "_asdict"):
        return kind._asdict  # type: ignore[no-any-return]
    return None


def _of_dataclass(own: tuple[dataclasses.Field[Any], ...]) -> Fields:
    columns = {field.name: field.metadata["column"] for field in own if "column" in field.metadata}
    by_name = _by_name(tuple(field.name for field in own))
    if not columns:
        return by_name
    return lambda record: {columns.get(name, name): it for name, it in by_name(record).items()}


def _by_name(names: tuple[str, ...]) -> Fields:
    def fields(record: Any) -> dict[str, Any]:
        # A field without `init` may be unset.
        return {name: getattr(record, name) for name in names if hasattr(record, name)}

    return fields


def _of_msgspec(record: Any) -> dict[str, Any]:
    unset = getattr(sys.modules["msgspec"], "UNSET", None)
    found = {}
    for name, encoded in zip(record.__struct_fields__, record.__struct_encode_fields__):
        value = getattr(record, name)
        if value is not unset:
            found[encoded] = value if isinstance(value, (bytes, bytearray, memoryview)) else _builtins(value)
    return found


_LEAVES = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta, Decimal, UUID)


def _builtins(value: Any) -> Any:
    """Converts as msgspec does, with its names and tags for structs, but keeps types that have a text form here."""
    return sys.modules["msgspec"].to_builtins(value, builtin_types=_LEAVES, str_keys=True)


def _of_pydantic(record: Any) -> dict[str, Any]:
    dumped = _dump(record)
    if not isinstance(dumped, dict):
        raise InvalidArgument(f"a {type(record).__name__} is not a record: it has no fields")
    return {name: _listed(value) for name, value in dumped.items()}


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _listed(inner) for name, inner in value.items()}
    return list(map(_listed, value)) if isinstance(value, (list, *_LISTS)) else value


def _dump(model: Any) -> Any:
    # Values computed from the fields are not fields.
    computed = set(getattr(type(model), "model_computed_fields", ()))
    dumped = model.model_dump(exclude=computed or None)
    if _is_known(dumped):
        return dumped
    return _known_parts(dumped, model.model_dump(mode="json", exclude=computed or None))


def _is_known(value: Any) -> bool:
    if value is None or isinstance(value, _KNOWN):
        return True
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_known(inner) for name, inner in value.items())
    return isinstance(value, (list, *_LISTS)) and all(map(_is_known, value))


_KNOWN = (str, int, float, bytes, bytearray, Enum, *_LEAVES)


def _known_parts(value: Any, written: Any) -> Any:
    """Returns ``value``, with each part that can't be stored replaced by what pydantic writes for it in JSON."""
    if _is_known(value):
        return value
    if isinstance(value, Mapping):
        return {
            name if isinstance(name, str) else other: _known_parts(inner, text)
            for (name, inner), (other, text) in zip(value.items(), written.items())
        }
    if isinstance(value, (list, tuple)):
        return [_known_parts(inner, text) for inner, text in zip(value, written)]
    for inner in value if isinstance(value, (set, frozenset)) else (value,):
        if hasattr(inner, "get_secret_value"):
            raise InvalidArgument("a pydantic secret is not stored; to store it, use a serializer that reveals it")
    return written
