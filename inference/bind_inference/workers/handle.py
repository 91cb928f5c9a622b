"""The main process' side of one worker: what it asks is asked of the service, and answered."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import socket
from typing import TYPE_CHECKING, Any

from bind_inference.errors import BindError, NotReady
from bind_inference.items.bodies import Endpoint
from bind_inference.items.shared_memory import Shared
from bind_inference.items.windows import unpack_windows
from bind_inference.logs import log_fields
from bind_inference.workers.channel import Channel
from bind_inference.workers.messages import (
    Malformed,
    Message,
    pack_body,
    pack_error,
    pack_outcomes,
    unpack_items,
)
from bind_inference.workers.shared_budget import bodies_share

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Awaitable, Callable

    from bind_inference.scheduling.service import Service

    Answer = tuple[dict[str, Any], bytes, tuple[Shared, ...]]

log = logging.getLogger(__name__)


class Handle:
    """A worker counts as ready once its event loop runs, until its end of the socket closes."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        connection: socket.socket,
        service: Service,
        place: int,
        *,
        on_ready: Callable[[], None],
        on_end: Callable[[Handle], None],
        on_closed: Callable[[], None],
        render_metrics: Callable[[Handle], Awaitable[bytes]],
    ) -> None:
        """`place` is where it writes what it holds of the budget of bodies."""
        self.process = process
        self.place = place
        self.ready = False
        self.was_ready = False
        self.connections = 0
        self.held = 0
        self.heard_at = asyncio.get_running_loop().time()
        self._service = service
        self._on_ready = on_ready
        self._on_end = on_end
        self._on_closed = on_closed
        self._render_metrics = render_metrics
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._numbers = itertools.count(1)
        self._untaken: dict[int, Shared] = {}
        self._counting: list[asyncio.Future[None]] = []
        self._channel = Channel(connection, self._receive, self._ended)

    def tell(self, head: dict[str, Any], *files: Shared) -> None:
        """Send the worker a message."""
        self._channel.send(head, b"", *files)

    def hand_over(self, connection: socket.socket) -> None:
        """Let the worker serve an accepted connection."""
        self.connections += 1
        number = next(self._numbers)
        file = self._untaken[number] = Shared(connection.detach())
        self._channel.send({"do": "connection", "id": number}, b"", file)

    def untaken(self) -> list[socket.socket]:
        """Return the connections of which the worker, which has ended, has read nothing."""
        files, self._untaken = list(self._untaken.values()), {}
        return [socket.socket(fileno=file.detach()) for file in files]

    async def count(self) -> None:
        """Wait until the worker has told what it counted so far, or is gone."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._counting.append(future)
        self._channel.send({"do": "count"})
        await future

    def kill(self) -> None:
        """End the worker at once, and all that it asked for."""
        self._channel.close()
        self._ended()

    def _ended(self) -> None:
        self.ready = False
        for task in self._tasks.values():
            task.cancel()
        self._settle_counts()
        self.process.kill()  # it may live without its socket
        self._on_end(self)

    def _settle_counts(self) -> None:
        for future in self._counting:
            if not future.done():
                future.set_result(None)
        self._counting.clear()

    def _receive(self, message: Message) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        try:
            self._dispatch(message)
        except (Malformed, KeyError, TypeError, ValueError) as error:
            log.exception("a worker says what is no message", extra={"error": repr(error)})
            self.kill()

    def _dispatch(self, message: Message) -> None:
        head = message.head
        if note := head.get("note"):
            self._note(note)
        match head["do"]:
            case "ready":
                self.ready = self.was_ready = True
                self._on_ready()
            case "taken":
                self._untaken.pop(int(head["id"]), None)
            case "counted":
                self._settle_counts()
            case "cancel":
                if task := self._tasks.get(head["id"]):
                    task.cancel()
            case "embed" | "parse" | "hear" | "metrics":
                number = int(head["id"])
                task = asyncio.ensure_future(self._answer(number, message))
                self._tasks[number] = task
                task.add_done_callback(lambda _: self._tasks.pop(number, None))

    def _note(self, note: dict[str, Any]) -> None:
        for path, status, seconds in note["requests"]:
            self._service.answered(path, status, seconds)
        for seconds in note["lags"]:
            self._service.metrics.lagged("http_worker", seconds)
        self.connections -= note["closed"]
        self.held = note["held"]
        if note["closed"]:
            self._on_closed()

    async def _answer(self, number: int, message: Message) -> None:
        """Send what comes of the work that a worker asks for."""
        head: dict[str, Any] = {"do": "answer", "id": number}
        payload, files = b"", tuple[Any, ...]()
        with log_fields(**message.head["log"]), self._continued(message.head.get("trace")):
            try:
                found, payload, files = await self._work(message)
                head |= found
            except BindError as error:
                head["error"] = pack_error(error)
            except Exception:  # its traceback is for the log; the worker answers 500
                log.exception("a request met a bug")
                head["bug"] = True
        self._channel.send(head, payload, *files)
        self._end_if_deaf()

    def _end_if_deaf(self) -> None:
        """End a worker for which more waits than it may have asked for: it does not read."""
        if self._channel.unsent > bodies_share(self._service.settings):
            log.warning("an HTTP worker does not read", extra={"unsent_bytes": self._channel.unsent})
            self.kill()

    def _continued(self, trace: dict[str, str] | None) -> contextlib.AbstractContextManager[None]:
        spans = self._service.spans
        return spans.carried(trace) if spans and trace else contextlib.nullcontext()

    async def _work(self, message: Message) -> Answer:
        """Do what a worker asks for; return head, payload and files of the answer."""
        head = message.head
        if message.cut:
            raise NotReady("the server has no descriptor free; try again")
        match head["do"]:
            case "embed":
                items = unpack_items(head["items"], message.files)
                message.files.clear()  # the items have them, as long as they are waited for
                windows = unpack_windows(head.get("windows", {}))
                packed, vectors = pack_outcomes(await self._service.embed(items, head["deaths"], windows))
                return {"outcomes": packed}, vectors, ()
            case "parse":
                raw = message.files.pop()
                parsed, files = pack_body(await self._service.parse(Endpoint(head["endpoint"]), raw))
                return parsed, b"", tuple(files)
            case "hear":
                return {}, await self._service.hear(message.payload), ()
            case _:
                return {}, await self._render_metrics(self), ()
