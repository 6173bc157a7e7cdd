"""What a connection of the standard module does, ours does too."""

from __future__ import annotations

import os
import sqlite3
import sys
from typing import Any

import pytest
from both import Both, same
from conftest import python

from ubiqlite.aiosqlite._connection import Connection


def test_code_of_a_call_may_use_the_connection(both: Both) -> None:
    def use(db: Any) -> Any:
        db.executescript("CREATE TABLE a (x); CREATE TABLE b (x)")
        db.executemany("INSERT INTO a VALUES (?)", [(1,), (2,), (3,)])
        db.executemany("INSERT INTO b SELECT ? + 1", db.execute("SELECT x FROM a"))
        db.row_factory = lambda cursor, row: (
            row,
            cursor.connection.execute("SELECT count(*) FROM b").description[0][0],
        )
        rows = db.execute("SELECT x FROM b").fetchall()
        db.row_factory = None
        return rows, db.execute("SELECT count(*) FROM b").fetchall()

    assert same(both, use) == ([((2,), "count(*)"), ((3,), "count(*)"), ((4,), "count(*)")], [(3,)])


def test_a_function_that_uses_its_own_connection_is_told_so(both: Both) -> None:
    ours = both[1]
    ours.create_function("own", 0, lambda: ours.execute("SELECT 1").fetchone()[0])
    with pytest.raises(sqlite3.OperationalError, match="user-defined function raised exception"):
        ours.execute("SELECT own()")
    assert ours.execute("SELECT 7").fetchall() == [(7,)]


def test_what_a_collation_raises_comes_out_of_its_own_statement(both: Both) -> None:
    ours = both[1]

    def compare(a: str, b: str) -> int:
        raise KeyError("compared")

    ours.create_collation("raises", compare)
    ours.execute("CREATE TABLE t (a TEXT COLLATE raises UNIQUE)")
    ours.execute("INSERT INTO t VALUES ('a')")
    for call in (
        lambda: ours.execute("INSERT INTO t VALUES ('b')"),
        lambda: ours.executemany("INSERT INTO t VALUES (?)", [("b",), ("c",)]),
        lambda: ours.executescript("INSERT OR IGNORE INTO t VALUES ('d')"),
    ):
        with pytest.raises((KeyError, sqlite3.IntegrityError)):
            call()
        assert ours.execute("SELECT 7").fetchall() == [(7,)]


def test_parameters_by_name_are_those_that_are_asked_for(both: Both) -> None:
    import collections
    import enum

    class Name(str, enum.Enum):
        A = "a"

    class Made(dict):  # type: ignore[type-arg]
        def __missing__(self, name: str) -> str:
            return name * 2

    class Text(str):
        pass

    for sql, values in [
        ("SELECT :a", {"a": 1, "extra": [1], "large": 2**70}),
        ("SELECT :a, :b", Made(a=1)),
        ("SELECT :a, :b", collections.defaultdict(lambda: 7, a=bytearray(b"x"))),
        # Before 3.10 the error had the position, not the name.
        *([("SELECT :a, :b", {"a": 1})] if sys.version_info >= (3, 10) else []),
        ("SELECT :a", {Name.A: 5}),
        (Text("SELECT 5"), ()),
        (Text("SELECT :a"), {"a": bytearray(b"y")}),
    ]:
        same(both, lambda db, sql=sql, values=values: db.execute(sql, values).fetchall())
    # The error does not say which of the statement's parameters it is.
    for db in both:
        with pytest.raises(sqlite3.Error, match="Error binding parameter"):
            db.execute("SELECT :a", {"a": [1]})
    same(both, lambda db: db.executescript(Text("CREATE TABLE t (a)")).rowcount)
    same(both, lambda db: db.executemany(Text("INSERT INTO t VALUES (:a)"), [{"a": 1, "b": [2]}]).rowcount)


def test_what_can_not_be_committed_does_not_stay_open(both: Both) -> None:
    def use(db: Any) -> Any:
        db.executescript(
            "PRAGMA foreign_keys = ON; CREATE TABLE p (id PRIMARY KEY);"
            "CREATE TABLE c (p REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)"
        )
        told = []
        try:
            with db:
                db.execute("INSERT INTO c VALUES (7)")
        except sqlite3.IntegrityError as error:
            told.append(str(error))
        return told, db.in_transaction, db.execute("SELECT count(*) FROM c").fetchall()

    same(both, use)


def test_a_row_is_made_of_a_cursor_of_ours_too(both: Both) -> None:
    import ubiqlite.aiosqlite

    ours = both[1]
    for factory in (ubiqlite.aiosqlite.Row, lambda cursor, row: dict(ubiqlite.aiosqlite.Row(cursor, row))):
        ours.row_factory = factory
        assert ours.execute("SELECT 1 AS one").fetchone()["one"] == 1


@pytest.mark.parametrize("how", ["commit", "sql", "autocommit", "script", "attached"])
def test_a_log_does_not_grow_for_ever(tmp_path: Any, how: str) -> None:
    ours = Connection(str(tmp_path / "ours.db"), isolation_level=None if how != "commit" else "").open()
    table, file = "t", "ours.db"
    if how == "attached":
        ours.execute("ATTACH ? AS other", (str(tmp_path / "other.db"),))
        ours.execute("PRAGMA other.journal_mode = WAL").fetchall()
        table, file = "other.t", "other.db"
    ours.execute("PRAGMA journal_mode = WAL").fetchall()
    ours.execute("PRAGMA synchronous = NORMAL")
    ours.execute(f"CREATE TABLE {table} (b)")
    for _ in range(1500):
        if how == "sql":
            ours.execute("BEGIN")
        if how == "script":
            ours.executescript("BEGIN; INSERT INTO t VALUES (zeroblob(5000)); COMMIT")
        else:
            ours.execute(f"INSERT INTO {table} VALUES (zeroblob(5000))")
        if how == "sql":
            ours.execute("COMMIT")
        if how == "commit":
            ours.commit()
    assert (tmp_path / f"{file}-wal").stat().st_size < 12 << 20
    ours.close()


def test_the_checkpoints_that_a_user_wants_are_those_that_are_made(both: Both) -> None:
    def use(db: Any) -> Any:
        told = [
            db.execute("PRAGMA journal_mode = WAL").fetchall(),
            db.execute("PRAGMA synchronous = NORMAL").fetchall(),
        ]
        for frames in (None, 500, 0, 1000):
            if frames is not None:
                told.append(db.execute(f"PRAGMA wal_autocheckpoint = {frames}").fetchall())
            db.execute("CREATE TABLE IF NOT EXISTS t (a)")
            for _ in range(5):
                db.execute("INSERT INTO t VALUES (1)")
                db.commit()
            told.append(db.execute("PRAGMA wal_autocheckpoint").fetchall())
        told.append(db.execute("PRAGMA synchronous = FULL").fetchall())
        told.append(db.execute("PRAGMA wal_autocheckpoint").fetchall())
        return told

    same(both, use)


def test_what_an_authorizer_denies_is_not_asked_behind_its_back(both: Both) -> None:
    def use(db: Any) -> Any:
        traced: list[str] = []

        def allow(action: int, first: Any, *_: Any) -> int:
            return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_PRAGMA and first != "foreign_keys" else 0

        db.set_authorizer(allow)
        db.set_trace_callback(traced.append)
        db.execute("PRAGMA foreign_keys = ON")
        told = db.execute("PRAGMA foreign_keys").fetchall()
        db.set_trace_callback(None)
        return told, traced

    same(both, use)


def test_a_name_is_a_uri_only_where_that_is_asked_for(tmp_path: Any) -> None:
    os.chdir(tmp_path)
    for name, uri, file in [("file:a.db", False, "file:a.db"), ("file:b.db", True, "b.db")]:
        ours = Connection(name, uri=uri).open()
        ours.execute("CREATE TABLE t (a)")
        ours.close()
        assert (tmp_path / file).is_file()


def test_connections_of_one_cache_do_not_wait_for_each_other_with_the_interpreter(tmp_path: Any) -> None:
    code = """
import asyncio, ubiqlite.aiosqlite as aiosqlite
async def main():
    name = "file:shared?mode=memory&cache=shared"
    async with aiosqlite.connect(name, uri=True) as one, aiosqlite.connect(":memory:", uri=True) as two:
        await two.execute("ATTACH ? AS other", (name,))
        await one.execute("CREATE TABLE t (a)")
        await one.execute("INSERT INTO t VALUES (1)")
        await one.commit()
        await one.create_function("f", 1, lambda x: x)
        slow = asyncio.ensure_future(one.execute_fetchall(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT sum(f(i)) FROM n, t"))
        for _ in range(200):
            assert await two.execute_fetchall("SELECT a FROM other.t") == [(1,)]
            await asyncio.sleep(0)
        await slow
asyncio.run(main())
print("end")
"""
    done = python(code, timeout=60)
    assert (done.stdout, done.stderr) == ("end\n", "")
