"""The gate shows the servers an API key, which it reads for each request: Weaviate itself has none."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from .conftest import Gate, running_gate, serve_tiny

FIRST, SECOND = "first-key-0123456789", "second-key-0123456789"
SETTING = "modules.multi2vec-bind.apiKeys.existingSecret=inference-keys"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.write_text(f"{FIRST}\n")
    return file


@contextmanager
def with_key(file: Path, **values: str) -> Iterator[Gate]:
    with running_gate(("--set", SETTING), {"/etc/gate-key/key": str(file)}, **values) as gate:
        gate.start("127.0.0.2")
        yield gate


@pytest.fixture
def keyed(key_file: Path) -> Iterator[Gate]:
    with with_key(key_file) as gate:
        yield gate


def shown(answer: httpx.Response) -> object:
    assert answer.status_code == 200
    return answer.json()["authorization"]


@pytest.mark.parametrize("size", [1, 20_000, 2_000_000], ids=["text", "small", "large"])
def test_every_way_through_the_gate_has_the_key(keyed: Gate, size: int) -> None:
    assert shown(keyed.post({"texts": ["x" * size]})) == f"Bearer {FIRST}"


def test_a_request_that_is_repeated_has_it_too(keyed: Gate) -> None:
    keyed.start("127.0.0.3")
    assert shown(keyed.post({"texts": ["x"], "die_at_first": True})) == f"Bearer {FIRST}"


def test_so_has_the_live_check(keyed: Gate) -> None:
    assert shown(httpx.get(f"{keyed.health_url}/verify", timeout=30)) == f"Bearer {FIRST}"


def test_what_weaviate_sends_does_not_win(keyed: Gate) -> None:
    headers = {"Authorization": f"Bearer {SECOND}"}
    answer = httpx.post(f"{keyed.url}/vectorize", json={"texts": ["x"]}, headers=headers, timeout=60)
    assert shown(answer) == f"Bearer {FIRST}"


def test_a_new_key_is_sent_without_a_restart(keyed: Gate, key_file: Path) -> None:
    assert shown(keyed.post({"texts": ["x"]})) == f"Bearer {FIRST}"
    key_file.write_text(SECOND)
    assert shown(keyed.post({"texts": ["x"]})) == f"Bearer {SECOND}"


def test_a_refusal_passes_and_is_not_repeated(keyed: Gate) -> None:
    body = '{"error": "this is no API key of this server"}'
    answer = keyed.post({"texts": ["x"], "status": 401, "body": body})
    assert (answer.status_code, answer.text) == (401, body)


def test_the_log_has_no_key(key_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with with_key(key_file, logLevel="DEBUG", retries="1") as gate:
        gate.post({"texts": ["x"]})
        gate.post({"texts": ["x"], "status": 503, "body": "{}"})
        written = "".join(capfd.readouterr())
    assert "upstream roundtrip" in written, "the log is not at its finest"
    assert FIRST not in written


def test_without_a_secret_none_is_sent(gate: Gate) -> None:
    gate.start("127.0.0.2")
    assert shown(gate.post({"texts": ["x"]})) is None


@pytest.mark.parametrize(("key", "status"), [(FIRST, 200), ("wrong-key-0123456789", 401)])
def test_a_real_server_lets_the_gate_in_by_its_key(
    tmp_path: Path, key_file: Path, key: str, status: int
) -> None:
    """Where the key is wrong, the reason comes through, and readiness does not hang on it."""
    (tmp_path / "keys").write_text(f"{SECOND}\n{FIRST}\n")
    key_file.write_text(key)
    with running_gate(("--set", SETTING), {"/etc/gate-key/key": str(key_file)}) as gate:
        serve_tiny(gate, "127.0.0.2", "--api-keys-file", str(tmp_path / "keys"))
        answer = gate.post({"texts": ["a dog"]})
        checked = httpx.get(f"{gate.health_url}/verify", timeout=60)
        assert (answer.status_code, checked.status_code) == (status, status)
        if status == 401:
            assert answer.json()["error"].startswith("this is no API key of this server")
        assert httpx.get(f"{gate.url}/meta").json()["model"] == "Tiny"
