"""Makes calls on everything that takes calls."""

from __future__ import annotations

import os.path
from contextlib import aclosing, asynccontextmanager
from typing import Any

import values as give
from call import Call
from data import Failure
from migrations import carried_out
from replicate import from_state, replicating
from sync import Sending, from_applied, to_apply
from values import to_value
from watch import Watching

_READS = {"query", "query_one", "query_optional", "query_value", "stream"}
_STATEMENTS = _READS | {"execute", "execute_many", "batch"}
_DATABASE = _STATEMENTS | {"close", "interrupt", "capabilities", "transaction", "begin", "acquire", "snapshot"}
_DATABASE |= {"watch", "watch_all", "touch", "outbox", "apply", "check", "recover", "migrations", "stats", "replicate"}
_NESTING = _STATEMENTS | {"savepoint", "begin_savepoint", "apply"}
METHODS = {
    "database": _DATABASE,
    "session": _STATEMENTS | {"interrupt", "transaction", "begin"},
    "snapshot": _READS,
    "transaction": _NESTING,
    "begun": _NESTING | {"commit", "rollback"},
    "savepoint": _NESTING,
    "nested": _NESTING | {"release", "rollback"},
    "stream": {"next"},
    "watch": {"next"},
    "outbox": {"next", "wait", "ack"},
    "replica": {"flush", "state", "stop"},
}
KINDS = {
    "transaction": "transaction",
    "savepoint": "savepoint",
    "begin": "begun",
    "begin_savepoint": "nested",
    "acquire": "session",
    "snapshot": "snapshot",
    "stream": "stream",
    "watch": "watch",
    "watch_all": "watch",
    "outbox": "outbox",
    "replicate": "replica",
    "select": "watch",
}


def _statement(call: Call) -> tuple[Any, ...]:
    sql = call.data("sql")
    return (sql, call.params()) if call.has("params") else (sql,)


_SIMPLE = {
    "execute": (_statement, give.from_executed),
    "query": (_statement, give.from_rows),
    "query_one": (_statement, give.from_row),
    "query_optional": (_statement, give.from_optional_row),
    "query_value": (_statement, give.from_value),
    "execute_many": (lambda call: (call.data("sql"), call.each()), give.from_count),
    "batch": (lambda call: (call.batch(),), give.from_executed_list),
    "commit": (lambda call: (), give.from_nothing),
    "rollback": (lambda call: (), give.from_nothing),
    "release": (lambda call: (), give.from_nothing),
    "close": (lambda call: (), give.from_nothing),
    "capabilities": (lambda call: (), give.from_capabilities),
    "touch": (lambda call: (call.texts("tables"),), give.from_nothing),
    "check": (lambda call: (), give.from_damages),
    "stats": (lambda call: (), give.from_stats),
}
_TABLE = {
    "insert": (lambda call: (call.record(),), give.from_key),
    "upsert": (lambda call: (call.record(),), give.from_key),
    "insert_many": (lambda call: (call.records(),), give.from_count),
    "get": (lambda call: (call.key(),), give.from_optional_row),
    "update": (lambda call: (call.key(), call.record()), give.from_yes),
    "delete": (lambda call: (call.key(),), give.from_yes),
    "update_many": (lambda call: (call.keys(), call.record()), give.from_count),
    "count": (lambda call: (), give.from_count),
    "transfer": (lambda call: (call.data("column"), call.transfers()), give.from_nothing),
}
_ENDS = {"all": give.from_rows, "first": give.from_optional_row, "count": give.from_count}
_COMPARISONS = {"ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "like": "like", "not_like": "not like"}


async def simple(kind: str, target: Any, call: Call, directory: str) -> Any:
    """Makes a call that returns no handle, and returns its result as data."""
    if call.has("table"):
        return await _on_table(target.table(call.data("table")), call)
    method = call.method
    if method not in METHODS[kind]:
        raise Failure(f"a {kind} has no method {method}")
    if method == "next":
        call.done()
        async for row in _one(target):
            return give.from_row(row)
        return None
    if method == "interrupt":
        call.done()
        return give.from_nothing(target.interrupt())
    if method == "stream":
        stream = target.stream(*_statement(call), **call.options())
        call.done()
        return await _all(stream)
    if method == "apply":
        options = {**to_apply(call), **call.options()}
        call.done()
        return from_applied(await target.apply(**options))
    if method == "recover":
        path, options = os.path.join(directory, call.data("path")), call.options()
        call.done()
        return give.from_recovered(await target.recover(path, **options))
    if kind == "replica":
        options = call.options()
        call.done()
        return from_state(await getattr(target, method)(**options))
    if method == "migrations":
        return await carried_out(target, call)
    arguments, convert = _SIMPLE[method]
    given, options = arguments(call), call.options()
    call.done()
    return convert(await getattr(target, method)(*given, **options))


async def _one(stream: Any) -> Any:
    try:
        yield await stream.__anext__()
    except StopAsyncIteration:
        pass


async def _all(stream: Any) -> list[Any]:
    return give.from_rows([row async for row in stream])


async def _on_table(table: Any, call: Call) -> Any:
    method = call.method
    options = call.options()
    if method == "stream":
        call.done()
        return await _all(table.stream(**options))
    if method == "select":
        selection, end = selected(table, call), call.json("end") or "all"
        call.done()
        if end == "stream":
            return await _all(selection.stream(**options))
        return _ENDS[end](await getattr(selection, end)(**options))
    arguments, convert = _TABLE[method]
    given = arguments(call)
    call.done()
    return convert(await getattr(table, method)(*given, **options))


def selected(table: Any, call: Call) -> Any:
    """Builds the selection of a call."""
    selection = table.select()
    for column, comparison, *operands in call.data("where") if call.has("where") else []:
        if comparison == "null":
            selection = selection.where_null(column)
        elif comparison == "not_null":
            selection = selection.where_not_null(column)
        elif comparison == "in":
            selection = selection.where_in(column, [to_value(value) for value in operands[0]])
        elif comparison == "eq":
            # The short form is the most common one.
            selection = selection.where(column, to_value(operands[0]))
        else:
            selection = selection.where(column, _COMPARISONS[comparison], to_value(operands[0]))
    for column, direction in call.data("order_by") if call.has("order_by") else []:
        selection = selection.order_by(column, direction)
    if call.has("limit"):
        selection = selection.limit(call.json("limit"))
    if call.has("offset"):
        selection = selection.offset(call.json("offset"))
    return selection


def holding(kind: str, target: Any, call: Call, directory: str) -> Any:
    """Returns an asynchronous context manager that keeps the handle of a call open."""
    method, options = call.method, call.options()
    if call.has("table"):
        table = target.table(call.data("table"))
        made = selected(table, call) if method == "select" else table
        end = call.json("end")
        call.done()
        return Watching(made.watch(**options)) if end == "watch" else aclosing(made.stream(**options))
    if method not in METHODS[kind]:
        raise Failure(f"a {kind} has no method {method}")
    if method == "stream":
        arguments = _statement(call)
        call.done()
        return aclosing(target.stream(*arguments, **options))
    if method == "watch":
        # A key of one column is mostly given as its name.
        key = {"key": call.data("key")} if call.has("key") else {}
        arguments = _statement(call)
        call.done()
        return Watching(target.watch(*arguments, **key, **options))
    if method == "watch_all":
        queries = call.queries()
        call.done()
        return Watching(target.watch_all(queries, **options), len(queries))
    if method == "replicate":
        return replicating(target, call, directory)
    if method == "outbox":
        tables = call.texts("tables")
        call.done()
        return Sending(target, tables, options)
    if call.has("mode"):
        options["mode"] = call.json("mode")
    call.done()
    made = getattr(target, method)
    return _handle(made, options) if method in ("begin", "begin_savepoint") else made(**options)


@asynccontextmanager
async def _handle(begin: Any, options: dict[str, Any]) -> Any:
    handle = await begin(**options)
    try:
        yield handle
    finally:
        handle.close()
