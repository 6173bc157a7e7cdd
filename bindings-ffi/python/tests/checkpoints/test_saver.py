"""LangGraph's checkpoints: what its conformance suite does not ask."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langgraph.checkpoint.base")

from langgraph.checkpoint.base import INTERRUPT, CheckpointTuple, empty_checkpoint

import ubiqlite
from ubiqlite.langgraph import AsyncUbiqliteSaver


@asynccontextmanager
async def saver_on(path: Path) -> AsyncIterator[AsyncUbiqliteSaver]:
    async with AsyncUbiqliteSaver.from_conn_string(str(path)) as saver:
        yield saver


def config(thread: str = "t", namespace: str = "", checkpoint_id: str | None = None) -> Any:
    named = {"thread_id": thread, "checkpoint_ns": namespace}
    return {"configurable": named if checkpoint_id is None else {**named, "checkpoint_id": checkpoint_id}}


async def put(saver: AsyncUbiqliteSaver, number: int, parent: Any = None, **more: Any) -> Any:
    """Stores the checkpoint of this number, and returns its configuration."""
    checkpoint = {**empty_checkpoint(), "id": f"{number:04}", "channel_values": more.pop("values", {"n": number})}
    return await saver.aput(parent or config(**more.pop("place", {})), checkpoint, more.pop("metadata", {}), {})


async def ids(saver: AsyncUbiqliteSaver, place: Any = None, **more: Any) -> list[str]:
    return [it.config["configurable"]["checkpoint_id"] async for it in saver.alist(place, **more)]


def test_synchronous_methods_are_for_other_threads(tmp_path: Path) -> None:
    async def main() -> None:
        async with saver_on(tmp_path / "a.db") as saver:

            def elsewhere() -> CheckpointTuple | None:
                stored = saver.put(config(), {**empty_checkpoint(), "id": "0001"}, {}, {})
                saver.put_writes(stored, [("a", 1)], "task")
                saver.copy_thread("t", "u")
                assert [it.pending_writes for it in saver.list(config("u"))] == [[("task", "a", 1)]]
                saver.prune(["u"])
                saver.delete_for_runs(["none"])
                saver.delete_thread("t")
                assert saver.get_tuple(config()) is None
                history = saver.get_delta_channel_history(config=config("u"), channels=["a"])
                assert history == {"a": {"writes": []}}
                return saver.get_tuple(config("u"))

            found = await asyncio.to_thread(elsewhere)
            assert found is not None
            with pytest.raises(asyncio.InvalidStateError, match="await the asynchronous one"):
                saver.get_tuple(config())
            with pytest.raises(asyncio.InvalidStateError):
                saver.delete_thread("t")

    asyncio.run(main())


def test_a_synchronous_method_does_not_wait_for_a_loop_that_does_not_run(tmp_path: Path) -> None:
    loop = asyncio.new_event_loop()

    async def made() -> AsyncUbiqliteSaver:
        return AsyncUbiqliteSaver(await ubiqlite.open(str(tmp_path / "a.db")))

    saver = loop.run_until_complete(made())
    with ThreadPoolExecutor(1) as elsewhere:
        for call in (lambda: saver.get_tuple(config()), lambda: list(saver.list(None)), lambda: saver.prune(["t"])):
            with pytest.raises(asyncio.InvalidStateError, match="is not running"):
                elsewhere.submit(call).result(60)
            # Nor in this thread, where none runs.
            with pytest.raises(asyncio.InvalidStateError, match="is not running"):
                call()
        loop.run_until_complete(saver.db.close())
        loop.close()
        with pytest.raises(asyncio.InvalidStateError, match="is not running"):
            elsewhere.submit(saver.delete_thread, "t").result(60)


def test_a_synchronous_method_ends_with_a_loop_that_stops(tmp_path: Path) -> None:
    loop = asyncio.new_event_loop()
    waiting = threading.Event()

    class Stuck(AsyncUbiqliteSaver):
        async def adelete_thread(self, thread_id: str) -> None:
            waiting.set()
            await asyncio.sleep(3600)

    async def main() -> tuple[AsyncUbiqliteSaver, Future[None]]:
        saver = Stuck(await ubiqlite.open(str(tmp_path / "a.db")))
        stuck = elsewhere.submit(saver.delete_thread, "t")
        await asyncio.to_thread(waiting.wait, 60)
        return saver, stuck

    with ThreadPoolExecutor(1) as elsewhere:
        saver, stuck = loop.run_until_complete(main())
        with pytest.raises(asyncio.InvalidStateError, match="is not running"):
            stuck.result(60)
    # What it waited for was cancelled, and ends when the loop runs again.
    loop.run_until_complete(saver.db.close())
    assert asyncio.all_tasks(loop) == set()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


@pytest.mark.skipif(sys.platform == "win32", reason="a signal is sent to the thread that waits")
def test_an_interrupted_synchronous_method_cancels_its_call(tmp_path: Path) -> None:
    loop = asyncio.new_event_loop()
    cancelled = threading.Event()

    class Stuck(AsyncUbiqliteSaver):
        async def adelete_thread(self, thread_id: str) -> None:
            ident = threading.main_thread().ident
            assert ident is not None
            loop.call_later(0.1, signal.pthread_kill, ident, signal.SIGINT)
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                cancelled.set()
                raise

    async def made() -> Stuck:
        return Stuck(await ubiqlite.open(str(tmp_path / "a.db")))

    running = threading.Thread(target=loop.run_forever)
    running.start()
    # Whoever started the tests may ignore it, which they inherit.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        saver = asyncio.run_coroutine_threadsafe(made(), loop).result(60)
        with pytest.raises(KeyboardInterrupt):
            saver.delete_thread("t")
        assert cancelled.wait(60)
        asyncio.run_coroutine_threadsafe(saver.db.close(), loop).result(60)
    finally:
        signal.signal(signal.SIGINT, before)
        loop.call_soon_threadsafe(loop.stop)
        running.join(60)
        loop.close()


def test_a_checkpoint_and_its_writes_are_of_one_moment(tmp_path: Path) -> None:
    async def main() -> None:
        async with saver_on(tmp_path / "a.db") as saver:
            for number, thread in enumerate("ab"):
                stored = await put(saver, 1, values={"n": number}, place={"thread": thread})
                await saver.aput_writes(stored, [("n", number)], "task")
            await saver.acopy_thread("a", "t")

            async def write() -> None:
                while True:
                    for thread in "ba":
                        await saver.acopy_thread(thread, "t")
                    await saver.adelete_thread("t")

            def check(found: CheckpointTuple) -> int:
                number: int = found.checkpoint["channel_values"]["n"]
                assert found.pending_writes == [("task", "n", number)]
                return number

            writer = asyncio.ensure_future(write())
            seen: dict[int | None, int] = {None: 0, 0: 0, 1: 0}
            try:
                # Until it was read often in each state that the writer leaves.
                while min(seen.values()) < 50:
                    place = config("t", checkpoint_id="0001") if sum(seen.values()) % 2 else config("t")
                    found = await saver.aget_tuple(place)
                    seen[found and check(found)] += 1
                    async for it in saver.alist(config("t")):
                        check(it)
                    await asyncio.sleep(0)
            finally:
                writer.cancel()
                await asyncio.wait([writer])

    asyncio.run(main())


def test_special_writes_are_replaced_and_others_kept(tmp_path: Path) -> None:
    async def main() -> None:
        async with saver_on(tmp_path / "a.db") as saver:
            stored = await put(saver, 1)
            await saver.aput_writes(stored, [("a", "first"), (INTERRUPT, "first")], "task", "2")
            await saver.aput_writes(stored, [("a", "second"), (INTERRUPT, "second")], "task", "2")
            await saver.aput_writes(stored, [("b", 1)], "another", "1")
            found = await saver.aget_tuple(config())
            assert found is not None
            # In the order in which the tasks' paths are.
            assert found.pending_writes == [("another", "b", 1), ("task", INTERRUPT, "second"), ("task", "a", "first")]

    asyncio.run(main())


def test_writes_of_a_task_are_stored_all_or_none(tmp_path: Path) -> None:
    async def main() -> None:
        async with saver_on(tmp_path / "a.db") as saver:
            stored = await put(saver, 1)
            await saver.db.execute(
                "CREATE TRIGGER no BEFORE INSERT ON writes WHEN NEW.channel = 'c' BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
            with pytest.raises(ubiqlite.TriggerViolation):
                await saver.aput_writes(stored, [("a", 1), ("b", 2), ("c", 3)], "task")
            found = await saver.aget_tuple(config())
            assert found is not None
            assert found.pending_writes == []

    asyncio.run(main())


def test_a_thread_is_deleted_and_copied_with_its_writes_or_not_at_all(tmp_path: Path) -> None:
    async def main() -> None:
        async with saver_on(tmp_path / "a.db") as saver:
            await saver.aput_writes(await put(saver, 1), [("a", 1)], "task")
            await saver.db.execute("CREATE TRIGGER no BEFORE DELETE ON writes BEGIN SELECT RAISE(ABORT, 'no'); END;")
            await saver.db.execute("CREATE TRIGGER nor BEFORE INSERT ON writes BEGIN SELECT RAISE(ABORT, 'no'); END;")
            for call in (
                saver.adelete_thread("t"),
                saver.acopy_thread("t", "u"),
                saver.aprune(["t"], strategy="delete"),
            ):
                with pytest.raises(ubiqlite.TriggerViolation):
                    await call
            assert await ids(saver) == ["0001"]

    asyncio.run(main())


def test_pruning_keeps_what_delta_channels_are_built_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with saver_on(tmp_path / "a.db") as saver:
            # As LangGraph stores a delta channel: its value now and then, and counters in between.
            parent = None
            for number in range(1, 8):
                values = {"n": number, "messages": "all"} if number == 3 else {"n": number}
                counters = (
                    {} if number <= 3 else {"counters_since_delta_snapshot": {"messages": [number - 3, number - 3]}}
                )
                parent = await put(saver, number, parent, values=values, metadata=counters)
                await saver.aput_writes(parent, [("messages", number)], "task")
            before = await saver.aget_delta_channel_history(config=config(), channels=["messages"])
            await saver.aprune(["t"])
            assert await ids(saver) == ["0007", "0006", "0005", "0004", "0003"]
            after = await saver.aget_delta_channel_history(config=config(), channels=["messages"])
            assert after == before
            assert before["messages"]["seed"] == "all"
            assert [write for _, _, write in before["messages"]["writes"]] == [3, 4, 5, 6]
            # Without a value before it, the whole chain is needed; and a chain that is a loop ends.
            await saver.aprune(["t"], strategy="keep_latest")
            await put(saver, 3, config(checkpoint_id="0007"), values={})
            await saver.aprune(["t"])
            assert await ids(saver) == ["0007", "0006", "0005", "0004", "0003"]
            with pytest.raises(ValueError, match="'keep_latest' or 'delete', not 'all'"):
                await saver.aprune(["t"], strategy="all")

    asyncio.run(main())


def test_metadata_is_filtered_by_any_name_and_as_json(tmp_path: Path) -> None:
    async def main() -> None:
        async with saver_on(tmp_path / "a.db") as saver:
            odd = {'a"b': 1, "x.y": "é", "$": None, "list": [1, {"k": "v"}], "yes": True}
            await put(saver, 1, metadata=odd)
            await put(saver, 2, metadata={"yes": False})
            for name, value in odd.items():
                wanted = ["0002", "0001"] if value is None else ["0001"]
                assert await ids(saver, filter={name: value}) == wanted, name
            assert await ids(saver, filter={"yes": True, 'a"b': 2}) == []
            assert await ids(saver, filter={"' OR 1=1 --": 1}) == []
            assert await ids(saver, before=config(checkpoint_id="0002")) == ["0001"]
            assert await ids(saver, config(), limit=1) == ["0002"]

    asyncio.run(main())


def test_tasks_and_databases_on_one_file_go_on_with_each_other(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "a.db"
        async with saver_on(path) as one, saver_on(path) as two:

            async def talk(number: int) -> None:
                parent = None
                for step in range(10):
                    saver = (one, two)[step % 2]
                    parent = await put(saver, step, parent, place={"thread": f"t{number}"})
                    await saver.aput_writes(parent, [("a", step)], "task")
                    found = await (two, one)[step % 2].aget_tuple(config(f"t{number}"))
                    assert found is not None
                    assert (found.checkpoint["channel_values"]["n"], found.pending_writes) == (
                        step,
                        [("task", "a", step)],
                    )

            await asyncio.gather(*map(talk, range(20)))
            assert len(await ids(two)) == 200

    asyncio.run(main())


def test_a_cancelled_call_stores_all_or_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with saver_on(tmp_path / "a.db") as saver:
            stored = await put(saver, 1)
            for number in range(50):
                writes = asyncio.ensure_future(saver.aput_writes(stored, [("a", 1), ("b", 2)], f"task{number}"))
                for _ in range(number % 4):
                    await asyncio.sleep(0)
                writes.cancel()
                await asyncio.gather(writes, return_exceptions=True)
            counts = await saver.db.query("SELECT count(*) FROM writes GROUP BY task_id", into=int)
            assert set(counts) <= {2}
            await put(saver, 2)

    asyncio.run(main())


def test_tables_without_the_column_of_paths_get_it(tmp_path: Path) -> None:
    async def main() -> None:
        path = str(tmp_path / "a.db")
        async with ubiqlite.open(path) as db:
            await db.batch(
                "CREATE TABLE writes (thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '', checkpoint_id TEXT"
                " NOT NULL, task_id TEXT NOT NULL, idx INTEGER NOT NULL, channel TEXT NOT NULL, type TEXT, value BLOB,"
                " PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx))"
            )
            savers = [AsyncUbiqliteSaver(db) for _ in range(5)]
            await asyncio.gather(*(it.setup() for it in savers))
            stored = await put(savers[0], 1)
            await savers[1].aput_writes(stored, [("a", 1)], "task", "path")
            assert await db.query_value("SELECT task_path FROM writes") == "path"

    asyncio.run(main())


def test_versions_grow_in_the_order_of_text(tmp_path: Path) -> None:
    async def main() -> None:
        async with saver_on(tmp_path / "a.db") as saver:
            versions = [saver.get_next_version(None, None)]
            for _ in range(200):
                versions.append(saver.get_next_version(versions[-1], None))
            assert sorted(versions) == versions

    asyncio.run(main())
