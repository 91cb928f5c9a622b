"""The server's side of the decoder processes.

Own code, since no library that we found keeps its word when a process dies. Measured with two processes:
pebble 5.2 (1.7 ms for an image) calls its whole pool broken when an idle process is killed, and hung when
processes were killed while they answered, since all share one pipe and its locks; concurrent.futures and loky
break the pool at any crash; all of them pickle 60 MB through a pipe (150 ms). Here each process has a socket
and a thread of its own, so that nothing is shared that a death could leave locked.
"""

from __future__ import annotations

import contextlib
import logging
import math
import multiprocessing
import signal
import threading
import time
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import orjson

from bind_inference import errors
from bind_inference.decoders.decoding import Bounds, Decoded, decode
from bind_inference.decoders.handle import DecodersBroken, PoolLimits, Seat
from bind_inference.decoders.process import PRELOAD
from bind_inference.errors import BindError, DecoderCrashed, DecodeTimeout, NotReady
from bind_inference.items.bodies import Endpoint, Item, ParsedBody
from bind_inference.items.shared_memory import Blob, Shared
from bind_inference.items.slices import Slice
from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

log = logging.getLogger(__name__)

# Seconds between two looks for tasks that nobody wants any more: a thousand are looked at in a millisecond.
_LOOK_S: Final = 1.0
# A map holds a descriptor, of which there may be 1,024: worth it for a video, not for each of 4,096 images.
_COPY_BYTES: Final = 1 << 20
# Texts of a large body that come back as strings, to be tokenized in the server.
_SHORT_TEXT_BYTES: Final = 2000


class Decoders(Protocol):
    """Who decodes."""

    def start(self) -> None:
        """Begin to start; returns at once."""
        ...

    def check(self) -> None:
        """Wait until items can be decoded. Raises DecodersBroken."""
        ...

    def text(self, data: str) -> Decoded:
        """Return a short text's tokens, in the calling thread. Raises BindError."""
        ...

    def decode(
        self,
        modality: Modality,
        data: str | Blob,
        wanted: Callable[[], bool],
        done: Callable[[Decoded | Exception, float], None],
    ) -> None:
        """Decode media or a long text, unless it is not `wanted` any more when its turn has come.

        `done` gets what came of it and the seconds it took, in some thread; a BindError is without position.
        """
        ...

    def read(
        self,
        kind: Endpoint,
        raw: Shared,
        max_items: int,
        wanted: Callable[[], bool],
        done: Callable[[ParsedBody | Exception, float], None],
    ) -> None:
        """Read a large body; `wanted` and `done` as for an item."""
        ...

    def close(self) -> None:
        """End at once; what is under way is never done."""
        ...


@dataclass(frozen=True)
class _Task:
    request: dict[str, Any]
    data: str | Shared
    made: Callable[[dict[str, Any], Shared], Any]
    wanted: Callable[[], bool]
    done: Callable[[Any, float], None]
    context: Context = field(default_factory=copy_context)  # so that what is logged carries the request's id


class DecoderPool:
    """Decoder processes, each with a thread that waits for it.

    restarted: is told "crash" or "timeout" for each process that is replaced. Any thread.
    """

    def __init__(self, bounds: Bounds, limits: PoolLimits, restarted: Callable[[str], None]) -> None:
        self._bounds = bounds
        self._limits = limits
        self._restarted = restarted
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._seats = [Seat(bounds, limits, number) for number in range(limits.workers)]
        self._closed = False
        self._looked_at = time.monotonic()

    def start(self) -> None:
        """Start the processes; the fork server imports what they need beside everything else."""
        multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOAD)
        for seat in self._seats:
            threading.Thread(
                target=self._serve, args=(seat,), name=f"decode-{seat.number}", daemon=True
            ).start()

    def check(self) -> None:
        """Wait until a process answers. Raises DecodersBroken."""
        answered: SimpleQueue[dict[str, Any] | Exception] = SimpleQueue()
        self._tasks.put(
            _Task({"do": "check"}, "", lambda told, _: told, lambda: True, lambda told, _: answered.put(told))
        )
        told = answered.get()
        if isinstance(told, Exception):
            raise DecodersBroken(f"the decoder processes do not start: {told}")

    def text(self, data: str) -> Decoded:
        """Return a short text's tokens, in the calling thread."""
        return decode(Modality.TEXT, data, self._bounds)

    def decode(
        self,
        modality: Modality,
        data: str | Blob,
        wanted: Callable[[], bool],
        done: Callable[[Decoded | Exception, float], None],
    ) -> None:
        """Decode media or a long text."""
        request: dict[str, Any] = {"do": "decode", "modality": modality}
        if isinstance(data, Blob):
            request |= {"offset": data.offset, "length": data.length}
        given = data.shared if isinstance(data, Blob) else data
        self._put(_Task(request, given, _decoded, wanted, done))

    def read(
        self,
        kind: Endpoint,
        raw: Shared,
        max_items: int,
        wanted: Callable[[], bool],
        done: Callable[[ParsedBody | Exception, float], None],
    ) -> None:
        """Read a large body."""
        request = {"do": "read", "kind": kind, "max_items": max_items}
        self._put(_Task(request, raw, _body, wanted, done))

    def close(self) -> None:
        """End the processes, whatever they are at."""
        self._closed = True
        for seat in self._seats:
            self._tasks.put(None)
            seat.stop()

    def _put(self, task: _Task) -> None:
        """Queue `task`, and now and then forget those whose clients have hung up.

        They hold their items, which no budget counts any more: while every process is busy for a minute,
        clients that come and go could fill the memory.
        """
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            waiting: list[_Task | None] = []
            with contextlib.suppress(Empty):
                while True:
                    waiting.append(self._tasks.get_nowait())
            for other in waiting:
                if other is None or other.wanted():
                    self._tasks.put(other)
        self._tasks.put(task)

    def _serve(self, seat: Seat) -> None:
        """Hand tasks to one process until the pool is closed."""
        with contextlib.suppress(Exception):  # told to the first task
            seat.start()
        while (task := self._tasks.get()) is not None and not self._closed:
            if task.wanted():
                task.context.run(self._run, seat, task)
            del task  # it holds an item

    def _run(self, seat: Seat, task: _Task) -> None:
        start = time.perf_counter()
        try:
            outcome, seconds = self._outcome(seat, task)
        except Exception as error:  # noqa: BLE001  (it is this item's answer, and the thread must live)
            outcome, seconds = error, time.perf_counter() - start
        if not self._closed:
            task.done(outcome, seconds)

    def _outcome(self, seat: Seat, task: _Task) -> tuple[Any, float]:
        data = task.data if isinstance(task.data, Shared) else Shared()
        request = task.request
        if isinstance(task.data, str):
            raw = task.data.encode("utf-8", "surrogatepass")
            request = request | {"offset": data.write(raw), "length": len(raw)}
            del raw
        what = "the body: " if request["do"] == "read" else ""  # an item is named by whoever knows its place
        start = time.perf_counter()
        try:
            answer = seat.ask(request, data)
        except DecodersBroken as error:
            raise NotReady(f"no decoder process can be started ({error}); try again") from error
        except TimeoutError:
            took_s = time.perf_counter() - start
            self._note("timeout", request, seat.replace())
            raise DecodeTimeout(
                f"{what}its decoder was stopped after {took_s:.1f} s; at most {self._limits.timeout_s:g} s "
                "are allowed (--decode-timeout-s)"
            ) from None
        except (EOFError, OSError):
            if self._closed:
                raise
            status = seat.replace()
            self._note("crash", request, status)
            raise DecoderCrashed(what + _crash(status)) from None
        place = orjson.loads(answer.message)
        told = orjson.loads(answer.shared.read(place["offset"], place["length"]))
        if "error" in told:
            return _error(told["error"]), told["seconds"]
        if "bug" in told:
            return RuntimeError(f"a bug in a decoder\n{told['bug']}"), told["seconds"]
        return task.made(told, answer.shared), told["seconds"]

    def _note(self, cause: str, request: dict[str, Any], status: int | None) -> None:
        self._restarted(cause)
        log.warning(
            "a decoder was replaced",
            extra={"cause": cause, "modality": request.get("modality"), "exit_status": status},
        )


def _crash(status: int | None) -> str:
    """Return what is said of a process that ended with `status`, below 0 a signal."""
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


def _error(told: dict[str, Any]) -> BindError:
    """Return the error that a decoder tells by its name."""
    kind = getattr(errors, str(told["kind"]), None)
    if not isinstance(kind, type) or not issubclass(kind, BindError):
        kind = errors.InvalidItem
    error = kind(str(told["message"]))
    error.item = told.get("item")
    return error


def _decoded(told: dict[str, Any], shared: Shared) -> Decoded:
    return Decoded(
        [
            Slice(_array(shared, part["offset"], part["shape"], part["dtype"]), part["share"], part["gflop"])
            for part in told["slices"]
        ],
        told["tokens"],
    )


def _array(shared: Shared, offset: int, shape: list[int], dtype: str) -> npt.NDArray[Any]:
    size = math.prod(shape)
    if size * 4 > _COPY_BYTES:
        return np.frombuffer(shared.map(), dtype, size, offset).reshape(shape)
    array = np.empty(shape, dtype)
    shared.read_into(array.data.cast("B"), offset)
    return array


def _body(told: dict[str, Any], shared: Shared) -> ParsedBody:
    items = []
    for name, index, offset, length, digest in told["items"]:
        modality = Modality(name)
        blob = Blob(shared, offset, length, bytes.fromhex(digest))
        short = modality is Modality.TEXT and length <= _SHORT_TEXT_BYTES
        items.append(Item(modality, index, blob.read() if short else blob))
    return ParsedBody(items, [_error(fault) for fault in told["faults"]], told["options"])
