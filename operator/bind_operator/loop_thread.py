"""A thread has an event loop of its own, so that what runs there can end, and fail to end, by itself."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Awaitable, Callable

Main = Callable[[asyncio.Event], Awaitable[None]]
"""It runs until the event is set, or raises."""


class LoopThread:
    """It runs one coroutine in a daemon thread, from its making on until the coroutine ends.

    It is made, and waited for, in another event loop.
    """

    def __init__(self, name: str, main: Main) -> None:
        self._main = main
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._is_stopped = False
        self._lock = threading.Lock()
        self._ended: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._awaited = asyncio.wrap_future(self._ended)
        # One that is left behind has nobody to ask how it ended.
        self._awaited.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        threading.Thread(target=self._run, name=name, daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Return whether it has not ended yet."""
        return not self._ended.done()

    def stop(self) -> None:
        """Set the event of the coroutine; it does not wait."""
        with self._lock:
            self._is_stopped = True
            if self._loop is not None and self._stop is not None:
                # The loop may be closed by now.
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._stop.set)

    async def wait(self, timeout_s: float) -> bool:
        """Return whether it has ended, at the latest after `timeout_s`. Raises what the coroutine raised."""
        done, _ = await asyncio.wait([self._awaited], timeout=timeout_s)
        if done:
            self._awaited.result()
        return bool(done)

    def _run(self) -> None:
        try:
            asyncio.run(self._host())
        except BaseException as error:  # noqa: BLE001  (whatever it is, the other thread is told)
            self._ended.set_exception(error)
        else:
            self._ended.set_result(None)

    async def _host(self) -> None:
        with self._lock:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            if self._is_stopped:
                return
        await self._main(self._stop)
