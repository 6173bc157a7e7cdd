"""Results as Arrow tables: what their readers see, and that they do not block the event loop."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from typing import Any

import pytest
from conftest import Run, python

import ubiqlite

pyarrow = pytest.importorskip("pyarrow")

ROWS = 200_000
MANY = (
    f"WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < {ROWS}) "
    "SELECT i, i / 4.0 AS x, 'text ' || i AS t, CASE WHEN i % 3 THEN CAST('b' || i AS BLOB) END AS b FROM r"
)
ENDLESS = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r"


def asked(run: Run[Any], path: str, *queries: str) -> list[Any]:
    async def main() -> list[Any]:
        async with ubiqlite.open(path) as db:
            await db.batch(queries[0])
            return [pyarrow.table(await db.query_arrow(sql)) for sql in queries[1:]]

    tables: list[Any] = run(main())
    for table in tables:
        table.validate(full=True)
    return tables


def types(table: Any) -> dict[str, str]:
    return {field.name: str(field.type) for field in table.schema}


def test_each_type_comes_as_it_is_stored(run: Run[Any], path: str) -> None:
    (table,) = asked(
        run,
        path,
        "CREATE TABLE t (i, x, t, b); INSERT INTO t VALUES (-9223372036854775808, 0.1, 'héllo', x'00ff'), "
        "(NULL, NULL, NULL, NULL), (9223372036854775807, -1e308, '', x'')",
        "SELECT * FROM t",
    )
    assert types(table) == {"i": "int64", "x": "double", "t": "string", "b": "binary"}
    assert table.to_pylist() == [
        {"i": -(2**63), "x": 0.1, "t": "héllo", "b": b"\0\xff"},
        {"i": None, "x": None, "t": None, "b": None},
        {"i": 2**63 - 1, "x": -1e308, "t": "", "b": b""},
    ]


def test_a_long_result_is_the_same_as_that_of_query(run: Run[Any], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            rows = await db.query(MANY, into=tuple)
            for place in (db, await db.begin(), await db.acquire(), await db.snapshot()):
                table = await place.query_arrow(MANY)
                assert (table.num_rows, len(table), table.num_columns) == (ROWS, ROWS, 4)
                read = pyarrow.table(table)
                read.validate(full=True)
                assert list(zip(*(column.to_pylist() for column in read.columns))) == rows
                if place is not db:
                    place.close()

    run(main())


def test_reals_that_come_after_many_integers_make_the_column_real(run: Run[Any], path: str) -> None:
    late = f"SELECT CASE WHEN i = {ROWS} THEN 0.5 ELSE i END AS v FROM ({MANY})"
    (table,) = asked(run, path, "CREATE TABLE t (a)", late)
    assert types(table) == {"v": "double"}
    assert table["v"].to_pylist() == [*map(float, range(1, ROWS)), 0.5]


def test_a_column_of_nulls_has_the_type_that_is_declared(run: Run[Any], path: str) -> None:
    tables = asked(
        run,
        path,
        "CREATE TABLE t (a INTEGER, b VARCHAR(9), c BLOB, d DOUBLE, e DATE, f)",
        "SELECT *, a + 1 AS g FROM t",
        "INSERT INTO t DEFAULT VALUES RETURNING *, 1 AS g",
        "SELECT *, a + 1 AS g FROM t",
    )
    expected = {"a": "int64", "b": "string", "c": "binary", "d": "double", "e": "null", "f": "null"}
    assert types(tables[0]) == types(tables[2]) == {**expected, "g": "null"}
    assert [table.num_rows for table in tables] == [0, 1, 1]
    # RETURNING yields expressions, to which SQLite gives no type.
    assert tables[1].to_pylist() == [{**dict.fromkeys(expected), "g": 1}]


def test_columns_of_one_name_are_told_apart_and_a_change_has_none(run: Run[Any], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            table = await db.query_arrow("SELECT 1 AS a, 2 AS a")
            assert table.column_names == ["a", "a:2"]
            assert repr(table) == "<ArrowTable: 1 rows of 'a', 'a:2'>"
            changed = await db.query_arrow("CREATE TABLE t (a)")
            assert (changed.num_rows, changed.column_names) == (0, [])
            assert pyarrow.table(changed).num_columns == 0
            names = [f"column {number:04}" for number in range(1500)]
            wide = await db.query_arrow("SELECT " + ", ".join(f"1 AS '{name}'" for name in names))
            assert wide.column_names == names

    run(main())


@pytest.mark.parametrize(
    ("values", "row", "words"),
    [
        ("1, 'x'", 1, "a text where earlier rows have an integer"),
        ("'x', 2.5", 1, "a real where earlier rows have a text"),
        ("NULL, 'x', x'00'", 2, "a blob where earlier rows have a text"),
        ("0.5, 9007199254740993", 1, "9007199254740993"),
        ("'ok', CAST(x'ff' AS TEXT)", 1, "UTF-8"),
    ],
)
def test_a_column_of_several_types_is_an_error_that_names_it(
    run: Run[Any], path: str, values: str, row: int, words: str
) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.execute('CREATE TABLE t (id INTEGER PRIMARY KEY, "the column")')
            rows = ", ".join(f"({value.strip()})" for value in values.split(","))
            await db.execute(f'INSERT INTO t ("the column") VALUES {rows}')
            with pytest.raises(ubiqlite.DatatypeMismatch) as caught:
                await db.query_arrow("SELECT * FROM t")
            assert caught.value.index == row
            for word in (words, "'the column'".replace("'", '"'), "CAST"):
                assert word in caught.value.message
            # As the message suggests.
            cast = await db.query_arrow('SELECT CAST("the column" AS BLOB) AS v FROM t')
            assert types(pyarrow.table(cast)) == {"v": "binary"}

    run(main())


def test_errors_parameters_and_limits_are_those_of_query(run: Run[Any], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            for sql, error in [
                ("SELECT nope", ubiqlite.NoSuchColumn),
                ("SELEC", ubiqlite.Syntax),
                ("SELECT 1; SELECT 2", ubiqlite.InvalidArgument),
            ]:
                with pytest.raises(error):
                    await db.query_arrow(sql)
            with pytest.raises(ubiqlite.InvalidArgument):
                await db.query_arrow("SELECT ?", (object(),))
            with pytest.raises(ubiqlite.Timeout):
                await db.query_arrow(ENDLESS, timeout=0.05)
            table = await db.query_arrow("SELECT :a AS a, :b AS b", {"a": b"\1", "b": "x"})
            assert pyarrow.table(table).to_pylist() == [{"a": b"\1", "b": "x"}]
            transaction = await db.begin()
            await transaction.execute("CREATE TABLE t (a)")
            await transaction.execute("INSERT INTO t VALUES (7)")
            assert len(await transaction.query_arrow("SELECT * FROM t")) == 1
            await transaction.rollback()
            with pytest.raises(ubiqlite.Closed):
                await transaction.query_arrow("SELECT 1")
        with pytest.raises(ubiqlite.Closed):
            await db.query_arrow("SELECT 1")

    run(main())


def test_closing_waits_for_a_result_that_is_being_made(run: Run[Any], path: str) -> None:
    async def main() -> None:
        db = await ubiqlite.open(path)
        asked = asyncio.ensure_future(db.query_arrow(MANY))
        await asyncio.sleep(0.02)
        await db.close()
        # The result depends on its rows, not on the database.
        assert pyarrow.table(await asked).num_rows == ROWS

    run(main())


def test_a_query_that_is_given_up_stops(run: Run[Any], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path, readers=1) as db:
            for wait in (0, 0.001, 0.05):
                for _ in range(5):
                    task = asyncio.ensure_future(db.query_arrow(ENDLESS))
                    await asyncio.sleep(wait)
                    task.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await task
                # The only reader is free again.
                assert await db.query_value(f"SELECT max(i) FROM ({MANY})", timeout=10) == ROWS
            async with db.transaction() as tx:
                task = asyncio.ensure_future(tx.query_arrow(ENDLESS))
                await asyncio.sleep(0.05)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert await tx.query_value("SELECT 1", timeout=10) == 1

    run(main())


def test_a_table_is_read_any_number_of_times_and_outlives_its_database(run: Run[Any], path: str) -> None:
    async def main() -> Any:
        async with ubiqlite.open(path) as db:
            return await db.query_arrow(MANY)

    table = run(main())
    assert pyarrow.schema(table).names == ["i", "x", "t", "b"]
    first, second = pyarrow.table(table), pyarrow.table(table)
    assert first.equals(second)
    assert first["i"].chunk(0).buffers()[1].address == second["i"].chunk(0).buffers()[1].address
    # Batches are fetched one after another, and the table may be dropped before the last.
    reader = pyarrow.RecordBatchReader.from_stream(table)
    taken = [reader.read_next_batch()]
    del table, second
    gc.collect()
    taken.extend(reader)
    assert pyarrow.Table.from_batches(taken).equals(first)


def test_what_is_not_read_is_freed(run: Run[Any], path: str) -> None:
    resource = pytest.importorskip("resource")

    async def main() -> None:
        async with ubiqlite.open(path) as db:
            for turn in range(25):
                table = await db.query_arrow(MANY)
                table.__arrow_c_stream__()
                table.__arrow_c_schema__()
                pyarrow.table(table)
                task = asyncio.ensure_future(db.query_arrow(MANY))
                await asyncio.sleep(0.005)
                task.cancel()
                if turn == 8:
                    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            # One table is about 9 MB.
            assert grown < 40_000, f"{grown} KiB"

    run(main())


def test_the_loop_is_free_while_columns_are_made(path: str) -> None:
    busy: list[float] = []

    async def ticks() -> None:
        # CPU time of the loop's own thread, whatever else the machine does.
        last = time.thread_time()
        while True:
            await asyncio.sleep(0.0005)
            now = time.thread_time()
            busy.append(now - last)
            last = now

    async def main() -> None:
        async with ubiqlite.open(path) as db:
            kept = []
            task = asyncio.ensure_future(ticks())
            # In a transaction all rows arrive at once, and are made into columns elsewhere.
            for place in (db, await db.begin()):
                kept += [await place.query_arrow(MANY) for _ in range(3)]
                if place is not db:
                    place.close()
            task.cancel()

    gc.collect()
    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()
    # Making a table of these rows takes at least 10 ms.
    assert len(busy) > 100
    assert max(busy) < 0.004, sorted(busy)[-5:]


def test_the_interpreter_ends_with_capsules_and_queries_around(path: str) -> None:
    done = python(
        f"""
import asyncio, sys, warnings
warnings.simplefilter("ignore", ResourceWarning)
import ubiqlite
async def main():
    global db, table, capsules, task
    db = await ubiqlite.open(sys.argv[1])
    table = await db.query_arrow("SELECT 1 AS a")
    capsules = [table.__arrow_c_stream__(), table.__arrow_c_schema__()]
    sys.kept = capsules[:1]
    asyncio.ensure_future(db.query_arrow({MANY!r}))
    await asyncio.sleep(0.01)
    print("ends")
asyncio.run(main())
""",
        path,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "ends"), done.stderr


def test_polars_reads_it(run: Run[Any], path: str) -> None:
    polars = pytest.importorskip("polars")

    async def main() -> None:
        async with ubiqlite.open(path) as db:
            table = await db.query_arrow(MANY)
            frame = polars.DataFrame(table)
            assert frame.shape == (ROWS, 4)
            assert frame["i"].sum() == ROWS * (ROWS + 1) // 2
            assert frame["t"][-1] == f"text {ROWS}"
            assert frame["b"].null_count() == ROWS // 3
            # From a stream of batches polars makes a series of structs.
            assert polars.from_arrow(table).struct.unnest().equals(frame)
            empty = polars.DataFrame(await db.query_arrow("SELECT 1 AS a WHERE 0"))
            assert empty.columns == ["a"]

    run(main())


def test_pandas_reads_it(run: Run[Any], path: str) -> None:
    pandas = pytest.importorskip("pandas")
    if not hasattr(pandas.DataFrame, "from_arrow"):
        pytest.skip("it has no DataFrame.from_arrow yet")

    async def main() -> None:
        async with ubiqlite.open(path) as db:
            frame = pandas.DataFrame.from_arrow(await db.query_arrow(MANY))
            assert frame.shape == (ROWS, 4)
            assert frame["i"].sum() == ROWS * (ROWS + 1) // 2

    run(main())


@pytest.mark.skipif(sys.version_info < (3, 10), reason="DuckDB has none for it")
def test_duckdb_reads_it(run: Run[Any], path: str) -> None:
    duckdb = pytest.importorskip("duckdb")

    async def main() -> None:
        async with ubiqlite.open(path) as db:
            found = await db.query_arrow(MANY)
            with duckdb.connect() as connection:
                by_name = connection.sql("SELECT * FROM found")
                for relation in (by_name, connection.from_arrow(found)):
                    for _ in range(2):
                        total = relation.aggregate("sum(i), count(b), max(t)").fetchall()
                        assert total == [(ROWS * (ROWS + 1) // 2, ROWS - ROWS // 3, "text 99999")]

    run(main())
