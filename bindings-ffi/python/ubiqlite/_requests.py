"""Conversion of requests by Python's rules, op by op, if ``marshal`` can't write a value or values must be checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from . import _ops as op
from ._values import check_text, convert, convert_key, convert_params, convert_record
from .errors import Error, InvalidArgument, with_index

Parts = tuple[Any, ...]


def converted(request: Parts) -> Parts:
    """Returns the request with each value converted. Raises ``InvalidArgument``, which names one that can't be."""
    number, operation, handle, timeout, *payload = request
    rules = _RULES.get(operation & ~op.QUEUED)
    parts = payload if rules is None else rules(*payload)
    return (number, operation | op.CHECKED, handle, timeout, *parts)


def _statement(sql: Any, params: Any) -> Parts:
    return check_text(sql, "SQL"), convert_params(params)


def _watch(sql: Any, params: Any, key: tuple[Any, ...]) -> Parts:
    return *_statement(sql, params), [check_text(column, "a column of the key") for column in key]


def _rows_of(convert_row: Callable[[Any], Any], rows: list[Any]) -> list[Any]:
    done = []
    for index, row in enumerate(rows):
        try:
            done.append(convert_row(row))
        except Error as error:
            raise with_index(error, index) from None
    return done


def _execute_many(sql: Any, rows: list[Any], more: bool) -> Parts:
    return check_text(sql, "SQL"), _rows_of(convert_params, rows), more


def _insert_many(table: Any, rows: list[Any], more: bool) -> Parts:
    return _table(table), _rows_of(convert_record, rows), more


def _more(records: bool, rows: list[Any], more: bool) -> Parts:
    return records, _rows_of(convert_record if records else convert_params, rows), more


def _batch(statements: Any) -> Parts:
    if isinstance(statements, str):
        return (check_text(statements, "SQL"),)
    if not isinstance(statements, (list, tuple)):
        raise InvalidArgument("a batch must be a script or a list of statements")
    return (_rows_of(_batch_item, list(statements)),)


def _batch_item(item: Any) -> Parts:
    if isinstance(item, str):
        return check_text(item, "SQL"), None
    if not isinstance(item, (list, tuple)) or not 1 <= len(item) <= 2:
        raise InvalidArgument("a statement of a batch must be SQL or (SQL, parameters)")
    return _statement(item[0], item[1] if len(item) == 2 else None)


def _table(name: Any) -> str:
    return check_text(name, "the name of a table")


def _ack(number: Any) -> Parts:
    if not isinstance(number, int) or isinstance(number, bool) or not -(2**63) <= number < 2**63:
        raise InvalidArgument(f"the number of a batch must be that of one, not {number!r}")
    return (int(number),)


def _select(table: Any, filters: list[Any], order: list[Any], limit: Any, offset: Any) -> Parts:
    done = []
    for compare, column, *operand in filters:
        name = check_text(column, "the name of a column")
        if compare == IN:
            values: list[Any] = [[convert(value, f"a value for {column!r}") for value in operand[0]]]
        else:
            values = [convert(value, f"the value for {column!r}") for value in operand]
        done.append((compare, name, *values))
    ordered = [(check_text(column, "the name of a column"), descending) for column, descending in order]
    for rows in (limit, offset):
        whole = isinstance(rows, int) and not isinstance(rows, bool)
        if rows is not None and not (whole and 0 <= rows < 2**63):
            raise InvalidArgument("a limit or offset must be a non-negative whole number")
    return _table(table), done, ordered, limit, offset


IN = 8
"""The comparison that takes a list."""


def _transfer(table: Any, column: Any, transfers: Any) -> Parts:
    return _table(table), check_text(column, "the name of a column"), _rows_of(_one_transfer, list(transfers))


def _one_transfer(transfer: Any) -> Parts:
    if not isinstance(transfer, (list, tuple)) or len(transfer) != 3:
        raise InvalidArgument("a transfer must be (from, to, amount)")
    source, target, amount = transfer
    return convert_key(source), convert_key(target), convert(amount, "the amount")


def _update_many(table: Any, keys: Any, record: Any) -> Parts:
    return _table(table), [convert_key(key) for key in keys], convert_record(record)


_RULES: Mapping[int, Callable[..., Parts]] = {
    op.EXECUTE: _statement,
    op.QUERY: _statement,
    op.QUERY_ONE: _statement,
    op.QUERY_OPTIONAL: _statement,
    op.QUERY_VALUE: _statement,
    op.STREAM: _statement,
    op.WATCH: _watch,
    op.WATCH_ALL: lambda queries: (_rows_of(lambda query: _watch(*query), queries),),
    op.TOUCH: lambda tables: ([_table(table) for table in tables],),
    op.COMMITS: lambda tables: ([_table(table) for table in tables],),
    op.OUTBOX: lambda tables: ([_table(table) for table in tables],),
    op.ACK: _ack,
    op.RUN: _statement,
    op.EXECUTE_MANY: _execute_many,
    op.MORE: _more,
    op.BATCH: _batch,
    op.INSERT: lambda table, record: (_table(table), convert_record(record)),
    op.UPSERT: lambda table, record: (_table(table), convert_record(record)),
    op.INSERT_MANY: _insert_many,
    op.GET: lambda table, key: (_table(table), convert_key(key)),
    op.DELETE: lambda table, key: (_table(table), convert_key(key)),
    op.UPDATE: lambda table, key, record: (_table(table), convert_key(key), convert_record(record)),
    op.UPDATE_MANY: _update_many,
    op.SELECT: _select,
    op.SELECT_FIRST: _select,
    op.SELECT_COUNT: _select,
    op.SELECT_STREAM: _select,
    op.SELECT_WATCH: _select,
    op.TABLE_STREAM: lambda table: (_table(table),),
    op.TRANSFER: _transfer,
}
