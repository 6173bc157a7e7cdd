"""What a connection of the standard module has and does, ours has and does."""

from __future__ import annotations

import os
import sqlite3
import sys
from typing import Any, Callable

import pytest
from conftest import python

from ubiqlite.aiosqlite._connection import Connection

Both = tuple[sqlite3.Connection, Connection]


@pytest.fixture
def both(tmp_path: Any) -> Any:
    theirs, ours = sqlite3.connect(tmp_path / "theirs.db"), Connection(str(tmp_path / "ours.db")).open()
    yield theirs, ours
    theirs.close()
    ours.close()


def same(both: Both, do: Callable[[Any], Any]) -> Any:
    """Does the same with each; what comes of it, which is equal."""
    told = []
    for connection in both:
        try:
            told.append(do(connection))
        except Exception as error:
            told.append((type(error), str(error)))
    assert told[1] == told[0]
    return told[1]


# What a build of SQLite may have otherwise, as Debian's has, and what counts or names files.
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
    # In a process of its own: what is registered stays.
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
        # Before 3.10 the place was told, and not the name.
        *([("SELECT :a, :b", {"a": 1})] if sys.version_info >= (3, 10) else []),
        ("SELECT :a", {Name.A: 5}),
        (Text("SELECT 5"), ()),
        (Text("SELECT :a"), {"a": bytearray(b"y")}),
    ]:
        same(both, lambda db, sql=sql, values=values: db.execute(sql, values).fetchall())
    # Where it stands among the statement's parameters is not told.
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
