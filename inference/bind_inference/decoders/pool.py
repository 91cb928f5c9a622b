"""The server's side of the decoder processes.

This is our own code, because no library that we found keeps its word when a process dies. Measured with two
processes: pebble 5.2 (1.7 ms for an image) calls its whole pool broken when an idle process is killed, and
hung when processes were killed while they replied, since all share one pipe and its locks; concurrent.futures
and loky break the pool at any crash; all of them pickle 60 MB through a pipe (150 ms). Here each process has
a socket and a thread of its own, so that nothing is shared that a death could leave locked.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import time
from contextvars import Context, copy_context
from dataclasses import asdict, dataclass, field, replace
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from bind_inference.decoders.decoding import Bounds, Decoded, decode
from bind_inference.decoders.handle import GivesWay, NobodyWaits, PoolConfig, ProcessHandle
from bind_inference.decoders.lane import Lane
from bind_inference.decoders.messages import (
    build_body,
    build_decoded,
    build_duration,
    build_error,
    read_reply,
)
from bind_inference.decoders.process import PRELOAD
from bind_inference.decoders.protocol import DecodersBroken
from bind_inference.errors import (
    AudioTooShort,
    DecoderCrashed,
    DecodeTimeout,
    InvalidItem,
    NotReady,
    TooLittleMemory,
)
from bind_inference.items.shared_memory import Blob, Shared
from bind_inference.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from bind_inference.decoders.protocol import Done, Wanted
    from bind_inference.items.bodies import Endpoint, ParsedBody
    from bind_inference.items.windows import WindowGroup

log = logging.getLogger(__name__)

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
    asked_by: Hashable = field(default_factory=object)
    is_long: bool = False
    context: Context = field(default_factory=copy_context)  # so that what is logged carries the request's id


class DecoderPool:
    """Decoder processes, each with a thread that waits for it."""

    def __init__(self, bounds: Bounds, config: PoolConfig, restarted: Callable[[str], None]) -> None:
        """`restarted` is called, in any thread, for each process that is replaced: with what a metric counts.

        That is "crash", "timeout", or "gave_way" where a long item was stopped for what may be short.
        """
        self._bounds = bounds
        self._config = config
        self._restarted = restarted
        self._closed = False
        self._lanes = [Lane[_Task](bounds, config, "decode", self._run)]
        if config.large_bytes:
            large = replace(config, workers=1, memory_bytes=config.large_bytes)
            self._lanes.append(Lane[_Task](bounds, large, "decode-large", self._run_again))

    def start(self) -> None:
        """Start the processes; the fork server imports what they need beside everything else."""
        multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOAD)
        for lane in self._lanes:
            lane.start()

    def check(self) -> None:
        """Wait until a process answers. Raises DecodersBroken."""
        results: SimpleQueue[dict[str, Any] | Exception] = SimpleQueue()

        def done(result: dict[str, Any] | Exception, _seconds: float) -> None:
            results.put(result)

        self._lanes[0].put(_Task({"do": "check"}, "", lambda reply, _: reply, lambda: True, done))
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
        windows: WindowGroup | None = None,
    ) -> None:
        """Decode media or a long text, or windows of a recording."""
        request: dict[str, Any] = {"do": "decode", "modality": modality}
        if windows:
            request["windows"] = asdict(windows)
        is_long = modality is Modality.VIDEO or (modality is Modality.TEXT and len(data) > _LONG_TEXT)
        self._put(request, data, build_decoded, wanted, done, asked_by, is_long=is_long or bool(windows))

    def measure(
        self,
        modality: Modality,
        data: str | Blob,
        wanted: Wanted,
        done: Done[int],
        asked_by: Hashable = None,
    ) -> None:
        """Find how long a recording is."""
        request = {"do": "measure", "modality": modality}
        self._put(request, data, build_duration, wanted, done, asked_by, is_long=True)

    def _put(
        self,
        request: dict[str, Any],
        data: str | Blob,
        build: Callable[[dict[str, Any], Shared], Any],
        wanted: Wanted,
        done: Done[Any],
        asked_by: Hashable,
        *,
        is_long: bool,
    ) -> None:
        if isinstance(data, Blob):
            request = request | {"offset": data.offset, "length": data.length}
        media = data.shared if isinstance(data, Blob) else data
        self._lanes[0].put(_Task(request, media, build, wanted, done, asked_by or object(), is_long))

    def read(
        self, kind: Endpoint, raw: Shared, max_items: int, wanted: Wanted, done: Done[ParsedBody]
    ) -> None:
        """Read a large body."""
        request = {"do": "read", "kind": kind, "max_items": max_items}
        self._lanes[0].put(_Task(request, raw, build_body, wanted, done))

    def waiting(self) -> int:
        """Return how many items and bodies wait until a process is free."""
        return sum(map(len, self._lanes))

    def close(self) -> None:
        """End the processes, whatever they do."""
        self._closed = True
        for lane in self._lanes:
            lane.close()

    def _run(self, handle: ProcessHandle, task: _Task, gives_way: Callable[[], bool]) -> None:
        task.context.run(self._try, handle, task, gives_way, is_last=len(self._lanes) == 1)

    def _run_again(self, handle: ProcessHandle, task: _Task, gives_way: Callable[[], bool]) -> None:
        task.context.run(self._try, handle, task, gives_way, is_last=True)

    def _try(
        self, handle: ProcessHandle, task: _Task, gives_way: Callable[[], bool], *, is_last: bool
    ) -> None:
        start = time.perf_counter()
        try:
            result, seconds = self._result(handle, task, gives_way)
        except NobodyWaits:
            handle.replace()  # it may be at it for another minute, and others wait
            return
        except GivesWay:
            handle.replace()
            self._restarted("gave_way")
            raise
        except Exception as error:  # noqa: BLE001  (it is this item's result, and the thread must live)
            result, seconds = error, time.perf_counter() - start
        if self._closed:
            return
        if not is_last and _may_need_memory(result):
            self._lanes[-1].put(task)
        else:
            task.done(result, seconds)

    def _result(self, handle: ProcessHandle, task: _Task, gives_way: Callable[[], bool]) -> tuple[Any, float]:
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
            message, shared = handle.ask(request, data, task.wanted, gives_way)
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


def _may_need_memory(result: object) -> bool:
    """Return whether an item that has failed could be decoded with more memory.

    A library that gets none calls the file broken, as often as not, or crashes.
    """
    if isinstance(result, DecodeTimeout | AudioTooShort):
        return False
    return isinstance(result, InvalidItem | TooLittleMemory)


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
