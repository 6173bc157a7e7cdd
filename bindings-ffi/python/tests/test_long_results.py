"""Long results, which come in parts: no row is lost, duplicated, or given to another call."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from conftest import Run

import ubiqlite

ROWS = 60_000
NUMBERS = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < ?1)"
QUERY = f"{NUMBERS} SELECT i, 'name ' || i AS name, i / 4.0 AS price, NULL AS empty FROM r LIMIT ?1"
EXPECTED = [(i, f"name {i}", i / 4.0, None) for i in range(1, ROWS + 1)]


@pytest.mark.parametrize("into", [tuple, dict, None])
def test_all_rows_of_a_long_result_in_order(run: Run[Any], into: Any, tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "a.db") as db:
            rows = await db.query(QUERY, (ROWS,), into=into)
            assert type(rows) is list
            got = [tuple(row.values()) if into is dict else tuple(row) for row in rows]
            assert got == EXPECTED
            if into is not tuple:
                assert rows[-1]["name"] == f"name {ROWS}"

    run(main())


def test_several_long_results_at_once_and_short_ones_between(run: Run[Any], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "a.db") as db:
            lengths = [0, 1, 800, 5_000, 20_000, ROWS]
            shorts = 0
            over = False

            async def short() -> None:
                nonlocal shorts
                while not over:
                    assert await db.query_value("SELECT ?", (shorts,)) == shorts
                    shorts += 1

            task = asyncio.ensure_future(short())
            both = [db.query(QUERY, (length,), into=into) for length in lengths for into in (tuple, dict)]
            for length, rows in zip([it for it in lengths for _ in range(2)], await asyncio.gather(*both)):
                assert [it if type(it) is tuple else tuple(it.values()) for it in rows] == EXPECTED[:length]
            over = True
            await task
            assert shorts > 0

    run(main())


def test_an_error_behind_many_rows_is_the_answer(run: Run[Any], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "a.db") as db:
            overflow = f"{NUMBERS} SELECT abs(CASE WHEN i = 50000 THEN -9223372036854775807 - 1 ELSE i END) FROM r"
            with pytest.raises(ubiqlite.Error, match="overflow"):
                await db.query(overflow, (ROWS,))
            assert await db.query_value("SELECT 1") == 1

    run(main())


def test_a_long_result_that_is_given_up_leaves_nothing(run: Run[Any], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "a.db") as db:
            for wait in (0.0, 0.001, 0.004, 0.01, 0.02, 0.04):
                task = asyncio.ensure_future(db.query(QUERY, (400_000,), into=tuple))
                await asyncio.sleep(wait)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert await db.query(QUERY, (3,), into=tuple) == EXPECTED[:3]
            await asyncio.sleep(0.2)
            client = db._target.client
            assert not client._pieces
            assert not client._pending

    run(main())


def test_all_that_a_statement_of_many_rows_did(run: Run[Any], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "a.db") as db:
            for rows in (0, 1, 700, 1_500, ROWS):
                result = await db.run(QUERY, (rows,))
                assert result.rows == EXPECTED[:rows]
                assert [column.name for column in result.columns] == ["i", "name", "price", "empty"]
            await db.execute("CREATE TABLE t (i INTEGER PRIMARY KEY, name, price, empty)")
            result = await db.run(f"INSERT INTO t {QUERY} RETURNING i", (20_000,))
            assert result.rows == [(i,) for i in range(1, 20_001)]
            assert result.rows_changed == 20_000

    run(main())


def test_one_long_row_and_long_rows_inside_a_transaction(run: Run[Any], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "a.db") as db:
            text = "é" * 3_000_000
            assert await db.query("SELECT ? AS a, 2 AS b", (text,), into=tuple) == [(text, 2)]
            async with db.transaction() as tx:
                await tx.execute("CREATE TABLE t (i INTEGER PRIMARY KEY, name, price, empty)")
                await tx.execute(f"INSERT INTO t {QUERY}", (ROWS,))
                assert await tx.query("SELECT * FROM t", into=tuple) == EXPECTED
                assert [tuple(row) for row in await tx.table("t").select().all()] == EXPECTED
            selected = await db.table("t", into=dict).select().where_null("empty").all()
            assert [tuple(row.values()) for row in selected] == EXPECTED
            blobs = await db.query(f"{NUMBERS} SELECT randomblob(9000 + i) AS b FROM r", (3_000,))
            assert [len(row["b"]) for row in blobs] == list(range(9_001, 12_001))

    run(main())


def test_others_on_the_loop_run_while_a_long_result_is_read(run: Run[Any], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "a.db") as db:
            turns = 0
            over = False

            async def other() -> None:
                nonlocal turns
                while not over:
                    turns += 1
                    await asyncio.sleep(0)

            task = asyncio.ensure_future(other())
            await asyncio.sleep(0)
            await db.query(QUERY, (300_000,), into=tuple)
            reading = turns
            over = True
            await task
            # In one part there would be only a handful, after the statement's own end.
            assert reading > 50

    run(main())


def test_a_result_that_is_ready_within_the_call_is_whole(run: Run[Any], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "a.db") as db:
            await db.execute("CREATE TABLE t (i INTEGER PRIMARY KEY, s)")
            await db.execute(f"INSERT INTO t {NUMBERS} SELECT i, printf('%.400c', 'x') FROM r", (2_000,))
            for into in (tuple, dict):
                for count in (400, 800, 2_000) * 40:
                    assert len(await db.query("SELECT * FROM t LIMIT ?", (count,), into=into)) == count
                    assert len(await db.table("t").select().limit(count).all()) == count

    run(main())


def test_closing_gives_every_call_that_was_made_before_its_result(run: Run[Any], tmp_path: Path) -> None:
    async def main() -> None:
        db = await ubiqlite.open(tmp_path / "a.db")
        await db.execute("CREATE TABLE t (i INTEGER PRIMARY KEY)")
        calls = [db.query(QUERY, (ROWS // 2,), into=tuple) for _ in range(4)]
        calls += [db.query(QUERY, (1,), into=tuple) for _ in range(100)]
        writes = [db.execute("INSERT INTO t DEFAULT VALUES") for _ in range(90)]
        tasks = [asyncio.ensure_future(call) for call in (*calls, *writes)]
        await asyncio.sleep(0)
        await db.close()
        results = await asyncio.gather(*tasks)
        assert [len(rows) for rows in results[:104]] == [ROWS // 2] * 4 + [1] * 100
        async with ubiqlite.open(tmp_path / "a.db") as db:
            assert await db.query_value("SELECT count(*) FROM t") == 90

    run(main())


def test_a_long_result_whose_snapshot_ends_leaves_nothing(run: Run[Any], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "a.db") as db:
            for wait in (0.0, 0.01, 0.05):
                async with db.snapshot() as snapshot:
                    task = asyncio.ensure_future(snapshot.query(QUERY, (600_000,), into=tuple))
                    await asyncio.sleep(wait)
                with pytest.raises(ubiqlite.Error):
                    await task
            await asyncio.sleep(0.3)
            client = db._target.client
            assert not client._pieces
            assert not client._pending

    run(main())
