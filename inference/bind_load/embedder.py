"""Embeds by the model in this process, or by a running server; both take items as the scheduler does."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import httpx
import numpy as np

from bind_inference import __version__
from bind_inference.errors import NotReady, QueueFull
from bind_inference.items.bodies import Item
from bind_inference.items.embedding import Embedding
from bind_inference.readiness import Phase
from bind_inference.scheduling.service import Service
from bind_inference.settings import server_settings
from bind_load.errors import LoadFailed
from bind_load.table import Origin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from bind_inference.items.embedding import Vector
    from bind_inference.items.windows import Windows
    from bind_inference.modality import Modality
    from bind_inference.scheduling.service import LoadEngine
    from bind_load.settings import LoadSettings

PAUSE_S: Final = 1.0  # before an item is tried again that the queue or the server had no place for
GIVE_UP_S: Final = 120.0  # a server that answers nothing for so long is gone
PAGE_WINDOWS: Final = 256
_TIMEOUT: Final = httpx.Timeout(600, connect=10)
# 4xx that blame the item; others (401, 404, 429) blame the address or the moment.
_ITEM_FAULTS: Final = {400, 413, 415, 422}
_PASSING: Final = {408, 429, 502, 503, 504}  # 408: the network was slow once


class Embedder(Protocol):
    """It makes vectors, in this process or elsewhere."""

    @property
    def origin(self) -> Origin:
        """It tells what the vectors come from."""
        ...

    async def embed(self, modality: Modality, data: str) -> Vector | str:
        """Return the vector of a text or of media in base64, or what is wrong with it. Raises LoadFailed."""
        ...

    async def embed_windows(self, modality: Modality, data: str, windows: Windows) -> Embedding | str:
        """Return the vectors of a recording's windows, or what is wrong with it. Raises LoadFailed."""
        ...


@contextlib.asynccontextmanager
async def embedder_for(
    settings: LoadSettings, load_engine: LoadEngine, report_state: Callable[[str], None]
) -> AsyncIterator[Embedder]:
    """Yield the embedder that `settings` ask for, once it is ready.

    report_state: called with each state before that.

    Raises LoadFailed if there is none to be had, InvalidSetting if a variable of the server's is wrong.
    """
    if settings.url is None:
        async with _in_process(settings, load_engine, report_state) as embedder:
            yield embedder
    else:
        limits = httpx.Limits(max_connections=settings.max_in_flight)
        async with httpx.AsyncClient(
            base_url=settings.url, timeout=_TIMEOUT, limits=limits, headers=_headers(settings)
        ) as client:
            meta = await _ready_meta(client, report_state)
            yield RemoteEmbedder(client, origin_from(meta, settings.windows))


def _headers(settings: LoadSettings) -> dict[str, str]:
    key = settings.api_key
    return {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}


def origin_from(meta: dict[str, Any], windows: Windows | None = None) -> Origin:
    """Return the origin that the server's /meta names, for rows of such windows."""
    cut = f"{windows.length_ms / 1000:g} s, one each {windows.stride_ms / 1000:g} s" if windows else ""
    return Origin(meta["model"], meta["dimension"], meta["precision"], meta.get("fingerprint"), cut)


async def _in_pages(
    windows: Windows, embed: Callable[[Windows], Awaitable[Embedding | str]]
) -> Embedding | str:
    """Return the vectors of all windows of a recording, asked for some hundred at a time.

    So many take some minutes on a CPU, and a long recording as long as it likes.
    """
    pages: list[Embedding] = []
    step_ms = PAGE_WINDOWS * windows.stride_ms
    for number in itertools.count():
        page = replace(windows, start_ms=number * step_ms, end_ms=(number + 1) * step_ms)
        made = await embed(page)
        if isinstance(made, str):
            return made
        pages.append(made)
        if len(made.vector) < PAGE_WINDOWS:
            break
    times_s = [times for made in pages for times in made.times_s or ()]
    return Embedding(np.concatenate([made.vector for made in pages]), 0, times_s)


class LocalEmbedder:
    """The model in this process, behind the scheduler that serves requests too."""

    def __init__(self, service: Service, windows: Windows | None = None) -> None:
        self._service = service
        self.origin = origin_from(service.meta(__version__), windows)

    async def embed(self, modality: Modality, data: str) -> Vector | str:
        """Return the vector, or what is wrong with the item."""
        made = await self._embed(modality, data, {})
        return made if isinstance(made, str) else made.vector

    async def embed_windows(self, modality: Modality, data: str, windows: Windows) -> Embedding | str:
        """Return the vectors of the recording's windows, or what is wrong with it."""
        return await _in_pages(windows, lambda page: self._embed(modality, data, {modality: page}))

    async def _embed(
        self, modality: Modality, data: str, windows: Mapping[Modality, Windows]
    ) -> Embedding | str:
        while True:
            try:
                (outcome,) = await self._service.embed([Item(modality, 0, data)], 0, windows)
            except QueueFull:
                await asyncio.sleep(PAUSE_S)
            except NotReady as error:
                raise LoadFailed(error.message) from error
            else:
                if isinstance(outcome, NotReady):
                    raise LoadFailed(outcome.message)
                return outcome if isinstance(outcome, Embedding) else outcome.message


class RemoteEmbedder:
    """A running server; it is waited for while it is busy, restarted or away for a moment."""

    def __init__(self, client: httpx.AsyncClient, origin: Origin) -> None:
        self._client = client
        self.origin = origin

    async def embed(self, modality: Modality, data: str) -> Vector | str:
        """Return the vector, or what the server says is wrong with the item."""
        response = await self._post({modality.plural: [data]})
        if response.is_success:
            vectors = self._vectors(response, response.json()[modality.vector_key])
            return np.asarray(vectors[0], np.float32)
        return _fault(response, modality)

    async def embed_windows(self, modality: Modality, data: str, windows: Windows) -> Embedding | str:
        """Return the vectors of the recording's windows, or what the server says is wrong with it."""
        return await _in_pages(windows, lambda page: self._embed_page(modality, data, page))

    async def _embed_page(self, modality: Modality, data: str, page: Windows) -> Embedding | str:
        options = {name.replace("_ms", "_s"): ms / 1000 for name, ms in asdict(page).items()}
        response = await self._post({modality.plural: [data], "windows": {modality: options}})
        if not response.is_success:
            return _fault(response, modality)
        found = response.json()[modality.window_key]
        vectors = self._vectors(response, [window["vector"] for window in found])
        return Embedding(vectors, 0, [(window["start_s"], window["end_s"]) for window in found])

    async def _post(self, body: dict[str, Any]) -> httpx.Response:
        """Return the answer: a success, or one that blames the item. Others are waited for."""
        loop = asyncio.get_running_loop()
        silent_since = loop.time()
        while True:
            pause_s = PAUSE_S
            try:
                response = await self._client.post("/vectorize", json=body)
            except httpx.TransportError as error:
                if loop.time() - silent_since > GIVE_UP_S:
                    raise LoadFailed(
                        f"{self._client.base_url} does not answer: {str(error) or repr(error)}; what was "
                        "embedded so far is kept: run the same command again"
                    ) from error
            else:
                if response.is_success or response.status_code in _ITEM_FAULTS:
                    return response
                if response.status_code not in _PASSING:
                    raise LoadFailed(f"{response.url} answers {response.status_code}: {response.text[:300]}")
                if response.status_code == 429:
                    silent_since = loop.time()  # busy, not gone
                elif loop.time() - silent_since > GIVE_UP_S:
                    raise LoadFailed(f"{response.url} answers {response.status_code} for {GIVE_UP_S:.0f} s")
                retry_after = response.headers.get("retry-after", "")
                pause_s = float(retry_after) if retry_after.isdigit() else PAUSE_S
            await asyncio.sleep(pause_s)

    def _vectors(self, response: httpx.Response, given: list[list[float]]) -> Vector:
        """Return vectors [n, dimension]."""
        vectors = np.asarray(given, np.float32) if given else np.empty((0, self.origin.dimension), np.float32)
        if vectors.shape[1:] != (self.origin.dimension,):
            raise LoadFailed(
                f"{response.url} answers a vector of the shape {vectors.shape[1:]}: is it another server?"
            )
        return vectors


def _fault(response: httpx.Response, modality: Modality) -> str:
    try:
        error = str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        raise LoadFailed(f"{response.url} answers {response.status_code}: {response.text[:300]}") from None
    return error.removeprefix(f"{modality.plural}[0]: ")


async def _ready_meta(client: httpx.AsyncClient, report_state: Callable[[str], None]) -> dict[str, Any]:
    """Return /meta of a server that is ready, waiting for one that still loads."""
    while True:
        try:
            response = await client.get("/meta")
            response.raise_for_status()
            meta: dict[str, Any] = response.json()
            origin_from(meta)
            state = meta.get("state")
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise LoadFailed(
                f"--url: {client.base_url} is no inference server that can be reached: "
                f"{str(error) or repr(error)}"
            ) from error
        if state == Phase.READY:
            return meta
        if state in {Phase.FAILED, Phase.DRAINING}:
            raise LoadFailed(f"--url: {client.base_url}: {meta.get('detail', state)}")
        report_state(str(meta.get("detail", state)))
        await asyncio.sleep(PAUSE_S)


@contextlib.asynccontextmanager
async def _in_process(
    settings: LoadSettings, load_engine: LoadEngine, report_state: Callable[[str], None]
) -> AsyncIterator[LocalEmbedder]:
    failures: list[str] = []
    service = Service(server_settings(settings), load_engine, failures.append)
    service.start()
    state = ""
    try:
        while not service.readiness.ready:
            if failures:
                raise LoadFailed(failures[0])
            if (now := service.readiness.describe()) != state:
                report_state(state := now)
            await asyncio.sleep(0.05)
        yield LocalEmbedder(service, settings.windows)
    finally:
        service.stop()
