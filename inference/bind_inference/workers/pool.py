"""The HTTP workers: as many as there should be, each replaced when it ends."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from bind_inference import __version__
from bind_inference.errors import NotReady
from bind_inference.workers.handle import Handle
from bind_inference.workers.messages import pack_readiness, pack_settings
from bind_inference.workers.process import start_process
from bind_inference.workers.shared_budget import Places, bodies_share

if TYPE_CHECKING:
    import socket
    import subprocess
    from collections.abc import Callable

    from bind_inference.scheduling.service import Service

    Started = tuple[subprocess.Popen[bytes], socket.socket]

log = logging.getLogger(__name__)

# Starts in a row that may fail before the server is held to be of no use.
MOST_FAILURES: Final = 5
_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0
_START_S: Final = 60.0
# Each side holds the other to hang that says nothing for a minute.
_SPEAK_S: Final = 5.0
_SILENT_S: Final = 60.0
# A worker that does not answer within this keeps its counts for the next page of metrics.
_COUNT_S: Final = 1.0


class Workers:
    """It starts workers before there is a loop or a service, because they take a while to import."""

    def __init__(self, count: int) -> None:
        self.on_ready: Callable[[], None] = lambda: None
        self.on_none_left: Callable[[str], None] = lambda _: None
        self.on_ended: Callable[[], None] = lambda: None
        self.orphans: list[socket.socket] = []
        """Connections that were handed to a worker which ended before it read of them: another's, soon."""
        self.on_none: Callable[[], None] = lambda: None
        self._count = count
        self._started: list[Started] = [start_process() for _ in range(count)]
        self._handles: list[Handle] = []
        self._places = Places(count)
        self._failures = 0
        self._given_up = ""
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._all_ended = asyncio.Event()

    @property
    def alive(self) -> list[Handle]:
        """Return the workers that connections may be handed to."""
        return [handle for handle in self._handles if handle.ready]

    @property
    def connections(self) -> int:
        """Return how many connections the workers have."""
        return sum(handle.connections for handle in self._handles)

    def open(self, service: Service) -> None:
        """Let workers and `service` speak; the loop runs."""
        self._service = service
        service.on_change = self._tell_state
        service.metrics.watch_bodies(lambda: sum(handle.held for handle in self._handles))
        for process, connection in self._started:
            self._attach(process, connection)
        self._started.clear()
        self._in_background(self._speak())

    def close(self) -> None:
        """Let each worker finish what it has accepted, and end; none is started any more."""
        self._closing = True
        for handle in list(self._handles):
            if handle.ready:
                handle.tell({"do": "close"})
            else:
                handle.kill()
        if not self._handles:
            self._all_ended.set()

    async def ended(self) -> None:
        """Wait until all have ended."""
        await self._all_ended.wait()

    def kill(self) -> None:
        """End all at once."""
        self._closing = True
        for handle in list(self._handles):
            handle.kill()
        for process, _ in self._started:
            process.kill()

    def _attach(self, process: subprocess.Popen[bytes], connection: socket.socket) -> None:
        settings, place = self._service.settings, self._places.take()
        handle = Handle(
            process,
            connection,
            self._service,
            place,
            on_ready=self._ready,
            on_end=self._replace,
            on_closed=lambda: self.on_ended(),
            render_metrics=self._render_metrics,
        )
        self._handles.append(handle)
        handle.tell(
            {
                "do": "hello",
                "settings": pack_settings(settings),
                "started": self._service.started,
                "max_body_bytes": bodies_share(settings),
                "place": place,
                "state": self._state(),
            },
            self._places.file,
        )
        asyncio.get_running_loop().call_later(_START_S, self._give_up, handle)

    def _give_up(self, handle: Handle) -> None:
        if not handle.ready and handle in self._handles:
            handle.kill()

    def _ready(self) -> None:
        self._failures = 0
        self.on_ready()

    def _replace(self, handle: Handle) -> None:
        """Start another worker in the place of one that has ended."""
        self._handles.remove(handle)
        if not self._closing:
            self.orphans += handle.untaken()
        if not self.alive:
            self.on_none()
        else:
            self.on_ended()
        self._in_background(self._replace_soon(handle))

    async def _replace_soon(self, handle: Handle) -> None:
        status = await asyncio.to_thread(handle.process.wait)
        self._places.free(handle.place)  # now that it cannot write there any more
        if self._closing:
            if not self._handles:
                self._all_ended.set()
            return
        log.warning("an HTTP worker ended", extra={"exit_status": status, "was_ready": handle.was_ready})
        self._service.metrics.http_worker_replaced()
        may_start = handle.was_ready or await self._may_try_again()
        while may_start and not self._given_up and not self._closing:
            try:
                self._attach(*start_process())
            except OSError as error:  # no memory, no process ids, no descriptors
                log.warning("an HTTP worker cannot be started", extra={"error": str(error)})
                may_start = await self._may_try_again()
            else:
                return
        if self._given_up and not self._handles:
            self.on_none_left(self._given_up)

    async def _may_try_again(self) -> bool:
        """Note that a start has failed; return, after a pause, whether there may be another."""
        self._failures += 1
        if self._failures >= MOST_FAILURES * self._count and not self._given_up:
            self._given_up = f"HTTP workers do not start, {self._failures} times in a row"
            self._service.fail(self._given_up)
        if self._given_up:
            return False
        await asyncio.sleep(min(_PAUSE_S * self._failures, _LONGEST_PAUSE_S))
        return True

    def _state(self) -> dict[str, Any]:
        service = self._service
        try:
            dimension = service.dimension
        except NotReady:
            dimension = None
        return {
            "readiness": pack_readiness(service.readiness),
            "meta": service.meta(__version__),
            "dimension": dimension,
        }

    def _tell_state(self) -> None:
        state = self._state()
        for handle in self._handles:
            handle.tell({"do": "state", "state": state})

    async def _speak(self) -> None:
        while True:
            await asyncio.sleep(_SPEAK_S)
            self._tell_state()
            self._replace_silent()

    def _replace_silent(self) -> None:
        now = asyncio.get_running_loop().time()
        for handle in self.alive:
            if now - handle.heard_at > _SILENT_S:
                log.warning("an HTTP worker hangs", extra={"silent_s": round(now - handle.heard_at)})
                handle.kill()
            else:
                handle.tell({"do": "count"})  # it answers

    async def _render_metrics(self, asked: Handle) -> bytes:
        """Return the page once the other workers have told their counts; the one that asks just has."""
        others = [asyncio.ensure_future(handle.count()) for handle in self.alive if handle is not asked]
        if others:
            await asyncio.wait(others, timeout=_COUNT_S)
        return await self._service.render_metrics()

    def _in_background(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
