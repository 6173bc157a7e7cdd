"""The features that SQLAlchemy's tests may require of SQLite."""

from __future__ import annotations

from sqlalchemy.testing import exclusions
from sqlalchemy.testing.requirements import SuiteRequirements


class Requirements(SuiteRequirements):
    """As for any dialect, except that only the engine that the tests begin with has their second schema attached."""

    @property
    def independent_connections(self) -> exclusions.compound:
        """Whether a test class may have its own engines."""
        return exclusions.closed()
