"""Puts the media that a request names by address into the place of their addresses."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pybase64

from bind_inference.errors import (
    BindError,
    InvalidItem,
    MediaTooLarge,
    QueueFull,
    RequestTooLarge,
)
from bind_inference.http.requests import HELD, open_shared, unless_gone
from bind_inference.items.bodies import Item, with_fetched
from bind_inference.items.shared_memory import Blob
from bind_inference.scheduling.policy.admission import Hold

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request

    from bind_inference.http.backend import Backend
    from bind_inference.http.fetching import Fetcher
    from bind_inference.items.bodies import ParsedBody, RemoteItem

# Fetches of one request at once.
_AT_ONCE: Final = 8
# Bytes that are copied in the event loop; more are in a thread.
_INLINE: Final = 1 << 20


async def fetch_remote(request: Request, body: ParsedBody) -> ParsedBody:
    """Return the body with its remote items fetched, or with what kept them from it among its faults.

    What is fetched is held of the budget of bodies until the response is taken. Raises QueueFull,
    RequestTooLarge, ClientGone.
    """
    if not body.remote:
        return body
    fetcher: Fetcher | None = request.app.state.fetcher
    if fetcher is None:
        refused = InvalidItem("addresses are not fetched; send the medium itself, `data:<type>;base64,…`")
        return with_fetched(body, {item.index: refused for item in body.remote})
    return await unless_gone(request, _fetch_all(request, fetcher, body))


async def _fetch_all(request: Request, fetcher: Fetcher, body: ParsedBody) -> ParsedBody:
    service: Backend = request.app.state.service
    with ExitStack() as stack:
        batch = _Batch(fetcher, stack.enter_context(Hold(service.bodies)), service.settings.max_request_bytes)
        tasks = [asyncio.ensure_future(batch.fetch(item)) for item in body.remote]
        try:
            outcomes = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)  # none of them may take more of the budget
        request.scope[HELD].push(stack.pop_all())
    return with_fetched(body, {item.index: found for item, found in zip(body.remote, outcomes, strict=True)})


class _Batch:
    """The fetches of one request; they share a file in memory, and a limit."""

    def __init__(self, fetcher: Fetcher, hold: Hold, limit: int) -> None:
        self._fetcher = fetcher
        self._hold = hold
        self._limit = limit
        self._file = open_shared()
        self._writing = asyncio.Lock()
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def fetch(self, item: RemoteItem) -> Item | BindError:
        """Return the item with its medium in base64, or what kept it from that.

        Raises what concerns the whole request.
        """
        text = _Base64(self._take)
        async with self._room:
            try:
                await self._fetcher.fetch(item.url, text.add)
                text.end()
            except (QueueFull, RequestTooLarge):
                raise
            except BindError as error:
                return error
            return Item(item.modality, item.index, await self._write(text))

    def _take(self, amount: int) -> None:
        if self._hold.amount + amount > self._limit:
            raise MediaTooLarge(f"the media of one request have more than {self._limit:,} bytes in all")
        self._hold.grow(amount)

    async def _write(self, text: _Base64) -> Blob:
        length = len(text.content)
        async with self._writing:
            if length <= _INLINE:
                offset = self._file.write(text.content)
            else:
                offset = await asyncio.to_thread(self._file.write, text.content)
        return Blob(self._file, offset, length, text.digest.digest())


class _Base64:
    """It makes base64 of what arrives, as a client would have sent it: decoders know nothing else."""

    def __init__(self, take: Callable[[int], None]) -> None:
        """`take` is called with each number of bytes before they are kept."""
        self.content = bytearray()
        self.digest = hashlib.blake2b(digest_size=32)
        self._take = take
        self._rest = b""

    def add(self, piece: bytes) -> None:
        """Take a piece of the medium."""
        raw = self._rest + piece
        whole = len(raw) - len(raw) % 3
        self._rest = raw[whole:]
        self._put(raw[:whole])

    def end(self) -> None:
        """Take what is left. Raises InvalidItem if nothing came."""
        self._put(self._rest)
        if not self.content:
            raise InvalidItem("is empty")

    def _put(self, raw: bytes) -> None:
        text = pybase64.b64encode(raw)
        self._take(len(text))
        self.digest.update(text)
        self.content += text
