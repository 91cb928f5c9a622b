"""A real server that wants an API key, with HTTP workers and without: who gets in, and where no key is."""

import base64
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path

import httpx
import openai
import pytest
from PIL import Image

from bind_inference.keys import CHECK_S
from bind_inference.modality import Modality
from bind_inference.scheduling.policy.suspicion import Suspect
from bind_inference.scheduling.quarantine import exchange
from support.decoder_processes import descendants
from support.http_workers import metric
from support.pages import Shell, blocks
from support.server import ServerProcess, environment, run, server
from support.waiting import until

FIRST, SECOND, WRONG = "first-key-0123456789", "second-key-0123456789", "wrong-key-0123456789"
PLANTED = "planted-secret-"
VARIABLE = f"{PLANTED}variable-key"
CLOSED = [
    ("POST", "/vectorize"),
    ("GET", "/vectorize"),
    ("POST", "/v1/embeddings"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/tiny"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("POST", "/suspects"),
    ("GET", "/nothing"),
    ("GET", "/meta/"),
    ("GET", "//meta"),
]
OPEN = ["/.well-known/live", "/.well-known/ready", "/meta", "/metrics"]


@pytest.fixture(scope="module", params=["0", "2"], ids=["alone", "workers"])
def guarded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "keys").write_text(f"{FIRST}\n")
    arguments = ("--http-workers", request.param, "--api-keys-file", str(folder / "keys"))
    with server(folder, *arguments, "--log-level", "DEBUG", BIND_API_KEYS=VARIABLE) as process:
        yield process


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(("method", "path"), CLOSED)
@pytest.mark.parametrize("key", ["", WRONG])
def test_nobody_gets_in_without_a_key(guarded: ServerProcess, method: str, path: str, key: str) -> None:
    headers = bearer(key) if key else {}
    body = b'{"texts": ["a"]}' if method == "POST" else b""
    answer = httpx.request(method, f"{guarded.url}{path}", headers=headers, content=body)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["x-request-id"]
    error = answer.json()["error"]
    if path.startswith("/v1/"):
        assert error["code"] == "invalid_api_key"
        error = error["message"]
    assert error.startswith("this is no API key" if key else "this server wants an API key")
    assert "send `Authorization: Bearer KEY`" in error


@pytest.mark.parametrize("key", [FIRST, VARIABLE])
def test_each_key_opens_every_door(guarded: ServerProcess, key: str) -> None:
    headers = bearer(key)
    answer = httpx.post(f"{guarded.url}/vectorize", json={"texts": ["a"]}, headers=headers, timeout=60)
    assert answer.status_code == 200
    for path in ("/v1/models", "/docs", "/openapi.json"):
        assert httpx.get(f"{guarded.url}{path}", headers=headers).status_code == 200


def test_the_page_s_command_gets_a_vector(guarded: ServerProcess) -> None:
    command = blocks("api-keys.md")[0]
    assert "http://127.0.0.1:8080" in command
    shell = Shell(more={"KEY": FIRST})
    answer = json.loads(shell.run(command.replace("http://127.0.0.1:8080", guarded.url)))
    assert len(answer["textVectors"]) == 1


@pytest.mark.parametrize("path", OPEN)
def test_probes_meta_and_metrics_need_none(guarded: ServerProcess, path: str) -> None:
    assert httpx.get(f"{guarded.url}{path}").is_success


def test_openais_client_sends_it_as_it_sends_its_own(guarded: ServerProcess) -> None:
    with openai.OpenAI(base_url=f"{guarded.url}/v1", api_key=FIRST, max_retries=0) as client:
        assert len(client.embeddings.create(model="tiny", input="a").data) == 1
    with (
        openai.OpenAI(base_url=f"{guarded.url}/v1", api_key=WRONG, max_retries=0) as client,
        pytest.raises(openai.AuthenticationError, match="this is no API key of this server") as caught,
    ):
        client.embeddings.create(model="tiny", input="a")
    assert caught.value.code == "invalid_api_key"


def test_a_refusal_is_counted_by_its_route(guarded: ServerProcess) -> None:
    name = 'bind_requests_total{path="/vectorize",status="401"}'
    before = metric(guarded.url, name)
    httpx.post(f"{guarded.url}/vectorize", content=b"{}")
    until(lambda: metric(guarded.url, name) == before + 1, 10, "the count")


def test_a_body_is_not_waited_for(guarded: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", guarded.port), timeout=10) as connection:
        connection.sendall(b"POST /vectorize HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{")
        assert connection.recv(1000).startswith(b"HTTP/1.1 401 Unauthorized\r\n")


def test_a_rotation_needs_no_restart(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(FIRST)
    with server(tmp_path, "--api-keys-file", str(file), "--http-workers", "2") as process:

        def statuses() -> list[int]:
            return [
                httpx.get(f"{process.url}/v1/models", headers=bearer(key)).status_code
                for key in (FIRST, SECOND)
                for _ in range(4)  # of either worker
            ]

        def is_now(wanted: list[int]) -> bool:
            return statuses() == wanted

        assert statuses() == [200] * 4 + [401] * 4
        for text, wanted in ((f"{FIRST}\n{SECOND}", [200] * 8), (SECOND, [401] * 4 + [200] * 4)):
            other = tmp_path / "next"
            other.write_text(text)
            other.replace(file)
            until(partial(is_now, wanted), CHECK_S + 10, "the new keys count")


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (("--api-keys-file", "/nowhere/keys"), {}, "cannot read /nowhere/keys: No such file or directory"),
        ((), {"BIND_API_KEYS": "hunter2"}, "BIND_API_KEYS: key 1 of 1 is none"),
        (("--api-keys", FIRST), {}, "--api-keys: everybody on the machine may read a command line"),
        ((f"--api-keys={FIRST}",), {}, "use BIND_API_KEYS or --api-keys-file"),
    ],
)
def test_a_server_does_not_start_with_a_wrong_one(
    arguments: tuple[str, ...], variables: dict[str, str], message: str
) -> None:
    ended = run("--model", "tiny", "--http-port", "0", *arguments, **variables)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert "hunter2" not in ended.stderr
    assert FIRST not in ended.stderr


def test_no_secret_is_in_the_log_or_on_a_command_line(guarded: ServerProcess) -> None:
    """Whatever a request brings, at the finest level: bodies good and bad, media, queries, credentials."""
    picture = BytesIO()
    exif = Image.Exif()
    exif[270] = f"{PLANTED}exif"
    Image.new("RGB", (8, 8)).save(picture, "TIFF", exif=exif)
    medium = base64.b64encode(picture.getvalue()).decode()
    large = "x" * (2 << 20)
    bodies: list[tuple[str, object]] = [
        ("/vectorize", {"texts": [f"{PLANTED}text"], "images": [medium]}),
        ("/vectorize", {"images": [f"{PLANTED}not-base64!", base64.b64encode(PLANTED.encode()).decode()]}),
        ("/vectorize", {f"{PLANTED}field": [1]}),
        ("/vectorize", {"texts": [f"{PLANTED}large {large}"], "audio": [medium]}),
        ("/v1/embeddings", {"input": [f"{PLANTED}text", "data:image/tiff;base64," + medium]}),
        ("/v1/embeddings", {"input": f"{PLANTED}text", "model": f"{PLANTED}model", "user": f"{PLANTED}user"}),
        ("/suspects", {"suspects": [{"modality": f"{PLANTED}modality"}]}),
    ]
    for key in (FIRST, VARIABLE, f"{PLANTED}wrong-key"):
        for path, body in bodies:
            httpx.post(
                f"{guarded.url}{path}?api_key={PLANTED}query", json=body, headers=bearer(key), timeout=60
            )
            content = json.dumps(body)[:-1] + f" {PLANTED}broken"
            httpx.post(f"{guarded.url}{path}", content=content, headers=bearer(key), timeout=60)
    httpx.get(f"{guarded.url}/{PLANTED}path", headers=bearer(FIRST))
    written = guarded.log.read_text()
    assert written.count("a request was refused") > 10
    for secret in (PLANTED, FIRST):
        assert secret not in written
        assert base64.b64encode(secret.encode()).decode()[:16] not in written
    refused = [event for event in guarded.events() if event["message"] == "a request was refused"]
    assert all({"request_id", "method", "path", "status"} <= event.keys() for event in refused)
    for pid in [guarded.process.pid, *descendants(guarded.process.pid)]:
        assert b"first-key" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        assert PLANTED.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
        if pid != guarded.process.pid:
            assert PLANTED.encode() not in Path(f"/proc/{pid}/environ").read_bytes()


def test_servers_show_each_other_their_key(tmp_path: Path) -> None:
    """A server that strangers tell of suspects would refuse good items: that door is closed too."""
    suspect = Suspect((Modality.TEXT, b"\1" * 32), 4, 1, 0.0)
    (tmp_path / "keys").write_text(FIRST)
    with server(tmp_path, "--api-keys-file", str(tmp_path / "keys")) as process:
        peer = f"127.0.0.1:{process.port}"
        assert exchange(peer, [suspect], 0.0) == []
        assert exchange(peer, [suspect], 0.0, WRONG) == []
        assert [found.key for found in exchange(peer, [suspect], 0.0, FIRST)] == [suspect.key]


def test_bind_load_shows_the_key_of_its_variable(guarded: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("a dog\n")
    for key, status in ((FIRST, 0), (WRONG, 3)):
        command = ["-m", "bind_load", str(tmp_path / "texts.txt"), str(tmp_path / f"{status}.parquet")]
        ended = subprocess.run(
            [sys.executable, *command, "--url", guarded.url],
            env=environment(BIND_API_KEY=key),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == status, ended.stderr
        assert key not in ended.stdout + ended.stderr
