"""The gate as pods of its own: what it says of itself, what it fetches for the operator, and how it goes."""

import json
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from .conftest import Gate, running_gate

MODE = ("--set", "gate.mode=Deployment")
KEYED = ("--set", "gate.weaviate.apiKey.existingSecret=keys")
META = {"version": "1.35.2", "modules": {}}
HOST = "imagebind.example.com"


class Server:
    """An HTTP server elsewhere, which notes what it is asked."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, pair: tuple[Path, Path] | None = None) -> None:
        self.asked: list[tuple[str, str, str | None, str | None]] = []
        self.status = 200
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                heads = self.headers
                server.asked.append((self.command, self.path, heads["Authorization"], heads["Host"]))
                self.rfile.read(int(heads["Content-Length"] or 0))
                self.send_response(server.status)
                self.end_headers()
                self.wfile.write(json.dumps(META).encode())

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer((host, port), Handler)
        if pair is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*pair)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.url = f"{'https' if pair else 'http'}://{host}:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def weaviate() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@contextmanager
def apart(url: str, *arguments: str, paths: dict[str, str] | None = None, **values: str) -> Iterator[Gate]:
    more = (*MODE, "--set", f"gate.weaviate.url={url}", *arguments)
    with running_gate(more, paths or {}, **values) as gate:
        yield gate


def make_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate of a host or an address, and its key."""
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    kind = "IP" if name[0].isdigit() else "DNS"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName={kind}:{name}", "-days", "1"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command, *subject, *files], check=True, capture_output=True)
    return cert, key


def fetched(gate: Gate) -> httpx.Response:
    return httpx.get(f"{gate.health_url}/weaviate/v1/meta", timeout=20)


def test_requests_pass_and_metadata_name_the_gate(weaviate: Server) -> None:
    with apart(weaviate.url) as gate:
        gate.start("127.0.0.2")
        assert gate.post({"texts": ["x"]}).json()["server"] == "127.0.0.2"
        assert httpx.get(f"{gate.url}/.well-known/ready").status_code == 204
        for url in (gate.url, gate.health_url):
            assert httpx.get(f"{url}/meta").json() == {"model": "fake", "gate": "space/shop"}


def test_the_metadata_of_weaviate_and_nothing_else_of_it_is_fetched(weaviate: Server) -> None:
    with apart(weaviate.url) as gate:
        answer = fetched(gate)
        assert (answer.status_code, answer.json()) == (200, META)
        assert [one[:3] for one in weaviate.asked] == [("GET", "/v1/meta", None)]
        for path in ("/weaviate/v1/schema", "/weaviate/v1/meta/", "/weaviate/v1/meta/../schema", "/v1/meta"):
            httpx.get(f"{gate.health_url}{path}")
        for method in ("POST", "DELETE", "PUT"):
            httpx.request(method, f"{gate.health_url}/weaviate/v1/meta")
        httpx.get(f"{gate.health_url}/weaviate/v1/meta?x=1", headers={"Authorization": "Bearer mine"})
        assert {one[:3] for one in weaviate.asked} <= {
            ("GET", "/v1/meta", None),
            ("GET", "/v1/meta?x=1", None),
        }


def test_the_key_is_shown_and_read_anew_each_time(weaviate: Server, tmp_path: Path) -> None:
    key = tmp_path / "key"
    with apart(weaviate.url, *KEYED, paths={"/etc/weaviate-api-key/key": str(key)}) as gate:
        missing = fetched(gate)
        assert (missing.status_code, weaviate.asked) == (424, [])
        key.write_text("first\n")
        assert fetched(gate).status_code == 200
        key.write_text("second")
        weaviate.status = 401
        assert fetched(gate).status_code == 401
        assert [one[2] for one in weaviate.asked] == ["Bearer first", "Bearer second"]


def test_a_weaviate_that_is_away_is_told_in_words(weaviate: Server) -> None:
    weaviate.close()
    with apart(weaviate.url) as gate:
        answer = fetched(gate)
    assert answer.status_code == 502
    assert "connection refused" in answer.text


@pytest.mark.parametrize("is_trusted", [True, False], ids=["its authority", "another"])
def test_https_is_checked_by_the_authority_that_is_given(tmp_path: Path, *, is_trusted: bool) -> None:
    pair = make_pair(tmp_path, "127.0.0.1")
    ca = pair[0] if is_trusted else make_pair(tmp_path, "localhost")[0]
    server = Server(pair=pair)
    authority = ("--set", "gate.weaviate.ca.existingSecret=ca")
    try:
        with apart(server.url, *authority, paths={"/etc/weaviate-ca/ca.crt": str(ca)}) as gate:
            answer = fetched(gate)
    finally:
        server.close()
    assert answer.status_code == (200 if is_trusted else 502)
    assert is_trusted or "certificate" in answer.text


def test_a_gate_that_goes_takes_requests_and_keeps_no_connection(weaviate: Server) -> None:
    with apart(weaviate.url, drainSeconds="3") as gate, httpx.Client(timeout=20) as client:
        gate.start("127.0.0.2")
        url = f"{gate.url}/vectorize"
        assert client.post(url, json={"texts": ["x"]}).headers.get("connection") is None
        gate.caddy.terminate()
        time.sleep(0.5)
        answer = client.post(url, json={"texts": ["x"]})
        assert (answer.status_code, answer.headers.get("connection")) == (200, "close")
        gate.caddy.wait(timeout=60)


@pytest.mark.parametrize("is_trusted", [True, False], ids=["its authority", "another"])
def test_an_inference_server_behind_https_is_asked_by_its_name(tmp_path: Path, *, is_trusted: bool) -> None:
    pair = make_pair(tmp_path, HOST)
    ca = pair[0] if is_trusted else make_pair(tmp_path, "localhost")[0]
    values = ("enabled=false", f"inferenceUrl=https://{HOST}", "inferenceCa.existingSecret=ca")
    settings = [part for value in values for part in ("--set", f"modules.multi2vec-bind.{value}")]
    paths = {"/etc/inference-ca/ca.crt": str(ca)}
    with running_gate(settings, paths, host=f"{HOST} 443", tryDuration="2s", retries="1") as gate:
        server = Server("127.0.0.2", gate.backend_port, pair)
        gate.dns.addresses = ("127.0.0.2",)
        try:
            answer = gate.post({"texts": ["x"]})
            meta = httpx.get(f"{gate.url}/meta")
        finally:
            server.close()
    assert (answer.status_code, meta.status_code) == ((200, 200) if is_trusted else (502, 503)), answer.text
    assert {one[3] for one in server.asked} == ({HOST} if is_trusted else set())
