"""A LangGraph checkpointer: ``AsyncUbiqliteSaver``.

``pip install ubiqlite[langgraph]`` installs what it needs, which is ``langgraph-checkpoint``, on Python 3.10 or newer::

    from ubiqlite.langgraph import AsyncUbiqliteSaver

    async with AsyncUbiqliteSaver.from_conn_string("checkpoints.db") as saver:
        graph = builder.compile(checkpointer=saver)
        await graph.ainvoke({"question": "…"}, {"configurable": {"thread_id": "7"}})
"""

from __future__ import annotations

from ._saver import AsyncUbiqliteSaver

__all__ = ["AsyncUbiqliteSaver"]
