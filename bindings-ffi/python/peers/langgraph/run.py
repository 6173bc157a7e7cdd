"""Runs LangGraph's conformance suite: on its SQLite checkpointer with ours in place of aiosqlite, and on our own.

``python run.py``, in an environment that has what `../requirements.txt` lists, and this package.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import ubiqlite.aiosqlite

ubiqlite.aiosqlite.install()

import graphs  # noqa: E402
from langgraph.checkpoint.conformance import checkpointer_test, validate  # noqa: E402
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: E402

from ubiqlite.langgraph import AsyncUbiqliteSaver  # noqa: E402

FEWEST = 58
"""The least number of tests that pass with LangGraph's own: those of all five base capabilities."""

ALL = 81
"""The number of tests for all eight capabilities, which ours has."""


Clear = Callable[[Any, str], Any]


async def outcome(kind: Any, path: str, clear: Clear, fewest: int) -> None:
    """Runs the suite on a database, and exits if the checkpointer does not pass completely."""
    name = f"{kind.__name__} on {path}"

    @checkpointer_test(name=name)
    async def saver() -> AsyncGenerator[Any, None]:
        async with kind.from_conn_string(path) as it:
            yield it
            await it.setup()
            # The next test begins with an empty database.
            await clear(it, "DELETE FROM checkpoints; DELETE FROM writes;")

    report = await validate(saver)
    report.print_report()
    passed = sum(result.tests_passed for result in report.results.values())
    if report.conformance_level() != "FULL" or passed < fewest:
        sys.exit(f"{name}: {report.conformance_level()}, {passed} tests passed")


async def main() -> None:
    """Tests both in memory, and in a file."""
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder)
        for path in (":memory:", str(files / "theirs.db")):
            await outcome(AsyncSqliteSaver, path, lambda it, sql: it.conn.executescript(sql), FEWEST)
        for path in (":memory:", str(files / "ours.db")):
            await outcome(AsyncUbiqliteSaver, path, lambda it, sql: it.db.batch(sql), ALL)
        await graphs.main(files)


asyncio.run(main())
