"""``ubiqlite.aiosqlite``, with the code that is written for ``aiosqlite``."""

from __future__ import annotations

import ubiqlite.aiosqlite

from .aio import Subject, connect


async def open_subject(path: str, synchronous: str) -> Subject:
    aiosqlite = ubiqlite.aiosqlite
    return Subject(aiosqlite, path, await connect(aiosqlite, path, synchronous))
