"""One connection's work: one job in ``aiosqlite`` is one job here.

A job is a generator that yields requests and is sent the replies. Jobs run one after
another, in the order they were submitted, each as a whole. A caller may stop waiting for
a job: it runs all the same, and nobody gets its outcome.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Generator
from functools import partial
from threading import get_ident
from time import monotonic
from typing import Any, Callable, Generic, Optional, TypeVar

from ._engine import DbapiClient, Reply, elsewhere, running

__all__ = ["Job", "Jobs", "Request", "Steps", "begun"]

T = TypeVar("T")
Request = tuple[Any, ...]
Steps = Generator[Request, Reply, T]

_SLEEP = 29

_TURN = 0.0005
"""Seconds for which jobs that complete at once may keep an event loop, give or take one job."""


class Job(Generic[T]):
    """A piece of work that has run, is running or will run."""

    __slots__ = ("begun", "done", "error", "future", "steps", "value")

    def __init__(self, steps: Steps[T]) -> None:
        self.steps = steps
        self.begun = False
        self.done = False
        self.value: Any = None
        self.error: Optional[BaseException] = None
        self.future: Optional[asyncio.Future[None]] = None

    def step(self, reply: Optional[Reply], error: Optional[Exception]) -> Optional[Request]:
        """Continues with a reply, or with the error in its place; returns the next request, unless it is done."""
        try:
            return self.steps.send(reply) if error is None else self.steps.throw(error)  # type: ignore[arg-type]
        except StopIteration as done:
            self.end(done.value, None)
        except BaseException as raised:
            self.end(None, raised)
        return None

    def end(self, value: Any, error: Optional[BaseException]) -> None:
        """Marks the job as done and wakes its waiter."""
        if self.done:
            return
        self.value, self.error, self.done = value, error, True
        future = self.future
        if future is not None:
            loop = future.get_loop()
            if running() is loop:
                _settle(future)
            else:
                elsewhere(loop, _settle, future)

    def outcome(self) -> T:
        """Returns the job's value, or raises its error."""
        error, self.error = self.error, None
        if error is None:
            return self.value  # type: ignore[no-any-return]
        try:
            raise error
        finally:
            # The error would otherwise be in its own traceback.
            del error


class Jobs:
    """The jobs of one connection."""

    def __init__(self) -> None:
        self.engine = DbapiClient()
        # The running job; `None`: a new job starts at once.
        self.active: Optional[Job[Any]] = None
        self._queue: deque[Job[Any]] = deque()
        # The thread that runs a job's own code, and the one that does the connection's work.
        self._stepping = 0
        self.server = 0

    def noted(self, reply: Reply) -> Reply:
        """Stores what a reply says about the connection."""
        return reply

    def submit(self, steps: Steps[T]) -> Job[T]:
        """Runs the steps as a job: immediately, as far as possible, if no job is running."""
        job = Job(steps)
        here = get_ident()
        if here == self.server:
            # The job would wait for the statement that waits for it.
            raise sqlite3.ProgrammingError("a function can't use the connection whose statement calls it")
        with self.engine.lock:
            if self.active is None:
                self.active = job
                self._start(job)
            elif here == self._stepping:
                # Submitted by a job's own code, which waits for it: that job has no request in flight.
                self._nested(job)
            else:
                self._queue.append(job)
        return job

    def _nested(self, job: Job[Any]) -> None:
        replies: list[Reply] = []
        reply, error = None, None
        while (request := job.step(reply, error)) is not None:
            error = None
            try:
                reply = self.engine.call(request, replies.append)
                while reply is None:
                    self.engine.wait()
                    reply = replies.pop() if replies else None
                self.noted(reply)
            except Exception as failed:
                reply, error = None, failed

    def expect(self, number: int, steps: Steps[T]) -> Job[T]:
        """Continues with the steps, which have yielded, when the reply with this number arrives.

        Must be called with the lock held, while no job is running.
        """
        job = self.active = Job(steps)
        job.begun = True
        self.engine.expect(number, partial(self._received, job))
        return job

    async def wait(self, job: Job[T]) -> T:
        """Waits for a job without blocking the loop."""
        if not job.done:
            future = asyncio.get_running_loop().create_future()
            if self.tell(job, future):
                await future
        return job.outcome()

    def tell(self, job: Job[Any], future: asyncio.Future[None]) -> bool:
        """Settles a future of the running loop when a job is done; returns false if it is done already."""
        self.engine.listen(future.get_loop())
        with self.engine.lock:
            if not job.done:
                job.future = future
            return not job.done

    def finish(self, job: Job[T]) -> T:
        """Blocks this thread until a job is done."""
        while not job.done:
            active = self.active
            if active is not None and not active.begun:
                # It waits for a turn of a loop, which may be the one that this thread blocks.
                self._start(active)
            else:
                self.engine.wait()
        return job.outcome()

    async def drive(self, steps: Steps[T]) -> T:
        """Runs the steps without blocking the loop."""
        return await self.wait(self.submit(steps))

    def run(self, steps: Steps[T]) -> T:
        """Runs the steps, and blocks this thread until they are done."""
        return self.finish(self.submit(steps))

    def _received(self, job: Job[Any], reply: Reply) -> None:
        self._advance(job, self.noted(reply))

    def _turned(self, job: Job[Any], reply: Reply) -> None:
        self.noted(reply)
        self._start(job)

    def let_go(self) -> Optional[Job[None]]:
        """Ends the connection when earlier jobs are done: at once if there are none, or no loop fetches replies."""
        with self.engine.lock:
            if self.active is not None and self.engine.is_heard():
                return self.submit(self._last())
        self.release()
        return None

    def _last(self) -> Steps[None]:
        try:
            yield from self.steps_close()
        finally:
            self.release()

    def steps_close(self) -> Steps[None]:
        """Closes the connection."""
        raise NotImplementedError

    def release(self) -> None:
        """Releases the connection. Jobs that are not done fail."""
        self.engine.release()
        with self.engine.lock:
            jobs = [*([] if self.active is None else [self.active]), *self._queue]
            self.active = None
            self._queue.clear()
        for job in jobs:
            job.end(None, sqlite3.ProgrammingError("Cannot operate on a closed database."))

    def _start(self, job: Job[Any]) -> None:
        with self.engine.lock:
            if not job.begun:
                job.begun = True
                self._advance(job, None)

    def _advance(self, job: Job[Any], reply: Optional[Reply]) -> None:
        """Continues with a job, and with those queued after it, up to one that has to wait."""
        since, error = monotonic(), None
        while True:
            before, self._stepping = self._stepping, get_ident()
            request = job.step(reply, error)
            self._stepping = before
            if request is not None:
                error = None
                try:
                    reply = self.engine.call(request, partial(self._received, job))
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
            if running() is not None and monotonic() - since > _TURN:
                # Through the engine, so that any loop that fetches replies can continue: this one may end.
                self.engine.call((self.engine.number(), _SLEEP, 0), partial(self._turned, job))
                return
            job.begun = True


def begun(take: Callable[[Reply], Any], rest: Optional[Callable[[], Steps[Any]]] = None) -> Steps[Any]:
    """Makes steps whose request was already sent: ``take`` gets the reply, and then ``rest`` runs."""

    def steps() -> Steps[Any]:
        take((yield ()))
        return None if rest is None else (yield from rest())

    made = steps()
    next(made)
    return made


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
