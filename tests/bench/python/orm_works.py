"""The works of SQLAlchemy's ORM, in which most of the time is its own."""

from __future__ import annotations

import asyncio
import statistics
from typing import Any

from sqlalchemy import func, select

from data import ROWS, ids, item
from works import timed

SESSIONS = 50
AT_ONCE = 1000


async def gets(subject: Any, tasks: int, count: int) -> float:
    """Reads objects by random keys, each in a session of its own; microseconds per object."""
    row = await get(subject, 77)
    assert (row.id, row.name, row.data, row.status, row.value) == item(77)
    seeds = [ids(seed, max(1, count // tasks)) for seed in range(tasks)]

    async def read(some: list[int]) -> int:
        return sum([(await get(subject, number)).id for number in some])

    async def all_of(parts: list[list[int]]) -> list[int]:
        return await asyncio.gather(*map(read, parts))

    await warm(subject, tasks)
    await all_of([some[:20] for some in seeds])
    took, sums = await timed(lambda: all_of(seeds))
    assert sums == [sum(some) for some in seeds]
    return took * 1e6 / sum(map(len, seeds))


async def warm(subject: Any, tasks: int) -> None:
    """Opens all connections that so many tasks can have, and brings every page into the cache of each."""
    pool = subject.engine.pool
    connections = [await subject.engine.connect() for _ in range(min(tasks, pool.size() + pool._max_overflow))]
    for connection in connections:
        await connection.execute(select(func.sum(func.length(subject.item.data))))
    for connection in connections:
        await connection.close()


async def get(subject: Any, number: int) -> Any:
    async with subject.session() as session:
        return await session.get(subject.item, number)


async def select_1000(subject: Any, count: int) -> float:
    """Reads 1,000 objects in one session, as a list; microseconds per list, the median."""
    key = subject.item.id

    async def read(first: int) -> list[Any]:
        async with subject.session() as session:
            found = await session.scalars(select(subject.item).where(key >= first, key < first + AT_ONCE))
            return list(found.all())

    for number, row in enumerate(await read(1), 1):
        assert (row.id, row.name, row.data, row.status, row.value) == item(number)
    times = []
    for turn in range(count):
        first = turn * AT_ONCE % (ROWS - AT_ONCE) + 1
        took, rows = await timed(lambda first=first: read(first))
        assert [rows[0].id, rows[-1].id, len(rows)] == [first, first + AT_ONCE - 1, AT_ONCE]
        times.append(took)
    return statistics.median(times) * 1e6


async def insert_1000(subject: Any, count: int) -> float:
    """Inserts 1,000 objects, whose keys come back, in a transaction; microseconds per transaction, the median."""
    await subject.create()
    rows = [item(number)[1:] for number in range(1, AT_ONCE + 1)]

    async def insert() -> list[Any]:
        some = [subject.log(name=name, data=data, status=status, value=value) for name, data, status, value in rows]
        async with subject.session() as session:
            session.add_all(some)
            await session.commit()
        return some

    times = []
    for turn in range(count):
        took, made = await timed(insert)
        assert [row.id for row in made] == list(range(turn * AT_ONCE + 1, (turn + 1) * AT_ONCE + 1))
        times.append(took)
    async with subject.session() as session:
        assert await session.scalar(select(func.count(subject.log.id))) == count * AT_ONCE
    return statistics.median(times) * 1e6
