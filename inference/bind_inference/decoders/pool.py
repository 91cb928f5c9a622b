"""The server's side of the decoder processes.

This is our own code, because no library that we found keeps its word when a process dies. Measured with two
processes: pebble 5.2 (1.7 ms for an image) calls its whole pool broken when an idle process is killed, and
hung when processes were killed while they replied, since all share one pipe and its locks; concurrent.futures
and loky break the pool at any crash; all of them pickle 60 MB through a pipe (150 ms). Here each process has
a socket and a thread of its own, so that nothing is shared that a death could leave locked.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import signal
import threading
import time
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from bind_inference.decoders.decoding import Bounds, Decoded, decode
from bind_inference.decoders.fair_queue import FairQueue
from bind_inference.decoders.handle import NobodyWaits, PoolConfig, ProcessHandle
from bind_inference.decoders.messages import build_body, build_decoded, build_error, read_reply
from bind_inference.decoders.process import PRELOAD
from bind_inference.decoders.protocol import DecodersBroken
from bind_inference.errors import DecoderCrashed, DecodeTimeout, NotReady
from bind_inference.items.shared_memory import Blob, Shared
from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from bind_inference.decoders.protocol import Done, Wanted
    from bind_inference.items.bodies import Endpoint, ParsedBody

log = logging.getLogger(__name__)

# Seconds between two sweeps for tasks that nobody wants any more; one over a thousand takes a millisecond.
_SWEEP_S: Final = 1.0
# Characters of a text from which on it may take longer than a short task: a nest of "&amp;amp;" takes 14 s
# for 100,000, and the cost grows with the square.
_LONG_TEXT: Final = 13_000


@dataclass(frozen=True, eq=False)
class _Task:
    """`build` makes the result of the reply and of the memory beside it."""

    request: dict[str, Any]
    data: str | Shared
    build: Callable[[dict[str, Any], Shared], Any]
    wanted: Wanted
    done: Done[Any]
    context: Context = field(default_factory=copy_context)  # so that what is logged carries the request's id


class DecoderPool:
    """Decoder processes, each with a thread that waits for it."""

    def __init__(self, bounds: Bounds, config: PoolConfig, restarted: Callable[[str], None]) -> None:
        """`restarted` is called with "crash" or "timeout" for each process replaced, in any thread."""
        self._bounds = bounds
        self._config = config
        self._restarted = restarted
        self._tasks = FairQueue[_Task](config.workers, lambda task: task.wanted())
        self._changed = threading.Condition()  # it guards the queue
        self._handles = [ProcessHandle(bounds, config, number) for number in range(config.workers)]
        self._closed = False
        self._swept_at = time.monotonic()

    def start(self) -> None:
        """Start the processes; the fork server imports what they need beside everything else."""
        multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOAD)
        for handle in self._handles:
            name = f"decode-{handle.number}"
            threading.Thread(target=self._serve, args=(handle,), name=name, daemon=True).start()

    def check(self) -> None:
        """Wait until a process answers. Raises DecodersBroken."""
        results: SimpleQueue[dict[str, Any] | Exception] = SimpleQueue()

        def done(result: dict[str, Any] | Exception, _seconds: float) -> None:
            results.put(result)

        self._put(_Task({"do": "check"}, "", lambda reply, _: reply, lambda: True, done), object())
        if isinstance(result := results.get(), Exception):
            raise DecodersBroken(f"the decoder processes do not start: {result}")
        if missing := result["open"]:
            log.warning(
                "decoders are not locked in: this kernel cannot", extra={"detail": "; ".join(missing)}
            )

    def text(self, data: str) -> Decoded:
        """Return a short text's tokens, in the calling thread."""
        return decode(Modality.TEXT, data, self._bounds)

    def decode(
        self,
        modality: Modality,
        data: str | Blob,
        wanted: Wanted,
        done: Done[Decoded],
        asked_by: Hashable = None,
    ) -> None:
        """Decode media or a long text."""
        request: dict[str, Any] = {"do": "decode", "modality": modality}
        if isinstance(data, Blob):
            request |= {"offset": data.offset, "length": data.length}
        media = data.shared if isinstance(data, Blob) else data
        is_long = modality is Modality.VIDEO or (modality is Modality.TEXT and len(data) > _LONG_TEXT)
        task = _Task(request, media, build_decoded, wanted, done)
        self._put(task, asked_by or object(), is_long=is_long)

    def read(
        self, kind: Endpoint, raw: Shared, max_items: int, wanted: Wanted, done: Done[ParsedBody]
    ) -> None:
        """Read a large body."""
        request = {"do": "read", "kind": kind, "max_items": max_items}
        self._put(_Task(request, raw, build_body, wanted, done), object())

    def waiting(self) -> int:
        """Return how many items and bodies wait until a process is free."""
        return len(self._tasks)

    def close(self) -> None:
        """End the processes, whatever they do."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for handle in self._handles:
            handle.stop()

    def _put(self, task: _Task, asked_by: Hashable, *, is_long: bool = False) -> None:
        """Queue `task`, and now and then drop those whose clients have hung up.

        They hold their items, which no budget counts any more: while every process is busy for a minute,
        clients that come and go could fill the memory.
        """
        now = time.monotonic()
        with self._changed:
            if now - self._swept_at >= _SWEEP_S:
                self._swept_at = now
                self._tasks.sweep()
            self._tasks.put(task, asked_by, now, is_long=is_long)
            self._changed.notify()

    def _serve(self, handle: ProcessHandle) -> None:
        """Hand tasks to one process until the pool is closed."""
        with contextlib.suppress(Exception):  # the first task starts one, or fails of the same
            handle.start()
        while (task := self._next()) is not None:
            task.context.run(self._run, handle, task)
            with self._changed:
                self._tasks.done(task, time.monotonic())
            del task  # it holds an item

    def _next(self) -> _Task | None:
        """Wait for the next task; None: the pool is closed."""
        with self._changed:
            while not self._closed:
                if (task := self._tasks.take(time.monotonic())) is not None:
                    # What kept it waiting may be over for others too.
                    self._changed.notify() if len(self._tasks) else None
                    return task
                self._changed.wait()
        return None

    def _run(self, handle: ProcessHandle, task: _Task) -> None:
        start = time.perf_counter()
        try:
            result, seconds = self._result(handle, task)
        except NobodyWaits:
            handle.replace()  # it may be at it for another minute, and others wait
            return
        except Exception as error:  # noqa: BLE001  (it is this item's result, and the thread must live)
            result, seconds = error, time.perf_counter() - start
        if not self._closed:
            task.done(result, seconds)

    def _result(self, handle: ProcessHandle, task: _Task) -> tuple[Any, float]:
        """Return what came of `task` and the seconds it took. Raises what kept the process from a reply."""
        data = task.data if isinstance(task.data, Shared) else Shared()
        request = task.request
        if isinstance(task.data, str):
            raw = task.data.encode("utf-8", "surrogatepass")
            request = request | {"offset": data.write(raw), "length": len(raw)}
            del raw
        what = "the body: " if request["do"] == "read" else ""  # an item is named by whoever knows its place
        start = time.perf_counter()
        try:
            message, shared = handle.ask(request, data, task.wanted)
        except DecodersBroken as error:
            raise NotReady(f"no decoder process can be started ({error}); try again") from error
        except TimeoutError:
            took_s = time.perf_counter() - start
            self._note("timeout", request, handle.replace())
            raise DecodeTimeout(
                f"{what}its decoder was stopped after {took_s:.1f} s; at most {self._config.timeout_s:g} s "
                "are allowed (--decode-timeout-s)"
            ) from None
        except (EOFError, OSError):
            if self._closed:
                raise
            status = handle.replace()
            self._note("crash", request, status)
            raise DecoderCrashed(what + _describe_crash(status)) from None
        reply = read_reply(message, shared)
        if "error" in reply:
            return build_error(reply["error"]), reply["seconds"]
        if "bug" in reply:
            return RuntimeError(f"a bug in a decoder\n{reply['bug']}"), reply["seconds"]
        return task.build(reply, shared), reply["seconds"]

    def _note(self, cause: str, request: dict[str, Any], status: int | None) -> None:
        self._restarted(cause)
        log.warning(
            "a decoder was replaced",
            extra={"cause": cause, "modality": request.get("modality"), "exit_status": status},
        )


def _describe_crash(status: int | None) -> str:
    """Return the message for an item whose process ended with `status`, below 0 a signal."""
    if status == -signal.SIGKILL:
        return (
            "its decoder crashed (SIGKILL), most likely because the memory of the server ran out: "
            "send a smaller one"
        )
    if status is not None and status < 0:
        name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
        return f"its decoder crashed ({name}): the file is broken in a way that the decoder does not survive"
    ended = "" if status is None else f" (exit status {status})"
    return f"its decoder crashed{ended}: the file is broken in a way that the decoder does not survive"
