"""Writes by many tasks: they share the commit, and nothing else."""

from __future__ import annotations

import asyncio

import pytest
from conftest import Run

import ubiqlite


@pytest.mark.parametrize("synchronous", ["normal", "full"])
def test_one_of_many_writes_that_share_a_commit_fails_alone(run: Run[None], path: str, synchronous: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path, synchronous=synchronous) as db:  # type: ignore[arg-type]
            await db.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, task INT)")
            failed = 0

            async def write(task: int) -> None:
                nonlocal failed
                for number in range(50):
                    key = task * 50 + number
                    if number % 10 == 9:
                        with pytest.raises(ubiqlite.PrimaryKeyViolation):
                            await db.table("log").insert(id=key - 1, task=task)
                        failed += 1
                    else:
                        assert await db.table("log").insert(id=key, task=task) == key
                        # Each task sees its own earlier writes.
                        own = "SELECT count(*) FROM log WHERE task = ?"
                        assert await db.query_value(own, (task,)) == number + 1 - number // 10

            await asyncio.gather(*(write(task) for task in range(32)))
            assert failed == 32 * 5
            assert await db.table("log").count() == 32 * 45
            # A single task again completes within the call.
            for number in range(200):
                await db.execute("UPDATE log SET task = ?", (number,))
            if synchronous == "normal":
                assert db._target.client.crowd == 0

    run(main())


def test_a_task_that_never_waits_lets_others_have_their_turn(run: Run[None], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path, synchronous="off") as db:
            await db.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, task INT)")
            turns = 0

            async def other() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            task = asyncio.ensure_future(other())
            for number in range(2000):
                await db.query_one("SELECT ?", (number,))
                await db.table("log").get(number)
            reads = turns
            for number in range(500):
                await db.execute("INSERT INTO log (task) VALUES (?)", (number,))
            task.cancel()
            assert reads > 4
            assert turns - reads > 10

    run(main())
