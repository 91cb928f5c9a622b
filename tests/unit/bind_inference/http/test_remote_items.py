"""Media that requests name by address, fetched from a server on loopback which stands for a public one."""

import asyncio
import base64
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest

from bind_inference.http.app import create_app
from bind_inference.http.fetching import Fetcher
from bind_inference.scheduling.service import Service
from bind_inference.settings import Settings
from support.fake_engine import FakeDecoders, FakeEngine
from support.http_server import listening

HOST = "images.example.com"
LENIENT = {"Prefer": "handling=lenient"}


class Files(BaseHTTPRequestHandler):
    """Answers as the path says, and notes what it was asked."""

    asked: list[tuple[str, dict[str, str]]]
    gate: threading.Event

    def do_GET(self) -> None:
        self.asked.append((self.path, dict(self.headers)))
        name, _, value = self.path[1:].partition("/")
        getattr(self, f"_{name}")(value)

    def _text(self, value: str) -> None:
        self._answer(200, value.encode())

    def _status(self, value: str) -> None:
        self._answer(int(value))

    def _to(self, value: str) -> None:
        self._answer(302, headers={"Location": value})

    def _again(self, _: str) -> None:
        self._answer(302, headers={"Location": "/again/"})

    def _packed(self, _: str) -> None:
        self._answer(200, b"x", {"Content-Encoding": "gzip"})

    def _endless(self, _: str) -> None:
        """Say ten bytes and send more, without end."""
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(b"x" * 4096)

    def _announced(self, value: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", value)
        self.end_headers()
        self.wfile.write(b"too short")

    def _slow(self, _: str) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a")
        self.gate.wait(30)

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def handler() -> Iterator[type[Files]]:
    made = type("Handler", (Files,), {"asked": [], "gate": threading.Event()})
    yield made
    made.gate.set()


@pytest.fixture
def port(handler: type[Files]) -> Iterator[int]:
    with listening(handler) as url:
        yield int(url.rpartition(":")[2])


class World:
    """A server on a fake engine, for which the names of `hosts` lead where they say."""

    def __init__(self, port: int, hosts: dict[str, list[str]], **settings: object) -> None:
        given = {"model": "Tiny", "allow_urls": f"http://{HOST}:{port}, http://*.cdn.example.com:{port}"}
        self.settings = Settings.model_validate(given | settings)
        self.hosts = hosts
        self.resolved: list[str] = []
        self.service = Service(
            self.settings,
            lambda _settings, _report: FakeEngine(),
            on_failure=lambda _: None,
            decoders=lambda _settings, _restarted: FakeDecoders(),
        )
        self.app = create_app(self.service)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://test")
        if self.settings.allow_urls:
            self.app.state.fetcher = self.fetcher()

    def fetcher(self, **options: Any) -> Fetcher:
        return Fetcher(
            self.settings,
            resolve=self.resolve,
            is_public=lambda ip: ip.startswith("127."),
            **options,
        )

    async def resolve(self, host: str, _port: int) -> list[str]:
        self.resolved.append(host)
        if host not in self.hosts:
            raise socket.gaierror
        return self.hosts[host]

    async def ready(self) -> "World":
        self.service.start()
        async with asyncio.timeout(60):
            while not self.service.readiness.ready:  # noqa: ASYNC110  (there is no event to wait for)
                await asyncio.sleep(0.01)
        return self

    async def embed(self, *given: object, **headers: str) -> httpx.Response:
        body = {"input": given, "normalize": False}
        return await self.client.post("/v1/embeddings", json=body, headers=headers)


@pytest.fixture
async def world(port: int) -> AsyncIterator[World]:
    made = await World(port, {HOST: ["127.0.0.1"]}).ready()
    yield made
    made.service.stop()


def vectors(answer: httpx.Response) -> list[list[float]]:
    assert answer.status_code == 200, answer.text
    return [row["embedding"] for row in answer.json()["data"]]


def lengths(answer: httpx.Response) -> list[float]:
    """Return what tells which text was embedded: the fake engine counts its letters."""
    return [vector[1] for vector in vectors(answer)]


async def test_media_come_from_the_addresses_that_are_allowed(
    world: World, port: int, handler: type[Files]
) -> None:
    base = f"http://{HOST}:{port}"
    answer = await world.embed(
        "a text",
        {"image": f"{base}/text/four?x=y"},
        {"type": "image_url", "image_url": {"url": f"{base}/text/seventeen"}},
        {"audio": base64.b64encode(b"inline").decode()},
        {"video_url": f"HTTP://{HOST.upper()}:{port}/text/a"},
        f"{base}/text/this-is-a-text",
    )
    assert lengths(answer) == [6, 8, 9, 6, 1, len(f"{base}/text/this-is-a-text")]
    paths = sorted(path for path, _ in handler.asked)
    assert paths == ["/text/a", "/text/four?x=y", "/text/seventeen"]
    assert {headers["Host"] for _, headers in handler.asked} == {f"{HOST}:{port}"}
    assert world.service.bodies.held == 0


async def test_what_is_fetched_is_known_to_the_cache_as_if_it_was_sent(world: World, port: int) -> None:
    sent = await world.embed({"image": base64.b64encode(b"the same").decode()})
    fetched = await world.embed({"image": f"http://{HOST}:{port}/text/the same".replace(" ", "%20")})
    assert lengths(sent) == [8]
    assert lengths(fetched) == [10]  # "the%20same": the server here does not decode it
    again = await world.embed({"image": base64.b64encode(b"the%20same").decode()})
    assert vectors(again) == vectors(fetched)


REFUSED = [
    ("http://other.example.com:{port}/text/a", "is not among those that are fetched (--allow-urls)"),
    ("https://{host}:{port}/text/a", "is not among those that are fetched"),
    ("http://{host}/text/a", "is not among those that are fetched"),
    ("http://x@{host}:{port}/text/a", "holds a user's name"),
    ("http://gone.cdn.example.com:{port}/text/a", "is not known to the DNS"),
    ("http://private.cdn.example.com:{port}/text/a", "has a private address; such are never fetched"),
    ("http://both.cdn.example.com:{port}/text/a", "has a private address"),
    ("http://{host}:{port}/status/404", "answered 404"),
    ("http://{host}:{port}/status/500", "answered 500"),
    ("http://{host}:{port}/packed/", "sent it compressed"),
    ("http://{host}:{port}/again/", "redirects more than 3 times"),
    ("http://{host}:{port}/to/http://169.254.169.254/latest", "is not among those that are fetched"),
    ("http://{host}:{port}/to/http://private.cdn.example.com:{port}/", "has a private address"),
    ("http://{host}:{port}/to/file:///etc/passwd", "an address of 'file' is not fetched"),
    ("http://{host}:{port}/announced/5000", "broke off"),
    ("http://{host}:{port}/announced/99999999999", "above the limit of 100,000"),
    ("http://{host}:{port}/endless/", "above the limit of 100,000"),
    ("http://{host}:{port}/text/", "is empty"),
    ("http://{host}:{port}/slow/", "did not send it within 4 s, the limit (--fetch-timeout-s)"),
]


@pytest.mark.parametrize(("url", "message"), REFUSED)
async def test_one_that_may_not_or_cannot_be_fetched_costs_its_item(
    port: int, handler: type[Files], url: str, message: str
) -> None:
    hosts = {
        HOST: ["127.0.0.1"],
        "private.cdn.example.com": ["10.0.0.1"],
        "both.cdn.example.com": ["127.0.0.1", "10.0.0.1"],
    }
    timeout_s = 4 if "slow" in url else 60
    world = await World(port, hosts, max_item_bytes=100_000, fetch_timeout_s=timeout_s).ready()
    given = ["good", {"image": url.format(host=HOST, port=port)}, {"image": f"http://{HOST}:{port}/text/abc"}]
    answer = await world.embed(*given, **LENIENT)
    assert answer.status_code == 200
    (error,) = answer.json()["errors"]
    assert message in error["message"]
    assert (error["index"], error["status"]) == (1, 413 if "limit of 100" in message else 422)
    assert [row["embedding"] and row["embedding"][1] for row in answer.json()["data"]] == [4, None, 3]
    strict = await world.embed(*given)
    assert strict.status_code == error["status"]
    assert strict.json()["error"]["param"] == "input[1]"
    assert world.service.bodies.held == 0
    world.service.stop()


async def test_nothing_is_fetched_where_nothing_is_allowed(port: int, handler: type[Files]) -> None:
    world = await World(port, {HOST: ["127.0.0.1"]}, allow_urls=None).ready()
    answer = await world.embed({"image": f"http://{HOST}:{port}/text/a"})
    assert answer.status_code == 422
    assert answer.json()["error"]["message"] == (
        "input[0]: addresses are not fetched; send the medium itself, `data:<type>;base64,…`"
    )
    assert not handler.asked
    world.service.stop()


async def test_a_name_is_resolved_once_for_each_connection(world: World, port: int) -> None:
    """One that leads elsewhere when it is asked again (DNS rebinding) has nobody to deceive."""
    assert lengths(await world.embed({"image": f"http://{HOST}:{port}/text/a"})) == [1]
    assert world.resolved == [HOST]


async def test_another_address_of_the_name_is_tried_where_one_does_not_answer(
    world: World, port: int
) -> None:
    world.hosts[HOST] = ["127.0.0.2", "127.0.0.1"]  # the server listens on the second alone
    assert lengths(await world.embed({"image": f"http://{HOST}:{port}/text/a"})) == [1]


async def test_proxies_of_the_environment_are_not_asked(
    world: World, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert lengths(await world.embed({"image": f"http://{HOST}:{port}/text/a"})) == [1]


async def test_what_is_fetched_is_held_of_the_budget_of_bodies(port: int) -> None:
    world = await World(port, {HOST: ["127.0.0.1"]}, max_queue_bytes=8000).ready()
    urls = [{"image": f"http://{HOST}:{port}/text/{letter * 1500}"} for letter in "abcd"]
    answer = await world.embed(*urls, **LENIENT)
    assert answer.status_code == 429
    assert world.service.bodies.held == 0
    world.service.stop()


async def test_the_media_of_one_request_have_a_limit_together(port: int) -> None:
    world = await World(port, {HOST: ["127.0.0.1"]}, max_request_bytes=7000).ready()
    urls = [{"image": f"http://{HOST}:{port}/text/{letter * 1500}"} for letter in "abcd"]
    answer = await world.embed(*urls, **LENIENT)
    assert answer.status_code == 200
    messages = {error["message"] for error in answer.json()["errors"]}
    assert messages == {"the media of one request have more than 7,000 bytes in all"}
    assert len(answer.json()["errors"]) == 1
    world.service.stop()


async def test_others_are_answered_while_a_fetch_lasts(world: World, port: int, handler: type[Files]) -> None:
    slow = asyncio.ensure_future(world.embed({"image": f"http://{HOST}:{port}/slow/"}))
    async with asyncio.timeout(20):
        while not handler.asked:  # noqa: ASYNC110  (another thread notes it)
            await asyncio.sleep(0.01)
    assert lengths(await world.embed("a text")) == [6]
    assert not slow.done()
    handler.gate.set()
    assert lengths(await slow) == [1]


@contextmanager
def secure(handler: type[Files], folder: Path, name: str) -> Iterator[tuple[int, ssl.SSLContext]]:
    """Serve HTTPS with a certificate of `name`; yield the port, and what trusts that certificate."""
    cert, key = folder / "cert", folder / "key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subject = ["-subj", "/CN=x", "-addext", f"subjectAltName=DNS:{name}", "-days", "1"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command, *subject, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    class Secure(handler):  # type: ignore[valid-type,misc]
        def setup(self) -> None:
            self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

    with listening(Secure) as url:
        yield int(url.rpartition(":")[2]), ssl.create_default_context(cafile=str(cert))


@pytest.mark.parametrize("name", [HOST, "other.example.com"])
async def test_a_certificate_must_be_of_the_name_though_the_address_is_asked(
    handler: type[Files], tmp_path: Path, name: str
) -> None:
    with secure(handler, tmp_path, name) as (port, trust):
        world = await World(port, {HOST: ["127.0.0.1"]}, allow_urls=f"{HOST}:{port}").ready()
        world.app.state.fetcher = world.fetcher(trust=trust)
        answer = await world.embed({"image": f"https://{HOST}:{port}/text/abc"})
        if name == HOST:
            assert lengths(answer) == [3]
        else:
            assert answer.status_code == 422
            assert "cannot be reached" in answer.text
            assert "certificate" in answer.text
        world.service.stop()


async def test_the_real_resolver_and_judge_keep_loopback_out(port: int, handler: type[Files]) -> None:
    world = await World(port, {}, allow_urls=f"http://localhost:{port},http://127.0.0.1:{port}").ready()
    world.app.state.fetcher = Fetcher(world.settings)
    for host in ("localhost", "127.0.0.1"):
        answer = await world.embed({"image": f"http://{host}:{port}/text/a"})
        assert answer.status_code == 422
        assert "has a private address" in answer.text
    assert not handler.asked
    world.service.stop()
