"""SQLAlchemy's ORM on aiosqlite."""

from __future__ import annotations

from .orm import Subject


async def open_subject(path: str, synchronous: str) -> Subject:
    return Subject(f"sqlite+aiosqlite:///{path}", synchronous)
