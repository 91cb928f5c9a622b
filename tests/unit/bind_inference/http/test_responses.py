"""Long answers are written in parts, which make the JSON that the whole would have been."""

import json
from typing import Any

import numpy as np
import pytest

from bind_inference.http.responses import PART_NUMBERS, Rows, rows_response
from bind_inference.scheduling.turns import Pace

DIMENSION = PART_NUMBERS // 2  # two vectors a part


class Server:
    """As much of the service as a response asks."""

    dimension = DIMENSION
    pace = Pace()


async def sent(content: dict[str, object], version: str = "1.1") -> tuple[dict[bytes, bytes], list[bytes]]:
    """Return head and parts of a response."""
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    response = rows_response(content, Server())  # type: ignore[arg-type]
    await response({"type": "http", "http_version": version}, None, send)  # type: ignore[arg-type]
    assert not messages[-1].get("more_body", False)
    return dict(messages[0]["headers"]), [message["body"] for message in messages[1:] if message["body"]]


@pytest.mark.parametrize("counts", [(0, 3), (3, 0), (5, 4), (0, 0)])
async def test_parts_are_the_json_of_the_whole(counts: tuple[int, int]) -> None:
    vectors = [np.full(DIMENSION, number, np.float32) for number in range(9)]
    lists = {"a": vectors[: counts[0]], "b": vectors[: counts[1]]}
    content = {name: Rows(len(rows), iter(rows)) for name, rows in lists.items()} | {"c": [{"d": 1}]}
    head, parts = await sent(content)
    assert (len(parts) > 1) is (sum(counts) > 2)
    assert (b"content-length" in head) is (sum(counts) <= 2)
    expected = {name: [row.tolist() for row in rows] for name, rows in lists.items()} | {"c": [{"d": 1}]}
    assert json.loads(b"".join(parts)) == expected


async def test_a_client_of_http_1_0_gets_the_whole() -> None:
    head, parts = await sent({"a": Rows(9, [np.zeros(DIMENSION, np.float32)] * 9)}, "1.0")
    assert len(parts) == 1
    assert int(head[b"content-length"]) == len(parts[0])
    assert len(json.loads(parts[0])["a"]) == 9
