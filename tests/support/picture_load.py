"""Clients that search a collection by pictures: a load that keeps the inference pods busy."""

import base64
import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import httpx
import numpy as np
from PIL import Image

from support.searching import Report, Searching

PIXELS = 384
"""So large a picture takes the server longer than all that is before it."""
TIMEOUT_S = 120


@contextmanager
def asking(url: str, collection: str, clients: int, pause_s: float = 0.0) -> Iterator[list[Searching]]:
    """Let so many clients search one after the other, each by a picture that nobody has sent before."""
    query = f'{{ Get {{ {collection}(nearImage: {{image: "%s"}}, limit: 1) {{ text }} }} }}'
    picture, numbers = noise(), iter(range(1, 10_000_000))

    with ExitStack() as stack:
        limits = httpx.Limits(max_connections=clients)
        client = stack.enter_context(httpx.Client(timeout=TIMEOUT_S, limits=limits))

        def search() -> None:
            # White space at the end: another string for the server's memory of vectors, and the same picture.
            spaces = " " * next(numbers)
            answer = client.post(f"{url}/v1/graphql", json={"query": query % (picture + spaces)})
            answer.raise_for_status()
            body = answer.json()
            if body.get("errors"):
                raise RuntimeError(body["errors"][0]["message"])

        yield [stack.enter_context(Searching(search, pause_s)) for _ in range(clients)]


def noise() -> str:
    """Return a picture of noise, PNG in base64."""
    pixels = np.random.default_rng(7).integers(0, 256, (PIXELS, PIXELS, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def assert_none_failed(reports: Sequence[Report]) -> None:
    """Assert that there were searches, and that all were answered."""
    assert sum(one.searches for one in reports) > 0
    assert sum(one.failed for one in reports) == 0, reports
