"""Outboxes, and changes that are applied."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ubiqlite

from call import Call
from data import Failure, show
from values import from_nothing, from_value, from_yes


class Sending:
    """An outbox, which ends with its block."""

    def __init__(self, db: ubiqlite.Database, tables: list[str], options: dict[str, Any]) -> None:
        self._opening = (db, tables, options)

    async def __aenter__(self) -> Sending:
        db, tables, options = self._opening
        self._outbox = await db.outbox(tables, **options)
        self._loop = self._outbox.__aiter__()
        # A scenario's calls have one place among the batches; here a loop has its own.
        self._returned = 0
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self._outbox.aclose()
        # The first failure is the one to report.
        if kind is None and await self.wait() is not None:
            raise Failure("an outbox goes on after its end")

    async def call(self, call: Call) -> Any:
        """Makes a call that does not wait."""
        if call.method == "next":
            options = call.options()
            call.done()
            while (batch := await self._outbox.next(**options)) is not None and batch.id <= self._returned:
                pass
            return self._noted(batch)
        batch, options = call.data("batch"), call.options()
        call.done()
        return from_nothing(await self._outbox.ack(batch["id"], **options))

    async def wait(self) -> Any:
        """Returns the next batch once there is one, or None if the database was closed instead."""
        async for batch in self._loop:
            if batch.id > self._returned:
                return self._noted(batch)
        return None

    def _noted(self, batch: Any) -> Any:
        self._returned = self._returned if batch is None else batch.id
        return _from_batch(batch)


def _from_batch(batch: Any) -> Any:
    if batch is None:
        return None
    if not isinstance(batch, ubiqlite.OutboxBatch) or type(batch.id) is not int or type(batch.bytes) is not bytes:
        raise Failure(f"a batch is {batch!r}")
    return {"id": batch.id, "bytes": batch.bytes}


def to_apply(call: Call) -> dict[str, Any]:
    """Reads the arguments of a call that applies changes."""
    given: dict[str, Any] = {"changes": _changes(call.data("changes")), "policy": _policy(call.data("policy"))}
    if call.has("tables"):
        given["tables"] = {table: _policy(policy) for table, policy in call.data("tables").items()}
    return given


def _changes(data: Any) -> bytes:
    if isinstance(data, list):
        return b"".join(map(_changes, data))
    if isinstance(data, dict):
        data = data["bytes"]
    if not isinstance(data, bytes):
        raise Failure(f"{show(data)} are no changes")
    return data


def _policy(data: Any) -> Any:
    return ubiqlite.Newest(data["newest"]) if isinstance(data, dict) else data


def from_applied(done: Any) -> dict[str, Any]:
    """Converts what applying did to data."""
    if not isinstance(done, ubiqlite.Applied) or type(done.conflicts) is not list:
        raise Failure(f"what applying did is {done!r}")
    return {"rebased": from_yes(done.rebased), "conflicts": [_from_conflict(each) for each in done.conflicts]}


def _from_conflict(conflict: Any) -> dict[str, Any]:
    if not isinstance(conflict, ubiqlite.Conflict):
        raise Failure(f"a conflict is {conflict!r}")
    ours = None if conflict.ours is None else _from_columns(conflict.ours.items())
    return {
        "table": conflict.table,
        "kind": conflict.kind,
        "change": conflict.change,
        "key": _from_columns(conflict.key.items()),
        "ours": ours,
        "theirs": _from_columns(conflict.theirs.items()),
        "decision": conflict.decision,
    }


def _from_columns(columns: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {name: from_value(value) for name, value in columns}
