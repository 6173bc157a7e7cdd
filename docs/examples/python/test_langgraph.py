"""The program of the section about LangGraph."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TypedDict

import pytest

pytest.importorskip("langgraph.graph")

from langgraph.graph import END, START, StateGraph


class Talk(TypedDict, total=False):
    """What the graph remembers."""

    question: str
    answers: int


def test_a_thread_is_remembered(tmp_path: Path) -> None:
    """By the next program that opens the file, too."""
    builder = StateGraph(Talk)
    builder.add_node("answer", lambda talk: {"answers": talk.get("answers", 0) + 1})
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)

    async def main(path: str) -> int:
        # region saver
        from ubiqlite.langgraph import AsyncUbiqliteSaver

        async with AsyncUbiqliteSaver.from_conn_string(path) as saver:  # "checkpoints.db"
            graph = builder.compile(checkpointer=saver)
            talk = await graph.ainvoke({"question": "Why?"}, {"configurable": {"thread_id": "7"}})
        # endregion saver
        return int(talk["answers"])

    path = str(tmp_path / "checkpoints.db")
    assert [asyncio.run(main(path)) for _ in range(3)] == [1, 2, 3]
