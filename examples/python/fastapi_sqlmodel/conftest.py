"""A database for the tests, which is named before the service is imported."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest

FOLDER = tempfile.TemporaryDirectory()
os.environ["DATABASE_URL"] = (
    f"sqlite+ubiqlite:///{FOLDER.name}/bank.db?journal_mode=wal&synchronous=normal&foreign_keys=true&timeout=60"
)


@pytest.fixture(scope="session", autouse=True)
def folder() -> Iterator[None]:
    """Removes the database at the end."""
    yield
    FOLDER.cleanup()
