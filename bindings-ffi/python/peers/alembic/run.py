"""Alembic on ``sqlite+ubiqlite``: upgrades and downgrades a database as Alembic's async template does.

``python run.py``, in an environment that has alembic and this package.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

MODELS = """
from sqlalchemy import Column, Integer, MetaData, String, Table

metadata = MetaData()
Table(
    "items",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(40), nullable=False, unique=True),
    Column("price", Integer, nullable=False, server_default="0"),
)
"""

# SQLite can't do this with ALTER TABLE, so Alembic copies the table.
BATCH = """
    with op.batch_alter_table("items") as batch:
        batch.alter_column("name", new_column_name="title", existing_type=sa.String(40), existing_nullable=False)
        batch.create_check_constraint("price_not_negative", "price >= 0")
"""


def write(file: Path, old: str, new: str) -> None:
    """Replaces a part of a file that Alembic wrote."""
    text = file.read_text()
    assert old in text, f"{file.name} has no {old!r}"
    file.write_text(text.replace(old, new, 1))


def columns(path: Path) -> list[str]:
    """Returns the columns of the table, as another SQLite sees them."""
    with sqlite3.connect(path) as db:
        return [row[1] for row in db.execute("PRAGMA table_info(items)")]


def main() -> None:
    """Upgrades, finds nothing more to do, and downgrades."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sys.path.insert(0, name)
        (folder / "models.py").write_text(MODELS)
        path = folder / "app.db"
        config = Config(folder / "alembic.ini")
        command.init(config, str(folder / "migrations"), template="async")
        config = Config(folder / "alembic.ini")
        config.set_main_option("sqlalchemy.url", f"sqlite+ubiqlite:///{path}")
        write(
            folder / "migrations/env.py",
            "target_metadata = None",
            "from models import metadata as target_metadata",
        )
        first = command.revision(config, "items", autogenerate=True)
        assert "create_table('items'" in Path(first.path).read_text(), "nothing was found to be made"
        command.upgrade(config, "head")
        assert columns(path) == ["id", "name", "price"], columns(path)
        command.check(config)
        with sqlite3.connect(path) as db:
            db.execute("INSERT INTO items (name, price) VALUES ('lamp', 40)")
        second = command.revision(config, "titles")
        write(Path(second.path), "    pass", BATCH)
        command.upgrade(config, "head")
        assert columns(path) == ["id", "title", "price"], columns(path)
        with sqlite3.connect(path) as db:
            assert db.execute("SELECT title, price FROM items").fetchall() == [("lamp", 40)]
        command.downgrade(config, first.revision)
        command.downgrade(config, "base")
        assert columns(path) == [], columns(path)
        command.current(config, verbose=True)


main()
