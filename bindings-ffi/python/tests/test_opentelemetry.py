"""Spans of OpenTelemetry, as its own SDK receives them."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from conftest import Run

import ubiqlite

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from ubiqlite.opentelemetry import UbiqliteInstrumentor


@pytest.fixture
def provider() -> TracerProvider:
    return TracerProvider()


@pytest.fixture
def exported(provider: TracerProvider) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def _attributes(span: ReadableSpan) -> dict[str, Any]:
    """Returns the attributes besides the measured ones, which every call that was reported has."""
    attributes = dict(span.attributes or {})
    waited, ran = attributes.pop("ubiqlite.queue_wait"), attributes.pop("ubiqlite.run")
    assert isinstance(waited, float)
    assert isinstance(ran, float)
    assert ran > 0
    return attributes


def test_a_span_has_the_conventions_attributes_and_its_callers_span_as_parent(
    run: Run[None], path: str, provider: TracerProvider, exported: InMemorySpanExporter
) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            await db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY)")
            with provider.get_tracer("test").start_as_current_span("request"):
                await db.execute("INSERT INTO items VALUES (?)", (4711,))
                await db.query("SELECT * FROM items")
            await db.batch(["DELETE FROM items", "DELETE FROM items"])
            with pytest.raises(ubiqlite.PrimaryKeyViolation):
                await db.execute("INSERT INTO items VALUES (1), (1)")

    instrumentor = UbiqliteInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    instrumentor.instrument(tracer_provider=provider)
    try:
        run(main())
    finally:
        instrumentor.uninstrument()
    spans = {(span.name, (span.attributes or {}).get("error.type")): span for span in exported.get_finished_spans()}
    assert len(spans) == len(exported.get_finished_spans()) == 6
    common = {"db.system.name": "sqlite", "db.namespace": path}
    request, select = spans["request", None], spans["SELECT items", None]
    assert _attributes(select) == {
        **common,
        "db.query.summary": "SELECT items",
        "db.operation.name": "SELECT",
        "db.query.text": "SELECT * FROM items",
        "db.response.returned_rows": 1,
    }
    assert select.kind == SpanKind.CLIENT
    assert select.status.status_code == StatusCode.UNSET
    assert select.parent is not None
    assert select.parent.span_id == request.get_span_context().span_id
    assert select.start_time is not None
    assert select.end_time is not None
    assert 0 < select.end_time - select.start_time < 60e9
    assert _attributes(spans["INSERT items", None])["db.query.text"] == "INSERT INTO items VALUES (?)"
    assert _attributes(spans["BATCH", None])["db.operation.batch.size"] == 2
    failed = spans["INSERT items", "PrimaryKeyViolation"]
    assert failed.status.status_code == StatusCode.ERROR
    assert failed.parent is None
    assert _attributes(failed)["db.response.status_code"] == "1555"


def test_databases_that_are_open_already_begin_and_end_to_have_spans(
    run: Run[None], path: str, provider: TracerProvider, exported: InMemorySpanExporter
) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            instrumentor = UbiqliteInstrumentor()
            await db.query("SELECT 1")
            instrumentor.instrument(tracer_provider=provider)
            await db.query("SELECT 2")
            instrumentor.uninstrument()
            instrumentor.uninstrument()
            await db.query("SELECT 3")

    run(main())
    spans = exported.get_finished_spans()
    assert [(span.attributes or {})["db.query.text"] for span in spans] == ["SELECT 2"]


def test_two_objects_make_one_span_for_each_call_and_either_ends_them(
    run: Run[None], path: str, provider: TracerProvider, exported: InMemorySpanExporter
) -> None:
    async def main() -> None:
        async with ubiqlite.open(path) as db:
            UbiqliteInstrumentor().instrument(tracer_provider=provider)
            UbiqliteInstrumentor().instrument(tracer_provider=provider)
            await db.query("SELECT 1")
            UbiqliteInstrumentor().uninstrument()
            await db.query("SELECT 2")

    run(main())
    spans = exported.get_finished_spans()
    assert [(span.attributes or {})["db.query.text"] for span in spans] == ["SELECT 1"]


def test_it_may_begin_while_another_thread_opens_databases() -> None:
    failed: list[BaseException] = []
    over = threading.Event()

    async def opening() -> None:
        while not over.is_set():
            async with ubiqlite.open(":memory:"):
                pass

    def opens() -> None:
        try:
            asyncio.run(opening())
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=opens) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2_000):
            UbiqliteInstrumentor().instrument()
            UbiqliteInstrumentor().uninstrument()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failed == []
