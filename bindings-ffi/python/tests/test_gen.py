"""``python -m ubiqlite gen -python``: what it writes passes ``mypy --strict``, and runs."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from conftest import Run

import ubiqlite

HERE = Path(ubiqlite.__file__).parents[1]
ROOT = Path(__file__).parents[3]
MIGRATION = (ROOT / "docs/examples/gen/migrations/0001_items.sql").read_text("utf-8")
QUERIES = (ROOT / "docs/examples/gen/queries.sql").read_text("utf-8")
HOSTILE = ROOT / "tests/gen"

PROGRAM = """
import ubiqlite
from items import Items, add_item, cheap, get_item, sell_item

async def run(db: ubiqlite.Database) -> float:
    made = await add_item(db, name="lamp", price=19.9)
    assert made is not None
    async with db.transaction() as tx:
        sold: int = await sell_item(tx, id=made.id)
    names: list[str] = [row.name for row in await cheap(db, most=20.0, limit=10)]
    item = await get_item(db, id=1)
    assert item is not None and item.price is not None
    return item.price
"""


def python(folder: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(HERE), "MYPYPATH": str(HERE), "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def generate(folder: Path, schema: str, queries: str) -> None:
    (folder / "schema.sql").write_text(schema, "utf-8")
    (folder / "queries.sql").write_text(queries, "utf-8")
    arguments = ["-python", "items.py", "schema.sql", "queries.sql"]
    python(folder, "ubiqlite", "gen", *arguments).check_returncode()


def loaded(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("generated_items", folder / "items.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def mypy(folder: Path, program: str) -> str:
    """Returns what mypy finds, if anything."""
    pytest.importorskip("mypy", reason="only where the package is developed")
    (folder / "program.py").write_text(program, "utf-8")
    done = python(
        folder,
        "mypy",
        "--strict",
        "--config-file",
        str(HERE / "pyproject.toml"),
        "--cache-dir",
        str(HERE / ".mypy_cache/gen"),
        "items.py",
        "program.py",
    )
    assert (done.returncode == 0) == done.stdout.startswith("Success"), done.stdout
    return "" if done.returncode == 0 else done.stdout


def test_functions_give_typed_rows_of_a_real_file(run: Run[None], tmp_path: Path) -> None:
    generate(tmp_path, MIGRATION, QUERIES)
    items = loaded(tmp_path)

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch(MIGRATION)
            made = await items.add_item(db, name="lamp", price=None)
            async with db.transaction() as tx:
                assert await items.sell_item(tx, id=made.id) == 1
            lamp = items.Items(id=1, name="lamp", price=None, photo=None, sold=True)
            assert await items.get_item(db, id=1) == lamp
            assert await items.get_item(db, id=2) is None
            assert await items.cheap(db, most=20.0, limit=1) == []
            await items.add_part(db, item=1, name="bulb")
            assert await items.count_parts(db) == [items.CountPartsRow(name="lamp", parts=1)]
            # The column's own type is checked, though SQLite allows another.
            await db.execute("UPDATE items SET price = 'much'")
            with pytest.raises(ubiqlite.DatatypeMismatch, match="price"):
                await items.get_item(db, id=1)

    run(main())


def test_a_renamed_column_breaks_the_types_of_a_program_that_passed(tmp_path: Path) -> None:
    generate(tmp_path, MIGRATION, QUERIES)
    assert mypy(tmp_path, PROGRAM) == ""
    generate(tmp_path, MIGRATION.replace("price", "cost"), QUERIES.replace("price", "cost"))
    assert '"Items" has no attribute "price"' in mypy(tmp_path, PROGRAM)


def test_names_that_are_none_in_python_are_read_from_their_columns(run: Run[None], tmp_path: Path) -> None:
    generate(
        tmp_path, (HOSTILE / "hostile.sql").read_text("utf-8"), (HOSTILE / "hostile-queries.sql").read_text("utf-8")
    )
    assert mypy(tmp_path, "import items\n") == ""
    items = loaded(tmp_path)

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db") as db:
            await db.batch((HOSTILE / "hostile.sql").read_text("utf-8"))
            await items.class_(db, class_="a", self_=7, gr__e=0.5, db_2=b"\0", args="any", options=True)
            (row,) = await items.delete(db, class_="a", fun=7)
            assert (row.a_b, row._1st, row.gr__e, row.data, row.anything, row.bool_) == (
                "a",
                7,
                0.5,
                b"\0",
                "any",
                True,
            )
            text = await db.query_value('SELECT "$x" FROM class')
            assert text == '$x "quoted" \\ \'single\' `${y}`\n{line} */ """ \\u0041'
            assert await items.add_x(db, p1=1, p2=2) == 1
            # What is read from a column is written to it.
            await db.table("class").insert(row)
            assert await items.delete(db, class_="a", fun=7) == [row, row]

    run(main())
