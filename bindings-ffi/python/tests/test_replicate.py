"""Replicas, and what is restored from them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from conftest import Run

import ubiqlite


async def names(path: Path) -> list[str]:
    async with ubiqlite.open(path) as db:
        return [row["name"] for row in await db.query("SELECT name FROM items ORDER BY id")]


async def prepared(db: ubiqlite.Database) -> None:
    await db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")


def test_each_moment_of_a_replica_is_restored(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        folder = tmp_path / "replica"
        moments: list[tuple[int, datetime, list[str]]] = []
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await prepared(db)
            replica = await db.replicate(folder, interval=0)
            written: list[str] = []
            for name in ("lamp", "chair", "table"):
                await db.execute("INSERT INTO items (name) VALUES (?)", [name])
                written.append(name)
                state = await replica.flush()
                assert (state.lag, state.waiting, state.error, state.ended) == (0, 0, None, False)
                assert state.time is not None
                moments.append((state.transaction, state.time, list(written)))
                while datetime.now(timezone.utc) <= state.time + timedelta(milliseconds=2):
                    pass
            assert state.snapshots == 1
            assert (state.last_snapshot, state.reason) == (1, "first")
        for number, (transaction, time, expected) in enumerate(moments):
            for to in (transaction, time):
                restored = tmp_path / f"{number}-{isinstance(to, int)}.db"
                assert await ubiqlite.restore_replica(folder, restored, to=to) == transaction
                assert await names(restored) == expected
        newest = tmp_path / "newest.db"
        await ubiqlite.restore_replica(folder, newest)
        assert await names(newest) == ["lamp", "chair", "table"]

    run(main())


def test_closing_stores_what_was_committed_and_the_next_replica_goes_on(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await prepared(db)
            replica = await db.replicate(tmp_path / "replica", interval=timedelta(hours=1))
            await db.execute("INSERT INTO items (name) VALUES ('lamp')")
        async with ubiqlite.open(tmp_path / "app.db") as db:
            replica = await db.replicate(tmp_path / "replica")
            state = await replica.flush()
            assert state.snapshots == 0
            ended = await replica.stop()
            assert ended.ended
            with pytest.raises(ubiqlite.Closed):
                await replica.flush()
        await ubiqlite.restore_replica(tmp_path / "replica", tmp_path / "restored.db")
        assert await names(tmp_path / "restored.db") == ["lamp"]

    run(main())


def test_what_can_not_be_replicated_or_restored_is_refused(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        folder = tmp_path / "replica"
        async with ubiqlite.open(tmp_path / "plain.db", journal_mode="delete") as db:
            with pytest.raises(ubiqlite.Unsupported, match="WAL"):
                await db.replicate(folder)
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await prepared(db)
            replica = await db.replicate(folder)
            with pytest.raises(ubiqlite.Busy):
                await db.replicate(folder)
            state = await replica.flush()
            with pytest.raises(ubiqlite.InvalidArgument):
                await db.replicate(tmp_path / "other", memory=-1)
        with pytest.raises(ubiqlite.NotFound):
            await ubiqlite.restore_replica(tmp_path / "nothing", tmp_path / "restored.db")
        with pytest.raises(ubiqlite.NotFound):
            await ubiqlite.restore_replica(folder, tmp_path / "restored.db", to=state.transaction + 5)
        with pytest.raises(ubiqlite.InvalidArgument):
            await ubiqlite.restore_replica(folder, tmp_path / "app.db")
        with pytest.raises(ubiqlite.InvalidArgument):
            await ubiqlite.restore_replica(folder, tmp_path / "restored.db", to="yesterday")  # type: ignore[arg-type]
        [damaged] = (folder / "ltx" / "9").iterdir()
        damaged.write_bytes(damaged.read_bytes()[:-9])
        with pytest.raises(ubiqlite.Corrupt, match="ltx/9/"):
            await ubiqlite.restore_replica(folder, tmp_path / "restored.db")
        assert not (tmp_path / "restored.db").exists()

    run(main())
