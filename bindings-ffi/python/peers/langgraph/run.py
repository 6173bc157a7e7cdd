"""Runs LangGraph's conformance suite on its SQLite checkpointer, with ours in place of aiosqlite.

``python run.py``, in an environment that has what `../requirements.txt` lists, and this package.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import ubiqlite.aiosqlite

ubiqlite.aiosqlite.install()

from langgraph.checkpoint.conformance import checkpointer_test, validate  # noqa: E402
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: E402

FEWEST = 58
"""The least number of tests that pass: those of all five base capabilities."""


async def outcome(path: str) -> None:
    """Runs the suite on a database, and exits if the checkpointer does not pass completely."""

    @checkpointer_test(name=f"AsyncSqliteSaver on {path}")
    async def saver() -> AsyncGenerator[Any, None]:
        async with AsyncSqliteSaver.from_conn_string(path) as it:
            assert isinstance(it.conn, ubiqlite.aiosqlite.Connection)
            yield it
            await it.setup()
            # The next test begins with an empty database.
            await it.conn.executescript("DELETE FROM checkpoints; DELETE FROM writes;")

    report = await validate(saver)
    report.print_report()
    passed = sum(result.tests_passed for result in report.results.values())
    if report.conformance_level() != "FULL" or passed < FEWEST:
        sys.exit(f"{report.conformance_level()}: {passed} tests passed")


async def main() -> None:
    """Tests it in memory, and in a file."""
    await outcome(":memory:")
    with tempfile.TemporaryDirectory() as folder:
        await outcome(str(Path(folder) / "checkpoints.db"))


asyncio.run(main())
