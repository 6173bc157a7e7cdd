"""The log of statements: those that are slow, and all others if that is asked for."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest
from conftest import Run

import ubiqlite

HELD = 0.08
LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT {} FROM n"
ITEMS = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"


def test_slow_statements_are_logged_and_others_only_if_asked_for(
    run: Run[None], path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="ubiqlite.statements")

    async def main(**options: Any) -> list[tuple[str, str]]:
        caplog.clear()
        async with ubiqlite.open(path, **options) as db:
            await db.query("SELECT 1 AS few")
            await db.query_value(LONG.format(300_000, "count(*)"))
            await asyncio.sleep(0)
        return [(record.levelname, record.getMessage()) for record in caplog.records]

    assert run(main()) == []
    ((level, slow),) = run(main(slow_statement=timedelta(milliseconds=5)))
    assert level == "WARNING"
    assert slow.startswith("slow: SELECT n; ran ")
    assert " ms, waited " in slow
    assert slow.endswith("; 1 rows | " + LONG.format(300_000, "count(*)"))
    assert [level for level, _ in run(main(log_statements=True))] == ["DEBUG", "DEBUG"]
    assert [level for level, _ in run(main(log_statements=True, slow_statement=0.005))] == ["DEBUG", "WARNING"]
    assert [level for level, _ in run(main(slow_statement=0))] == ["WARNING", "WARNING"]
    call = caplog.records[0].call  # type: ignore[attr-defined]
    assert (call.summary, call.rows) == ("SELECT", 1)


def test_a_slow_statement_that_is_given_up_is_logged(
    run: Run[None], path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with ubiqlite.open(path, slow_statement=HELD / 2) as db:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(db.query_value(LONG.format(1 << 40, "count(*)")), HELD)
            await asyncio.sleep(0)

    run(main())
    (record,) = [record for record in caplog.records if record.name == "ubiqlite.statements"]
    assert record.levelname == "WARNING"
    assert "Cancelled" in record.getMessage()


def test_a_statement_behind_a_transaction_is_not_slow(
    run: Run[None], path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with ubiqlite.open(path, slow_statement=HELD * 4) as db:
            await db.execute(ITEMS)
            async with db.transaction():
                waiting = asyncio.ensure_future(db.execute("INSERT INTO items (name) VALUES ('a')"))
                await asyncio.sleep(HELD * 5)
            await waiting
            await asyncio.sleep(0)

    run(main())
    assert [record for record in caplog.records if record.name == "ubiqlite.statements"] == []


def test_a_database_of_bytes_is_logged_too_and_what_is_no_time_is_refused(
    run: Run[None], path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            data = await db.serialize()
        async with ubiqlite.deserialize(data, slow_statement=0) as copy:
            await copy.query("SELECT 1")
            await asyncio.sleep(0)
        for wrong in (-1, "1"):
            with pytest.raises(ubiqlite.InvalidArgument, match="slow_statement"):
                ubiqlite.open(path, slow_statement=wrong)  # type: ignore[arg-type]

    run(main())
    assert [record.levelname for record in caplog.records if record.name == "ubiqlite.statements"] == ["WARNING"]
