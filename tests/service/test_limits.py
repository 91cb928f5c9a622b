"""Requests that never end, or are made to be expensive: an answer in JSON that names the limit."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.server import ServerProcess, server

HEAD_S, BODY_S = 1.0, 2.0


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Return a server with short timeouts."""
    limits = ("--head-timeout-s", str(HEAD_S), "--body-timeout-s", str(BODY_S), "--decode-workers", "1")
    with server(tmp_path_factory.mktemp("strict"), *limits) as process:
        yield process


def send_slowly(port: int, start: bytes, drop: bytes, *, every_s: float = 0.1) -> tuple[bytes, float]:
    """Send `start`, then `drop` after `drop`; return what is answered, and after how many seconds it ends."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=every_s) as connection:
        connection.sendall(start)
        received = b""
        while time.monotonic() - began < 20:
            try:
                if not (part := connection.recv(10_000)):
                    break
                received += part
            except TimeoutError:
                connection.sendall(drop)
            except ConnectionError:
                break
    return received, time.monotonic() - began


def refusal(answer: bytes, status: int) -> str:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"content-type: application/json" in head
    assert b"connection: close" in head.lower()
    parsed = json.loads(body)
    assert list(parsed) == ["error"]
    return str(parsed["error"])


POST = b"POST /vectorize HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (POST + b'Content-Length: 1000\r\n\r\n{"texts":["', b"a"),
        (POST + b"Content-Length: 5000000\r\n\r\n" + b" " * 2_000_000, b"a"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=["small", "large", "chunked"],
)
def test_a_body_that_comes_slowly_is_408(strict: ServerProcess, start: bytes, drop: bytes) -> None:
    answer, seconds = send_slowly(strict.port, start, drop)
    assert "not arrived within 2 s, the limit (--body-timeout-s)" in refusal(answer, 408)
    assert BODY_S <= seconds < BODY_S + 2
    text = httpx.get(f"{strict.url}/metrics").text
    assert 'bind_requests_total{path="/vectorize",status="408"}' in text
    assert 'bind_held{unit="bytes"} 0.0' in text


def test_the_rest_of_a_body_has_its_time_too_once_it_is_answered(strict: ServerProcess) -> None:
    start = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    answer, seconds = send_slowly(strict.port, start, b"a")
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert BODY_S <= seconds < BODY_S + 2
    with socket.create_connection(("127.0.0.1", strict.port), timeout=10) as connection:
        connection.sendall(start)
        assert connection.recv(10_000).startswith(b"HTTP/1.1 404 ")
        connection.sendall(b"a" * 1000 + b"GET /meta HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(10_000).startswith(b"HTTP/1.1 200 ")
        time.sleep(BODY_S + 0.5)
        connection.sendall(b"GET /meta HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(10_000).startswith(b"HTTP/1.1 200 ")


def test_openais_shape_too(strict: ServerProcess) -> None:
    start = b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
    answer, _ = send_slowly(strict.port, start, b" ", every_s=0.5)
    parsed = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert parsed["error"]["code"] == "request_timeout"


@pytest.mark.parametrize("start", [b"POST /vector", POST, POST + b"X: "], ids=["path", "headers", "value"])
def test_a_head_that_never_ends_is_cut(strict: ServerProcess, start: bytes) -> None:
    drop = b"X: y\r\n" if start == POST else b"a"
    answer, seconds = send_slowly(strict.port, start, drop)
    assert "not arrived within 1 s, the limit (--head-timeout-s)" in refusal(answer, 408)
    assert HEAD_S <= seconds < HEAD_S + 2


def test_a_connection_that_says_nothing_is_cut(strict: ServerProcess) -> None:
    answer, seconds = send_slowly(strict.port, b"", b"")
    assert answer == b""
    assert HEAD_S <= seconds < HEAD_S + 2


def test_the_second_head_of_a_connection_has_its_time_too(strict: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", strict.port), timeout=10) as connection:
        connection.sendall(b"GET /meta HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(10_000).startswith(b"HTTP/1.1 200")
        time.sleep(HEAD_S + 0.5)  # idle: that is what keep_alive_s is for
        connection.sendall(b"GET /meta HTTP/1.1\r\nHo")
        assert "head-timeout" in refusal(connection.recv(10_000), 408)
        assert connection.recv(10_000) == b""


def test_a_slow_answer_is_not_cut(strict: ServerProcess) -> None:
    start = POST + b'Content-Length: 17\r\n\r\n{"texts":["fine"'
    with socket.create_connection(("127.0.0.1", strict.port), timeout=10) as connection:
        connection.sendall(start)
        time.sleep(HEAD_S + 0.3)  # above the head's limit, below the body's
        connection.sendall(b"]")
        assert connection.recv(10_000).startswith(b"HTTP/1.1 400")  # there is a } missing
        connection.sendall(start.replace(b"17", b"18") + b"]}")
        assert connection.recv(10_000).startswith(b"HTTP/1.1 200")


def test_a_head_without_end_is_431(strict: ServerProcess) -> None:
    answer, seconds = send_slowly(strict.port, POST + b"X: " + b"a" * 100_000, b"a")
    assert "more than 65,536 bytes" in refusal(answer, 431)
    assert seconds < HEAD_S


def test_each_head_of_a_connection_has_its_bytes(strict: ServerProcess) -> None:
    pieces = (b"GET /meta HTTP/1.1\r\n", b"Host: x\r\nX: " + b"a" * 60_000, b"\r\n\r\n")
    with socket.create_connection(("127.0.0.1", strict.port), timeout=10) as connection:
        for _ in range(3):
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.1)  # so that it is seen alone
            assert connection.recv(10_000).startswith(b"HTTP/1.1 200")


def test_what_is_no_http_is_answered_in_json(strict: ServerProcess) -> None:
    answer, _ = send_slowly(strict.port, b"\x16\x03\x01\x02\x00\x01\x00 hello\r\n\r\n", b"")
    assert refusal(answer, 400) == "Invalid HTTP request received."


DEEP = 100_000
WRONG: dict[str, tuple[bytes, str]] = {
    "deep lists": (b"[" * DEEP, "not valid JSON"),
    "deep lists that end": (b"[" * DEEP + b"]" * DEEP, "not valid JSON"),
    "deep objects": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, "not valid JSON"),
    "deep in a field": (b'{"texts":' + b"[" * DEEP + b"]" * DEEP + b"}", "not valid JSON"),
    "150 deep": (b'{"texts":' + b"[" * 150 + b"]" * 150 + b"}", "texts[0]: must be a string"),
    "many keys": (
        json.dumps({f"key{number}": [] for number in range(50_000)}).encode(),
        "key0: unknown field",
    ),
    "a long key": (b'{"' + b"k" * 500_000 + b'":[]}', "unknown field"),
    "NaN": (b'{"texts":[NaN]}', "not valid JSON"),
    "Infinity": (b'{"texts":-Infinity}', "not valid JSON"),
    "a huge number": (b'{"texts":[' + b"9" * 100_000 + b"]}", ""),
    "a huge exponent": (b'{"texts":[1e999999999]}', ""),
    "half a surrogate pair": (rb'{"texts":["\ud800"]}', "not valid JSON"),
    "half a pair as a key": (rb'{"\ud800":[]}', "not valid JSON"),
    "surrogates in UTF-8": (b'{"texts":["\xed\xa0\x80"]}', "not valid JSON"),
    "overlong UTF-8": (b'{"texts":["\xc0\xaf"]}', "not valid JSON"),
    "a raw NUL": (b'{"texts":["a\0b"]}', "not valid JSON"),
    "a byte order mark": (b'\xef\xbb\xbf{"texts":["a"]}', "not valid JSON"),
    "UTF-16": ('{"texts":["a"]}'.encode("utf-16"), "not valid JSON"),
    "two bodies": (b'{"texts":["a"]}{"texts":["b"]}', "not valid JSON"),
    "comments": (b'{"texts":["a"]} // yes', "not valid JSON"),
    "a comma too many": (b'{"texts":["a",]}', "not valid JSON"),
    "a number": (b"1", "must be a JSON object"),
    "null": (b"null", "must be a JSON object"),
    "true in a list": (b'{"images":[true]}', "images[0]: must be a string"),
    "an object in a list": (b'{"images":[{"a":[]}]}', "images[0]: must be a string"),
    "a list in a list": (b'{"images":[["a"]]}', "images[0]: must be a string"),
}


@pytest.mark.parametrize("path", ["/vectorize", "/v1/embeddings"])
@pytest.mark.parametrize("name", WRONG)
def test_json_that_is_made_to_hurt_is_a_clear_400(client: httpx.Client, path: str, name: str) -> None:
    body, expected = WRONG[name]
    openai = path.startswith("/v1")
    if openai:
        body = body.replace(b'"texts":', b'"input":').replace(b'"images":', b'"input":')
    answer = client.post(path, content=body)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    message = error["message"] if openai else error
    assert len(message) < 5000
    if not openai or expected == "not valid JSON":
        assert expected in message


@pytest.mark.parametrize(
    "body",
    [
        rb'{"texts":["a\u0000b","\ud83d\ude00","\u0000"]}',
        b'{"texts":["lost"],"texts":["a","b","c"]}',
        '{"texts":["\u202e\u200b","\ufffe\uffff","\U0010ffff"]}'.encode(),
    ],
    ids=["NUL and pairs", "a key twice: the last holds", "odd characters"],
)
def test_json_that_is_odd_but_right_is_answered(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/vectorize", content=body)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["textVectors"]) == 3


def test_nul_and_odd_characters_in_base64_are_named(client: httpx.Client) -> None:
    for item in ("aGVs\0bG8=", "aGVsbG8\u00e9", "\U0001f600", "data:image/png;base64,\0"):
        answer = client.post("/vectorize", json={"images": [item]})
        assert answer.status_code == 422
        assert answer.json()["error"] == "images[0]: not valid base64"


def test_megabytes_of_white_space_around_an_item_are_harmless(client: httpx.Client) -> None:
    body = b'{"images":["' + b"\\n" * 5_000_000 + b"aGVsbG8=" + b" " * 5_000_000 + b'"]}'
    began = time.monotonic()
    answer = client.post("/vectorize", content=body)
    assert answer.status_code == 415
    assert "not a picture" in answer.json()["error"]
    assert time.monotonic() - began < 10


def test_the_server_has_not_noticed(running: ServerProcess, client: httpx.Client) -> None:
    assert client.post("/vectorize", json={"texts": ["still there"]}).status_code == 200
    assert not [event for event in running.events() if event["message"] == "a request met a bug"]
    assert Path(f"/proc/{running.process.pid}").exists()
