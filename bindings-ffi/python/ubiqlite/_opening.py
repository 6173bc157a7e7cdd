"""Waiting until the library has opened or closed a database."""

from __future__ import annotations

import asyncio
from typing import Any, Optional

from . import _library, _wake
from .errors import error_of


async def settled(pending: _library.Pending) -> Optional[_library.Engine]:
    """Waits until it is done, and returns the opened engine, if any. Raises its error if it failed."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            polled = pending.poll()
        except _library.OpenError as error:
            # uniffi makes a class for each variant of an enum: here there is one.
            raise error_of(getattr(error, "fields", "{}")) from None
        if polled.done:
            return polled.engine
        await _raised(loop, pending)


async def _raised(loop: asyncio.AbstractEventLoop, pending: Any) -> None:
    future: asyncio.Future[None] = loop.create_future()

    def ready() -> None:
        if not future.done():
            future.set_result(None)

    stop = _wake.on_descriptor(loop, pending.descriptor(), ready)
    if stop is None:
        # The loop takes no descriptors. The thread wakes every 100 ms, so that it
        # outlives its caller by no more than that.
        await loop.run_in_executor(None, pending.wait, 100)
        return
    try:
        await future
    finally:
        stop()
