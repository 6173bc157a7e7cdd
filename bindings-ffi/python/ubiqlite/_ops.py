"""The numbers of the operations and of the replies, as the core has them."""

from __future__ import annotations

EXECUTE = 1
QUERY = 2
QUERY_ONE = 3
QUERY_OPTIONAL = 4
QUERY_VALUE = 5
EXECUTE_MANY = 6
BATCH = 7
STREAM = 8
NEXT = 9
MORE = 10
CAPABILITIES = 11
INTERRUPT = 12
RUN = 13
BEGIN = 20
COMMIT = 21
ROLLBACK = 22
SAVEPOINT = 23
RELEASE = 24
SNAPSHOT = 25
ACQUIRE = 26
DROP = 27
CANCEL = 28
INSERT = 30
UPSERT = 31
INSERT_MANY = 32
GET = 33
UPDATE = 34
UPDATE_MANY = 35
DELETE = 36
SELECT = 37
SELECT_FIRST = 38
SELECT_COUNT = 39
SELECT_STREAM = 40
TABLE_STREAM = 41
TRANSFER = 42

CHECKED = 0x80
"""Added to an operation's number: each value was looked at."""

QUEUED = 0x100
"""Added to an operation's number: others write, too, and one commit may be for all."""

# A reply is a tuple: its request's number, one of these, and what `reply.rs` lists.
ERROR = 1
ROWS = 7
