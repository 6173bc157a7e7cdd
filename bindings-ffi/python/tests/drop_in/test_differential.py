"""Random calls to the standard ``sqlite3`` and to ours give the same results.

Intended differences are left out: rows that ours has already fetched do not prevent a
table from being dropped or the file from being vacuumed, and later changes do not show
in them.
"""

from __future__ import annotations

import datetime
import os
import random
import sqlite3
import sys
import warnings
from pathlib import Path
from typing import Any, Callable

import pytest

from ubiqlite.aiosqlite._connection import Connection

CASES = int(os.environ.get("UBIQLITE_DIFFERENCES", "400"))

STATEMENTS = [
    "select * from t order by id",
    "select id,name from t where id=?",
    "insert into t(name,v) values(?,?)",
    "insert or replace into t(id,name,v) values(?,?,?)",
    "update t set v=? where id<?",
    "delete from t where id=?",
    "select count(*) from t",
    "insert into t(id) values(1)",
    "select ? , ?",
    "select :a",
    "create table if not exists u(x)",
    "pragma user_version",
    "select * from u",
    "begin",
    "commit",
    "rollback",
    "savepoint s",
    "release s",
    "with x as (select 1 as q) insert into t(name) select 'w' from x",
    "select 1;",
    "select 1; select 2",
    "  -- c\n select 3",
    "",
    'select id as "a b", id from t limit 1',
    "values(1,2),(3,4)",
    "selec",
    "select * from missing",
]
VALUES: list[Any] = [
    1, None, 2.5, "x", "é", b"\x00\x01", 2**40, -(2**63), -1, True, bytearray(b"q"),
    memoryview(b"zz"), datetime.date(2020, 1, 1), float("nan"), "", b"",
]  # fmt: skip
SCRIPTS = [
    "insert into t(name) values('s'); create table if not exists u(x);",
    "select 1; bad",
    "begin; insert into t(name) values('q');",
]


def calls(random: random.Random) -> list[tuple[Any, ...]]:
    """Returns random calls, the same for the same seed."""
    out: list[tuple[Any, ...]] = []
    for _ in range(random.randint(5, 25)):
        kind = random.random()
        if kind < 0.5:
            sql = random.choice(STATEMENTS)
            count = sql.count("?")
            values: Any = tuple(random.choice(VALUES) for _ in range(count))
            if random.random() < 0.1:
                values = tuple(range(count + 1))
            if ":a" in sql:
                values = random.choice([{"a": 1}, {}, {"b": 2}, (1,), {"a": 2, "b": 3}])
            which = random.random() < 0.7
            out.append(("execute", which, sql, values))
            if "* from t" in sql:
                out.append(("fetchall", which))
        elif kind < 0.75:
            call = random.choice([("fetchone",), ("fetchall",), ("fetchmany", 2)])
            out.append((call[0], random.random() < 0.6, *call[1:]))
        elif kind < 0.82:
            sql = random.choice(["insert into t(name,v) values(?,?)", "select ?,?", "delete from t where id=? and v=?"])
            each = [(random.choice(VALUES[:6]), random.choice(VALUES[:6])) for _ in range(random.randint(0, 3))]
            out.append(("executemany", True, sql, each))
        elif kind < 0.9:
            out.append((random.choice(["commit", "rollback"]), None))
        elif kind < 0.94:
            out.append(("executescript", True, random.choice(SCRIPTS)))
        else:
            out.append(("isolation", None, random.choice(["", None, "IMMEDIATE", "exclusive", "bogus"])))
    return out


def results(connection: Any, made: list[tuple[Any, ...]]) -> list[Any]:
    """Returns the calls' results, and the state of the connection and the cursor after each."""
    cursors = [connection.cursor(), connection.cursor()]
    out: list[Any] = []
    for name, which, *arguments in made:
        cursor = cursors[0] if which else cursors[1]
        try:
            if name == "isolation":
                connection.isolation_level = arguments[0]
                result: Any = connection.isolation_level
            elif which is None:
                result = getattr(connection, name)(*arguments)
            else:
                result = getattr(cursor, name)(*arguments)
        except Exception as error:
            result = (type(error), str(error), getattr(error, "sqlite_errorcode", None))
        told = (cursor.rowcount, cursor.lastrowid, cursor.description)
        result = "cursor" if result is cursor else plain(result)
        out.append((result, told, connection.in_transaction, connection.total_changes))
    return out


def plain(value: Any) -> Any:
    """Replaces NaN, which is not equal to itself."""
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return "nan" if value != value else value


@pytest.mark.skipif(sys.version_info < (3, 11), reason="sqlite3 had other rules for details before")
def test_random_calls_are_answered_as_by_sqlite3(tmp_path: Path) -> None:
    warnings.simplefilter("ignore", DeprecationWarning)
    kinds: list[Callable[[str], Any]] = [sqlite3.connect, lambda path: Connection(path).open()]
    for seed in range(CASES):
        made = calls(random.Random(seed))
        told = []
        for kind in kinds:
            for file in tmp_path.iterdir():
                file.unlink()
            connection = kind(str(tmp_path / "a.db"))
            connection.execute("create table t(id integer primary key, name text, v)")
            connection.commit()
            told.append(results(connection, made))
            connection.close()
        for index, (theirs, ours) in enumerate(zip(*told)):
            assert ours == theirs, f"seed {seed}, call {index} of {made}"
