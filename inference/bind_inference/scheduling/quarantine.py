"""Keeps items from killing server after server: suspects are run one at a time, convicts are refused.

Its methods belong to the event loop's thread.
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from http.client import HTTPConnection, HTTPException
from socket import SOCK_STREAM, getaddrinfo
from typing import TYPE_CHECKING, Any, Final

from bind_inference.errors import PoisonItem, SuspectRuns
from bind_inference.modality import Modality
from bind_inference.scheduling.journal import Journal
from bind_inference.scheduling.policy.suspicion import Suspect, Suspects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from bind_inference.items.embedding import Key
    from bind_inference.scheduling.jobs import Job
    from bind_inference.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

DIGEST_BYTES: Final = 32
PEER_TIMEOUT_S: Final = 2.0
MAX_TOLD_BYTES: Final = 1 << 20  # of as many suspects as are remembered, about half of that
SUSPECTS_PATH: Final = "/suspects"


class Quarantine:
    """The quarantine of one server. Without a `path` it knows only what other servers tell it."""

    def __init__(
        self,
        path: Path | None,
        ttl_s: float,
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Read what the last process left, and log it."""
        self._clock = clock
        self._metrics = metrics
        self._suspects = Suspects(ttl_s)
        self._journal = self._open(path) if path and ttl_s else None
        self._waiting: deque[tuple[Job, Callable[[Job], None]]] = deque()
        self._alone: Job | None = None
        self._request: object = None
        metrics.watch_suspects(lambda: self.refused)
        self.remember(self._journal.left if self._journal else [])

    @property
    def suspects(self) -> list[Suspect]:
        """Return all suspects."""
        return self._suspects.all(self._clock())

    @property
    def refused(self) -> list[Suspect]:
        """Return the suspects that are refused."""
        return [suspect for suspect in self.suspects if suspect.refused]

    def remember(self, found: Iterable[Suspect]) -> None:
        """Note suspects, and log those that are new."""
        news = self._suspects.remember(found, self._clock())
        if self._journal:
            self._journal.remember(news)
        for suspect in news:
            log.log(
                logging.ERROR if suspect.refused else logging.WARNING,
                "an item is refused: servers died of it" if suspect.refused else "an item is under suspicion",
                extra={
                    "digest": suspect.name,
                    "modality": suspect.key[0],
                    "bytes": suspect.size,
                    "deaths": suspect.deaths,
                },
            )

    def check(self, key: Key) -> int:
        """Return in how many deaths the item was at work. Raises PoisonItem if it is refused."""
        now = self._clock()
        suspect = self._suspects.get(key, now)
        if suspect is None:
            return 0
        if suspect.refused:
            left_s = suspect.at + self._suspects.ttl_s - now
            raise PoisonItem(
                f"refused for another {left_s:.0f} s: {suspect.deaths} servers died while they worked on it "
                f"(hash {suspect.name})"
            )
        return suspect.deaths

    def admit(self, job: Job, request: object, start: Callable[[Job], None]) -> None:
        """Start a job: at once, or if it is a suspect as the only one.

        The suspects of one `request` follow each other. Raises SuspectRuns for those of another: were they to
        wait here, they would be lost with the server if it dies of the one that runs.
        """
        if not job.deaths:
            start(job)
            return
        if self._request is not None and self._request is not request:
            raise SuspectRuns(
                "the server runs another item by itself that a server may have died of; try again"
            )
        self._request = request
        self._waiting.append((job, start))
        self._next()

    def leave(self, job: Job) -> None:
        """Note that a job has ended; start the next suspect if it was one."""
        self.end(job)
        if self._alone is job:
            self._alone = None
            self._next()

    def _next(self) -> None:
        while self._waiting and self._alone is None:
            job, start = self._waiting.popleft()
            if not job.abandoned:
                self._alone = job
                start(job)
        if self._alone is None and not self._waiting:
            self._request = None

    def begin(self, job: Job) -> None:
        """Note that a job's item is being decoded or computed."""
        if self._journal and job.slot is None:
            job.slot = self._journal.begin(Suspect(job.key, job.size, job.deaths, self._clock()))

    def end(self, job: Job) -> None:
        """Note that it is not any more."""
        if self._journal and job.slot is not None:
            self._journal.end(job.slot)
            job.slot = None

    def stopping(self) -> None:
        """Note that the process was asked to stop: to be killed now is no fault of an item."""
        if self._journal:
            self._journal.stopping()

    def _open(self, path: Path) -> Journal | None:
        try:
            return Journal(path)
        except OSError as error:
            log.warning("no journal of items", extra={"path": str(path), "error": str(error)})
            return None


def to_json(suspects: Sequence[Suspect], now: float) -> bytes:
    """Return the body of `POST /suspects`; ages instead of times, since clocks differ."""
    entries = [
        {
            "modality": suspect.key[0],
            "digest": suspect.key[1].hex(),
            "bytes": suspect.size,
            "deaths": suspect.deaths,
            "age_s": now - suspect.at,
        }
        for suspect in suspects
    ]
    return json.dumps({"suspects": entries}).encode()


def from_json(raw: bytes, now: float) -> list[Suspect]:
    """Return the suspects that another server tells of. Raises KeyError, TypeError, ValueError."""
    body: dict[str, Any] = json.loads(raw)
    return [
        Suspect(
            (Modality(entry["modality"]), _digest(entry["digest"])),
            int(entry["bytes"]),
            min(int(entry["deaths"]), 255),
            now - max(0.0, float(entry["age_s"])),
        )
        for entry in body["suspects"]
    ]


def _digest(digits: str) -> bytes:
    digest = bytes.fromhex(digits)
    if len(digest) != DIGEST_BYTES:
        raise ValueError(f"a digest has {DIGEST_BYTES} bytes")
    return digest


def exchange(peers: str, suspects: Sequence[Suspect], now: float, key: str | None = None) -> list[Suspect]:
    """Tell the other servers, and return what they know; one that does not answer is left out.

    peers: `host:port`, several with commas between. key: the API key that they ask for.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    body, found = to_json(suspects, now), list[Suspect]()
    for peer in peers.split(","):
        host, _, port = peer.rpartition(":")
        try:
            addresses = sorted({str(entry[4][0]) for entry in getaddrinfo(host, int(port), type=SOCK_STREAM)})
        except OSError:
            continue  # while no server is ready, no name has an address
        for address in addresses:
            found += _ask(address, int(port), body, headers, now)
    return found


def _ask(address: str, port: int, body: bytes, headers: dict[str, str], now: float) -> list[Suspect]:
    connection = HTTPConnection(address, port, timeout=PEER_TIMEOUT_S)
    try:
        connection.request("POST", SUSPECTS_PATH, body, headers)
        return from_json(connection.getresponse().read(MAX_TOLD_BYTES), now)
    except (OSError, HTTPException, KeyError, TypeError, ValueError):
        return []  # it is gone, or not there yet, or of another version
    finally:
        connection.close()
