"""The guide's page about observing."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
import ubiqlite

LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) SELECT count(*) FROM n"


def test_statistics_say_who_waits(tmp_path: Path) -> None:
    """A transaction that is held is seen."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)")
            async with db.transaction():
                # region stats
                stats = await db.stats()
                print(f"{stats.commits} commits; {stats.waiting_writes} writes wait")
                print(f"the longest wait of a write was {stats.write_waits.longest}")
                if stats.transaction_age is not None:
                    print(f"a transaction has been open for {stats.transaction_age}")
                if stats.oldest_reader is not None:
                    print(f"{stats.log_pages} pages in the log; the oldest read began {stats.oldest_reader} ago")
                # endregion stats
                assert stats.commits == 1
                assert stats.transaction_age is not None
            assert (await db.stats()).transaction_age is None

    asyncio.run(main())


def test_a_listener_is_told_of_slow_calls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told soon after the call."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            # region listen
            def listen(call: ubiqlite.TracedCall) -> None:
                print(f"{call.summary} ran for {call.run}, after waiting for {call.queue_wait}: {call.sql}")

            stop = db.trace(listen, slower_than=0.003)
            # endregion listen
            await db.query("SELECT 1")
            await db.query_value(LONG)
            stop()
            await db.query_value(LONG)

    asyncio.run(main())
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("SELECT n ran for 0:00:0")


def test_slow_statements_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without the option nothing is."""

    async def main() -> None:
        # region log
        async with ubiqlite.open(tmp_path / "app.db", slow_statement=0.003) as db:
            await db.query("SELECT 1")
            # endregion log
            await db.query_value(LONG)

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
    (record,) = [record for record in caplog.records if record.name == "ubiqlite.statements"]
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith("slow: SELECT n; ran ")


def test_spans_are_made_while_it_is_instrumented(tmp_path: Path) -> None:
    """The spans go to the provider that is given, or to the global one."""
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    export = pytest.importorskip("opentelemetry.sdk.trace.export")
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter = memory.InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))

    # region opentelemetry
    from ubiqlite.opentelemetry import UbiqliteInstrumentor

    instrumentor = UbiqliteInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    # endregion opentelemetry

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.query("SELECT 1")

    try:
        asyncio.run(main())
    finally:
        instrumentor.uninstrument()
    assert [span.name for span in exporter.get_finished_spans()] == ["SELECT"]
