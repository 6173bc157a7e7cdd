"""The tables of checkpoints and of their writes, as ``langgraph-checkpoint-sqlite`` has them."""

from __future__ import annotations

from .. import Database, Transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS checkpoints (
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL DEFAULT '',
    checkpoint_id TEXT NOT NULL,
    parent_checkpoint_id TEXT,
    type TEXT,
    checkpoint BLOB,
    metadata BLOB,
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
);
CREATE TABLE IF NOT EXISTS writes (
    thread_id TEXT NOT NULL,
    checkpoint_ns TEXT NOT NULL DEFAULT '',
    checkpoint_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    task_path TEXT NOT NULL DEFAULT '',
    idx INTEGER NOT NULL,
    channel TEXT NOT NULL,
    type TEXT,
    value BLOB,
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
);
"""

OF_LATEST = "thread_id = ? AND checkpoint_ns = ? ORDER BY checkpoint_id DESC LIMIT 1"
"""The condition for the row of a thread's latest checkpoint."""

OF_ONE = "thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?"
"""The condition for the rows of one checkpoint."""

COLUMNS = "thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata"
"""What a checkpoint's row is read as."""

PUT = """
INSERT OR REPLACE INTO checkpoints
    (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""

# Writes to special channels have negative numbers and replace earlier ones; a task that runs again repeats the others.
PUT_WRITE = """
INSERT INTO writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    task_path = excluded.task_path, channel = excluded.channel, type = excluded.type, value = excluded.value
WHERE idx < 0
"""


def one(condition: str) -> str:
    """Returns a query of one checkpoint with its writes, all of one moment.

    Its first row is the checkpoint, as in ``COLUMNS``. The others are its writes: the task, the channel, the type and
    the value, in the order in which LangGraph applies them.
    """
    return f"""
    WITH found AS MATERIALIZED (SELECT {COLUMNS} FROM checkpoints WHERE {condition})
    SELECT {COLUMNS}, NULL AS path, NULL AS task, NULL AS number FROM found
    UNION ALL
    SELECT task_id, channel, writes.type, value, NULL, NULL, NULL, task_path, task_id, idx
    FROM found JOIN writes USING (thread_id, checkpoint_ns, checkpoint_id)
    ORDER BY path, task, number
    """


_OF_RUNS = """
SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints
WHERE json_extract(CAST(metadata AS TEXT), '$.run_id') IN (SELECT value FROM json_each(?))
"""

DELETE_RUNS = [
    f"DELETE FROM writes WHERE (thread_id, checkpoint_ns, checkpoint_id) IN ({_OF_RUNS})",
    f"DELETE FROM checkpoints WHERE (thread_id, checkpoint_ns, checkpoint_id) IN ({_OF_RUNS})",
]
"""What removes the checkpoints of runs, in this order."""

DELETE_THREADS = [
    "DELETE FROM checkpoints WHERE thread_id IN (SELECT value FROM json_each(?))",
    "DELETE FROM writes WHERE thread_id IN (SELECT value FROM json_each(?))",
]
"""What removes threads."""

COPY_THREAD = [
    """
    INSERT OR REPLACE INTO checkpoints
    SELECT ?2, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata
    FROM checkpoints WHERE thread_id = ?1
    """,
    """
    INSERT OR REPLACE INTO writes
        (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value)
    SELECT ?2, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value
    FROM writes WHERE thread_id = ?1
    """,
]
"""What copies one thread to another."""


async def create(db: Database) -> None:
    """Creates the tables, unless they are there; adds the column that those of older versions lack."""
    async with db.transaction() as tx:
        await tx.batch(_SCHEMA)
        if not await tx.query("SELECT 1 FROM pragma_table_info('writes') WHERE name = 'task_path'"):
            await tx.execute("ALTER TABLE writes ADD COLUMN task_path TEXT NOT NULL DEFAULT ''")


async def keep_only(tx: Transaction, thread: str, namespace: str, checkpoints: str) -> None:
    """Removes all checkpoints of a namespace but these, which are a JSON list."""
    for table in ("checkpoints", "writes"):
        await tx.execute(
            f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_ns = ?"
            " AND checkpoint_id NOT IN (SELECT value FROM json_each(?))",
            (thread, namespace, checkpoints),
        )
