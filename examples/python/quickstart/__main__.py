"""Everything that ubiqlite does, on a real file, in a few seconds.

python -m quickstart            # a file in a temporary folder
python -m quickstart app.db     # a new file of your own, which stays

One module per subject: read them in the order in which they are called here.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from . import batches, dashboard, items, limits, opening, safe_insert, streams, tasks, transactions, transfers
from .show import chapter, refused, step


async def run(path: str) -> None:
    """Runs all chapters on a new file."""
    db = await opening.run(path)
    try:
        await items.run(db)
        await batches.run(db)
        await transfers.run(db)
        await transactions.run(db)
        await tasks.run(db)
        await streams.run(db)
        await dashboard.run(db)
        await safe_insert.run(db, path)
        await limits.run(db)
    finally:
        chapter("Close", "Waits for what was accepted, then closes the file.")
        with step("close") as done:
            await db.close()
            done("the file is as it was written")
    await refused("a call after that", db.table("items").count())


def main() -> None:
    """Chooses the path of the file, and runs on it."""
    if len(sys.argv) > 1:
        if Path(sys.argv[1]).exists():
            sys.exit(f"{sys.argv[1]} exists; give the name of a new file")
        asyncio.run(run(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory(prefix="ubiqlite-quickstart-") as folder:
        asyncio.run(run(str(Path(folder) / "quickstart.db")))


if __name__ == "__main__":
    main()
