"""What a connection of the standard module has, ours has too."""

from __future__ import annotations

import os
import sqlite3
import sys
from typing import Any

import pytest
from both import Both, same
from conftest import python

from ubiqlite.aiosqlite._connection import Connection

# Pragmas that vary between builds of SQLite, as with Debian's, and those that count things or name files.
OWN = {
    "secure_delete", "max_page_count", "compile_options", "function_list", "module_list", "database_list",
    "data_version", "schema_version", "collation_list", "pragma_list", "optimize", "wal_checkpoint", "integrity_check",
    "quick_check", "incremental_vacuum", "shrink_memory", "stats", "lock_status",
}  # fmt: skip


def test_every_pragma_is_what_it_is_by_default(both: Both) -> None:
    names = [row[0] for row in both[0].execute("PRAGMA pragma_list")]
    assert "foreign_keys" in names
    for name in names:
        if name not in OWN:
            same(both, lambda db, name=name: db.execute(f"PRAGMA {name}").fetchall())


def test_foreign_keys_and_quotes_are_as_sqlite_has_them(both: Both) -> None:
    for connection in both:
        connection.executescript(
            "CREATE TABLE p (id PRIMARY KEY); CREATE TABLE c (p REFERENCES p (id) ON DELETE CASCADE)"
        )
    same(both, lambda db: db.execute("INSERT INTO c VALUES (7)").rowcount)
    same(both, lambda db: db.execute('SELECT "no column" FROM c').fetchall())
    same(both, lambda db: db.execute('CREATE INDEX i ON c ("no column")').fetchall())
    same(both, lambda db: db.execute("SELECT count(*) FROM c WHERE p LIKE '7'").fetchall())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the standard module has no switches")
def test_every_switch_is_what_it_is_by_default_and_can_be_set(both: Both) -> None:
    switches = [getattr(sqlite3, name) for name in dir(sqlite3) if name.startswith("SQLITE_DBCONFIG_")]
    assert len(switches) > 10
    for switch in switches:
        if switch == sqlite3.SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER:
            continue  # Debian's SQLite has it on
        same(both, lambda db, switch=switch: db.getconfig(switch))
        if switch != sqlite3.SQLITE_DBCONFIG_RESET_DATABASE:
            same(both, lambda db, switch=switch: (db.setconfig(switch, True), db.getconfig(switch)))
            same(both, lambda db, switch=switch: (db.setconfig(switch, False), db.getconfig(switch)))
    same(both, lambda db: db.getconfig(1))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the standard module has no limits")
def test_limits_are_asked_for_and_set(both: Both) -> None:
    for name in dir(sqlite3):
        if name.startswith("SQLITE_LIMIT_"):
            category = getattr(sqlite3, name)
            if name not in ("SQLITE_LIMIT_VARIABLE_NUMBER", "SQLITE_LIMIT_FUNCTION_ARG"):  # Debian's own
                same(both, lambda db, category=category: db.getlimit(category))
    same(
        both,
        lambda db: (db.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 20), db.getlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH)),
    )
    same(both, lambda db: db.execute("SELECT 'a statement that is too long'").fetchall())
    same(both, lambda db: db.getlimit(1111))


def test_a_busy_timeout_that_is_set_by_sql_holds(both: Both, tmp_path: Any) -> None:
    ours = both[1]
    for _ in range(3):
        for wanted in (60, 1234):
            assert same(both, lambda db, wanted=wanted: db.execute(f"PRAGMA busy_timeout = {wanted}").fetchall()) == [
                (wanted,)
            ]
            same(both, lambda db: db.execute("SELECT 1").fetchall())
            assert same(both, lambda db: db.execute("PRAGMA busy_timeout").fetchall()) == [(wanted,)]
    ours.execute("CREATE TABLE t (a)")
    ours.commit()
    other = sqlite3.connect(tmp_path / "ours.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    import time

    for wanted in (30, 700):
        ours.execute(f"PRAGMA busy_timeout = {wanted}")
        since = time.monotonic()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            ours.execute("INSERT INTO t VALUES (1)")
        assert time.monotonic() - since >= wanted / 1000 * 0.9
    other.close()


class Sum:
    def __init__(self) -> None:
        self.sum = 0

    def step(self, *values: Any) -> None:
        self.sum += values[0]

    def inverse(self, *values: Any) -> None:
        self.sum -= values[0]

    def value(self) -> Any:
        return self.sum

    def finalize(self) -> Any:
        return self.sum


def failing(where: str, error: type[BaseException] = KeyError) -> Any:
    def fail(self: Any, *_: Any) -> Any:
        raise error("it fails")

    return type("Failing", (Sum,), {where: fail})


NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)"


def test_aggregates_of_python(both: Both) -> None:
    def use(db: Any) -> Any:
        db.create_aggregate("total_of", 1, Sum)
        groups = db.execute(f"{NUMBERS} SELECT i % 3, total_of(i) FROM n GROUP BY 1 ORDER BY 1").fetchall()
        return groups, db.execute(f"{NUMBERS} SELECT total_of(i) FROM n WHERE i > 1000").fetchall()

    assert same(both, use) == ([(0, 1683), (1, 1717), (2, 1650)], [(None,)])
    for where in ("__init__", "step", "finalize"):
        for error in (KeyError, OverflowError, MemoryError):
            kind = failing(where, error)

            def fails(db: Any, kind: Any = kind) -> Any:
                db.create_aggregate("failing", 1, kind)
                return db.execute(f"{NUMBERS} SELECT failing(i) FROM n").fetchall()

            same(both, fails)
    same(both, lambda db: (db.create_aggregate("total_of", 1, None), db.execute("SELECT total_of(1)"))[0])

    class Texts(Sum):
        def finalize(self) -> Any:
            return "x" * 5000

    same(both, lambda db: (db.create_aggregate("texts", -1, Texts), db.execute("SELECT texts(1)").fetchall()))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the standard module has none")
def test_window_functions_of_python(both: Both) -> None:
    window = "OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)"

    def use(db: Any) -> Any:
        db.create_window_function("moving", 1, Sum)
        return db.execute(f"{NUMBERS} SELECT i, moving(i) {window} FROM n").fetchall()

    assert same(both, use)[:3] == [(1, 3), (2, 6), (3, 9)]
    for where in ("__init__", "step", "inverse", "value", "finalize"):
        kind = failing(where)

        def fails(db: Any, kind: Any = kind) -> Any:
            db.create_window_function("failing", 1, kind)
            return db.execute(f"{NUMBERS} SELECT failing(i) {window} FROM n").fetchall()

        same(both, fails)


def test_collations_of_python(both: Both) -> None:
    def use(db: Any) -> Any:
        db.create_collation("by_length", lambda a, b: len(a) - len(b))
        return db.execute(
            "SELECT column1 FROM (VALUES ('ccc'), ('é'), (''), ('bb')) ORDER BY 1 COLLATE by_length"
        ).fetchall()

    assert same(both, use) == [("",), ("é",), ("bb",), ("ccc",)]
    same(
        both,
        lambda db: (db.create_collation("by_length", None), db.execute("SELECT 1 ORDER BY 'a' COLLATE by_length"))[0],
    )
    same(both, lambda db: db.create_collation("x", 7))

    def fails(db: Any) -> Any:
        db.create_collation("fails", lambda a, b: 1 // 0)
        return len(db.execute("SELECT column1 FROM (VALUES ('a'), ('b')) ORDER BY 1 COLLATE fails").fetchall())

    same(both, fails)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the standard module has none")
def test_values_are_read_and_written_in_place(both: Both) -> None:
    def use(db: Any) -> Any:
        db.execute("CREATE TABLE t (a BLOB)")
        db.execute("INSERT INTO t VALUES (zeroblob(20))")
        told: list[Any] = []
        with db.blobopen("t", "a", 1) as blob:
            told += [
                len(blob),
                blob.tell(),
                blob.write(b"hello"),
                blob.tell(),
                blob.read(3),
                blob.seek(-5, os.SEEK_END),
            ]
            told += [blob.tell(), blob.read(), blob.read(), blob[0], blob[-20], blob[0:5], blob[5:0], blob[0:10:2]]
            blob[1] = ord("E")
            blob[2:5] = b"LLO"
            blob[10:20:3] = b"abcd"
            blob.seek(0)
            told += [blob.read()]
            for wrong in (
                lambda: blob[20], lambda: blob["x"], lambda: blob.seek(21), lambda: blob.seek(0, 9),
                lambda: blob.write(b"x"), lambda: blob.__setitem__(0, 256), lambda: blob.__setitem__(0, b"x"),
                lambda: blob.__setitem__(slice(0, 2), b"x"), lambda: blob.__delitem__(0),
            ):  # fmt: skip
                try:
                    told.append(wrong())
                except Exception as error:
                    told.append((type(error), str(error)))
        told.append(db.execute("SELECT a FROM t").fetchall())
        for wrong in (lambda: blob.read(), lambda: db.blobopen("t", "a", 9), lambda: db.blobopen("no", "a", 1)):
            try:
                told.append(wrong())
            except Exception as error:
                told.append((type(error), str(error)))
        read = db.blobopen("t", "a", 1, readonly=True)
        try:
            read.write(b"x")
        except Exception as error:
            told.append((type(error), str(error)))
        db.execute("UPDATE t SET a = zeroblob(3)")
        try:
            read.read(1)
        except Exception as error:
            told.append((type(error), str(error)))
        read.close()
        return told

    same(both, use)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the standard module has none")
def test_a_database_as_bytes(both: Both) -> None:
    for connection in both:
        connection.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (7)")
    data = both[0].serialize()
    assert both[1].serialize()[:16] == data[:16]

    def use(db: Any) -> Any:
        db.deserialize(data)
        db.execute("INSERT INTO t VALUES (8)")
        db.commit()
        return db.execute("SELECT a FROM t").fetchall()

    assert same(both, use) == [(7,), (8,)]
    same(both, lambda db: db.serialize(name="none"))
    same(both, lambda db: db.deserialize(b"no database") or db.execute("SELECT * FROM t").fetchall())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the standard module has none")
@pytest.mark.parametrize("first", [True, False, -1])
def test_autocommit_is_set_and_does_what_it_says(tmp_path: Any, first: Any) -> None:
    theirs = sqlite3.connect(tmp_path / "theirs.db", autocommit=first)
    ours = Connection(str(tmp_path / "ours.db"), autocommit=first).open()
    both = (theirs, ours)
    same(both, lambda db: (db.autocommit, db.in_transaction))
    same(both, lambda db: db.execute("CREATE TABLE t (a)").rowcount)
    for value in (True, False, -1, False, True, -1, 5):
        same(both, lambda db, value=value: setattr(db, "autocommit", value))
        same(both, lambda db: (db.autocommit, db.in_transaction))
        same(both, lambda db: db.execute("INSERT INTO t VALUES (1)").rowcount)
        same(both, lambda db: (db.commit(), db.in_transaction))
        same(both, lambda db: db.execute("INSERT INTO t VALUES (2)").rowcount)
        same(both, lambda db: (db.rollback(), db.in_transaction))
    same(both, lambda db: db.execute("SELECT * FROM t").fetchall())
    for connection in both:
        connection.close()


def test_adapters_and_converters_are_called_as_the_standard_module_calls_them(tmp_path: Any) -> None:
    # In a separate process, because registrations persist.
    code = """
import sqlite3, sys
from ubiqlite.aiosqlite._connection import Connection
class Own: pass
def told(db):
    out = []
    db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, d THING)")
    for value in ("", "x", b"", b"y", 5, None, 2.5):
        db.execute("INSERT INTO t (d) VALUES (?)", (value,))
    out.append(db.execute('SELECT d, typeof(d) FROM t ORDER BY a').fetchall())
    out.append(db.execute('SELECT d AS "d [thing]", d AS "e [none]" FROM t ORDER BY a').fetchall())
    for value in (True, 7, "text", 1.5, b"bytes", None, bytearray(b"array"), Own()):
        try:
            out.append(db.execute("SELECT ?, typeof(?)", (value, value)).fetchall())
            out.append(db.execute("SELECT :a", {"a": value}).fetchall())
        except Exception as error:
            out.append((type(error), str(error)))
    db.executemany("INSERT INTO t (d) VALUES (?)", [(True,), ("many",)])
    out.append(db.execute("SELECT typeof(d) FROM t").fetchall())
    return out
types = sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES
sqlite3.register_converter("thing", lambda raw: ("converted", raw))
place = iter(range(1000))
def compare():
    name = f"{sys.argv[1]}/{next(place)}"
    theirs = told(sqlite3.connect(name + "t", detect_types=types))
    ours = told(Connection(name + "o", detect_types=types).open())
    assert theirs == ours, (theirs, ours)
compare()
for kind, adapt in [(bool, lambda b: "yes" if b else "no"), (Own, lambda o: "own"), (bytes, lambda b: b + b"!"),
                    (type(None), lambda n: "none"), (int, lambda i: i + 1), (str, lambda s: s + "!"),
                    (float, lambda f: -f), (bytearray, lambda b: b"array!")]:
    sqlite3.register_adapter(kind, adapt)
    compare()
print("same")
"""
    done = python(code, str(tmp_path))
    errors = [line for line in done.stderr.splitlines() if "ResourceWarning" not in line]
    assert done.stdout == "same\n", (done.stdout, errors)


def test_who_imports_aiosqlite_by_name_gets_this_package(tmp_path: Any) -> None:
    for way in ("sys.modules['aiosqlite'] = ubiqlite.aiosqlite", "ubiqlite.aiosqlite.install()"):
        code = f"""
import asyncio, sys, ubiqlite.aiosqlite
{way}
import aiosqlite
from aiosqlite.core import Connection
import aiosqlite.cursor, aiosqlite.context
assert aiosqlite.Connection is Connection is ubiqlite.aiosqlite.Connection
assert aiosqlite.cursor.Cursor is ubiqlite.aiosqlite.Cursor
assert sys.modules["aiosqlite.core"] is sys.modules["ubiqlite.aiosqlite.core"]
assert Connection.__module__ == aiosqlite.core.__name__ == aiosqlite.core.__spec__.name == "ubiqlite.aiosqlite.core"
try:
    import aiosqlite.none
except ModuleNotFoundError:
    pass
async def main():
    async with aiosqlite.connect(sys.argv[1]) as db:
        assert await db.execute_fetchall("SELECT 7") == [(7,)]
asyncio.run(main())
print("same")
"""
        done = python(code, str(tmp_path / "a.db"))
        assert (done.stdout, done.stderr) == ("same\n", "")
