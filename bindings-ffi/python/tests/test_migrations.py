"""Migrations: where their files come from, and what an opening does that runs them.

What they do is in the scenarios of ``tests/spec``.
"""

from __future__ import annotations

import asyncio
import datetime
import importlib
import importlib.resources
import sqlite3
import sys
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, python

import ubiqlite
from ubiqlite import Migrations

FILES = {
    "0001_items.sql": "CREATE TABLE items (\n  id INTEGER PRIMARY KEY\n);\n",
    "0001_items.down.sql": "DROP TABLE items;\n",
    "0002_names.sql": "ALTER TABLE items ADD COLUMN name TEXT;\n",
}
ENDLESS = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r"


def folder_of(place: Path, files: dict[str, str] = FILES, line_end: str = "\n") -> Path:
    """Makes a folder with files, and with others that are no migrations."""
    for name, text in files.items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.replace("\n", line_end).encode())
    (place / "README.md").write_bytes(b"\xff is not UTF-8, and is not read")
    (place / "drafts").mkdir()
    (place / "drafts" / "0009_later.sql").write_text("SELECT nothing")
    return place


def package_of(name: str, files: dict[str, str] = FILES) -> Iterator[tuple[str, str]]:
    """Yields the files of a package with a folder of migrations."""
    yield f"{name}/__init__.py", ""
    for file, text in files.items():
        yield f"{name}/migrations/{file}", text


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Returns the folder of migrations of a package in a directory, in a zip archive, or without ``__init__.py``."""

    def make(kind: str) -> Any:
        name = f"app_of_{kind}"
        root = tmp_path / (f"{name}.whl" if kind == "zip" else "packages")
        if kind == "zip":
            with zipfile.ZipFile(root, "w") as archive:
                for file, text in package_of(name):
                    archive.writestr(file, text)
        for file, text in package_of(name) if kind != "zip" else ():
            if kind == "directory" or not file.endswith("__init__.py"):
                (root / file).parent.mkdir(parents=True, exist_ok=True)
                (root / file).write_text(text)
        monkeypatch.syspath_prepend(str(root))
        importlib.invalidate_caches()
        return importlib.resources.files(name) / "migrations"

    return make


async def applied(db: ubiqlite.Database, files: Any = FILES) -> list[tuple[str, bool]]:
    return [(each.name, each.reversible) for each in await db.migrations(files).applied()]


BOTH = [("0001_items", True), ("0002_names", False)]


@pytest.mark.parametrize(
    "form", ["path", "str", "mapping", "pairs", "generator", "options", "directory", "zip", "namespace"]
)
def test_every_form_of_the_files_is_the_same_migrations(
    run: Run[Any], tmp_path: Path, imported: Any, form: str
) -> None:
    made: Any
    if form in ("directory", "zip", "namespace"):
        if form == "namespace" and sys.version_info < (3, 10):
            pytest.skip("importlib.resources has no namespaces there")
        made = imported(form)
    else:
        folder = folder_of(tmp_path / "migrations", line_end="\r\n")
        made = {
            "path": lambda: folder,
            "str": lambda: str(folder),
            "mapping": lambda: FILES,
            "pairs": lambda: list(FILES.items()),
            "generator": lambda: (pair for pair in FILES.items()),
            "options": lambda: Migrations(folder),
        }[form]()

    async def main() -> None:
        async with ubiqlite.open(":memory:", migrations=made) as db:
            assert await applied(db) == BOTH
            # The same checksums: no file was changed.
            assert await db.migrations(FILES).run() == []
            if form != "generator":
                assert await db.migrations(made).pending() == []

    run(main())


def test_files_of_a_wheel_that_is_not_unpacked_run_in_its_program(tmp_path: Path, path: str) -> None:
    wheel = tmp_path / "shop-1.0-py3-none-any.whl"
    program = """
import asyncio, sys
from importlib.resources import files
import ubiqlite
async def main(path):
    async with ubiqlite.open(path, migrations=files("shop") / "migrations") as db:
        print(*[each.name for each in await db.migrations(files("shop") / "migrations").applied()])
"""
    with zipfile.ZipFile(wheel, "w") as archive:
        for file, text in package_of("shop"):
            archive.writestr(file, text)
        archive.writestr("shop/program.py", program)
    start = "import asyncio, sys; sys.path.insert(0, sys.argv[1]); from shop import program; asyncio.run(program.main(sys.argv[2]))"
    done = python(start, str(wheel), path)
    assert (done.stdout.split(), done.stderr) == (["0001_items", "0002_names"], "")


def test_drizzle_kits_folders_are_read_as_they_are(run: Run[Any], tmp_path: Path) -> None:
    journal = '{"entries":[{"idx":0,"when":1,"tag":"0000_one"},{"idx":1,"when":2,"tag":"0001_two"}]}'
    older = {"0000_one.sql": "CREATE TABLE a (x)", "0001_two.sql": "CREATE TABLE b (x)", "meta/_journal.json": journal}
    newer = {"20240101_one/migration.sql": "CREATE TABLE a (x)", "20240101_one/snapshot.json": "{}"}

    async def main() -> None:
        async with ubiqlite.open(":memory:", migrations=folder_of(tmp_path / "older", older)) as db:
            assert [name for name, _ in await applied(db, older)] == ["0000_one", "0001_two"]
        async with ubiqlite.open(":memory:", migrations=folder_of(tmp_path / "newer", newer)) as db:
            assert [name for name, _ in await applied(db, newer)] == ["20240101_one"]

    run(main())


def test_files_that_can_not_be_read_are_refused_by_name(tmp_path: Path) -> None:
    for missing in (tmp_path / "missing", str(tmp_path / "missing")):
        with pytest.raises(ubiqlite.CannotOpen, match="missing"):
            Migrations(missing)
    with pytest.raises(ubiqlite.CannotOpen, match=r"1_a\.sql"):
        # A file, and not its folder.
        Migrations(folder_of(tmp_path / "files", {"1_a.sql": ""}) / "1_a.sql")
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("there/1_a.sql", "")
    with pytest.raises(ubiqlite.CannotOpen, match="missing"):
        Migrations(zipfile.Path(tmp_path / "zip") / "missing")
    (tmp_path / "latin").mkdir()
    (tmp_path / "latin" / "1_a.sql").write_bytes(b"SELECT '\xe9'")
    with pytest.raises(ubiqlite.InvalidArgument, match=r"1_a\.sql is not UTF-8"):
        Migrations(tmp_path / "latin")


@pytest.mark.parametrize(
    "files",
    [
        7,
        [7],
        ["ab"],
        [("1_a.sql", "", "")],
        [(1, "")],
        {"1_a.sql": b"SELECT 1"},
        [("1_a.sql", "\ud800")],
        {"\ud800": ""},
    ],
)
def test_what_has_no_files_is_an_invalid_argument(files: Any) -> None:
    with pytest.raises(ubiqlite.InvalidArgument):
        Migrations(files)
    with pytest.raises(ubiqlite.InvalidArgument):
        # Before anything is opened.
        ubiqlite.open(":memory:", migrations=files)


def test_options_are_checked_and_stand_in_one_place(run: Run[Any]) -> None:
    for wait in (-1, float("nan"), "1", True, datetime.timedelta(seconds=-1)):
        with pytest.raises(ubiqlite.InvalidArgument, match="lock_timeout"):
            Migrations(FILES, lock_timeout=wait)  # type: ignore[arg-type]

    async def main() -> None:
        async with ubiqlite.open(":memory:") as db:
            with pytest.raises(ubiqlite.InvalidArgument, match="options already"):
                db.migrations(Migrations(FILES), allow_newer=True)
            for number in (1.0, "1", True, None, 2**63, -1):
                with pytest.raises(ubiqlite.InvalidArgument):
                    await db.migrations(FILES).to(number)  # type: ignore[arg-type]
            assert await applied(db) == []

    run(main())


def test_a_lock_that_is_held_is_waited_for_as_long_as_was_said(run: Run[Any], path: str) -> None:
    async def main() -> None:
        other = sqlite3.connect(path, isolation_level=None)
        async with ubiqlite.open(path, busy_timeout=0.02) as db:
            await db.execute("CREATE TABLE t (x)")
            other.execute("BEGIN IMMEDIATE")
            for short in (0.1, datetime.timedelta(milliseconds=100)):
                with pytest.raises(ubiqlite.Busy, match="100ms"):
                    await db.migrations(FILES, lock_timeout=short).run()
            # Longer than any number of milliseconds that there is.
            running = asyncio.ensure_future(db.migrations(FILES, lock_timeout=float("inf")).run())
            done, _ = await asyncio.wait([running], timeout=0.2)
            assert not done
            other.execute("ROLLBACK")
            assert len(await running) == 2
        other.close()

    run(main())


def test_what_was_applied_is_told_in_pythons_own_types(run: Run[Any]) -> None:
    async def main() -> None:
        before = datetime.datetime.now(datetime.timezone.utc)
        async with ubiqlite.open(":memory:", migrations=FILES) as db:
            first, second = await db.migrations(FILES).applied()
            assert first.applied_at is not None
            assert first.took is not None
            # SQLite's clock has milliseconds.
            assert before - datetime.timedelta(milliseconds=1) <= first.applied_at
            assert first.applied_at <= datetime.datetime.now(datetime.timezone.utc)
            assert datetime.timedelta() < first.took < datetime.timedelta(minutes=1)
            assert (first.number, first.known, first.breaks_older, second.number) == (1, True, False, 2)
            assert len({first, second}) == 2

    run(main())


def test_a_migration_that_fails_closes_the_database_again(run: Run[Any], path: str) -> None:
    files = {**FILES, "0003_bad.sql": "CREATE TABLE more (x);\nCREATE TABEL no (x)"}

    async def main() -> None:
        with pytest.raises(ubiqlite.Syntax, match="migration 0003_bad: line 2"):
            await ubiqlite.open(path, migrations=files)
        with pytest.raises(ubiqlite.Syntax):
            async with ubiqlite.open(path, migrations=files):
                pytest.fail("there is no database to work with")

    run(main())
    assert names_of(path) == ["items"]


def names_of(path: str) -> list[str]:
    """Returns the tables of a database that nobody has open: otherwise it can't be locked for one alone."""
    alone = sqlite3.connect(path)
    alone.execute("PRAGMA locking_mode = EXCLUSIVE")
    sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'ubiqlite%' ORDER BY name"
    alone.execute("BEGIN EXCLUSIVE")
    names = [name for (name,) in alone.execute(sql)]
    alone.close()
    return names


def test_an_opening_that_is_cancelled_undoes_its_migration_and_closes(run: Run[Any], path: str) -> None:
    files = {**FILES, "0003_endless.sql": f"CREATE TABLE endless AS {ENDLESS}"}

    async def main() -> None:
        opening = asyncio.ensure_future(opened())
        # The third one runs once the others are in the ledger and the lock is held again.
        other = sqlite3.connect(path, isolation_level=None, timeout=0)
        until = time.monotonic() + 60
        while not migrates(other):
            assert not opening.done()
            assert time.monotonic() < until
            await asyncio.sleep(0.01)
        other.close()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening

    async def opened() -> None:
        await ubiqlite.open(path, migrations=files)

    run(main())
    assert names_of(path) == ["items"]


def migrates(other: sqlite3.Connection) -> bool:
    """Whether somebody holds the lock, after two migrations."""
    try:
        if other.execute("SELECT count(*) FROM ubiqlite_migrations").fetchone() != (2,):
            return False
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return "locked" in str(error)
    return False


STARTS = """
import asyncio, os, sys, time, ubiqlite
folder, path, go, ready = sys.argv[1:]
open(ready, "x").close()
while not os.path.exists(go):
    time.sleep(0.001)
async def main():
    async with ubiqlite.open(path, migrations=folder) as db:
        assert await db.query_value("SELECT count(*) FROM log") == 9
        assert not await db.migrations(folder).pending()
asyncio.run(main())
"""


def test_processes_that_start_at_once_have_each_migration_once(tmp_path: Path, path: str) -> None:
    files = {f"{number}_log.sql": f"INSERT INTO log VALUES ({number})" for number in range(2, 11)}
    folder = folder_of(tmp_path / "migrations", {**files, "1_log.sql": "CREATE TABLE log (number)"})
    go, ready = tmp_path / "go", [tmp_path / f"ready-{number}" for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        started = [pool.submit(python, STARTS, str(folder), path, str(go), str(mark), timeout=120) for mark in ready]
        until = time.monotonic() + 60
        while not all(mark.exists() for mark in ready) and time.monotonic() < until:
            time.sleep(0.01)
        go.touch()
        for process in started:
            done = process.result()
            assert (done.returncode, done.stderr) == (0, "")
    other = sqlite3.connect(path)
    assert [number for (number,) in other.execute("SELECT number FROM log ORDER BY rowid")] == list(range(2, 11))
    other.close()


def test_tasks_that_migrate_one_database_at_once_do_it_once(run: Run[Any], path: str) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            steps = await asyncio.gather(*[db.migrations(FILES).run() for _ in range(8)])
            assert sorted(step.name for done in steps for step in done) == ["0001_items", "0002_names"]

    run(main())


def test_a_newer_database_is_refused_with_its_own_error(run: Run[Any], path: str) -> None:
    older = {name: text for name, text in FILES.items() if name.startswith("0001")}

    async def main() -> None:
        async with ubiqlite.open(path, migrations=FILES):
            pass
        with pytest.raises(ubiqlite.SchemaTooNew, match="0002_names") as refused:
            await ubiqlite.open(path, migrations=older)
        assert refused.value.kind == "SchemaTooNew"
        async with ubiqlite.open(path, migrations=Migrations(older, allow_newer=True)) as db:
            assert [each.known for each in await db.migrations(older).applied()] == [True, False]

    run(main())
