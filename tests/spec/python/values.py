"""Converts between a scenario's data and what the package takes and returns, which is checked strictly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import ubiqlite

from data import ANY, Failure, JsonText, pairs, show


def to_value(data: Any) -> Any:
    """Converts data to one value to bind."""
    if isinstance(data, JsonText):
        return data.content
    if data is ANY or isinstance(data, (dict, list)):
        raise Failure(f"{show(data)} is no value")
    return data


def to_params(data: Any) -> Any:
    """Converts data to parameters, by position or by name."""
    if isinstance(data, list):
        return tuple(map(to_value, data))
    if isinstance(data, dict):
        return {name: to_value(value) for name, value in data.items()}
    raise Failure(f"{show(data)} are no parameters")


def to_record(data: Any) -> dict[str, Any]:
    """Converts data to a record: a map, or a list of pairs."""
    return {name: to_value(value) for name, value in (data if isinstance(data, dict) else pairs(data)).items()}


def to_key(data: Any) -> Any:
    """Converts data to a key: a value, or a tuple for a composite key."""
    return tuple(map(to_value, data)) if isinstance(data, list) else to_value(data)


def from_value(value: Any) -> Any:
    """Converts a cell of a row to data."""
    if value is not None and type(value) not in (int, float, str, bytes):
        raise Failure(f"a cell is {value!r}")
    return value


def from_row(row: Any) -> dict[str, Any]:
    """Converts a row to data; its names and positions must give the same values."""
    if not isinstance(row, ubiqlite.Row):
        raise Failure(f"a row is {row!r}")
    made = {name: from_value(row[name]) for name in row.keys()}
    if list(row) != list(made.values()) and not any(value != value for value in row):
        raise Failure(f"a row is {tuple(row)} by place and {made} by name")
    if dict(row).keys() != made.keys() or row.columns != tuple(made):
        raise Failure(f"a row's names are {row.columns}, and {list(made)}")
    return made


def from_rows(rows: Any) -> list[Any]:
    if type(rows) is not list:
        raise Failure(f"rows are {rows!r}")
    return [from_row(row) for row in rows]


def from_optional_row(row: Any) -> Any:
    return None if row is None else from_row(row)


def from_count(count: Any) -> int:
    if type(count) is not int or count < 0:
        raise Failure(f"a count is {count!r}")
    return count


def from_yes(yes: Any) -> bool:
    if type(yes) is not bool:
        raise Failure(f"yes or no is {yes!r}")
    return yes


def from_nothing(nothing: Any) -> None:
    if nothing is not None:
        raise Failure(f"nothing is {nothing!r}")


def from_key(key: Any) -> Any:
    return [from_value(value) for value in key] if isinstance(key, tuple) else from_value(key)


def from_executed(done: Any) -> dict[str, Any]:
    if not isinstance(done, ubiqlite.Executed):
        raise Failure(f"what a statement did is {done!r}")
    return {"rows_changed": from_count(done.rows_changed), "last_row_id": from_value(done.last_row_id)}


def from_executed_list(done: Any) -> list[Any]:
    return [from_executed(one) for one in done]


def from_damages(found: Any) -> list[dict[str, Any]]:
    return [vars(each) for each in found]


def from_stats(stats: Any) -> dict[str, Any]:
    def value(found: Any) -> Any:
        if isinstance(found, timedelta):
            return found.total_seconds()
        return from_stats(found) if hasattr(found, "__dict__") else found

    return {name: value(found) for name, found in vars(stats).items()}


def from_recovered(saved: Any) -> dict[str, Any]:
    tables = [[name, from_count(rows)] for name, rows in saved.tables.items()]
    return {"tables": tables, "lost_and_found": from_count(saved.lost_and_found)}


def from_capabilities(known: Any) -> dict[str, bool]:
    return {name: from_yes(value) for name, value in known._asdict().items()}
