"""A running server as embedder: what is tried again, what blames the item, what ends the load."""

import json

import httpx
import numpy as np
import pytest

from bind_inference.items.embedding import Embedding
from bind_inference.items.windows import Windows
from bind_inference.modality import Modality
from bind_load import embedder as module
from bind_load.embedder import RemoteEmbedder
from bind_load.errors import LoadFailed
from bind_load.table import Origin

VECTOR = [0.5, 1.0]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.0)


def embedder(*statuses: int) -> RemoteEmbedder:
    """Return the embedder of a server that answers these, then the vector."""
    left = list(statuses)

    def answer(_: httpx.Request) -> httpx.Response:
        if left:
            return httpx.Response(left.pop(0), json={"error": "texts[0]: told"})
        return httpx.Response(200, json={"textVectors": [VECTOR]})

    client = httpx.AsyncClient(base_url="http://server", transport=httpx.MockTransport(answer))
    return RemoteEmbedder(client, Origin("Tiny", 2, "float32", "abc"))


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
async def test_what_passes_is_tried_again(status: int) -> None:
    vector = await embedder(status, status).embed(Modality.TEXT, "a")
    assert np.array_equal(vector, VECTOR)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_what_blames_the_item_is_its_error(status: int) -> None:
    assert await embedder(status).embed(Modality.TEXT, "a") == "told"


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_what_blames_the_address_ends_the_load(status: int) -> None:
    with pytest.raises(LoadFailed, match=f"answers {status}"):
        await embedder(status).embed(Modality.TEXT, "a")


async def test_a_server_that_never_has_a_request_in_time_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "GIVE_UP_S", 0.0)
    with pytest.raises(LoadFailed, match="answers 408 for 0 s"):
        await embedder(*[408] * 100).embed(Modality.TEXT, "a")


def cutting(windows: int) -> tuple[RemoteEmbedder, list[dict[str, float]]]:
    """Return the embedder of a server whose recording has so many windows, and what it was asked for."""
    asked: list[dict[str, float]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        options = json.loads(request.content)["windows"]["audio"]
        asked.append(options)
        starts = [n for n in range(windows) if options["start_s"] <= n < options["end_s"]]
        found = [{"index": 0, "start_s": n, "end_s": n + 2, "vector": [n, 1]} for n in starts]
        return httpx.Response(200, json={"audioWindows": found})

    client = httpx.AsyncClient(base_url="http://server", transport=httpx.MockTransport(answer))
    return RemoteEmbedder(client, Origin("Tiny", 2, "float32", "abc")), asked


@pytest.mark.parametrize(("windows", "pages"), [(1, 1), (9, 1), (10, 2), (25, 3)])
async def test_windows_are_asked_for_in_pages(
    monkeypatch: pytest.MonkeyPatch, windows: int, pages: int
) -> None:
    monkeypatch.setattr(module, "PAGE_WINDOWS", 10)
    remote, asked = cutting(windows)
    made = await remote.embed_windows(Modality.AUDIO, "a", Windows(2000, 1000))
    assert isinstance(made, Embedding)
    assert made.vector[:, 0].tolist() == list(range(windows))
    assert made.times_s == [(n, n + 2) for n in range(windows)]
    assert asked == [
        {"length_s": 2.0, "stride_s": 1.0, "start_s": 10.0 * n, "end_s": 10.0 * (n + 1)} for n in range(pages)
    ]


async def test_a_page_that_blames_the_item_is_its_error() -> None:
    remote = embedder(413)
    assert await remote.embed_windows(Modality.TEXT, "a", Windows(2000, 2000)) == "told"
