from sqlalchemy.testing.suite import *
from sqlalchemy.testing.suite import ServerSideCursorsTest as _ServerSideCursorsTest


class ServerSideCursorsTest(_ServerSideCursorsTest):
    def _is_server_side(self, cursor):
        # The suite knows by the names of its own drivers where to look.
        if self.engine.dialect.driver == "ubiqlite":
            return cursor.server_side
        return super()._is_server_side(cursor)
