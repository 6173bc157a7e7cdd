"""SQLAlchemy's own tests of dialects, which are in its wheel, on ``aiosqlite`` and on ours."""

import os

from sqlalchemy.dialects import registry

if os.environ.get("UBIQLITE_DROP_IN"):
    import ubiqlite.aiosqlite

    ubiqlite.aiosqlite.install()
registry.register("sqlite.ubiqlite", "ubiqlite.sqlalchemy", "Dialect")

from sqlalchemy.testing.plugin.pytestplugin import *  # noqa: E402
