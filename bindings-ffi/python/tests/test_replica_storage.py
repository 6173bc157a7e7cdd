"""Replicas whose files a program keeps itself."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Optional, Union

import pytest
from conftest import Run

import ubiqlite

ITEMS = "CREATE TABLE items (id INTEGER PRIMARY KEY, data BLOB)"
FIRST = "ltx/9/0000000000000001-0000000000000001.ltx"


# The most bytes of a file that are sent at once.
PIECE = 256 * 1024


class Bucket:
    """Keeps files in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.refuses: Optional[str] = None
        self.sent = 0
        self.largest = 0

    async def put(self, name: str, content: AsyncIterator[bytes]) -> None:
        if self.refuses is not None:
            raise OSError(self.refuses)
        chunks = [chunk async for chunk in content]
        self.largest = max(self.largest, *map(len, chunks))
        self.files[name] = b"".join(chunks)

    async def list(self) -> Iterable[str]:
        return (*self.files, "readme.txt")

    async def get(self, name: str) -> Union[bytes, AsyncIterator[bytes], None]:
        return self.files.get(name)

    async def remove(self, name: str) -> None:
        del self.files[name]


class Whole(Bucket):
    """The same, which sends each as one piece."""

    async def get(self, name: str) -> Optional[AsyncIterator[bytes]]:
        content = self.files.get(name)
        return None if content is None else self._piece(content)

    async def _piece(self, content: bytes) -> AsyncIterator[bytes]:
        yield content


class Chunked(Bucket):
    """The same, which sends them in pieces."""

    async def get(self, name: str) -> Optional[AsyncIterator[bytes]]:
        content = self.files.get(name)
        return None if content is None else self._pieces(content)

    async def _pieces(self, content: bytes) -> AsyncIterator[bytes]:
        for at in range(0, len(content), 1000):
            self.sent += 1
            yield content[at : at + 1000]


async def count(path: Path) -> int:
    async with ubiqlite.open(path) as db:
        assert await db.check() == []
        return int(await db.query_value("SELECT count(*) FROM items"))


@pytest.mark.parametrize("kind", [Bucket, Chunked, Whole])
def test_what_a_program_keeps_is_restored(run: Run[None], tmp_path: Path, kind: type[Bucket]) -> None:
    async def main() -> None:
        bucket = kind()
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(ITEMS)
            # Several times what is sent at once.
            await db.execute_many("INSERT INTO items (data) VALUES (randomblob(?))", [[1000]] * 2000)
            replica = await db.replicate(bucket)
            first = await replica.flush()
            await db.execute("INSERT INTO items (data) VALUES (x'00')")
            assert (await replica.flush()).snapshots == 1
        assert len(bucket.files[FIRST]) > 1_000_000
        assert bucket.largest <= PIECE
        # Also what comes as one piece is sent in several: the engine takes no larger ones.
        await ubiqlite.restore_replica(bucket, tmp_path / "new.db")
        assert await count(tmp_path / "new.db") == 2001
        to = first.transaction
        assert await ubiqlite.restore_replica(bucket, tmp_path / "old.db", to=to) == to
        assert await count(tmp_path / "old.db") == 2000
        if isinstance(bucket, Chunked):
            # Its end alone is read of what a replica goes on with.
            bucket.sent = 0
            with pytest.raises(ubiqlite.NotFound):
                await ubiqlite.restore_replica(bucket, tmp_path / "none.db", to=to + 99)
            assert bucket.sent == 0

    run(main())


def test_a_replica_goes_on_and_removes_what_is_old(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        bucket = Bucket()
        for _ in range(2):
            async with ubiqlite.open(tmp_path / "app.db") as db:
                await db.batch(ITEMS.replace("TABLE", "TABLE IF NOT EXISTS"))
                await db.replicate(bucket, interval=3600)
                # Stored while the database closes.
                await db.execute("INSERT INTO items (data) VALUES (x'00')")
        assert [name for name in bucket.files if name.startswith("ltx/9")] == [FIRST]
        await ubiqlite.restore_replica(bucket, tmp_path / "new.db")
        assert await count(tmp_path / "new.db") == 2
        async with ubiqlite.open(tmp_path / "app.db") as db:
            replica = await db.replicate(bucket, interval=0, keep=0.001, snapshot_every=0.001)
            while FIRST in bucket.files:
                await db.execute("INSERT INTO items (data) VALUES (x'00')")
                await replica.flush()

    run(main())


def test_what_it_raises_is_told_and_tried_again(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        bucket = Bucket()
        bucket.refuses = "the bucket is full"
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(ITEMS)
            replica = await db.replicate(bucket)
            while (state := await replica.state()).error is None:
                await asyncio.sleep(0.01)
            assert "the bucket is full" in state.error
            bucket.refuses = None
            assert (await replica.flush()).error is None
            bucket.files[FIRST] = bucket.files[FIRST][:-9]
            with pytest.raises(ubiqlite.Corrupt, match="ltx/9/"):
                await ubiqlite.restore_replica(bucket, tmp_path / "new.db")
            assert not (tmp_path / "new.db").exists()

    run(main())


class Failing(Bucket):
    """Fails until it is told not to, in a way that is no plain exception of the storage."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    async def put(self, name: str, content: AsyncIterator[bytes]) -> None:
        if self.how == "cancelled":
            waits: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            waits.cancel()
            await waits
        if self.how == "surrogate":
            raise OSError("the bucket is full \ud800")
        await super().put(name, content)

    async def list(self) -> Iterable[str]:
        return [7] if self.how == "names" else await super().list()  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("how", "told"),
    [("cancelled", "Cancelled"), ("surrogate", "the bucket is full"), ("names", "must return names as str")],
)
def test_however_a_storage_fails_the_engine_is_told(run: Run[None], tmp_path: Path, how: str, told: str) -> None:
    async def main() -> None:
        bucket = Failing(how)
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(ITEMS)
            if how == "names":
                with pytest.raises(ubiqlite.Error, match=told):
                    await db.replicate(bucket)
                return
            replica = await db.replicate(bucket, close_timeout=10)
            while told not in ((await replica.state()).error or ""):
                await asyncio.sleep(0.01)
            bucket.how = ""
            assert (await replica.flush()).error is None
        await ubiqlite.restore_replica(bucket, tmp_path / "new.db")

    run(main())


class Hasty(Bucket):
    """Stores the first bytes only."""

    async def put(self, name: str, content: AsyncIterator[bytes]) -> None:
        self.files[name] = await content.__anext__()


class Silent(Bucket):
    """Stores nothing of a replica, and never says so."""

    cancelled = 0

    async def put(self, name: str, content: AsyncIterator[bytes]) -> None:
        if not name.startswith("ltx/"):
            await super().put(name, content)
            return
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled += 1


def test_what_a_storage_does_is_no_call_of_the_program(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(ITEMS)
            calls: list[ubiqlite.TracedCall] = []
            db.trace(calls.append)
            replica = await db.replicate(Bucket())
            await db.execute("INSERT INTO items (data) VALUES (randomblob(1000000))")
            await replica.flush()
            # What began the replica and waited for it, and the statement.
            assert len(calls) <= 3, calls
            assert len([call for call in calls if call.sql is not None]) == 1

    run(main())


def test_half_a_file_is_not_taken_for_one_that_is_stored(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(ITEMS)
            await db.execute("INSERT INTO items (data) VALUES (randomblob(1000000))")
            replica = await db.replicate(Hasty(), close_timeout=0.1)
            while (state := await replica.state()).error is None:
                await asyncio.sleep(0.01)
            assert "not read to its end" in state.error
            with pytest.raises(ubiqlite.Io):
                await replica.stop()

    run(main())


def test_a_storage_that_never_replies_ends_with_its_replica(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(ITEMS)
            silent = Silent()
            replica = await db.replicate(silent, close_timeout=0.1)
            with pytest.raises(ubiqlite.Io, match="has not returned within the close timeout"):
                await replica.stop()
            assert (await replica.state()).ended
            replica = await db.replicate(silent, close_timeout=0.1)
            flushing = asyncio.ensure_future(replica.flush())
        with pytest.raises((ubiqlite.Io, ubiqlite.Closed)):
            await flushing
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
        assert silent.cancelled == 2

    run(main())


def test_a_second_replica_in_a_storage_is_refused_while_there_is_one(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        bucket = Bucket()
        async with ubiqlite.open(tmp_path / "app.db") as db, ubiqlite.open(tmp_path / "other.db") as other:
            await db.batch(ITEMS)
            replica = await db.replicate(bucket)
            for each in (db, other):
                with pytest.raises(ubiqlite.Busy):
                    await each.replicate(bucket)
            await db.execute("INSERT INTO items (data) VALUES (x'00')")
            await replica.flush()
            assert "ubiqlite.owner" in bucket.files
            await replica.stop()
            assert "ubiqlite.owner" not in bucket.files
            await (await db.replicate(bucket)).stop()

    run(main())


class Folder:
    """Keeps files in a folder, and refuses nobody."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def put(self, name: str, content: AsyncIterator[bytes]) -> None:
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_bytes(b"".join([chunk async for chunk in content]))

    async def list(self) -> Iterable[str]:
        return [path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file()]

    async def get(self, name: str) -> Optional[bytes]:
        return (self.path / name).read_bytes() if (self.path / name).exists() else None

    async def remove(self, name: str) -> None:
        (self.path / name).unlink()


async def elsewhere(folder: Path) -> None:
    """What another process does: it replicates the same database, and writes when it is told to."""
    async with ubiqlite.open(folder / "app.db") as db:
        replica = await db.replicate(Folder(folder / "bucket"))
        await replica.flush()
        print("stored", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await db.execute("INSERT INTO items (data) VALUES (x'00')")
        with pytest.raises(ubiqlite.Busy, match="another replica has begun"):
            await replica.flush()
        assert (await replica.state()).ended


def test_a_replica_of_another_process_takes_a_storage_over_and_the_one_before_ends(
    run: Run[None], tmp_path: Path
) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(ITEMS)
            program = "import asyncio, sys; from test_replica_storage import Path, elsewhere"
            run_it = "asyncio.run(elsewhere(Path(sys.argv[1])))"
            command = [sys.executable, "-c", f"{program}; {run_it}", str(tmp_path)]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
            # Pipes of asyncio's own need a watcher of children, which not every loop has.
            with subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as child:
                assert child.stdin is not None
                assert child.stdout is not None
                assert await asyncio.to_thread(child.stdout.readline) == "stored\n"
                bucket = Folder(tmp_path / "bucket")
                replica = await db.replicate(bucket)
                await db.execute("INSERT INTO items (data) VALUES (x'00')")
                assert (await replica.flush()).error is None
                child.stdin.write("write\n")
                child.stdin.close()
                assert await asyncio.to_thread(child.wait) == 0
            assert (await replica.flush()).error is None
        await ubiqlite.restore_replica(bucket, tmp_path / "new.db")
        assert await count(tmp_path / "new.db") == 2

    run(main())


def test_what_is_no_storage_is_refused(run: Run[None], tmp_path: Path) -> None:
    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            assert (await db.capabilities()).replicas
            for wrong in (7, object()):
                with pytest.raises(ubiqlite.InvalidArgument):
                    await db.replicate(wrong)  # type: ignore[arg-type]
        async with ubiqlite.open(tmp_path / "plain.db", journal_mode="delete") as db:
            with pytest.raises(ubiqlite.Unsupported, match="WAL"):
                await db.replicate(Bucket())

    run(main())
