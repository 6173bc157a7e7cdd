"""The arguments of an URL."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, StaticPool

WANTED = {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "trusted_schema": 0, "cache_size": -512}


async def settings(engine: Any) -> dict[str, Any]:
    async with engine.connect() as connection:
        return {name: (await connection.execute(text(f"PRAGMA {name}"))).scalar() for name in WANTED}


@pytest.mark.parametrize("autocommit", [{}, {"autocommit": "false"}, {"autocommit": "true"}])
@pytest.mark.parametrize("where", ["url", "connect_args"])
def test_every_setting_holds_for_every_connection(
    work: Any, engines: Any, where: str, autocommit: dict[str, str]
) -> None:
    given = {"journal_mode": "wal", "synchronous": "normal", "foreign_keys": "true", "trusted_schema": "false"}
    given.update(autocommit, cache_kib="512")
    arguments = "?" + "&".join(f"{name}={value}" for name, value in given.items())
    options: dict[str, Any] = {"connect_args": given}

    async def run() -> None:
        async with engines(arguments) if where == "url" else engines(**options) as engine:
            async with engine.connect():
                # The second connection.
                assert await settings(engine) == WANTED

    work(run())


def test_the_defaults_are_those_of_sqlite(work: Any, engines: Any) -> None:
    async def run() -> None:
        async with engines() as engine:
            found = {"journal_mode": "delete", "synchronous": 2, "foreign_keys": 0, "trusted_schema": 1}
            assert await settings(engine) == {**found, "cache_size": -2000}

    work(run())


def test_connections_that_open_at_once_agree_on_the_journal_mode(work: Any, engines: Any) -> None:
    async def run() -> None:
        for _ in range(5):
            async with engines("?journal_mode=wal", pool_size=8) as engine:
                assert all(found == {**found, "journal_mode": "wal"} for found in await gather(engine))
            async with engines("?journal_mode=delete", pool_size=8) as engine:
                async with engine.connect() as connection:
                    assert (await connection.execute(text("PRAGMA journal_mode"))).scalar() == "delete"

    async def gather(engine: Any) -> list[dict[str, Any]]:
        return await asyncio.gather(*(settings(engine) for _ in range(8)))

    work(run())


def test_a_journal_mode_that_is_not_to_be_had_fails(work: Any, engines: Any, path: str) -> None:
    holder = sqlite3.connect(path)
    holder.execute("CREATE TABLE t (id)")
    holder.execute("BEGIN IMMEDIATE")

    async def run() -> None:
        async with engines("?journal_mode=wal&timeout=0.1") as engine:
            with pytest.raises(sqlalchemy.exc.OperationalError, match="database is locked"):
                async with engine.connect():
                    pass
            holder.rollback()
            async with engine.connect() as connection:
                assert (await connection.execute(text("PRAGMA journal_mode"))).scalar() == "wal"

    work(run())
    holder.close()


@pytest.mark.parametrize(
    "form", ["path?read_only=true", "file:path?mode=ro&uri=true", "file:path?uri=true&read_only=1"]
)
def test_a_database_can_be_read_only(work: Any, engines: Any, path: str, form: str) -> None:
    database, arguments = form.split("?")

    async def run() -> None:
        async with engines() as engine, engine.begin() as connection:
            await connection.execute(text("CREATE TABLE t (id)"))
        async with engines("?" + arguments, database=database.replace("path", path)) as engine:
            async with engine.connect() as connection:
                assert (await connection.execute(text("SELECT count(*) FROM t"))).scalar() == 0
                with pytest.raises(sqlalchemy.exc.OperationalError, match="readonly database"):
                    await connection.execute(text("INSERT INTO t VALUES (1)"))

    work(run())


@pytest.mark.parametrize("arguments", ["?read_only=true", "?create=false"])
def test_a_database_that_is_not_to_be_created_must_exist(work: Any, engines: Any, path: str, arguments: str) -> None:
    async def run() -> None:
        async with engines(arguments) as engine:
            with pytest.raises(sqlalchemy.exc.OperationalError, match="unable to open"):
                async with engine.connect():
                    pass

    work(run())
    assert not Path(path).exists()


def test_a_path_may_have_any_character(work: Any, engines: Any, tmp_path: Path) -> None:
    odd = str(tmp_path / "a%20b#c&d ü.db")

    async def run() -> None:
        for arguments in ("", "?create=false"):
            engine = create_async_engine(
                sqlalchemy.URL.create("sqlite+ubiqlite", database=odd, query=dict([arguments[1:].split("=")]))
                if arguments
                else sqlalchemy.URL.create("sqlite+ubiqlite", database=odd)
            )
            async with engine.begin() as connection:
                await connection.execute(text("CREATE TABLE IF NOT EXISTS t (id)"))
            await engine.dispose()

    work(run())
    assert [file.name for file in tmp_path.iterdir()] == ["a%20b#c&d ü.db"]


@pytest.mark.parametrize(
    "arguments",
    [
        "synchronous=sometimes",
        "journal_mode=off",
        "foreign_keys=perhaps",
        "cache_kib=much",
        "timeout=1&busy_timeout=2",
        "foreign_keys=1&foreign_keys=0",
        "autocommit=maybe",
    ],
)
def test_an_argument_that_cannot_be_used_is_refused_with_its_name(engines: Any, path: str, arguments: str) -> None:
    name = arguments.split("=")[0]
    with pytest.raises(sqlalchemy.exc.ArgumentError, match=name):
        create_async_engine(f"sqlite+ubiqlite:///{path}?{arguments}").pool


def test_a_database_in_memory_has_one_connection_and_a_file_several(engines: Any, path: str) -> None:
    assert isinstance(create_async_engine("sqlite+ubiqlite://").pool, StaticPool)
    assert isinstance(create_async_engine("sqlite+ubiqlite:///:memory:").pool, StaticPool)
    shared = "sqlite+ubiqlite:///file::memory:?cache=shared&uri=true"
    assert isinstance(create_async_engine(shared).pool, AsyncAdaptedQueuePool)
    assert isinstance(create_async_engine(f"sqlite+ubiqlite:///{path}").pool, AsyncAdaptedQueuePool)


def test_settings_of_a_database_in_memory_hold(work: Any, engines: Any) -> None:
    async def run() -> None:
        async with engines("?foreign_keys=true&journal_mode=wal", database=":memory:") as engine:
            assert (await settings(engine)) == {
                "journal_mode": "memory",
                "synchronous": 2,
                "foreign_keys": 1,
                "trusted_schema": 1,
                "cache_size": -2000,
            }
        async with engines("?read_only=true", database=":memory:") as engine:
            with pytest.raises(sqlalchemy.exc.ArgumentError, match="in memory"):
                async with engine.connect():
                    pass

    work(run())


def test_a_program_can_make_the_connections_itself(work: Any, path: str) -> None:
    import ubiqlite.aiosqlite

    async def ours() -> Any:
        return await ubiqlite.aiosqlite.connect(path, isolation_level="IMMEDIATE")

    other = sqlite3.connect(":memory:", check_same_thread=False)

    async def another() -> Any:
        return other

    async def run() -> None:
        engine = create_async_engine("sqlite+ubiqlite://", async_creator=ours)
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE t (id)"))
            raw = await connection.get_raw_connection()
            assert raw.driver_connection.isolation_level == "IMMEDIATE"
        await engine.dispose()
        engine = create_async_engine("sqlite+ubiqlite://", async_creator=another)
        with pytest.raises(sqlalchemy.exc.InvalidRequestError, match="async_creator"):
            async with engine.connect():
                pass

    work(run())
    other.close()


def test_values_are_converted_by_declared_types_on_request(work: Any, engines: Any) -> None:
    sqlite3.register_converter("twice", lambda stored: 2 * int(stored))

    async def run() -> None:
        async with engines(f"?detect_types={sqlite3.PARSE_DECLTYPES}") as engine, engine.begin() as connection:
            await connection.execute(text("CREATE TABLE t (a twice)"))
            await connection.execute(text("INSERT INTO t VALUES (21)"))
            assert (await connection.execute(text("SELECT a FROM t"))).scalar() == 42

    work(run())


def test_the_sqlite_is_that_of_this_package(work: Any, engines: Any) -> None:
    import ubiqlite.aiosqlite

    async def run() -> None:
        async with engines() as engine, engine.connect() as connection:
            version = (await connection.execute(text("SELECT sqlite_version()"))).scalar()
            assert version == ubiqlite.aiosqlite.sqlite_version
            assert engine.dialect.server_version_info == ubiqlite.aiosqlite.sqlite_version_info

    work(run())
