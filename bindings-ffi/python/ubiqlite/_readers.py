"""Conversion of a column's value, or of a value nested in JSON, to the requested type."""

from __future__ import annotations

import collections
import json
from collections import abc
from enum import Enum
from typing import Any, Callable, Literal, get_args, get_origin

from ._cells import EXACT, NESTED, STORED, Reader, Unfit, as_it_is, null, then, told
from ._hints import Unresolved, bare, is_union
from ._models import Model, describe, refusal
from ._values import convert
from .errors import InvalidArgument


def reader_of(annotation: Any, nested: bool = False) -> Reader:
    """Returns what converts a stored value, or one ``nested`` in JSON, to this type. It raises :class:`Unfit`.

    An unknown type takes the value unchanged. Raises ``InvalidArgument`` for an annotation
    that can't be resolved.
    """
    annotation = bare(annotation)
    if isinstance(annotation, Unresolved):
        raise InvalidArgument(
            f"the annotation {annotation.text!r} can't be resolved ({annotation.why}); "
            "what it names must exist at run time, not only under TYPE_CHECKING"
        )
    if annotation is None or annotation is type(None):
        return null
    origin = get_origin(annotation)
    if is_union(annotation):
        return _union(get_args(annotation), nested)
    if origin is Literal:
        return _one_of(get_args(annotation), nested)
    kind = annotation if origin is None else origin
    if not isinstance(kind, type):
        return as_it_is
    simple = (NESTED if nested else STORED).get(kind) or STORED.get(kind)
    if simple is not None:
        return simple
    if issubclass(kind, Enum):
        return _one_of(tuple(kind), nested, kind)
    model = describe(annotation)
    inner = _container(kind, get_args(annotation)) if model is None else _model(model)
    if inner is not None:
        return inner if nested else _of_json(inner)
    for plain in (str, int, float):
        if issubclass(kind, plain):
            return then((NESTED if nested else STORED).get(plain) or STORED[plain], kind)
    return as_it_is


def is_json(annotation: Any) -> bool:
    """Returns whether it is stored only as JSON."""
    annotation = bare(annotation)
    if is_union(annotation):
        parts = [part for part in get_args(annotation) if part is not type(None)]
        return not any(map(_is_text, parts)) and any(map(is_json, parts))
    kind = get_origin(annotation) or annotation
    if not isinstance(kind, type):
        return False
    if describe(annotation) is not None:
        # pydantic's RootModel is stored as its content.
        root = getattr(kind, "__pydantic_root_model__", False) and kind.model_fields["root"].annotation  # type: ignore[attr-defined]
        return is_json(root) if root else True
    return _container(kind, ()) is not None


def _is_text(annotation: Any) -> bool:
    annotation = bare(annotation)
    return annotation in (str, bytes, bytearray, object) or annotation is Any


def _of_json(inner: Reader) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not str:
            raise Unfit(f"{told(value)} is not JSON text")
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise Unfit(f"unexpected JSON: {error}") from None
        return inner(parsed)

    return read


json_text = _of_json(as_it_is)
"""Reads JSON text as lists, dicts and values."""


def at(place: str, read: Reader, value: Any) -> Any:
    """Reads the value at ``place``, which the error names."""
    try:
        return read(value)
    except Unfit as unfit:
        raise Unfit(f"{place}: {unfit}") from None


def _union(parts: tuple[Any, ...], nested: bool) -> Reader:
    # A value that already has one of these types must not become another.
    exact = {bare(part) for part in parts if bare(part) in EXACT}
    readers = [reader_of(part, nested) for part in parts if bare(part) not in (None, type(None))]
    # A JSON column may hold JSON's null, which other programs write for None.
    json_null = len(readers) < len(parts) and not nested and any(map(is_json, parts))
    if len(readers) < len(parts):
        exact.add(type(None))

    def read(value: Any) -> Any:
        if type(value) in exact:
            return value
        if json_null and value == "null":
            return None
        whys = []
        for reader in readers:
            try:
                return reader(value)
            except Unfit as unfit:
                whys.append(str(unfit))
        raise Unfit("; ".join(dict.fromkeys(whys)))

    return read


def _one_of(members: tuple[Any, ...], nested: bool, kind: Any = None) -> Reader:
    """Returns a reader of one of ``members``, each recognized by its stored value."""
    known = {}
    for member in members:
        try:
            stored = convert(member, "a member")
        except InvalidArgument:
            # It can't be stored, either.
            continue
        if not nested and isinstance(stored, bool):
            stored = int(stored)
        known[type(stored), stored] = member
    what = f"a {kind.__name__}" if kind is not None else f"one of {', '.join(map(repr, members))}"

    def read(value: Any) -> Any:
        try:
            return known[type(value), value]
        except (KeyError, TypeError):
            pass
        if kind is not None and value is not None:
            try:
                # Several flags at once, or a value that its `_missing_` knows.
                return kind(value)
            except ValueError:
                pass
        raise Unfit(f"{told(value)} is not {what}")

    return read


_LISTS: dict[Any, Callable[[Any], Any]] = {
    list: list, tuple: tuple, set: set, frozenset: frozenset, collections.deque: collections.deque,
    abc.Sequence: list, abc.MutableSequence: list, abc.Iterable: list, abc.Collection: list,
    abc.Set: frozenset, abc.MutableSet: set,
}  # fmt: skip
_MAPS: dict[Any, Callable[[Any], Any]] = {
    dict: dict, abc.Mapping: dict, abc.MutableMapping: dict, collections.OrderedDict: collections.OrderedDict,
    collections.Counter: collections.Counter,
}  # fmt: skip


def _container(kind: Any, arguments: tuple[Any, ...]) -> Reader | None:
    make = _LISTS.get(kind)
    if make is not None:
        if kind is tuple and arguments and arguments[-1] is not ...:
            return tuple_of(arguments, "list")
        element = reader_of(arguments[0], True) if arguments else as_it_is
        return _list(make, element)
    make = _MAPS.get(kind)
    if make is None:
        return None
    names = as_it_is if not arguments or bare(arguments[0]) in (str, Any) else _name(arguments[0])
    inner = reader_of(arguments[1], True) if len(arguments) > 1 else as_it_is
    return _map(make, names, inner)


def _list(make: Callable[[Any], Any], element: Reader) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not list:
            raise Unfit(f"{told(value)} is not a list")
        if element is as_it_is:
            return make(value)
        return make([at(f"[{index}]", element, item) for index, item in enumerate(value)])

    return read


def tuple_of(arguments: tuple[Any, ...], what: str, nested: bool = True) -> Reader:
    """Returns a reader of a tuple of these types, from a list or ``what`` of the same length."""
    readers = [reader_of(argument, nested) for argument in arguments if argument != ()]

    def read(value: Any) -> Any:
        if not isinstance(value, (list, tuple)) or len(value) != len(readers):
            raise Unfit(f"{told(value)} is not a {what} of {len(readers)}")
        return tuple(at(f"[{index}]", *each) for index, each in enumerate(zip(readers, value)))

    return read


def _map(make: Callable[[Any], Any], names: Reader, inner: Reader) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise Unfit(f"{told(value)} is not a JSON object")
        if names is as_it_is and inner is as_it_is:
            return make(value)
        return make({names(name): at(f"[{name!r}]", inner, item) for name, item in value.items()})

    return read


def _name(annotation: Any) -> Reader:
    """Returns a reader that restores the original type of a name in a JSON object, such as a number."""
    read = reader_of(annotation, True)

    def name(value: Any) -> Any:
        try:
            return read(value)
        except Unfit:
            try:
                return read(json.loads(value))
            except ValueError:
                raise Unfit(f"the name {value!r} does not fit") from None

    return name


def _model(model: Model) -> Reader:
    readers: dict[str, Reader] = {}

    def of_mapping(value: Any) -> Any:
        if type(value) is list and model.is_tuple and len(value) <= len(model.fields):
            value = {field.names[0]: item for field, item in zip(model.fields, value)}
        if type(value) is not dict:
            raise Unfit(f"{told(value)} is not a {model.name}")
        if not readers:
            # Not earlier: a class may contain itself. And all or none: the next row must also get
            # the error of an annotation that can't be resolved.
            readers.update({field.param: reader_of(field.annotation, True) for field in model.fields})
        given = {}
        for field in model.fields:
            name = next((name for name in field.names if name in value), None)
            if name is not None:
                given[field.param] = at(name, readers[field.param], value[name])
            elif field.is_required:
                raise Unfit(f'a {model.name} is missing "{field.names[0]}"')
        return given if model.make is dict else model.make(**given)

    def validated(value: Any) -> Any:
        try:
            return model.make(value)
        except Exception as error:
            why = refusal(error)
            if why is None:
                raise
            raise Unfit(why[0]) from error

    return validated if model.validates else of_mapping
