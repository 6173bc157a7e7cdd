"""One connection's work: what is one job in ``aiosqlite`` is one job here.

A job is a generator that yields requests and is sent the replies. Jobs are done one after
another, in the order in which they were asked for, each as a whole; whoever waits for one
may stop to: it is done all the same, and nobody is told.
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

from ._engine import Link, Reply, elsewhere, running

__all__ = ["Job", "Jobs", "Request", "Steps", "begun"]

T = TypeVar("T")
Request = tuple[Any, ...]
Steps = Generator[Request, Reply, T]

_SLEEP = 29

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

    def step(self, reply: Optional[Reply], error: Optional[Exception]) -> Optional[Request]:
        """Goes on with a reply, or with why there is none; the next request, unless it is done."""
        try:
            return self.steps.send(reply) if error is None else self.steps.throw(error)  # type: ignore[arg-type]
        except StopIteration as done:
            self.end(done.value, None)
        except BaseException as raised:
            self.end(None, raised)
        return None

    def end(self, value: Any, error: Optional[BaseException]) -> None:
        """It is done: whoever waits is told."""
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
        # The thread on which a job's own code runs, and the one that does the connection's work.
        self._stepping = 0
        self.server = 0

    def noted(self, reply: Reply) -> Reply:
        """Keeps what a reply tells about the connection."""
        return reply

    def submit(self, steps: Steps[T]) -> Job[T]:
        """Does the steps: at once as far as that goes, if nothing is under way."""
        job = Job(steps)
        here = get_ident()
        if here == self.server:
            # It would wait for the statement that waits for it.
            raise sqlite3.ProgrammingError("a function can't use the connection whose statement calls it")
        with self.link.lock:
            if self.active is None:
                self.active = job
                self._start(job)
            elif here == self._stepping:
                # Asked for by a job's own code, which waits for it: nothing of that is under way.
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
                reply = self.link.call(request, replies.append)
                while reply is None:
                    self.link.wait()
                    reply = replies.pop() if replies else None
                self.noted(reply)
            except Exception as failed:
                reply, error = None, failed

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
            future = asyncio.get_running_loop().create_future()
            if self.tell(job, future):
                await future
        return job.outcome()

    def tell(self, job: Job[Any], future: asyncio.Future[None]) -> bool:
        """Has a future of the running loop's told when a job is done; false: it is."""
        self.link.listen(future.get_loop())
        with self.link.lock:
            if not job.done:
                job.future = future
            return not job.done

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

    def _turned(self, job: Job[Any], reply: Reply) -> None:
        self.noted(reply)
        self._start(job)

    def let_go(self) -> Optional[Job[None]]:
        """Ends the connection when what was asked is done; at once, if nothing is, or nobody hears of it."""
        with self.link.lock:
            if self.active is not None and self.link.is_heard():
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
        """Lets the connection go. Whoever still waits is told."""
        self.link.release()
        with self.link.lock:
            jobs = [*([] if self.active is None else [self.active]), *self._queue]
            self.active = None
            self._queue.clear()
        for job in jobs:
            job.end(None, sqlite3.ProgrammingError("Cannot operate on a closed database."))

    def _start(self, job: Job[Any]) -> None:
        with self.link.lock:
            if not job.begun:
                job.begun = True
                self._advance(job, None)

    def _advance(self, job: Job[Any], reply: Optional[Reply]) -> None:
        """Goes on with a job, and those behind it, up to one that has to wait."""
        since, error = monotonic(), None
        while True:
            before, self._stepping = self._stepping, get_ident()
            request = job.step(reply, error)
            self._stepping = before
            if request is not None:
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
            if running() is not None and monotonic() - since > _TURN:
                # By way of the engine, so that whoever hears of it goes on: this loop may end.
                self.link.call((self.link.number(), _SLEEP, 0), partial(self._turned, job))
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
