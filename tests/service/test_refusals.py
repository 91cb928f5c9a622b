"""Bad requests: a JSON error that names the item, the right status, and no harm to anybody else."""

import base64
import os
import socket

import httpx
import pytest

from bind_inference.modality import Modality
from support.samples import Expected, encoded
from support.server import ServerProcess

MEDIA_KEYS = [modality.plural for modality in Modality if modality is not Modality.TEXT]
GARBAGE = base64.b64encode(os.urandom(5000)).decode()


def refusal(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["error"]
    return str(answer.json()["error"])


@pytest.mark.parametrize("key", MEDIA_KEYS)
@pytest.mark.parametrize(
    "item",
    [
        "",
        "not base64!",
        base64.b64encode(b"hello").decode(),
        GARBAGE,
        base64.b64encode(b"\0" * 4096).decode(),
    ],
    ids=["empty", "not-base64", "words", "noise", "zeros"],
)
def test_garbage_is_a_named_refusal(client: httpx.Client, key: str, item: str) -> None:
    answer = client.post("/vectorize", json={key: [item]})
    assert answer.status_code in {413, 415, 422}, answer.text
    assert answer.json()["error"].startswith(f"{key}[0]: ")


@pytest.mark.parametrize("modality", set(Modality) - {Modality.TEXT})
def test_truncated_media_never_break_the_server(client: httpx.Client, modality: Modality) -> None:
    names = {"image": "landscape.jpg", "audio": "tone_16k_mono_5s.wav", "video": "short_25fps_1s.mp4",
             "imu": "imu_1500.csv", "thermal": "thermal.jpg", "depth": "depth.png"}  # fmt: skip
    whole = base64.b64decode(encoded(modality, names[modality]))
    for length in (1, 12, 100, len(whole) // 2, len(whole) - 1):
        item = base64.b64encode(whole[:length]).decode()
        answer = client.post("/vectorize", json={modality.plural: [item]})
        assert answer.status_code in {200, 415, 422}, (length, answer.text)


def test_every_bad_item_of_a_request_is_named(client: httpx.Client) -> None:
    good = encoded(Modality.IMAGE, "small.webp")
    body = {"texts": ["fine"], "images": [good, "!", good, GARBAGE], "audio": ["?"]}
    answer = client.post("/vectorize", json=body)
    assert answer.status_code in {415, 422}
    faults = answer.json()["error"].split("; ")
    assert [fault.split(":")[0] for fault in faults] == ["images[1]", "images[3]", "audio[0]"]


def test_a_bad_item_does_not_cost_the_next_request_its_answer(
    client: httpx.Client, expected: Expected
) -> None:
    refusal(client.post("/vectorize", json={"images": ["!"]}), 422)
    answer = client.post("/vectorize", json={"images": [encoded(Modality.IMAGE, "small.webp")]})
    expected.check(Modality.IMAGE, "small.webp", answer.json()["imageVectors"][0])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is empty"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b"[" * 50_000, "not valid JSON"),
        (b'{"texts":"a dog"}', "texts: must be a list of strings"),
        (b'{"texts":["a",1]}', "texts[1]: must be a string"),
        (b'{"text":["a"]}', "text: unknown field; known are texts"),
    ],
)
def test_a_body_that_is_wrong_says_where(client: httpx.Client, body: bytes, message: str) -> None:
    assert message in refusal(client.post("/vectorize", content=body), 400)


def test_too_many_items_are_refused(client: httpx.Client) -> None:
    assert "1,025 items" in refusal(client.post("/vectorize", json={"texts": ["a"] * 1025}), 413)


def test_a_body_that_announces_too_much_is_refused_unread(running: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(b"POST /vectorize HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n")
        received = connection.recv(1000)
    assert received.startswith(b"HTTP/1.1 413")
    assert b"1,000,000,000,000 bytes or more, above the limit of 134,217,728" in received


def test_an_endless_body_is_refused_once_it_is_too_much(client: httpx.Client) -> None:
    chunk = b" " * (1 << 20)
    try:
        answer = client.post("/vectorize", content=(chunk for _ in range(200)))
    except (httpx.WriteError, httpx.ReadError):
        return  # refused while it was still sending
    assert "above the limit" in refusal(answer, 413)


def test_an_unknown_path_and_a_wrong_method_are_json_too(client: httpx.Client) -> None:
    assert "/nothing" in refusal(client.get("/nothing"), 404)
    assert "GET" in refusal(client.get("/vectorize"), 405)
