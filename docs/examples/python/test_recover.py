"""The guide's page about backups: damaged files."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import ubiqlite


def test_a_damaged_file_is_found_and_recovered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong with it, and what is left of it."""
    path, saved = tmp_path / "app.db", tmp_path / "saved.db"

    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)")
            await db.batch("CREATE INDEX by_body ON notes (body)")
            await db.execute("INSERT INTO notes (body) VALUES ('buy milk')")
        data = bytearray(path.read_bytes())
        data[8192:8200] = b"\x5a" * 8  # The first bytes of the index.
        path.write_bytes(data)
        async with ubiqlite.open(path) as db:
            # region check
            damages = await db.check()
            for damage in damages:
                print(damage.kind, damage.table, damage.message)
            if damages:
                await db.recover(saved)
            # endregion check
        assert "content" in capsys.readouterr().out
        saved.unlink()
        data[:16] = b"\x5a" * 16  # What tells a database from other files.
        path.write_bytes(data)
        with pytest.raises(ubiqlite.NotADatabase):
            await ubiqlite.open(path)
        # region recover
        recovered = await ubiqlite.recover(path, saved)
        for table, rows in recovered.tables.items():
            print(table, rows)
        # endregion recover
        assert recovered == ubiqlite.Recovered({"notes": 1}, 0)
        async with ubiqlite.open(saved) as db:
            assert await db.check() == []

    asyncio.run(main())
