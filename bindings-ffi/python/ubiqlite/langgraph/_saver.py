"""The checkpointer's asynchronous methods."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Optional, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    PendingWrite,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from .. import Database, Transaction
from .. import open as open_database
from . import _tables as tables
from ._sync import SyncMethods

CheckpointRow = tuple[str, str, str, Optional[str], str, bytes, Optional[bytes]]


class AsyncUbiqliteSaver(SyncMethods):
    """Keeps the checkpoints of LangGraph's graphs in a database.

    What a method writes is one transaction: a thread is copied, pruned or deleted with all its writes, or not at all.
    Any number of tasks, and of processes with their own database on the file, may use it at the same time. The tables
    are those of ``langgraph-checkpoint-sqlite``, which can go on with a file of this class, and the other way round.

    The synchronous methods are for other threads than that of the event loop which has made the object; they are run on
    that loop, and raise ``asyncio.InvalidStateError`` in its own thread and when it is not running::

        async with ubiqlite.open("checkpoints.db") as db:
            graph = builder.compile(checkpointer=AsyncUbiqliteSaver(db))
            await graph.ainvoke(inputs, {"configurable": {"thread_id": "7"}})
    """

    def __init__(self, db: Database, *, serde: SerializerProtocol | None = None) -> None:
        """Uses an open database, in a running event loop. ``serde`` is LangGraph's serializer by default."""
        super().__init__(serde=serde)
        self.db = db
        self.loop = asyncio.get_running_loop()
        self._is_set_up = False

    @classmethod
    @asynccontextmanager
    async def from_conn_string(
        cls, conn_string: str, *, serde: SerializerProtocol | None = None
    ) -> AsyncIterator[AsyncUbiqliteSaver]:
        """Opens the database file of this path, or ``:memory:``, and closes it at the end of the block."""
        async with open_database(conn_string) as db:
            yield cls(db, serde=serde)

    async def setup(self) -> None:
        """Creates the tables, unless they are there. All methods do so before their first use."""
        if not self._is_set_up:
            await tables.create(self.db)
            self._is_set_up = True

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Returns the checkpoint that the configuration names, or the latest of its thread, if there is one."""
        await self.setup()
        thread, namespace = _place(config)
        if checkpoint_id := get_checkpoint_id(config):
            found = await self._find(tables.OF_ONE, (thread, namespace, checkpoint_id))
            return found and found._replace(config=config)
        return await self._find(tables.OF_LATEST, (thread, namespace))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yields checkpoints, the newest first: those of a thread, or of all for ``None``.

        ``filter`` has values that their metadata must have, compared as JSON. ``before`` names a checkpoint that they
        must be older than, and ``limit`` is how many there are at most. They are read one after another, each with its
        writes as of one moment: those that are added or removed meanwhile may be among them, or not.
        """
        await self.setup()
        conditions, params = _conditions(config, filter, before)
        sql = f"SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints{conditions} ORDER BY checkpoint_id DESC"
        if limit is not None:
            sql += " LIMIT ?"
            params.append(limit)
        async with self.db.stream(sql, params, into=tuple) as rows:
            async for place in rows:
                if found := await self._find(tables.OF_ONE, place):
                    yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Stores a checkpoint whose parent is the one that the configuration names. Returns its own configuration."""
        await self.setup()
        thread, namespace = _place(config)
        kind, content = self.serde.dumps_typed(checkpoint)
        about = json.dumps(get_checkpoint_metadata(config, metadata), ensure_ascii=False).encode("utf-8", "ignore")
        parent = get_checkpoint_id(config)
        await self.db.execute(tables.PUT, (thread, namespace, checkpoint["id"], parent, kind, content, about))
        return _config(config["configurable"]["thread_id"], namespace, checkpoint["id"])

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Stores what a task wrote after a checkpoint: all of it or, if it fails, nothing."""
        await self.setup()
        place = (*_place(config), str(config["configurable"]["checkpoint_id"]), task_id, task_path)
        rows = [
            (*place, WRITES_IDX_MAP.get(channel, index), channel, *self.serde.dumps_typed(value))
            for index, (channel, value) in enumerate(writes)
        ]
        await self.db.execute_many(tables.PUT_WRITE, rows)

    async def adelete_thread(self, thread_id: str) -> None:
        """Deletes the checkpoints of a thread, with their writes."""
        await self.setup()
        await _delete_threads(self.db, [thread_id])

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Deletes the checkpoints that these runs have made, with their writes.

        With a ``DeltaChannel``, later checkpoints of the same thread may be built on them.
        """
        await self.setup()
        runs = json.dumps([str(it) for it in run_ids])
        await self.db.batch([(sql, (runs,)) for sql in tables.DELETE_RUNS])

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copies the checkpoints of a thread, with their writes, to another thread."""
        await self.setup()
        threads = (str(source_thread_id), str(target_thread_id))
        await self.db.batch([(sql, threads) for sql in tables.COPY_THREAD])

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Deletes checkpoints of these threads, with their writes.

        ``"keep_latest"`` leaves the newest of each namespace, and those before it that its delta channels are built on;
        ``"delete"`` leaves none. Raises ``ValueError`` for another strategy.
        """
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"the strategy must be 'keep_latest' or 'delete', not {strategy!r}")
        await self.setup()
        if strategy == "delete":
            await _delete_threads(self.db, thread_ids)
            return
        async with self.db.transaction() as tx:
            for thread in map(str, thread_ids):
                latest = await tx.query(
                    "SELECT checkpoint_ns, max(checkpoint_id) FROM checkpoints WHERE thread_id = ? GROUP BY 1",
                    (thread,),
                    into=tuple,
                )
                for namespace, checkpoint_id in latest:
                    kept = await self._needed(tx, thread, namespace, checkpoint_id)
                    await tables.keep_only(tx, thread, namespace, json.dumps(kept))

    async def _needed(self, tx: Transaction, thread: str, namespace: str, last: str) -> list[str]:
        """Returns a checkpoint with those before it that its delta channels are built on."""
        needed: list[str] = []
        missing: set[str] | None = None
        following: str | None = last
        while following is not None and following not in needed:
            row = await tx.query_optional(
                f"SELECT {tables.COLUMNS} FROM checkpoints WHERE {tables.OF_ONE}",
                (thread, namespace, following),
                into=tuple,
            )
            if row is None:
                break
            needed.append(following)
            _, _, _, following, kind, content, about = cast(CheckpointRow, row)
            if missing is None:
                # LangGraph's own note of the channels that it stores as changes.
                missing = set(_metadata(about).get("counters_since_delta_snapshot") or {})
            if missing:
                missing -= set(self.serde.loads_typed((kind, content))["channel_values"])
            if not missing:
                break
        return needed

    async def _find(self, condition: str, params: tuple[Any, ...]) -> CheckpointTuple | None:
        """Returns a checkpoint with its writes, as they were at one moment."""
        rows = await self.db.query(tables.one(condition), params, into=tuple)
        if not rows:
            return None
        thread, namespace, checkpoint_id, parent, kind, content, about = cast(CheckpointRow, rows[0][:7])
        pending: list[PendingWrite] = [
            (task, channel, self.serde.loads_typed((type_, value))) for task, channel, type_, value, *_ in rows[1:]
        ]
        return CheckpointTuple(
            _config(thread, namespace, checkpoint_id),
            self.serde.loads_typed((kind, content)),
            _metadata(about),
            _config(thread, namespace, parent) if parent else None,
            pending,
        )

    def get_next_version(self, current: str | None, channel: None) -> str:
        """Returns the version of a channel that follows this one, in the order of text."""
        number = 0 if current is None else int(str(current).split(".")[0])
        # The fraction tells versions of the same number apart, which branches of a thread have.
        return f"{number + 1:032}.{random.random():016}"


async def _delete_threads(db: Database, thread_ids: Sequence[str]) -> None:
    threads = json.dumps([str(it) for it in thread_ids])
    await db.batch([(sql, (threads,)) for sql in tables.DELETE_THREADS])


def _place(config: RunnableConfig) -> tuple[str, str]:
    """Returns the thread and the namespace that a configuration names."""
    configurable = config["configurable"]
    return str(configurable["thread_id"]), str(configurable.get("checkpoint_ns", ""))


def _config(thread: Any, namespace: str, checkpoint_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}}


def _metadata(text: bytes | None) -> CheckpointMetadata:
    return cast(CheckpointMetadata, json.loads(text) if text is not None else {})


def _conditions(
    config: RunnableConfig | None, metadata: dict[str, Any] | None, before: RunnableConfig | None
) -> tuple[str, list[Any]]:
    """Returns the conditions of a list of checkpoints as SQL, with their parameters."""
    conditions: list[str] = []
    params: list[Any] = []
    if config is not None:
        conditions.append("thread_id = ?")
        params.append(str(config["configurable"]["thread_id"]))
        namespace = config["configurable"].get("checkpoint_ns")
        for column, value in (("checkpoint_ns", namespace), ("checkpoint_id", get_checkpoint_id(config))):
            if value is not None:
                conditions.append(f"{column} = ?")
                params.append(value)
    for name, value in (metadata or {}).items():
        conditions.append("coalesce(CAST(metadata AS TEXT) -> ?, 'null') = json(?)")
        params += [f"$.{json.dumps(name, ensure_ascii=False)}", json.dumps(value, ensure_ascii=False)]
    if before is not None and (checkpoint_id := get_checkpoint_id(before)):
        conditions.append("checkpoint_id < ?")
        params.append(checkpoint_id)
    return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), params
