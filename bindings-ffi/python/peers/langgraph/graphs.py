"""Real graphs on our checkpointer: each function checks one thing that their users rely on."""

from __future__ import annotations

import asyncio
import operator
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

import ubiqlite
from ubiqlite.langgraph import AsyncUbiqliteSaver


class State(TypedDict, total=False):
    """What the graphs count and collect."""

    count: Annotated[int, operator.add]
    log: Annotated[list[str], DeltaChannel(lambda log, more: [*log, *(line for lines in more for line in lines)])]
    answer: str


def counting(saver: Any) -> Any:
    """Returns a graph that counts to its end in steps."""
    builder = StateGraph(State)
    builder.add_node("step", lambda state: {"count": 1, "log": [f"step {state['count']}"]})
    builder.add_edge(START, "step")
    builder.add_conditional_edges("step", lambda state: END if state["count"] >= 5 else "step")
    return builder.compile(checkpointer=saver)


def asking(saver: Any) -> Any:
    """Returns a graph that waits for a person's answer."""
    builder = StateGraph(State)
    builder.add_node("ask", lambda _: {"answer": interrupt("How are you?")})
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    return builder.compile(checkpointer=saver)


def thread(name: str) -> dict[str, Any]:
    """Returns the configuration of a thread."""
    return {"configurable": {"thread_id": name}}


async def an_interrupted_graph_goes_on_after_a_restart(path: str) -> None:
    """As of a process that ended while a person thought."""
    async with AsyncUbiqliteSaver.from_conn_string(path) as saver:
        stopped = await asking(saver).ainvoke({"count": 0}, thread("asked"))
        assert stopped["__interrupt__"][0].value == "How are you?"
    async with AsyncUbiqliteSaver.from_conn_string(path) as saver:
        done = await asking(saver).ainvoke(Command(resume="Fine"), thread("asked"))
        assert done["answer"] == "Fine"


async def threads_run_at_the_same_time(path: str) -> None:
    """Fifty, through two databases on the file."""
    async with AsyncUbiqliteSaver.from_conn_string(path) as one, AsyncUbiqliteSaver.from_conn_string(path) as two:
        graphs = (counting(one), counting(two))
        results = await asyncio.gather(
            *(graphs[i % 2].ainvoke({"count": 0, "log": []}, thread(f"many {i}")) for i in range(50))
        )
        assert [it["count"] for it in results] == [5] * 50


async def a_pruned_thread_has_its_delta_channels_and_goes_on(path: str) -> None:
    """A thread of two runs, of which only the newest checkpoint is asked to stay."""
    async with AsyncUbiqliteSaver.from_conn_string(path) as saver:
        graph = counting(saver)
        await graph.ainvoke({"count": 0, "log": ["begin"]}, thread("pruned"))
        await saver.acopy_thread("pruned", "copied")
        await saver.aprune(["pruned"])
        expected = ["begin", *(f"step {i}" for i in range(5))]
        for name in ("pruned", "copied"):
            assert (await graph.aget_state(thread(name))).values["log"] == expected, name
        await graph.ainvoke({"count": 0, "log": ["again"]}, thread("pruned"))
        assert (await graph.aget_state(thread("pruned"))).values["log"] == [*expected, "again", "step 5"]
        await saver.adelete_thread("pruned")
        assert (await graph.aget_state(thread("pruned"))).values == {}


async def a_synchronous_call_from_another_thread_is_carried_out(path: str) -> None:
    """``graph.invoke`` where the event loop is not blocked by it."""
    async with AsyncUbiqliteSaver.from_conn_string(path) as saver:
        graph = counting(saver)
        result = await asyncio.to_thread(graph.invoke, {"count": 0, "log": []}, thread("synchronous"))
        assert result["count"] == 5
        history = await asyncio.to_thread(lambda: list(graph.get_state_history(thread("synchronous"))))
        assert len(history) == 7


async def a_file_is_gone_on_with_by_the_other_checkpointer(path: str) -> None:
    """LangGraph's own and ours, in turn."""
    kinds = (AsyncSqliteSaver, AsyncUbiqliteSaver, AsyncSqliteSaver)
    for turn, kind in enumerate(kinds, 1):
        async with kind.from_conn_string(path) as saver:
            result = await counting(saver).ainvoke({"count": -5, "log": [f"turn {turn}"]}, thread("exchanged"))
            # The second and third turn begin with what those before them have left.
            assert result["count"] == 5
            assert [line for line in result["log"] if line.startswith("turn")] == [f"turn {i + 1}" for i in range(turn)]


async def main(folder: Path) -> None:
    """Runs all of them, each on a file of its own."""
    for number, check in enumerate(
        (
            an_interrupted_graph_goes_on_after_a_restart,
            threads_run_at_the_same_time,
            a_pruned_thread_has_its_delta_channels_and_goes_on,
            a_synchronous_call_from_another_thread_is_carried_out,
            a_file_is_gone_on_with_by_the_other_checkpointer,
        )
    ):
        path = str(folder / f"graph{number}.db")
        await check(path)
        async with ubiqlite.open(path) as db:
            assert await db.check() == []
        print(f"ok  {check.__name__.replace('_', ' ')}")
