"""Asks a server over and over, and notes the longest wait: that is for how long its loop stood still."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROBE = b"HEAD /.well-known/live HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class Waits:
    """Seconds that each probe took."""

    seconds: list[float] = field(default_factory=list)

    @property
    def longest(self) -> float:
        return max(self.seconds)


@contextmanager
def probed(port: int, connections: int = 1) -> Iterator[Waits]:
    """Probe until the block ends, on so many connections: as many as there are HTTP workers to be reached."""
    waits = Waits()
    ended = threading.Event()

    def ask() -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not ended.is_set():
                start = time.perf_counter()
                connection.sendall(_PROBE)
                assert connection.recv(1000).startswith(b"HTTP/1.1 204")
                waits.seconds.append(time.perf_counter() - start)
                time.sleep(0.002)

    threads = [threading.Thread(target=ask) for _ in range(connections)]
    for thread in threads:
        thread.start()
    try:
        yield waits
    finally:
        ended.set()
        for thread in threads:
            thread.join()
