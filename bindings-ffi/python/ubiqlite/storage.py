"""Storages of a program's own, in which the files of replicas are kept."""

from __future__ import annotations

from asyncio import CancelledError, Task, create_task, current_task
from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Iterable, Iterator
from typing import Any, Optional, Protocol, Union, runtime_checkable

from . import _ops as op
from ._client import EngineClient, Reply, cells_of, check
from ._target import CallTarget
from .errors import Error

# What is to be done.
_PUT = 0
_LIST = 1
_GET = 2

# What became of it.
_DONE = 0
_MORE = 1
_NAMES = 2
_BYTES = 3
_END = 4
_NOT_FOUND = 5
_FAILED = 6

_GONE = '{"kind": "Closed", "message": "the storage of a replica has ended"}'


@runtime_checkable
class ReplicaStorage(Protocol):
    """Where the files of a replica are kept, if that is no folder: an object store, for example.

    A program writes its own, which need not derive from this. The names are as
    ``ltx/0/0000000000000002-0000000000000007.ltx``, and ``ubiqlite.owner``, which says whose the storage is: a second
    replica of the process is refused (:class:`Busy`), and one of another process takes it over, after which the first
    ends. The methods run in tasks of the event loop that has begun the
    replica. What one raises is told by :meth:`Replica.state`, and is tried again later; it never concerns those who
    write to the database. One method at a time is called for a replica, except that
    a file of which only the beginning was wanted may still be closing. While one waits for something that never
    comes, so does the replica, until ``stop()`` or ``close()`` has waited for the close timeout; it has ended then, and
    the task is cancelled::

        class Bucket:
            def __init__(self, objects):
                self.objects = objects  # a dict, which stands for the client of an object store

            async def put(self, name, content):
                self.objects[name] = b"".join([chunk async for chunk in content])

            async def list(self):
                return list(self.objects)

            async def get(self, name):
                return self.objects.get(name)

            async def remove(self, name):
                del self.objects[name]


        replica = await db.replicate(Bucket({}))
    """

    async def put(self, name: str, content: AsyncIterator[bytes], /) -> None:
        """Stores a file, in place of one that has the name: whole and lasting once this returns.

        It reads the content to its end, or raises. A file with all pages of a large database is large, too: its
        content may be passed on as it comes, in pieces of 256 KiB at most.
        """
        ...

    async def list(self) -> Iterable[str]:
        """Returns the names of all files; there may be others among them."""
        ...

    async def get(self, name: str, /) -> Union[bytes, AsyncIterable[bytes], None]:
        """Returns a file, as its bytes or as an iterator over them; ``None`` if there is none of that name."""
        ...

    async def remove(self, name: str, /) -> None:
        """Removes a file, if there is one."""
        ...


class StorageTasks:
    """Does with a program's storage what the engine wants, until that ends it.

    It goes on while the database closes, which stores what was committed before.
    """

    __slots__ = ("_client", "_over", "_storage", "_tasks", "handle")

    def __init__(self, client: EngineClient, handle: int, storage: ReplicaStorage) -> None:
        self._client = client
        self.handle = handle
        self._storage = storage
        # The loop itself keeps no task alive.
        self._tasks: set[Task[None]] = set()
        self._over = False

    @staticmethod
    async def begin(target: CallTarget, storage: ReplicaStorage) -> StorageTasks:
        """Makes a handle for the storage, and waits for what is to be done with it."""
        client, handle = await target.open_handle(op.STORAGE, None)
        tasks = StorageTasks(client, handle, storage)
        tasks._begin(tasks._run())
        return tasks

    def end(self) -> None:
        """Ends it: the engine gets nothing done any more."""
        self._client.drop(self.handle, _GONE)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        try:
            while True:
                reply = await self._ask(op.NEXT, 0)
                if reply[5]:
                    self._client.release(self.handle)
                    return
                number, what, name = cells_of(reply)
                self._begin(self._carry_out(number, what, name))
        except Error:
            # The database is closed.
            return
        finally:
            self.end()
            self._over = True
            # Nobody waits for what they do.
            for task in self._tasks - {current_task()}:
                task.cancel()

    async def _carry_out(self, number: int, what: int, name: Optional[str]) -> None:
        storage, name = self._storage, name or ""
        try:
            if what == _PUT:
                await storage.put(name, self._content(number))
            elif what == _LIST:
                names = list(await storage.list())
                for each in names:
                    if not isinstance(each, str):
                        raise TypeError(f"list() must return names as str, not {type(each).__name__}")
                await self._ask(op.STORED, number, _NAMES, names)
                return
            elif what == _GET:
                await self._send(number, await storage.get(name))
                return
            else:
                await storage.remove(name)
            await self._ask(op.STORED, number, _DONE)
        except (Exception, CancelledError) as error:
            # A cancellation from within the storage is told like any failure: the engine waits for it.
            if self._over and isinstance(error, CancelledError):
                raise
            text = str(error) or type(error).__name__
            try:
                # A lone surrogate is no text elsewhere.
                await self._ask(op.STORED, number, _FAILED, text.encode("utf-8", "replace").decode())
            except Error:
                # Nobody wants to know any more.
                return

    async def _content(self, number: int) -> AsyncIterator[bytes]:
        while rows := (await self._ask(op.STORED, number, _MORE))[2]:
            yield rows[0][0]

    async def _send(self, number: int, file: Union[bytes, AsyncIterable[bytes], None]) -> None:
        if file is None:
            await self._ask(op.STORED, number, _NOT_FOUND)
            return
        async for piece in _pieces(file):
            if not (await self._ask(op.STORED, number, _BYTES, piece))[2]:
                return
        await self._ask(op.STORED, number, _END)

    async def _ask(self, operation: int, *payload: Any) -> Reply:
        client = self._client
        number = client.number()
        reply = client.send((number, operation, self.handle, None, *payload))
        if reply is None:
            reply = await client.reply_of(number, self.handle)
        return check(reply)


async def _pieces(file: Union[bytes, AsyncIterable[bytes]]) -> AsyncIterator[bytes]:
    """Yields the bytes of a file, in pieces that may be sent at once."""
    if isinstance(file, (bytes, bytearray, memoryview)):
        for piece in _parts(file):
            yield piece
    else:
        async for chunk in file:
            for piece in _parts(chunk):
                yield piece


def _parts(chunk: bytes) -> Iterator[bytes]:
    view = memoryview(chunk).cast("B")
    for start in range(0, len(view), op.PIECE):
        yield bytes(view[start : start + op.PIECE])
