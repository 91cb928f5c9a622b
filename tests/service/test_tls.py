"""A real server that speaks HTTPS, with HTTP workers and without; its certificate changes while it runs."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bind_inference.http.tls import CHECK_S
from support.http_workers import http_workers, sockets
from support.server import ServerProcess, run, server
from support.waiting import until

LARGE = 3 << 20


def make_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate of 127.0.0.1 that bears a name; return it and its key."""
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subject = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command, *subject, *files], check=True, capture_output=True)
    return cert, key


@pytest.fixture(params=["0", "2"], ids=["alone", "workers"])
def secure(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    cert, key = make_pair(tmp_path, "first")
    cert.rename(tmp_path / "cert")
    key.rename(tmp_path / "key")
    arguments = ("--tls-cert", str(tmp_path / "cert"), "--tls-key", str(tmp_path / "key"))
    with server(tmp_path, *arguments, "--http-workers", request.param, ready=False) as process:
        with client(process, tmp_path / "cert") as http:
            until(lambda: http.get("/.well-known/ready").status_code == 204, 120, "it is ready", poll_s=0.1)
        yield process


def client(process: ServerProcess, cert: Path) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(cert))
    return httpx.Client(base_url=f"https://127.0.0.1:{process.port}", verify=context, timeout=60)


def name_shown(process: ServerProcess, *, hello: str | None = None) -> str:
    """Return the name that the certificate of a new connection bears. hello: the server's name, as sent."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", process.port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=hello) as connection,
    ):
        shown = connection.getpeercert(binary_form=True)
    assert shown
    return next(name for name in ("first", "second") if name.encode() in shown)


def test_it_answers_as_without(secure: ServerProcess, tmp_path: Path) -> None:
    with client(secure, tmp_path / "cert") as http:
        for text in ("a", "b" * LARGE):
            answer = http.post("/vectorize", json={"texts": [text]})
            assert answer.status_code in {200, 413, 422}
        assert http.post("/vectorize", json={"texts": ["a"] * 1000}).status_code == 200


def test_a_new_certificate_is_shown_without_a_restart(secure: ServerProcess, tmp_path: Path) -> None:
    assert name_shown(secure) == name_shown(secure, hello="a.example") == "first"
    cert, key = make_pair(tmp_path, "second")
    cert.replace(tmp_path / "cert")  # its key is still the old one

    def told() -> bool:
        assert name_shown(secure) == "first"
        return "the certificate cannot be read again" in secure.log.read_text()

    until(told, CHECK_S + 20, "it is told")
    key.replace(tmp_path / "key")
    until(lambda: {name_shown(secure) for _ in range(4)} == {"second"}, CHECK_S + 20, "the new certificate")
    with client(secure, tmp_path / "cert") as http:
        assert http.post("/vectorize", json={"texts": ["a"]}).status_code == 200


def test_who_speaks_no_tls_costs_nothing(secure: ServerProcess, tmp_path: Path) -> None:
    pids = http_workers(secure) or [secure.process.pid]
    before = sum(sockets(pid) for pid in pids)
    for sent in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"", b"\x16\x03\x01"):
        for _ in range(8):
            with socket.create_connection(("127.0.0.1", secure.port), timeout=20) as plain:
                plain.sendall(sent)
    until(lambda: sum(sockets(pid) for pid in pids) == before, 30, "their sockets are closed")
    with client(secure, tmp_path / "cert") as http:
        assert http.post("/vectorize", json={"texts": ["a"]}).status_code == 200
    secure.terminate()
    assert secure.process.wait(30) == 0
    assert "a request met a bug" not in secure.log.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--tls-cert", "{first.crt}"), "one is set without the other"),
        (("--tls-cert", "/nowhere", "--tls-key", "{first.key}"), "No such file or directory"),
        (("--tls-cert", "{first.crt}", "--tls-key", "{second.key}"), "they are no certificate with its key"),
        (("--tls-cert", "{first.crt}", "--tls-key", "{locked.key}"), "the key without a password"),
        (("--tls-cert", "{first.crt}", "--tls-key", "{first.key}", "--peers", "x:1"), "speak plain HTTP"),
    ],
)
def test_it_does_not_start_with_a_wrong_pair(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    for name in ("first", "second"):
        make_pair(tmp_path, name)
    lock = ["openssl", "ec", "-aes128", "-passout", "pass:x", "-in", "first.key", "-out", "locked.key"]
    subprocess.run(lock, cwd=tmp_path, check=True, capture_output=True)
    given = [word.replace("{", f"{tmp_path}/").replace("}", "") for word in arguments]
    ended = run("--model", "tiny", "--http-port", "0", *given)
    assert ended.returncode == 2
    assert message in ended.stderr
