"""Copies of a database: into a file, and as bytes."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import Run

import ubiqlite
from ubiqlite import BackupProgress

FILL = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
    INSERT INTO items (data) SELECT randomblob(4000) FROM n
"""


async def filled(db: ubiqlite.Database, rows: int) -> None:
    await db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, data BLOB)")
    await db.execute(FILL, (rows,))


def rows_in(path: Path) -> list[Any]:
    """Returns the rows of a copy, as SQLite itself reads them."""
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return plain.execute("SELECT id, data FROM items").fetchall()


def rows_of(data: bytes, tmp_path: Path) -> list[Any]:
    """Returns the rows of a copy that came as bytes."""
    place = tmp_path / "received.db"
    place.write_bytes(data)
    try:
        return rows_in(place)
    finally:
        place.unlink()


def names(folder: Path, of: str) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if file.name.startswith(of))


async def until_gone(folder: Path, of: str) -> None:
    """Waits until there are no files with such names."""
    for _ in range(6000):
        if not names(folder, of):
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"left: {names(folder, of)}")


def test_a_copy_that_is_made_under_writes_is_one_moment_of_the_database(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await filled(db, 2000)
            done = False
            commits = 0

            async def write() -> None:
                nonlocal commits
                while not done:
                    # Two rows in each commit: a moment has an even number of rows.
                    await db.execute("INSERT INTO items (data) VALUES (x'01'), (x'02')")
                    commits += 1
                    await asyncio.sleep(0)

            writer = asyncio.ensure_future(write())
            while commits == 0:
                await asyncio.sleep(0)
            before = 2000 + 2 * commits
            await db.backup(tmp_path / "copy.db")
            done = True
            await writer
            found = rows_in(tmp_path / "copy.db")
            assert len(found) % 2 == 0
            assert before <= len(found) <= 2000 + 2 * commits
            source = await db.query("SELECT id, data FROM items", into=tuple)
            assert found == source[: len(found)]
            await db.backup(str(tmp_path / "quiet.db"))
            assert rows_in(tmp_path / "quiet.db") == source

    run(main())


def test_progress_is_told_on_the_loop_and_ends_with_all_pages(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await filled(db, 3000)
            pages = await db.query_value("PRAGMA page_count")
            for compact in (False, True):
                told: list[BackupProgress] = []
                threads: set[int] = set()

                def progress(now: BackupProgress, told: Any = told, threads: Any = threads) -> None:
                    told.append(now)
                    threads.add(threading.get_ident())

                await db.backup(tmp_path / "copy.db", overwrite=True, compact=compact, progress=progress)
                assert threads == {threading.get_ident()}
                assert all(type(now) is BackupProgress for now in told)
                assert told == sorted(told), "it goes forward"
                assert len(set(told)) == len(told), "only news"
                assert told[-1].done == told[-1].total
                assert compact or told[-1].total == pages

    run(main())


def test_a_cancelled_copy_leaves_no_file(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db", synchronous="off") as db:
            await filled(db, 12000)
            told: list[BackupProgress] = []

            def progress(now: BackupProgress) -> None:
                told.append(now)
                task.cancel()

            task = asyncio.ensure_future(db.backup(tmp_path / "copy.db", progress=progress))
            with pytest.raises(asyncio.CancelledError):
                await task
            assert told[0].done < told[0].total, "it was in the middle"
            await until_gone(tmp_path, "copy.db")
            # Whoever comes next finds nothing in its way.
            await db.backup(tmp_path / "copy.db")
            assert names(tmp_path, "copy.db") == ["copy.db"]

    run(main())


def test_a_copy_that_is_cancelled_at_any_await_is_whole_or_not_there(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await filled(db, 200)
            for turns in range(25):
                task = asyncio.ensure_future(db.backup(tmp_path / f"copy{turns}.db"))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
                assert task.cancelled() or (tmp_path / f"copy{turns}.db").exists()
        # What was cancelled may still be about to begin, until the database is closed.
        for _ in range(6000):
            if not any(name.endswith(".part") for name in names(tmp_path, "copy")):
                break
            await asyncio.sleep(0.005)
        for name in names(tmp_path, "copy"):
            assert name.endswith(".db")
            assert len(rows_in(tmp_path / name)) == 200

    run(main())


def test_a_progress_that_raises_ends_the_copy(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db", synchronous="off") as db:
            await filled(db, 12000)

            def progress(now: BackupProgress) -> None:
                raise ZeroDivisionError

            with pytest.raises(ZeroDivisionError):
                await db.backup(tmp_path / "copy.db", progress=progress)
            await until_gone(tmp_path, "copy.db")

    run(main())


def test_a_time_limit_is_for_the_whole_copy(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db", synchronous="off") as db:
            await filled(db, 12000)
            with pytest.raises(ubiqlite.Timeout):
                await db.backup(tmp_path / "late.db", timeout=0.001)
            with pytest.raises(ubiqlite.Timeout):
                await db.serialize(timeout=0.001)
            with pytest.raises(ubiqlite.InvalidArgument):
                await db.backup(tmp_path / "copy.db", timeout=-1)
            await db.backup(tmp_path / "copy.db", timeout=60)
        await until_gone(tmp_path, "late.db")

    run(main())


def test_a_file_that_exists_is_replaced_only_if_that_is_wanted(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await filled(db, 10)
            target = tmp_path / "copy.db"
            target.write_bytes(b"something else")
            with pytest.raises(ubiqlite.InvalidArgument):
                await db.backup(target)
            assert target.read_bytes() == b"something else"
            assert names(tmp_path, "copy.db") == ["copy.db"]
            await db.backup(target, overwrite=True)
            assert len(rows_in(target)) == 10
            for overwrite in (False, True):
                with pytest.raises(ubiqlite.InvalidArgument):
                    await db.backup(tmp_path / "app.db", overwrite=overwrite)
            assert await db.query_value("SELECT count(*) FROM items") == 10

    run(main())


def test_where_no_copy_can_be_is_told(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        db = await ubiqlite.open(tmp_path / "app.db")
        await filled(db, 10)
        assert (await db.capabilities()).backups is True
        with pytest.raises(ubiqlite.CannotOpen):
            await db.backup(tmp_path / "missing" / "copy.db")
        for wrong in (b"copy.db", 7, None, "\udc80"):
            with pytest.raises(ubiqlite.InvalidArgument, match="the path of the copy"):
                await db.backup(wrong)  # type: ignore[arg-type]
        stream = db.backup_stream()
        await db.close()
        for call in (db.backup(tmp_path / "copy.db"), db.serialize(), stream.__anext__()):
            with pytest.raises(ubiqlite.Closed):
                await call
        assert names(tmp_path, "copy.db") == []

    run(main())


def test_two_copies_to_one_place_do_not_mix(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db", synchronous="off") as db:
            await filled(db, 12000)
            target = tmp_path / "copy.db"
            done = await asyncio.gather(db.backup(target), db.backup(target), return_exceptions=True)
            # Which of them is first, nobody says. The other is refused, since the first writes, or has written.
            [refused] = [each for each in done if each is not None]
            assert isinstance(refused, (ubiqlite.Busy, ubiqlite.InvalidArgument)), refused
            assert len(rows_in(target)) == 12000

    run(main())


def test_a_database_in_memory_can_not_be_read_compactly(run: Run[None]) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            await filled(db, 10)
            with pytest.raises(ubiqlite.Unsupported):
                await db.serialize(compact=True)
            with pytest.raises(ubiqlite.Unsupported):
                await db.backup_stream(compact=True).__anext__()
            assert await db.query_value("SELECT count(*) FROM items") == 10

    run(main())


def test_a_compact_copy_is_without_the_space_of_deleted_rows(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await filled(db, 1000)
            await db.execute("DELETE FROM items WHERE id > 10")
            await db.backup(tmp_path / "whole.db")
            await db.backup(tmp_path / "compact.db", compact=True)
            assert rows_in(tmp_path / "compact.db") == rows_in(tmp_path / "whole.db")
            whole, compact = (tmp_path / "whole.db").stat().st_size, (tmp_path / "compact.db").stat().st_size
            assert compact * 10 < whole
            assert len(await db.serialize()) == whole
            assert len(await db.serialize(compact=True)) == compact

    run(main())


@pytest.mark.parametrize("place", ["file", "memory"])
def test_the_bytes_of_a_stream_are_a_database(run: Run[None], tmp_path: Path, place: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(":memory:" if place == "memory" else tmp_path / "app.db") as db:
            await filled(db, 2000)
            chunks = [chunk async for chunk in db.backup_stream()]
            assert len(chunks) > 1
            assert {type(chunk) for chunk in chunks} == {bytes}
            source = await db.query("SELECT id, data FROM items", into=tuple)
            assert rows_of(b"".join(chunks), tmp_path) == source
            assert rows_of(await db.serialize(), tmp_path) == source

    run(main())


def test_a_stream_whose_waits_are_cancelled_loses_no_bytes(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await filled(db, 2000)
            stream = db.backup_stream()
            received: list[bytes] = []
            cancelled = 0
            while True:
                task = asyncio.ensure_future(stream.__anext__())
                for _ in range(len(received) % 4):
                    await asyncio.sleep(0)
                # One that has not begun yet is cancelled, too.
                task.cancel()
                await asyncio.wait([task])
                if task.cancelled():
                    cancelled += 1
                    try:
                        received.append(await stream.__anext__())
                    except StopAsyncIteration:
                        break
                elif isinstance(task.exception(), StopAsyncIteration):
                    break
                else:
                    received.append(task.result())
            assert cancelled > 3
            source = await db.query("SELECT id, data FROM items", into=tuple)
            assert rows_of(b"".join(received), tmp_path) == source

    run(main())


def test_a_stream_that_timed_out_continues_where_it_was(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db", synchronous="off") as db:
            await filled(db, 4000)
            stream = db.backup_stream(timeout=0)
            received: list[bytes] = []
            late = 0
            while True:
                try:
                    received.append(await stream.__anext__())
                except ubiqlite.Timeout:
                    late += 1
                    await asyncio.sleep(0.002)
                except StopAsyncIteration:
                    break
            assert late > 0
            source = await db.query("SELECT id, data FROM items", into=tuple)
            assert rows_of(b"".join(received), tmp_path) == source

    run(main())


def test_a_stream_that_is_left_leaves_nothing(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        folder = tmp_path / "here"
        folder.mkdir()
        async with ubiqlite.open(folder / "app.db") as db:
            await filled(db, 3000)
            async for chunk in db.backup_stream():
                assert chunk.startswith(b"SQLite format 3\0")
                break
            async with db.backup_stream() as stream:
                await stream.__anext__()
            with pytest.raises(StopAsyncIteration):
                await stream.__anext__()
            for _ in range(6000):
                if all(name.startswith("app.db") and not name.endswith("part") for name in names(folder, "")):
                    break
                await asyncio.sleep(0.005)
            assert set(names(folder, "")) <= {"app.db", "app.db-wal", "app.db-shm"}
            # A checkpoint is not held up by a copy that nobody reads.
            assert (await db.query_one("PRAGMA wal_checkpoint(TRUNCATE)", into=tuple))[0] == 0

    run(main())


def test_a_stream_that_is_forgotten_ends_with_a_warning(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await filled(db, 3000)
            stream = db.backup_stream()
            await stream.__anext__()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                del stream
                gc.collect()
            told = [str(each.message) for each in caught]
            assert told == ["a backup stream was never ended: it ends now"]

    run(main())


def test_a_stream_has_one_reader_which_is_told_when_it_is_closed(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db", synchronous="off") as db:
            await filled(db, 12000)
            stream = db.backup_stream()
            task = asyncio.ensure_future(stream.__anext__())
            await asyncio.sleep(0)
            with pytest.raises(ubiqlite.InvalidArgument, match="only one task"):
                await stream.__anext__()
            assert not task.done(), "the copy is made first"
            await stream.aclose()
            # What has come is no database: the reader must not take it for one.
            with pytest.raises(ubiqlite.Closed):
                await task

    run(main())


def test_a_stream_belongs_to_its_loop(tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await filled(db, 3000)
            async with db.backup_stream() as stream:
                await stream.__anext__()

                async def elsewhere() -> None:
                    with pytest.raises(ubiqlite.InvalidArgument, match="another event loop"):
                        await stream.__anext__()

                await asyncio.get_running_loop().run_in_executor(None, asyncio.run, elsewhere())

    asyncio.run(main())
