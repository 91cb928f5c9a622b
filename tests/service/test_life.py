"""From the command line to the end: wrong settings, waking up, draining."""

import asyncio
import socket
import time
from pathlib import Path

import httpx
import pytest
import torch

from bind_inference import __version__
from bind_inference.modality import Modality
from support.media import slow_picture
from support.samples import encoded
from support.server import run, server


def test_a_wrong_setting_is_one_line_and_status_2() -> None:
    ended = run("--model", "tiny", "--http-port", "none")
    assert ended.returncode == 2
    assert ended.stderr == (
        "python -m bind_inference: --http-port (BIND_HTTP_PORT): must be a whole number, not 'none'\n"
    )


def test_a_wrong_variable_is_named_like_a_wrong_flag() -> None:
    ended = run(BIND_MODEL="tiny", ENABLE_CUDA="yes please")
    assert ended.returncode == 2
    assert "(ENABLE_CUDA): must be 0, 1, true or false, not 'yes please'" in ended.stderr


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("--model", "tiny", "--http-host", "127.0.0.1", "--http-port", str(port))
    assert ended.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in ended.stderr


def test_a_model_that_cannot_be_loaded_ends_the_process_with_its_reason(tmp_path: Path) -> None:
    ended = run(
        "--model", "imagebind-huge", "--license-accepted", "true", "--http-port", "0",
        "--weights-url", (tmp_path / "absent.pth").as_uri(), "--cache-dir", str(tmp_path / "cache"),
    )  # fmt: skip
    assert ended.returncode == 1
    assert "absent.pth" in ended.stderr.splitlines()[-1]
    assert not ended.stderr.splitlines()[-1].startswith("{")


def test_cuda_without_a_card_or_without_cuda_ends_the_process_with_its_reason() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a card here")
    ended = run("--model", "tiny", "--http-port", "0", ENABLE_CUDA="1")
    assert ended.returncode == 1
    last_line = ended.stderr.splitlines()[-1]
    assert "--enable-cuda (ENABLE_CUDA) is true, but" in last_line
    assert (
        "no NVIDIA GPU" if torch.version.cuda else f"take the one with the tag {__version__}"
    ) in last_line


def test_weights_that_are_not_where_they_should_be_are_named_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    ended = run(
        "--license-accepted", "true", "--http-port", "0", "--cache-dir", str(tmp_path / "cache"),
        BIND_WEIGHTS_PATH=str(tmp_path),
    )  # fmt: skip
    assert ended.returncode == 1
    last_line = ended.stderr.splitlines()[-1]
    assert f"--weights-path (BIND_WEIGHTS_PATH): {tmp_path} holds neither ImageBindHuge-" in last_line
    assert f"{tmp_path} holds notes.txt" in last_line


def test_the_server_listens_before_it_is_ready_and_says_so(tmp_path: Path) -> None:
    with server(tmp_path, ready=False) as running, httpx.Client(base_url=running.url, timeout=10) as client:
        assert client.get("/.well-known/ready").status_code == 503
        assert client.get("/.well-known/live").status_code == 204
        assert client.get("/meta").json()["state"] in {"Starting", "Loading"}
        answer = client.post("/vectorize", json={"texts": ["a"]})
        assert answer.status_code == 503
        assert answer.json()["error"].startswith("the model is not ready: ")
        assert int(answer.headers["retry-after"]) >= 1
        running.wait_ready()
        assert client.post("/vectorize", json={"texts": ["a"]}).status_code == 200
        states = [event["state"] for event in running.events() if event["message"] == "state changed"]
        assert states == ["Loading", "Warming", "Ready"]


async def test_sigterm_answers_all_that_was_accepted_and_ends_with_0(tmp_path: Path) -> None:
    with server(tmp_path, "--drain-delay-s", "0.5", BIND_TORCH_THREADS="1") as running:
        bodies = [{"video": [encoded(Modality.VIDEO, "wide_25fps_6s.mp4", number)]} for number in range(10)]
        async with httpx.AsyncClient(base_url=running.url, timeout=60) as client:
            accepted = [asyncio.create_task(client.post("/vectorize", json=body)) for body in bodies]
            await asyncio.sleep(0.3)
            running.terminate()
            await asyncio.sleep(0.2)
            assert (await client.get("/.well-known/ready")).status_code == 503
            assert (await client.get("/.well-known/live")).status_code == 204
            assert (await client.get("/meta")).json()["state"] == "Draining"
            late = await client.post("/vectorize", json={"texts": ["late, but before the door closes"]})
            assert late.status_code == 200
            assert [(await task).status_code for task in accepted] == [200] * 10
        status = await asyncio.to_thread(running.process.wait, 20)
        assert status == 0
        with pytest.raises(httpx.ConnectError):
            await asyncio.to_thread(httpx.get, f"{running.url}/meta", timeout=2)


async def test_what_outlasts_the_drain_is_refused_not_cut(tmp_path: Path) -> None:
    with server(
        tmp_path, "--drain-delay-s", "0", "--drain-timeout-s", "0.2", BIND_TORCH_THREADS="1"
    ) as running:
        bodies = [{"video": [encoded(Modality.VIDEO, "wide_25fps_6s.mp4", number)]} for number in range(40)]
        async with httpx.AsyncClient(base_url=running.url, timeout=60) as client:
            accepted = [asyncio.create_task(client.post("/vectorize", json=body)) for body in bodies]
            await asyncio.sleep(0.5)
            running.terminate()
            answers = [await task for task in accepted]
        assert {answer.status_code for answer in answers} <= {200, 503}
        cut = [answer for answer in answers if answer.status_code == 503]
        assert cut
        assert all("stops" in answer.json()["error"] for answer in cut)
        assert await asyncio.to_thread(running.process.wait, 20) == 0


async def test_a_large_body_that_waits_to_be_read_is_refused_too(tmp_path: Path) -> None:
    with server(
        tmp_path, "--drain-delay-s", "0", "--drain-timeout-s", "0.2", "--decode-workers", "1"
    ) as running:
        async with httpx.AsyncClient(base_url=running.url, timeout=60) as client:
            slow = [
                asyncio.create_task(client.post("/vectorize", json={"images": [slow_picture(number)]}))
                for number in range(3)
            ]
            await asyncio.sleep(0.5)
            large = asyncio.create_task(
                client.post("/vectorize", content=b'{"texts":["a"]}' + b" " * 2_000_000)
            )
            await asyncio.sleep(0.5)
            running.terminate()
            answer = await large
            assert (answer.status_code, answer.json()) == (503, {"error": "the server stops; try another"})
            await asyncio.gather(*slow)
        assert await asyncio.to_thread(running.process.wait, 20) == 0


def test_an_idle_connection_is_closed_after_keep_alive_s(tmp_path: Path) -> None:
    with (
        server(tmp_path, "--keep-alive-s", "1", ready=False) as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection,
    ):
        connection.sendall(b"HEAD /.well-known/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 204")
        start = time.monotonic()
        assert connection.recv(1000) == b""
        assert 0.5 < time.monotonic() - start < 5
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
            connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 404")
            start = time.monotonic()
            connection.sendall(b"hello")  # after its answer
            assert connection.recv(1000) == b""
            assert 0.5 < time.monotonic() - start < 5
