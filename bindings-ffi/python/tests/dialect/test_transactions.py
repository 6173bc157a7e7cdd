"""When transactions begin and end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import event, text

CREATE, INSERT, COUNT = "CREATE TABLE t (id)", "INSERT INTO t VALUES (1)", "SELECT count(*) FROM t"


async def count(engine: Any) -> Any:
    async with engine.connect() as connection:
        return (await connection.execute(text(COUNT))).scalar()


@pytest.mark.parametrize("arguments", ["", "?autocommit=false"])
def test_a_block_commits_or_rolls_back(work: Any, engines: Any, arguments: str) -> None:
    async def run() -> None:
        async with engines(arguments) as engine:
            async with engine.begin() as connection:
                await connection.execute(text(CREATE))
                await connection.execute(text(INSERT))
            assert await count(engine) == 1
            with pytest.raises(ZeroDivisionError):
                async with engine.begin() as connection:
                    await connection.execute(text(INSERT))
                    1 / 0
            assert await count(engine) == 1
            async with engine.connect() as connection:
                await connection.execute(text(INSERT))
            assert await count(engine) == 1

    work(run())


def test_without_autocommit_tables_and_savepoints_belong_to_the_transaction(work: Any, engines: Any) -> None:
    async def run() -> None:
        async with engines("?autocommit=false") as engine:
            async with engine.connect() as connection:
                await connection.execute(text(CREATE))
                await connection.rollback()
                with pytest.raises(sqlalchemy.exc.OperationalError, match="no such table"):
                    await connection.execute(text(COUNT))
                await connection.rollback()
                await connection.execute(text(CREATE))
                await connection.commit()
                async with connection.begin_nested():
                    await connection.execute(text(INSERT))
                await connection.rollback()
                assert (await connection.execute(text(COUNT))).scalar() == 0
                await connection.execute(text(INSERT))
                with pytest.raises(ZeroDivisionError):
                    async with connection.begin_nested():
                        await connection.execute(text(INSERT))
                        1 / 0
                await connection.commit()
            assert await count(engine) == 1

    work(run())


def test_sqlalchemy_itself_can_begin_transactions(work: Any, engines: Any) -> None:
    async def run() -> None:
        async with engines() as engine:
            # As SQLAlchemy's documentation shows it.
            @event.listens_for(engine.sync_engine, "connect")
            def connected(connection: Any, _: Any) -> None:
                connection.isolation_level = None

            @event.listens_for(engine.sync_engine, "begin")
            def began(connection: Any) -> None:
                connection.exec_driver_sql("BEGIN")

            async with engine.connect() as connection:
                await connection.execute(text(CREATE))
                await connection.rollback()
                with pytest.raises(sqlalchemy.exc.OperationalError, match="no such table"):
                    await connection.execute(text(COUNT))

    work(run())


@pytest.mark.parametrize("arguments", ["", "?autocommit=false"])
def test_each_statement_is_committed_at_the_level_autocommit(work: Any, engines: Any, arguments: str) -> None:
    async def run() -> None:
        async with engines(arguments) as engine:
            async with engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                await connection.execute(text(CREATE))
                await connection.execute(text(INSERT))
                await connection.rollback()
                assert await count(engine) == 1
            # The level ends with the use of the connection.
            async with engine.connect() as connection:
                await connection.execute(text(INSERT))
                await connection.rollback()
                assert (await connection.execute(text(COUNT))).scalar() == 1

    work(run())


def test_a_transaction_can_begin_with_the_lock(work: Any, engines: Any) -> None:
    async def run() -> None:
        async with engines("?isolation_level=IMMEDIATE&timeout=0.1") as engine:
            async with engine.begin() as connection:
                await connection.execute(text(CREATE))
            async with engine.begin() as one, engine.connect() as two:
                await one.execute(text(INSERT))
                with pytest.raises(sqlalchemy.exc.OperationalError, match="database is locked"):
                    await two.execute(text(INSERT))

    work(run())


def test_writers_wait_for_each_other(work: Any, engines: Any) -> None:
    async def run() -> None:
        async with engines("?journal_mode=wal&synchronous=normal&timeout=60") as engine:
            async with engine.begin() as connection:
                await connection.execute(text(CREATE))

            async def write() -> None:
                async with engine.begin() as connection:
                    await connection.execute(text(INSERT))
                    await asyncio.sleep(0)
                    await connection.execute(text(INSERT))

            await asyncio.gather(*(write() for _ in range(40)))
            assert await count(engine) == 80

    work(run())


def test_a_transaction_that_has_read_what_is_no_longer_so_fails_at_once(work: Any, engines: Any) -> None:
    async def run() -> None:
        # Longer than the test may take.
        async with engines("?autocommit=false&journal_mode=wal&timeout=600") as engine:
            async with engine.begin() as connection:
                await connection.execute(text(CREATE))
            async with engine.connect() as one:
                assert (await one.execute(text(COUNT))).scalar() == 0
                async with engine.begin() as two:
                    await two.execute(text(INSERT))
                with pytest.raises(sqlalchemy.exc.OperationalError, match="database is locked"):
                    await one.execute(text(INSERT))

    work(run())


def test_sessions_share_a_database_in_memory_but_not_their_transactions(work: Any, engines: Any) -> None:
    async def run() -> None:
        async with engines("?cache=shared&uri=true", database="file::memory:") as engine, engine.connect() as one:
            await one.execute(text(CREATE))
            await one.execute(text(INSERT))
            await one.commit()
            async with engine.connect() as two:
                await two.execute(text(INSERT))
                await one.rollback()
                assert (await two.execute(text(COUNT))).scalar() == 2
                await two.rollback()
            assert (await one.execute(text(COUNT))).scalar() == 1

    work(run())
