"""The guide's page about generated code."""

from __future__ import annotations

import asyncio
from pathlib import Path

import items
import ubiqlite

MIGRATIONS = Path(__file__).parents[1] / "gen/migrations"


def test_generated_functions_run_on_a_database_and_in_a_transaction(tmp_path: Path) -> None:
    """The page's program."""

    async def main() -> None:
        async with ubiqlite.open(tmp_path / "app.db", migrations=MIGRATIONS) as db:
            # region use
            lamp = await items.add_item(db, name="lamp", price=19.9)
            rows = await items.cheap(db, most=20.0, limit=10)  # list[items.CheapRow]
            for item in rows:
                print(f"{item.name}: {item.price}")  # lamp: 19.9
            async with db.transaction() as tx:
                await items.sell_item(tx, id=rows[0].id)  # 1
            # endregion use
            assert [item.id for item in rows] == [lamp and lamp.id]
            assert await items.get_item(db, id=1) == items.Items(1, "lamp", 19.9, None, True)
            await items.add_part(db, item=1, name="bulb")
            assert await items.count_parts(db) == [items.CountPartsRow("lamp", 1)]

    asyncio.run(main())
