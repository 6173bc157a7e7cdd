"""SQLAlchemy's own tests of dialects, which are in its wheel, on ``aiosqlite``, on the drop-in and on our dialect."""

import os

from sqlalchemy.dialects import registry

if os.environ.get("UBIQLITE_DROP_IN"):
    import ubiqlite.aiosqlite

    ubiqlite.aiosqlite.install()
registry.register("sqlite.ubiqlite", "ubiqlite.sqlalchemy", "Dialect")

from sqlalchemy.testing.plugin.pytestplugin import *  # noqa: E402
