"""The guide's page about migrations."""

from __future__ import annotations

import asyncio
import shutil
from importlib.resources import files
from pathlib import Path

import pytest
import ubiqlite

FOLDER = Path(__file__).parent.parent / "rust" / "migrations"
FIRST = (FOLDER / "0001_items.sql").read_text()


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program with the files, which are the same in every language: in its package ``app``, and where it runs."""
    for place in (tmp_path / "program" / "app", tmp_path / "program"):
        shutil.copytree(FOLDER, place / "migrations")
    (tmp_path / "program" / "app" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "program"))
    monkeypatch.chdir(tmp_path / "program")


def test_an_opened_database_is_up_to_date(tmp_path: Path) -> None:
    """The files of a package, and of a folder."""

    async def main() -> None:
        path = tmp_path / "app.db"
        # region open
        # in the package `app`, also inside a wheel that is not unpacked
        db = await ubiqlite.open(path, migrations=files("app") / "migrations")
        # endregion open
        await db.execute("INSERT INTO items (name, price) VALUES ('lamp', 20)")
        await db.close()

        # region dir
        db = await ubiqlite.open(path, migrations="migrations")
        # endregion dir
        assert await db.table("items").count() == 1
        await db.close()

    asyncio.run(main())


def test_migrations_can_be_run_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    """Forth, back, and compared with what is there."""

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            # region by_hand
            migrator = db.migrations(files("app") / "migrations")
            for step in await migrator.pending():
                print(step.name, "is to be applied")
            await migrator.dry_run()  # all of it in a transaction that is rolled back
            done = await migrator.run()
            # endregion by_hand
            assert len(done) == 3
            assert capsys.readouterr().out.count("is to be applied") == 3

            await db.batch("INSERT INTO items VALUES (1, 'lamp', 20); INSERT INTO parts VALUES (1, 'bulb')")
            # region to
            undone = await migrator.to(2)  # 0003_prices.down.sql, as it was when it was applied
            assert undone[0].action == "revert"
            # endregion to
            assert await db.table("parts").count() == 1
            await migrator.run()

            await db.execute("ALTER TABLE parts ADD COLUMN by_hand TEXT")
            # region verify
            for drift in await migrator.verify():
                print(drift.object, *drift.details)  # table parts column by_hand: not there before, now TEXT
            # endregion verify
            assert capsys.readouterr().out == "table parts column by_hand: not there before, now TEXT\n"

    asyncio.run(main())


def test_they_can_be_tried_out_in_memory() -> None:
    """Forth and back."""

    async def main() -> None:
        # region rehearse
        async with ubiqlite.open(":memory:") as db:
            assert await db.migrations("migrations").rehearse() == []
        # endregion rehearse

    asyncio.run(main())


def test_an_older_program_is_told(tmp_path: Path) -> None:
    """It is refused, unless it may go on."""

    async def main() -> None:
        path = tmp_path / "app.db"
        async with ubiqlite.open(path, migrations="migrations"):
            pass
        older = {"0001_items.sql": FIRST}
        # region too_new
        with pytest.raises(ubiqlite.SchemaTooNew):
            await ubiqlite.open(path, migrations=older)

        db = await ubiqlite.open(path, migrations=ubiqlite.Migrations(older, allow_newer=True))
        # endregion too_new
        await db.close()

    asyncio.run(main())


def test_a_migration_that_fails_leaves_nothing_of_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """The error has the file and the line."""

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            # region fails
            migrations = {
                "1_items.sql": "CREATE TABLE items (id INTEGER PRIMARY KEY);",
                "2_wrong.sql": "CREATE TABLE half (x);\nINSERT INTO itmes VALUES (1);",
            }
            try:
                await db.migrations(migrations).run()
            except ubiqlite.NoSuchTable as error:
                print(error)  # migration 2_wrong: line 2: no such table: itmes
            # endregion fails
            assert capsys.readouterr().out == "migration 2_wrong: line 2: no such table: itmes\n"
            with pytest.raises(ubiqlite.NoSuchTable):
                await db.table("half").count()
            await db.table("items").insert(id=1)

    asyncio.run(main())
