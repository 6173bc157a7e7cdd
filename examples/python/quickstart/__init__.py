"""Everything that ubiqlite does: see ``__main__.py``."""
