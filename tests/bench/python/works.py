"""The works, written once for all subjects.

A subject's functions are called as its users call them: those of ``sqlite3`` without
``await``. Before the clock starts, a work checks everything that it reads. While it
runs, the id of each row, by name or by position, is added to a sum that is known.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
from collections.abc import Awaitable, Callable
from time import perf_counter, thread_time
from typing import Any

from data import CREATE_ITEMS, CREATE_LOG, INSERT_ITEM, INSERT_LOG, ROWS, TIMES, ids, item

TASKS = 64


async def fill(subject: Any) -> None:
    """Makes the table ``items``."""
    await done(subject, subject.execute(CREATE_ITEMS))
    await done(subject, subject.insert_many(INSERT_ITEM, [item(number) for number in range(1, ROWS + 1)]))


async def done(subject: Any, result: Any) -> Any:
    return result if subject.sync else await result


async def point_reads(subject: Any, get: Any, tasks: int, count: int) -> float:
    """Reads by random ids; microseconds per read."""
    assert tuple(_values(await done(subject, get(77)))) == item(77)
    for number in range(1, ROWS, 30):
        # After this every page is in the cache.
        await done(subject, get(number))
    each = max(1, count // tasks)
    seeds = [ids(seed, each) for seed in range(tasks)]
    read = _read_sync if subject.sync else _read
    took, sums = await timed(lambda: _in_tasks(lambda some: read(get, some), seeds))
    assert sum(sums) == sum(map(sum, seeds))
    return took * 1e6 / (each * tasks)


async def _read(get: Any, some: list[int]) -> int:
    total = 0
    for number in some:
        total += (await get(number))["id"]
    return total


async def _read_sync(get: Any, some: list[int]) -> int:
    total = 0
    for number in some:
        total += get(number)["id"]
    return total


async def inserts(subject: Any, tasks: int, count: int, call: Any) -> float:
    """Inserts, each committed by itself; microseconds per insert."""
    await done(subject, subject.execute(CREATE_LOG))
    each = max(1, count // tasks)
    rows = [item(number)[1:] for number in range(1, each + 1)]

    async def insert(some: list[Any]) -> None:
        for row in some:
            await call(row)

    async def insert_sync(some: list[Any]) -> None:
        for row in some:
            call(row)

    one = insert_sync if subject.sync else insert
    await _in_tasks(one, [rows[:20]] * tasks)
    took, _ = await timed(lambda: _in_tasks(one, [rows] * tasks))
    assert await done(subject, subject.value("SELECT count(*) FROM log")) == (len(rows[:20]) + each) * tasks
    return took * 1e6 / (each * tasks)


async def insert_many(subject: Any, count: int) -> float:
    """Rows in one transaction; microseconds per row."""
    await done(subject, subject.execute(CREATE_LOG))
    rows = [item(number)[1:] for number in range(1, count + 1)]
    await done(subject, subject.insert_many(INSERT_LOG, rows[:5000]))
    took, _ = await timed(lambda: done(subject, subject.insert_many(INSERT_LOG, rows)))
    assert await done(subject, subject.value("SELECT count(*) FROM log")) == count + 5000
    return took * 1e6 / count


async def stream(subject: Any, rows_of_all: Any, key: str | int) -> float:
    """Every row, one after another; microseconds per row. The median of five times."""
    expected = ROWS * (ROWS + 1) // 2
    number = 0
    if subject.sync:
        for row in rows_of_all():
            number += 1
            assert tuple(_values(row)) == item(number)
    else:
        async for row in rows_of_all():
            number += 1
            assert tuple(_values(row)) == item(number)

    async def read() -> int:
        total = 0
        if subject.sync:
            for row in rows_of_all():
                total += row[key]
        else:
            async for row in rows_of_all():
                total += row[key]
        return total

    times = []
    for _ in range(5):
        took, total = await timed(read)
        assert total == expected
        times.append(took)
    return statistics.median(times) * 1e6 / ROWS


async def arrow(subject: Any) -> float:
    """500,000 rows as a pyarrow table; microseconds per row. The median of five times."""
    table = await done(subject, subject.arrow())
    assert table.num_rows == ROWS * TIMES
    part = table.slice(ROWS, ROWS)
    for number, row in enumerate(zip(*(column.to_pylist() for column in part.columns)), 1):
        assert row == item(number)
    del part, table
    times = []
    for _ in range(5):
        took, table = await timed(lambda: done(subject, subject.arrow()))
        assert table.num_rows == ROWS * TIMES
        del table
        times.append(took)
    return statistics.median(times) * 1e6 / (ROWS * TIMES)


async def stalls(subject: Any) -> tuple[float, float]:
    """How late the loop is for others while a million rows stream: the 99th percentile, milliseconds."""

    async def work() -> None:
        total = 0
        for _ in range(10):
            async for row in subject.dicts_of_all():
                total += row["id"]
        assert total == 10 * (ROWS * (ROWS + 1) // 2)

    return await _lateness(work)


async def query_stalls(subject: Any) -> tuple[float, float]:
    """The same while 500,000 rows are returned as one list, four times."""

    async def work() -> None:
        for _ in range(4):
            rows = await subject.all_500k()
            assert len(rows) == ROWS * TIMES
            assert rows[-1]["id"] == ROWS

    return await _lateness(work)


async def _lateness(work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Measures how late the loop is for others during some work.

    Also measures how long its thread computed in that time: where other programs run too,
    the first figure reflects mostly them.
    """
    late = []
    busy = []
    over = False

    async def other() -> None:
        while not over:
            asked, begun = perf_counter(), thread_time()
            await asyncio.sleep(0.001)
            late.append(perf_counter() - asked - 0.001)
            busy.append(max(0.0, thread_time() - begun - 0.001))

    task = asyncio.ensure_future(other())
    await asyncio.sleep(0.01)
    late.clear()
    busy.clear()
    await work()
    over = True
    await task
    return statistics.quantiles(late, n=100)[98] * 1000, statistics.quantiles(busy, n=100)[98] * 1000


async def _in_tasks(one: Callable[[Any], Awaitable[Any]], parts: list[Any]) -> list[Any]:
    if len(parts) == 1:
        return [await one(parts[0])]
    return await asyncio.gather(*map(one, parts))


async def timed(what: Callable[[], Any]) -> tuple[float, Any]:
    gc.collect()
    start = perf_counter()
    result = await what()
    return perf_counter() - start, result


def _values(row: Any) -> Any:
    return row.values() if isinstance(row, dict) else row
