"""One connection's work: what is one job in ``aiosqlite`` is one job here.

A job is a generator that yields requests and is sent the replies. Jobs are done one after
another, in the order in which they were asked for, each as a whole; whoever waits for one
may stop to: it is done all the same, and nobody is told.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Generator
from functools import partial
from time import monotonic
from typing import Any, Callable, Generic, Optional, TypeVar

from ._engine import Link, Reply, elsewhere, running

__all__ = ["Job", "Jobs", "Request", "Steps", "begun"]

T = TypeVar("T")
Request = tuple[Any, ...]
Steps = Generator[Request, Reply, T]

_TURN = 0.0005
"""Seconds that jobs which are done at once may keep an event loop, one more or less."""


class Job(Generic[T]):
    """Something that is done, or will be."""

    __slots__ = ("begun", "done", "error", "future", "steps", "value")

    def __init__(self, steps: Steps[T]) -> None:
        self.steps = steps
        self.begun = False
        self.done = False
        self.value: Any = None
        self.error: Optional[BaseException] = None
        self.future: Optional[asyncio.Future[None]] = None

    def end(self, value: Any, error: Optional[BaseException]) -> None:
        """It is done: whoever waits is told."""
        self.value, self.error, self.done = value, error, True
        future = self.future
        if future is not None:
            loop = future.get_loop()
            if running() is loop:
                _settle(future)
            else:
                elsewhere(loop, _settle, future)

    def outcome(self) -> T:
        """What it came to."""
        error, self.error = self.error, None
        if error is None:
            return self.value  # type: ignore[no-any-return]
        try:
            raise error
        finally:
            # It would be in its own traceback.
            del error


class Jobs:
    """The jobs of one connection."""

    def __init__(self) -> None:
        self.link = Link()
        # Under way; none: what is asked is done at once.
        self.active: Optional[Job[Any]] = None
        self._queue: deque[Job[Any]] = deque()

    def noted(self, reply: Reply) -> Reply:
        """Keeps what a reply tells about the connection."""
        return reply

    def submit(self, steps: Steps[T]) -> Job[T]:
        """Does the steps: at once as far as that goes, if nothing is under way."""
        job = Job(steps)
        with self.link.lock:
            if self.active is None:
                self.active = job
                self._start(job)
            else:
                self._queue.append(job)
        return job

    def expect(self, number: int, steps: Steps[T]) -> Job[T]:
        """Goes on with the steps, which have yielded, when the reply of this number comes.

        To be called with the lock held, while nothing is under way.
        """
        job = self.active = Job(steps)
        job.begun = True
        self.link.expect(number, partial(self._received, job))
        return job

    async def wait(self, job: Job[T]) -> T:
        """Waits for a job without holding the loop."""
        if not job.done:
            loop = asyncio.get_running_loop()
            self.link.listen(loop)
            with self.link.lock:
                future = None if job.done else loop.create_future()
                job.future = future
            if future is not None:
                await future
        return job.outcome()

    def finish(self, job: Job[T]) -> T:
        """Holds this thread until a job is done."""
        while not job.done:
            active = self.active
            if active is not None and not active.begun:
                # It waits for a turn of a loop, which may be the one that this thread holds.
                self._start(active)
            else:
                self.link.wait()
        return job.outcome()

    async def drive(self, steps: Steps[T]) -> T:
        """Does the steps without holding the loop."""
        return await self.wait(self.submit(steps))

    def run(self, steps: Steps[T]) -> T:
        """Does the steps, and holds this thread until they are done."""
        return self.finish(self.submit(steps))

    def _received(self, job: Job[Any], reply: Reply) -> None:
        self._advance(job, self.noted(reply))

    def _start(self, job: Job[Any]) -> None:
        with self.link.lock:
            if not job.begun:
                job.begun = True
                self._advance(job, None)

    def _advance(self, job: Job[Any], reply: Optional[Reply]) -> None:
        """Goes on with a job, and those behind it, up to one that has to wait."""
        since, error = monotonic(), None
        while True:
            try:
                request = job.steps.send(reply) if error is None else job.steps.throw(error)  # type: ignore[arg-type]
            except StopIteration as done:
                job.end(done.value, None)
            except BaseException as raised:
                job.end(None, raised)
            else:
                error = None
                try:
                    reply = self.link.call(request, partial(self._received, job))
                except Exception as failed:
                    reply, error = None, failed
                    continue
                if reply is None:
                    return
                self.noted(reply)
                continue
            reply, error = None, None
            if not self._queue:
                self.active = None
                return
            job = self.active = self._queue.popleft()
            loop = running()
            if loop is not None and monotonic() - since > _TURN:
                loop.call_soon(self._start, job)
                return
            job.begun = True


def begun(take: Callable[[Reply], Any], rest: Optional[Callable[[], Steps[Any]]] = None) -> Steps[Any]:
    """Steps whose request was made: what takes the reply, and what is done then."""

    def steps() -> Steps[Any]:
        take((yield ()))
        return None if rest is None else (yield from rest())

    made = steps()
    next(made)
    return made


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
