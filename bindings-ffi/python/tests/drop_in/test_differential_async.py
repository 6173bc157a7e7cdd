"""Random calls to ``aiosqlite`` and to ours, by several tasks and another thread, some of them cancelled.

Calls are begun in one order and not awaited, so that both run them in that order. Their
results are compared, and the state of the connection and the cursors after some of them.
Intended differences are left out, as in ``test_differential.py``.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import warnings
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from test_differential import calls, plain

import ubiqlite.aiosqlite

CASES = int(os.environ.get("UBIQLITE_DIFFERENCES", "200"))

EMPTY = "empty"
"""Marks the execution of an empty statement."""

MORE: list[tuple[Any, ...]] = [
    ("execute_fetchall", "db", "select * from t order by id", ()),
    ("execute_fetchall", "db", "select count(*), max(id) from t", ()),
    ("execute_insert", "db", "insert into t(name) values(?)", ("inserted",)),
    ("execute_insert", "db", "insert into missing values(1)", ()),
    ("execute", "db", "insert into t(name) values('by the connection')", ()),
    ("executemany", "db", "insert into t(name) values(?)", [("a",), ("b",)]),
    ("execute_fetchall", "db", "with recursive n(i) as (select 1 union all select i + 1 from n limit 3000) select count(*) from n", ()),
    ("execute", "db", "insert into t(v) with recursive n(i) as (select 1 union all select i + 1 from n limit 700) select i from n", ()),
]  # fmt: skip


def program(chance: random.Random) -> list[tuple[Any, ...]]:
    """Returns random calls, the same for the same seed."""
    length = chance.randint(30, 200) if chance.random() < 0.1 else 1
    made: list[tuple[Any, ...]] = []
    while len(made) < length:
        made += [call for call in calls(chance) if call[0] != "isolation"]
    for _ in range(chance.randint(0, 8) * (1 + length // 30)):
        place = chance.randint(0, len(made))
        # Not between a query and the call that fetches its rows.
        if place == 0 or "* from" not in str(made[place - 1]):
            made.insert(place, chance.choice(MORE))
    return made


async def begun_elsewhere(call: Any, threads: Executor) -> asyncio.Future[Any]:
    """Returns the future of a call that another thread begins on this loop."""
    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    async def work() -> Any:
        begun.set()
        return await call()

    future = await loop.run_in_executor(threads, asyncio.run_coroutine_threadsafe, work(), loop)
    await begun.wait()
    return asyncio.wrap_future(future)


async def results(module: Any, path: str, seed: int, threads: Executor) -> list[Any]:
    """Returns the results of the calls that were not cancelled, and the state after some of them."""
    chance = random.Random(seed)
    made = program(chance)
    told: list[Any] = []
    async with module.connect(path) as db:
        await db.execute("create table t(id integer primary key, name text, v)")
        await db.commit()
        cursors = {True: await db.cursor(), False: await db.cursor(), None: db, "db": db}
        last = await db.cursor()
        begun: list[tuple[Any, bool, asyncio.Future[Any]]] = []
        for index, (name, which, *arguments) in enumerate(made):
            call = partial(getattr(cursors[which], name), *arguments)
            if chance.random() < 0.15:
                task = await begun_elsewhere(call, threads)
            else:
                task = asyncio.ensure_future(call())
                await asyncio.sleep(0)
            given_up = chance.random() < 0.2
            if given_up:
                task.cancel()
                # A cancellation through the other thread's future arrives one turn later.
                await asyncio.sleep(0)
            begun.append((EMPTY if arguments[:1] == [""] else which, given_up, task))
            if chance.random() < 0.3 or index == len(made) - 1:
                outcomes = await asyncio.gather(*(task for _, _, task in begun), return_exceptions=True)
                # This runs after all of them, the cancelled calls included.
                await last.execute("select 1")
                await last.fetchall()
                for (of, without, _), outcome in zip(begun, outcomes):
                    if without:
                        continue
                    if of == EMPTY and isinstance(outcome, Exception):
                        # Theirs steps no statement here, and raises the error of the previous call.
                        outcome = last
                    if isinstance(outcome, BaseException):
                        told.append((type(outcome), str(outcome), getattr(outcome, "sqlite_errorcode", None)))
                    else:
                        told.append("cursor" if hasattr(outcome, "fetchone") else (of, plain(outcome)))
                begun = []
                told += [
                    (cursors[which].rowcount, cursors[which].lastrowid, cursors[which].description)
                    for which in (True, False)
                ]
                told.append((db.in_transaction, db.total_changes))
    return told


@pytest.mark.skipif(sys.version_info < (3, 11), reason="sqlite3 had other rules for details before")
def test_tasks_that_give_calls_up_are_answered_as_by_aiosqlite(tmp_path: Path) -> None:
    theirs = pytest.importorskip("aiosqlite")
    if theirs is ubiqlite.aiosqlite or theirs.__file__ is None:
        pytest.skip("this is no aiosqlite")
    warnings.simplefilter("ignore", DeprecationWarning)

    async def compare(seed: int, threads: Executor) -> None:
        both = []
        for name, module in (("theirs", theirs), ("ours", ubiqlite.aiosqlite)):
            # A separate file for each: what a cursor keeps of the standard module's connection ends with it.
            path = tmp_path / f"{name}-{seed}"
            both.append(await results(module, str(path), seed, threads))
            path.unlink()
        if "API misuse" in str(both[0]):
            # One of their cursors was collected on this thread while their own thread used the connection.
            return
        for index, (wanted, ours) in enumerate(zip(*both)):
            assert ours == wanted, f"seed {seed}, result {index}: {program(random.Random(seed))}"
        assert len(both[0]) == len(both[1])

    first = int(os.environ.get("UBIQLITE_SEED", "0"))
    with ThreadPoolExecutor(1) as threads:
        for seed in range(first, first + CASES):
            asyncio.run(compare(seed, threads))
