"""ADBC's driver for SQLite, whose results are Arrow tables: synchronous, on the loop's own thread."""

from __future__ import annotations

from typing import Any

import adbc_driver_sqlite.dbapi as adbc

from data import CACHE_KIB, SELECT_500K


class Subject:
    sync = True

    def __init__(self, path: str, synchronous: str) -> None:
        self.connection = adbc.connect(path, autocommit=True)
        settings = (f"synchronous = {synchronous}", f"cache_size = -{CACHE_KIB}", "foreign_keys = ON")
        for setting in settings:
            with self.connection.cursor() as cursor:
                cursor.execute(f"PRAGMA {setting}")
                cursor.fetchall()

    def arrow(self) -> Any:
        with self.connection.cursor() as cursor:
            cursor.execute(SELECT_500K)
            return cursor.fetch_arrow_table()

    def close(self) -> None:
        self.connection.close()


async def open_subject(path: str, synchronous: str) -> Subject:
    return Subject(path, synchronous)
