"""Generated functions that convert a row with known columns: they run for each row."""

from __future__ import annotations

from collections.abc import Sequence
from keyword import iskeyword
from typing import Any, Callable, get_args

from ._cells import Reader, Unfit, as_it_is
from ._hints import bare, is_union
from ._models import Field, Model, refusal
from ._readers import is_json, json_text, reader_of
from ._row import place_of
from .errors import DatatypeMismatch, InvalidArgument

Make = Callable[[Any], Any]


def mismatch(name: str, why: str) -> DatatypeMismatch:
    """Returns the error for a column's value that does not fit."""
    return DatatypeMismatch(f'column "{name}": {why}', columns=(name,))


def of_column(name: str, read: Reader) -> Reader:
    """Wraps a reader so that its error names the column."""

    def named(value: Any) -> Any:
        try:
            return read(value)
        except Unfit as unfit:
            raise mismatch(name, str(unfit)) from unfit.__cause__

    return named


def compiled(model: Model, columns: tuple[str, ...]) -> Make:
    """Returns a function that makes an object from a row, generated for these columns since it runs for each row."""
    names: dict[str, Any] = {"make": model.make, "str": str, "int": int, "float": float, "bytes": bytes}
    by_place, by_name, taken = [], [], set()
    in_order = not (model.validates or model.make is dict)
    for field in model.fields:
        place = _column_of(field, columns)
        if place is None:
            if field.is_required or model.is_list:
                raise missing(model.name, field.names[0], columns)
            in_order = False
            continue
        taken.add(place)
        value = _expression(model, field, place, columns[place], names)
        in_order = in_order and field.by_place
        if in_order or model.is_list:
            by_place.append(value)
        else:
            by_name.append((field.param, value))
    if model.takes_rest and not model.is_list:
        given = {name for name, _ in by_name}
        rest = [(name, f"c{place}") for place, name in enumerate(columns) if place not in taken and name not in given]
        by_name += rest
    params = {field.param for field in model.fields}
    row = "".join(f"c{place}, " for place in range(len(columns)))
    items = ", ".join(f"{name!r}: {value}" for name, value in by_name)
    if model.is_list:
        call = f"make([{', '.join(by_place)}])"
    elif model.make is dict:
        call = f"{{{items}}}"
    elif model.validates:
        call = f"make({{{items}}})"
    elif all(name in params and name.isidentifier() and not iskeyword(name) for name, _ in by_name):
        call = f"make({', '.join([*by_place, *(f'{name}={value}' for name, value in by_name)])})"
    else:
        call = f"make({', '.join([*by_place, f'**{{{items}}}'])})"
    lines = [f"{row}= row", f"return {call}"]
    if model.is_guarded:
        names["refuse"] = _refusing(model.name)
        lines[1:] = ["try:", f"    return {call}", "except Exception as error:", "    refuse(error)", "    raise"]
    exec("\n    ".join(["def made(row):", *lines]), names)
    made: Make = names["made"]
    return made


def _column_of(field: Field, columns: tuple[str, ...]) -> int | None:
    for name in field.names:
        place = place_of(columns, name)
        if place is not None:
            return place
    return None


def missing(what: str, name: str, columns: Sequence[str]) -> DatatypeMismatch:
    """Returns the error for a row that lacks a column."""
    return DatatypeMismatch(
        f'column "{name}" is missing: {what} has no default for it, and the row has {", ".join(columns)}',
        columns=(name,),
    )


def _expression(model: Model, field: Field, place: int, column: str, names: dict[str, Any]) -> str:
    """Returns the code for a field's value, from the cell ``c…``: tested inline if it usually fits unchanged."""
    cell = f"c{place}"
    if field.is_raw:
        return cell
    try:
        read = _of_validated(model, field) if model.validates else reader_of(field.annotation)
    except InvalidArgument as error:
        raise InvalidArgument(f"{model.name}.{field.names[-1]}: {error}") from None
    if read is as_it_is:
        return cell
    names[f"f{place}"] = read if model.validates else of_column(column, read)
    plain = [] if model.validates else _plain(field.annotation)
    tests = [f"{cell} is None" if it is None else f"type({cell}) is {it}" for it in plain]
    return f"({cell} if {' or '.join(tests)} else f{place}({cell}))" if tests else f"f{place}({cell})"


def _plain(annotation: Any) -> list[str | None]:
    """Returns the types whose values need no further check."""
    annotation = bare(annotation)
    parts = get_args(annotation) if is_union(annotation) else (annotation,)
    kinds = [bare(part) for part in parts]
    known: list[str | None] = [kind.__name__ for kind in kinds if kind in (int, float, str, bytes)]
    if type(None) in kinds:
        # Most values of nullable columns are not NULL.
        known.append(None)
    return known


def _of_validated(model: Model, field: Field) -> Reader:
    """Returns the reader that runs before another package's model gets the value."""
    if model.is_strict:
        return _leniently(reader_of(field.annotation))
    if is_json(field.annotation):
        return _parsed
    parts = get_args(field.annotation) if is_union(field.annotation) else (field.annotation,)
    kinds = [bare(part) for part in parts]
    if bool in kinds and int not in kinds:
        return _leniently(reader_of(field.annotation))
    return as_it_is


def _leniently(read: Reader) -> Reader:
    """Leaves a value that does not fit to the model, which refuses it and says why."""

    def lenient(value: Any) -> Any:
        try:
            return read(value)
        except Unfit:
            return value

    return lenient


_json = _leniently(json_text)


def _parsed(value: Any) -> Any:
    """Parses JSON text that holds a list or dict; returns everything else as it is stored.

    A number is kept as text for its digits, as a decimal is: JSON would make a float of it.
    """
    found = _json(value)
    return found if isinstance(found, (list, dict)) else value


def _refusing(name: str) -> Callable[[Exception], None]:
    """Returns a function that raises ``DatatypeMismatch`` if a model refused values, and ignores other errors."""

    def refuse(error: Exception) -> None:
        why = refusal(error)
        if why is not None:
            raise DatatypeMismatch(f"the row is not a {name}: {why[0]}", columns=why[1]) from error

    return refuse
