"""Statements and their rows."""

from __future__ import annotations

import asyncio
import datetime
import threading
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import JSON, Column, DateTime, Integer, MetaData, Numeric, String, Table, event, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import declarative_base

ITEMS = Table(
    "items",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String, unique=True),
    Column("at", DateTime),
    Column("data", JSON),
    Column("price", Numeric(10, 2)),
)
Base: Any = declarative_base()


class Thing(Base):
    __tablename__ = "things"
    id = Column(Integer, primary_key=True)
    name = Column(String)


async def filled(engine: Any, count: int) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(ITEMS.metadata.create_all)
        if count:
            await connection.execute(insert(ITEMS), [{"name": f"n{index}"} for index in range(count)])


def test_values_of_every_type_return(work: Any, engines: Any) -> None:
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 6)
    row = {"name": "lamp", "at": moment, "data": {"watt": [40]}, "price": Decimal("9.50")}

    async def run() -> None:
        async with engines() as engine:
            await filled(engine, 0)
            async with engine.begin() as connection:
                assert (await connection.execute(insert(ITEMS), row)).inserted_primary_key == (1,)
                found = (await connection.execute(select(ITEMS))).mappings().one()
                assert dict(found) == {"id": 1, **row}

    work(run())


def test_rows_can_be_fetched_one_by_one_some_and_all(work: Any, engines: Any) -> None:
    async def run() -> None:
        async with engines() as engine:
            await filled(engine, 3000)
            async with engine.connect() as connection:
                result = await connection.execute(select(ITEMS.c.id).order_by(ITEMS.c.id))
                assert result.fetchone() == (1,)
                assert result.fetchmany(3) == [(2,), (3,), (4,)]
                assert [row.id for row in result] == list(range(5, 3001))
                assert (await connection.execute(select(ITEMS.c.id).where(ITEMS.c.id > 9999))).all() == []

    work(run())


def test_a_stream_fetches_rows_as_they_are_needed(work: Any, engines: Any) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"

    async def run() -> None:
        async with engines() as engine, engine.connect() as connection:
            seen = 0
            async with connection.stream(text(endless)) as result:
                async for row in result:
                    seen += 1
                    assert row.i == seen
                    if seen == 5000:
                        break
            # The statement has ended, so that the connection can do anything.
            await connection.execute(text("CREATE TABLE others (id)"))

    work(run())


@pytest.mark.parametrize(("options", "expected"), [({}, 1), ({"use_insertmanyvalues": False}, 500)])
def test_many_objects_are_inserted_by_one_statement_and_keep_their_keys(
    work: Any, engines: Any, options: dict[str, Any], expected: int
) -> None:
    statements: list[str] = []

    async def run() -> None:
        async with engines(**options) as engine:
            async with engine.begin() as connection:
                await connection.run_sync(Base.metadata.create_all)
                # A row id that is not the table's last, and a trigger that takes some in between.
                await connection.execute(text("INSERT INTO things VALUES (1000, 'first')"))
                await connection.execute(
                    text(
                        "CREATE TRIGGER doubles AFTER INSERT ON things WHEN new.name NOT LIKE 'double%' "
                        "BEGIN INSERT INTO things (name) VALUES ('double of ' || new.name); END"
                    )
                )
            event.listen(engine.sync_engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
            things = [Thing(name=f"n{index}") for index in range(500)]
            async with AsyncSession(engine, expire_on_commit=False) as session:
                session.add_all(things)
                await session.commit()
            inserts = [sql for sql in statements if sql.startswith("INSERT")]
            assert len(inserts) == expected, inserts[:3]
            async with engine.connect() as connection:
                names = dict((await connection.execute(text("SELECT id, name FROM things"))).all())
            assert [names[thing.id] for thing in things] == [thing.name for thing in things]

    work(run())


def test_an_error_is_that_of_the_standard_module(work: Any, engines: Any) -> None:
    async def run() -> None:
        async with engines() as engine:
            await filled(engine, 1)
            async with engine.connect() as connection:
                with pytest.raises(sqlalchemy.exc.IntegrityError, match=r"UNIQUE constraint failed: items\.name"):
                    await connection.execute(insert(ITEMS), {"name": "n0"})
                await connection.rollback()
                with pytest.raises(sqlalchemy.exc.OperationalError, match="no such table"):
                    await connection.execute(text("SELECT * FROM nowhere"))
                with pytest.raises(sqlalchemy.exc.DBAPIError):
                    await connection.execute(text("SELECT :value"), {"value": object()})

    work(run())


def test_functions_are_those_of_sqlalchemys_sqlite(work: Any, engines: Any) -> None:
    async def run() -> None:
        async with engines() as engine, engine.begin() as connection:
            await connection.execute(text("CREATE TABLE t (a, b CHECK (b REGEXP '^x'), c AS (floor(a)))"))
            await connection.execute(text("CREATE VIEW v AS SELECT floor(a) AS f, b REGEXP 'y$' AS r FROM t"))
            await connection.execute(text("INSERT INTO t VALUES (2.5, 'xy'), (-2.5, NULL)"))
            # Python's floor, whose results are integers.
            rows = (await connection.execute(text("SELECT f, typeof(f), r FROM v"))).all()
            assert rows == [(2, "integer", 1), (-3, "integer", None)]
            assert (await connection.execute(text("SELECT c, typeof(c) FROM t"))).first() == (2, "integer")
            with pytest.raises(sqlalchemy.exc.IntegrityError, match="CHECK"):
                await connection.execute(text("INSERT INTO t VALUES (1, 'no')"))
            with pytest.raises(sqlalchemy.exc.OperationalError, match="user-defined function raised exception"):
                await connection.execute(text("SELECT 'a' REGEXP '('"))

    work(run())


def test_a_function_of_the_program_runs_beside_the_loop_and_short_statements_within_the_call(
    work: Any, engines: Any
) -> None:
    threads: list[int] = []

    def where() -> int:
        threads.append(threading.get_ident())
        return 1

    async def rounds(connection: Any) -> int:
        """Returns how often another task had a turn during eight short reads."""
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        task = asyncio.ensure_future(other())
        await asyncio.sleep(0)
        before = turns
        for _ in range(8):
            await connection.execute(text("SELECT 1"))
        task.cancel()
        return turns - before

    async def run() -> None:
        async with engines() as engine, engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            assert await rounds(connection) <= 1
            raw = await connection.get_raw_connection()
            await raw.driver_connection.create_function("where_am_i", 0, where)
            assert (await connection.execute(text("SELECT where_am_i()"))).scalar() == 1
            assert threads == [threads[0]]
            assert threads[0] != threading.get_ident()
            # Now any statement may call the program's code.
            assert await rounds(connection) >= 8

    work(run())


def test_a_task_that_only_reads_lets_others_run(work: Any, engines: Any) -> None:
    async def run() -> None:
        async with engines() as engine, engine.connect() as connection:
            stop = asyncio.Event()

            async def other() -> None:
                for _ in range(20):
                    await asyncio.sleep(0)
                stop.set()

            task = asyncio.ensure_future(other())
            while not stop.is_set():
                await connection.execute(text("SELECT 1"))
            await task

    work(run())
