"""What SQLAlchemy's tests may ask of SQLite."""

from __future__ import annotations

from sqlalchemy.testing import exclusions
from sqlalchemy.testing.requirements import SuiteRequirements


class Requirements(SuiteRequirements):
    """As for any dialect; but only the engine that the tests begin with has their second schema attached."""

    @property
    def independent_connections(self) -> exclusions.compound:
        """Engines of a class's own."""
        return exclusions.closed()
