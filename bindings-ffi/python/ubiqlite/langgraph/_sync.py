"""The checkpointer's synchronous methods, which other threads call."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import wait
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)

T = TypeVar("T")

_LOOK_AFTER = 1.0
"""How often a method that waits looks whether the loop still runs, in seconds."""


class SyncMethods(BaseCheckpointSaver[str]):
    """Runs each method's asynchronous one on the event loop of the checkpointer, and waits for it."""

    loop: asyncio.AbstractEventLoop

    def _wait(self, call: Coroutine[Any, Any, T]) -> T:
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self.loop:
            call.close()
            raise asyncio.InvalidStateError(
                "a synchronous method would block the event loop that it waits for: await the asynchronous one, such as"
                " `aget_tuple`, or `graph.ainvoke`; or call it from another thread"
            )
        if not self.loop.is_running():
            call.close()
            raise _not_running()
        future = asyncio.run_coroutine_threadsafe(call, self.loop)
        try:
            # A loop that stops meanwhile tells nobody.
            while not wait([future], _LOOK_AFTER).done:
                if not self.loop.is_running():
                    raise _not_running()
            return future.result()
        except BaseException:
            # Of a call that has ended nothing is left to be cancelled.
            future.cancel()
            raise

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """As ``aget_tuple``."""
        return self._wait(self.aget_tuple(config))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """As ``alist``. The checkpoints are read before the first is returned."""

        async def all_of_them() -> Sequence[CheckpointTuple]:
            return [it async for it in self.alist(config, filter=filter, before=before, limit=limit)]

        return iter(self._wait(all_of_them()))

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As ``aput``."""
        return self._wait(self.aput(config, checkpoint, metadata, new_versions))

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """As ``aput_writes``."""
        self._wait(self.aput_writes(config, writes, task_id, task_path))

    def delete_thread(self, thread_id: str) -> None:
        """As ``adelete_thread``."""
        self._wait(self.adelete_thread(thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """As ``adelete_for_runs``."""
        self._wait(self.adelete_for_runs(run_ids))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """As ``acopy_thread``."""
        self._wait(self.acopy_thread(source_thread_id, target_thread_id))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """As ``aprune``."""
        self._wait(self.aprune(thread_ids, strategy=strategy))

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """As ``aget_delta_channel_history``."""
        return self._wait(self.aget_delta_channel_history(config=config, channels=channels))


def _not_running() -> asyncio.InvalidStateError:
    return asyncio.InvalidStateError(
        "the event loop that has made the checkpointer is not running: a synchronous method waits for what that does"
    )
