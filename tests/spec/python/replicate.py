"""Replicas, and what is restored from them."""

from __future__ import annotations

import os.path
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import ubiqlite

from call import Call

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@asynccontextmanager
async def _replica(db: ubiqlite.Database, folder: str, options: dict[str, Any]) -> AsyncIterator[ubiqlite.Replica]:
    """It goes on until its database is closed."""
    yield await db.replicate(folder, **options)


def replicating(db: ubiqlite.Database, call: Call, directory: str) -> Any:
    """Returns a context in which there is the replica of a call."""
    folder, options = os.path.join(directory, call.data("path")), call.options()
    if call.has("interval"):
        options["interval"] = call.json("interval") / 1000
    call.done()
    return _replica(db, folder, options)


async def restored(call: Call, directory: str) -> int:
    """Restores a moment of a replica."""
    folder, path = (os.path.join(directory, call.data(key)) for key in ("replica", "path"))
    options = call.options()
    if call.has("transaction"):
        options["to"] = call.data("transaction")["transaction"]
    if call.has("time"):
        options["to"] = _EPOCH + timedelta(milliseconds=call.data("time")["time"])
    call.done()
    return await ubiqlite.restore_replica(folder, path, **options)


def from_state(state: ubiqlite.ReplicaState) -> dict[str, Any]:
    """Returns how far a replica is, as data."""
    time = None if state.time is None else (state.time - _EPOCH) // timedelta(milliseconds=1)
    return {**vars(state), "time": time}
