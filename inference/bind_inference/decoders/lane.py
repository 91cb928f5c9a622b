"""A lane of decoder processes: a queue, and for each process a thread that hands it tasks and waits."""

from __future__ import annotations

import contextlib
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from bind_inference.decoders.handle import GivesWay, PoolConfig, ProcessHandle
from bind_inference.decoders.task_queue import TaskQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from bind_inference.decoders.decoding import Bounds

# Seconds between two sweeps for tasks that nobody wants any more; one over a thousand takes a millisecond.
_SWEEP_S: Final = 1.0


class Task(Protocol):
    """A lane knows a task by whether somebody waits for it, and by who asked."""

    @property
    def wanted(self) -> Callable[[], bool]:
        """Return what tells whether somebody still waits."""
        ...

    @property
    def asked_by(self) -> Hashable:
        """Return the request, or what stands for one."""
        ...

    @property
    def is_long(self) -> bool:
        """Return whether it is known to take long."""
        ...


TaskT = TypeVar("TaskT", bound=Task)


class Lane(Generic[TaskT]):
    """Its threads call `run` with a process, the task that is next, and what tells whether that gives way.

    If it does, `run` raises GivesWay, once the process is rid of it.
    """

    def __init__(
        self,
        bounds: Bounds,
        config: PoolConfig,
        name: str,
        run: Callable[[ProcessHandle, TaskT, Callable[[], bool]], None],
    ) -> None:
        self.handles = [ProcessHandle(bounds, config, f"{name}-{n}") for n in range(config.workers)]
        self._tasks = TaskQueue[TaskT](config.workers, lambda task: task.wanted())
        self._run = run
        self._changed = threading.Condition()  # it guards the queue
        self._closed = False
        self._swept_at = time.monotonic()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self) -> None:
        """Start the threads, each of which starts its process."""
        for handle in self.handles:
            threading.Thread(target=self._serve, args=(handle,), name=handle.name, daemon=True).start()

    def put(self, task: TaskT) -> None:
        """Queue `task`, and now and then drop those whose clients have hung up.

        They hold their items, which no budget counts any more: while every process is busy for a minute,
        clients that come and go could fill the memory.
        """
        now = time.monotonic()
        with self._changed:
            if now - self._swept_at >= _SWEEP_S:
                self._swept_at = now
                self._tasks.sweep()
            self._tasks.put(task, task.asked_by, now, is_long=task.is_long)
            self._changed.notify()

    def close(self) -> None:
        """End the processes, whatever they do."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for handle in self.handles:
            handle.stop()

    def _serve(self, handle: ProcessHandle) -> None:
        """Hand tasks to one process until the lane is closed."""
        with contextlib.suppress(Exception):  # the first task starts one, or fails of the same
            handle.start()
        while (task := self._next()) is not None:
            try:
                self._run(handle, task, partial(self._gives_way, task))
            except GivesWay:
                leave = self._tasks.put_back
            else:
                leave = self._tasks.done
            with self._changed:
                leave(task, time.monotonic())
            del task  # it holds an item

    def _gives_way(self, task: TaskT) -> bool:
        with self._changed:
            return not self._closed and self._tasks.gives_way(task, time.monotonic())

    def _next(self) -> TaskT | None:
        """Wait for the next task; None: the lane is closed."""
        with self._changed:
            while not self._closed:
                if (task := self._tasks.take(time.monotonic())) is not None:
                    # What kept it waiting may be over for others too.
                    self._changed.notify() if len(self._tasks) else None
                    return task
                self._changed.wait()
        return None
