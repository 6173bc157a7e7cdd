"""The fields of classes: dataclasses, named tuples, typed dicts, and the models of other packages.

Those of pydantic, msgspec and attrs are recognized by their classes' attributes, so that
none of these packages is needed.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from functools import partial
from typing import Any, Callable, NamedTuple, Optional, get_args, get_origin

from ._hints import bare, hints_of, is_union, substitute, type_arguments


class Field(NamedTuple):
    """A value that a class takes from a row."""

    param: str
    """Its name when the class is called."""
    names: tuple[str, ...]
    """The columns that may hold it, the likeliest first."""
    annotation: Any
    is_required: bool
    by_place: bool = False
    """It may be passed by position, if all before it are."""
    is_raw: bool = False
    """A converter of the class takes the stored value."""


class Model(NamedTuple):
    """A class that a row, or a JSON object, can become."""

    name: str
    make: Callable[..., Any]
    """Makes an object from the fields by name; if it ``validates``, from a dict of them."""
    fields: tuple[Field, ...]
    takes_rest: bool = False
    """Columns without a field are passed, too."""
    validates: bool = False
    """It checks and converts all values itself."""
    is_strict: bool = False
    """It converts nothing."""
    is_tuple: bool = False
    is_list: bool = False
    """It is made from a list of its fields' values, not from a dict."""
    is_guarded: bool = False
    """It raises its package's own error for values that do not fit."""


def describe(cls: Any) -> Optional[Model]:
    """Returns the description of a class, or ``None`` if its fields are not known."""
    origin = get_origin(cls) or cls
    if not isinstance(origin, type):
        return None
    for has, of in _KINDS:
        if has(origin):
            model: Model = of(cls, origin)
            return model
    return None


def is_complete(cls: Any) -> bool:
    """Returns whether all names a class uses are defined; a pydantic model may use ones that are defined after it."""
    wanted = bare(cls)
    return bool(getattr(get_origin(wanted) or wanted, "__pydantic_complete__", True))


def _typed(cls: Any, origin: Any) -> Callable[[str], Any]:
    """Returns a function from a field's name to its annotation."""
    hints, known = hints_of(origin), type_arguments(cls)
    return lambda name: substitute(hints.get(name, Any), known)


def _of_signature(cls: Any, origin: Any, names: dict[str, tuple[str, Any, bool]]) -> Model:
    """Describes a class by its parameters. ``names`` maps one to its field, its annotation and whether it is raw."""
    typed = _typed(cls, origin)
    is_guarded = hasattr(origin, "__pydantic_validator__")
    fields = []
    rest = False
    for parameter in inspect.signature(origin).parameters.values():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            rest = rest or parameter.kind is parameter.VAR_KEYWORD
            continue
        name, annotation, is_raw = names.get(parameter.name, (parameter.name, None, False))
        fields.append(
            Field(
                parameter.name,
                tuple(dict.fromkeys((parameter.name, name))),
                typed(name) if annotation is None else annotation,
                parameter.default is parameter.empty,
                # pydantic's errors refer to what was passed, so it is passed names.
                parameter.kind is parameter.POSITIONAL_OR_KEYWORD and not is_guarded,
                is_raw,
            )
        )
    return Model(origin.__name__, origin, tuple(fields), rest, is_guarded=is_guarded)


def _dataclass(cls: Any, origin: Any) -> Model:
    model = _of_signature(cls, origin, {})
    # A column whose name is none in Python, or another field's, is in the field's metadata.
    columns = {field.name: field.metadata.get("column") for field in dataclasses.fields(origin)}
    named = (field._replace(names=(columns.get(field.param) or field.param,)) for field in model.fields)
    return model._replace(fields=tuple(named))


def _attrs(cls: Any, origin: Any) -> Model:
    names = {}
    given = getattr(origin.__init__, "__annotations__", {})
    for attribute in origin.__attrs_attrs__:
        param = getattr(attribute, "alias", None) or attribute.name.lstrip("_")
        annotation, is_raw = None, False
        if attribute.converter is not None and attribute.converter not in (list, tuple, set, frozenset, dict):
            # It may declare what it takes; otherwise it takes the stored value.
            annotation, is_raw = given.get(param), param not in given
            annotation = None if isinstance(annotation, str) else annotation
            is_raw = is_raw or annotation is None
        names[param] = (attribute.name, annotation, is_raw)
    return _of_signature(cls, origin, names)


def _named_tuple(cls: Any, origin: Any) -> Model:
    typed = _typed(cls, origin)
    defaults = origin._field_defaults
    fields = tuple(Field(name, (name,), typed(name), name not in defaults, True) for name in origin._fields)
    return Model(origin.__name__, origin, fields, is_tuple=True)


def _typed_dict(cls: Any, origin: Any) -> Model:
    typed = _typed(cls, origin)
    fields = []
    for name, annotation in _declared(origin).items():
        wrapper = _wrapper(annotation)
        is_required = name in origin.__required_keys__ if wrapper is None else wrapper == "Required"
        fields.append(Field(name, (name,), bare(typed(name)), is_required))
    return Model(origin.__name__, dict, tuple(fields))


def _declared(origin: Any) -> dict[str, Any]:
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(origin, format=annotationlib.Format.FORWARDREF)
    return dict(origin.__annotations__)


def _wrapper(annotation: Any) -> Optional[str]:
    """Returns ``Required`` or ``NotRequired`` if an annotation has it, even as text, which Python ignores."""
    text = getattr(annotation, "__forward_arg__", annotation)
    if isinstance(text, str):
        found = re.match(r"(?:\w+\.)*(Required|NotRequired)\[", text)
        return found and found[1]
    name = getattr(get_origin(annotation), "_name", None)
    return name if name in ("Required", "NotRequired") else None


def _pydantic(cls: Any, origin: Any) -> Model:
    if not is_complete(origin):
        # The names it uses may be defined by now. Names of this function must not be used for them.
        origin.model_rebuild(raise_errors=False, _parent_namespace_depth=0)
    fields = []
    config = origin.model_config
    strict = bool(config.get("strict"))
    for name, field in origin.model_fields.items():
        alias = _alias(field) or name
        # A field whose text pydantic itself parses.
        is_raw = any(type(part).__name__ == "Json" for part in _metadata(field))
        fields.append(Field(alias, tuple(dict.fromkeys((alias, name))), field.annotation, False, False, is_raw))
        strict = strict or any(getattr(part, "strict", False) for part in field.metadata)
    return Model(
        origin.__name__, origin.model_validate, tuple(fields), True, validates=True, is_strict=strict, is_guarded=True
    )


def _metadata(field: Any) -> list[Any]:
    """Returns the metadata of a pydantic field, and of each type of a union, such as ``Optional``."""
    parts = get_args(field.annotation) if is_union(field.annotation) else ()
    return [*field.metadata, *(note for part in parts for note in getattr(part, "__metadata__", ()))]


def _alias(field: Any) -> Optional[str]:
    """Returns the name under which pydantic reads a field."""
    alias = field.validation_alias or field.alias
    # If there are several: the first that is a name.
    for choice in getattr(alias, "choices", (alias,)):
        if isinstance(choice, str):
            return choice
    return None


def _msgspec(cls: Any, origin: Any) -> Model:
    msgspec = sys.modules["msgspec"]
    typed = _typed(cls, origin)
    fields = tuple(
        Field(encoded, tuple(dict.fromkeys((encoded, name))), typed(name), False)
        for name, encoded in zip(origin.__struct_fields__, origin.__struct_encode_fields__)
    )
    is_list = origin.__struct_config__.array_like
    # A field that may be unset, but not None, was not written if its column is NULL.
    unset = [field.param for field in fields if _may_be(field.annotation, getattr(msgspec, "UnsetType", None))]

    # Names in JSON objects are texts, whatever they were before.
    convert = partial(msgspec.convert, type=cls, str_keys=True)

    def without_null(values: Any) -> Any:
        for name in unset:
            if values.get(name, unset) is None:
                del values[name]
        return convert(values)

    make = without_null if unset else convert
    return Model(origin.__name__, make, fields, True, validates=True, is_list=is_list, is_guarded=True)


def _may_be(annotation: Any, unset: Any) -> bool:
    parts = get_args(annotation)
    return unset in parts and type(None) not in parts


_KINDS: tuple[tuple[Callable[[Any], bool], Callable[[Any, Any], Model]], ...] = (
    (lambda it: hasattr(it, "model_validate") and hasattr(it, "model_fields"), _pydantic),
    (lambda it: hasattr(it, "__struct_fields__"), _msgspec),
    (lambda it: hasattr(it, "__attrs_attrs__"), _attrs),
    (dataclasses.is_dataclass, _dataclass),
    (lambda it: issubclass(it, tuple) and hasattr(it, "_field_defaults"), _named_tuple),
    (lambda it: issubclass(it, dict) and hasattr(it, "__required_keys__"), _typed_dict),
)


def refusal(error: Exception) -> Optional[tuple[str, tuple[str, ...]]]:
    """Returns why pydantic or msgspec refuse values, and the fields; ``None`` if the error is not theirs."""
    module = type(error).__module__.partition(".")[0]
    if module == "msgspec":
        found = re.search(r"`\$\.([^`.\[]+)|field `([^`]+)`", str(error))
        return str(error), (found[1] or found[2],) if found else ()
    errors = getattr(error, "errors", None)
    if not module.startswith("pydantic") or errors is None:
        return None
    told = errors(include_url=False, include_context=False, include_input=False)
    columns = dict.fromkeys(str(each["loc"][0]) for each in told if each["loc"])
    whys = (f"{'.'.join(map(str, each['loc'])) or 'it'}: {each['msg']}" for each in told)
    return "; ".join(whys), tuple(columns)
