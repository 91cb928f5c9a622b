"""Keys are replaced while requests run: between the gate and the real server, and no request fails."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bind_inference.keys import CHECK_S
from support.waiting import until

from .conftest import Gate, running_gate, serve_tiny

OLD, NEW = "old-key-0123456789ab", "new-key-0123456789ab"
SETTING = "modules.multi2vec-bind.apiKeys.existingSecret=inference-keys"
CLIENTS = 4


class Answers:
    """Clients that ask all the time, each text another one, and what they were answered."""

    def __init__(self, gate: Gate) -> None:
        self.statuses: list[int] = []
        self._gate = gate
        self._stop = threading.Event()

    def _ask(self, client: int) -> None:
        number = 0
        with httpx.Client(timeout=60) as http:
            while not self._stop.is_set():
                number += 1
                body = {"texts": [f"{client} {number}"]}
                self.statuses.append(http.post(f"{self._gate.url}/vectorize", json=body).status_code)

    @contextmanager
    def asked(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._ask, args=(client,)) for client in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def more(self) -> None:
        """Wait until each client has been answered a few times more."""
        seen = len(self.statuses)
        until(lambda: len(self.statuses) >= seen + 5 * CLIENTS, 60, "clients are answered")


def takes(gate: Gate, key: str) -> bool:
    """Return whether the server behind the gate takes a key, asked past the gate."""
    url = f"http://127.0.0.2:{gate.backend_port}/vectorize"
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(url, json={"texts": ["x"]}, headers=headers, timeout=60).status_code == 200


def replace(file: Path, text: str) -> None:
    """Write a file as the kubelet does: all of it at once."""
    other = file.with_suffix(".new")
    other.write_text(text)
    other.rename(file)


@contextmanager
def keyed(folder: Path) -> Iterator[tuple[Gate, Path, Path]]:
    """Yield a gate before a server, the file of the keys that this takes, and that of the key it is shown."""
    keys, shown = folder / "keys", folder / "key"
    keys.write_text(f"{OLD}\n")
    shown.write_text(OLD)
    with running_gate(("--set", SETTING), {"/etc/gate-key/key": str(shown)}) as gate:
        serve_tiny(gate, "127.0.0.2", "--api-keys-file", str(keys))
        yield gate, keys, shown


def test_no_request_fails_while_the_key_is_replaced(tmp_path: Path) -> None:
    with keyed(tmp_path) as (gate, keys, shown):
        answers = Answers(gate)
        with answers.asked():
            answers.more()
            replace(keys, f"{OLD}\n{NEW}\n")
            until(lambda: takes(gate, NEW), 60, "the server takes the new key too")
            answers.more()
            replace(shown, NEW)
            answers.more()
            replace(keys, f"{NEW}\n")
            until(lambda: not takes(gate, OLD), 60, "the server takes the old key no longer")
            answers.more()
        assert set(answers.statuses) == {200}, answers.statuses


def test_a_key_that_is_replaced_at_one_end_alone_is_refused(tmp_path: Path) -> None:
    """So the test above would see a request that fails."""
    with keyed(tmp_path) as (gate, keys, _):
        answers = Answers(gate)
        with answers.asked():
            answers.more()
            replace(keys, f"{NEW}\n")
            until(lambda: 401 in answers.statuses, 60, "a request is refused")
            time.sleep(CHECK_S)
        assert 401 in answers.statuses
