"""Spans of OpenTelemetry for the calls of all databases.

It needs ``opentelemetry-api``: ``pip install ubiqlite[opentelemetry]``. A span has the names and attributes of
OpenTelemetry's `conventions for databases <https://opentelemetry.io/docs/specs/semconv/database/>`_, and is a child
of the span that its caller was in. Parameters are never in one::

    from ubiqlite.opentelemetry import UbiqliteInstrumentor

    UbiqliteInstrumentor().instrument()
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from threading import Lock
from typing import Callable, ClassVar, Optional, Union

from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, TracerProvider, get_tracer

from ._tracing import everywhere
from .errors import Error
from .trace import TracedCall

__all__ = ["UbiqliteInstrumentor"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


class UbiqliteInstrumentor:
    """Makes a span for each call of every database of the process. All objects of it are one."""

    _changing = Lock()
    _stop: ClassVar[Optional[Callable[[], None]]] = None

    def instrument(self, *, tracer_provider: Optional[TracerProvider] = None) -> None:
        """Begins, also with databases that are open already. A second time, by any object, it does nothing.

        :param tracer_provider: what makes the spans. Default: the global one
        """
        with UbiqliteInstrumentor._changing:
            if UbiqliteInstrumentor._stop is None:
                tracer = get_tracer("ubiqlite", tracer_provider=tracer_provider)
                UbiqliteInstrumentor._stop = everywhere.add(lambda call: _span(tracer, call))

    def uninstrument(self) -> None:
        """Ends it, whichever object has begun it."""
        with UbiqliteInstrumentor._changing:
            stop, UbiqliteInstrumentor._stop = UbiqliteInstrumentor._stop, None
        if stop is not None:
            stop()


def _span(tracer: Tracer, call: TracedCall) -> None:
    """Makes the span of a call that is over. The present context is that of its caller."""
    start = (call.started - _EPOCH) // _MICROSECOND * 1000
    attributes: dict[str, Union[str, int, float]] = {"db.system.name": "sqlite", "db.namespace": call.namespace}
    optional = {
        "db.query.summary": call.summary or None,
        "db.operation.name": call.operation or None,
        "db.query.text": call.sql,
        "db.operation.batch.size": call.statements,
        "db.response.returned_rows": call.rows,
        "ubiqlite.queue_wait": None if call.queue_wait is None else call.queue_wait.total_seconds(),
        "ubiqlite.run": None if call.run is None else call.run.total_seconds(),
    }
    attributes.update({name: value for name, value in optional.items() if value is not None})
    span = tracer.start_span(call.summary or "ubiqlite", kind=SpanKind.CLIENT, attributes=attributes, start_time=start)
    if isinstance(call.error, Error):
        span.set_attribute("error.type", call.error.kind)
        if call.error.code is not None:
            span.set_attribute("db.response.status_code", str(call.error.code))
        span.set_status(Status(StatusCode.ERROR))
    span.end(start + call.duration // _MICROSECOND * 1000)
