"""A job is an item that is not answered yet; by single flight identical ones, of any request, share it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from bind_inference.items.embedding import content_key
from bind_inference.items.windows import window_bytes

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from opentelemetry.context import Context

    from bind_inference.items.embedding import Embedding, Key, Vector
    from bind_inference.items.shared_memory import Blob
    from bind_inference.items.slices import Slice
    from bind_inference.items.windows import WindowGroup
    from bind_inference.modality import Modality
    from bind_inference.service_class import Kind


@dataclass(frozen=True, eq=False)
class Share:
    """Windows of one recording are a share of a `request`, which has so many `items`, windows counted."""

    windows: WindowGroup
    request: object
    items: int


@dataclass(eq=False, slots=True)
class Waiter:
    """A waiter is one item of one request; its future is its own, so that no other request can cancel it.

    windows: those of the item that are wanted, instead of a vector of the whole.
    """

    kind: Kind
    data: str | Blob
    future: asyncio.Future[Embedding | Exception]
    key: Key | None = None
    job: Job | None = None
    trace: Context | None = None
    deaths: int = 0
    request: object = None
    windows: WindowGroup | None = None

    @property
    def modality(self) -> Modality:
        """Return the modality of the item."""
        return self.kind.modality

    @property
    def vectors(self) -> int:
        """Return how many are wanted."""
        return self.windows.count if self.windows else 1

    @property
    def decoded_bytes(self) -> int:
        """Return the memory that what is decoded takes."""
        if self.windows is None:
            return self.modality.entry.decoded_bytes
        return self.windows.count * window_bytes(self.modality, self.windows.length_ms)

    def find_key(self, data: str | Blob) -> Key:
        """Return the key that those share who want the same of the same item."""
        key = content_key(self.modality, data)
        return self.windows.key(key) if self.windows else key

    def resolve(self, outcome: Embedding | Exception) -> None:
        """Give the future its outcome, unless it has one or the client has hung up."""
        self.data = ""
        if not self.future.done():
            self.future.set_result(outcome)


@dataclass(eq=False, slots=True)
class Job:
    """A job decodes and computes an item once, whoever waits for it.

    kind, request: of the first that asked. deaths: servers that died while they worked on it. slot: where the
    journal notes that it is at work.
    """

    kind: Kind
    data: str | Blob
    key: Key
    waiters: list[Waiter] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    tokens: int = 0
    queued_at: float = 0.0
    deaths: int = 0
    size: int = 0
    slot: int | None = None
    request: object = None
    windows: WindowGroup | None = None

    @classmethod
    def of(cls, waiter: Waiter, key: Key, deaths: int) -> Self:
        """Return the job that `waiter` is the first to wait for."""
        job = cls(
            waiter.kind,
            waiter.data,
            key,
            deaths=deaths,
            size=len(waiter.data),
            request=waiter.request,
            windows=waiter.windows,
        )
        job.add(waiter)
        return job

    @property
    def modality(self) -> Modality:
        """Return the modality of the item."""
        return self.kind.modality

    @property
    def abandoned(self) -> bool:
        """Return whether nobody waits any more. Once true it stays so, and any thread may ask."""
        # A loop, because this is asked several times an item, and a generator would cost as much again.
        for waiter in self.waiters:  # noqa: SIM110
            if not waiter.future.done():
                return False
        return True

    @property
    def traces(self) -> list[Context]:
        """Return where the spans of the waiting requests belong, each once (by identity)."""
        return list({id(waiter.trace): waiter.trace for waiter in self.waiters if waiter.trace}.values())

    def add(self, waiter: Waiter) -> None:
        """Let `waiter` have this job's outcome too, and drop its own copy of the item."""
        waiter.job, waiter.data = self, ""
        self.waiters.append(waiter)

    def combine(self) -> Vector | None:
        """Return the item's vector once all its parts have theirs; its windows' [windows, dimension]."""
        if not self.parts or any(part.vector is None for part in self.parts):
            return None
        if self.windows is None:
            return _mean(self.parts)
        windows: dict[int, list[Part]] = {}
        for part in self.parts:
            windows.setdefault(part.slice.window, []).append(part)
        return np.stack([_mean(windows[number]) for number in sorted(windows)])

    def release(self) -> None:
        """Drop the item's data, because nobody waits: its parts stay in the queue until they are next."""
        self.data = ""
        for part in self.parts:
            part.slice = replace(part.slice, tensor=None)

    def finish(self, outcome: Embedding | Exception) -> None:
        """Give every waiter the outcome."""
        self.data, self.parts = "", []
        for waiter in self.waiters:
            waiter.resolve(outcome)


@dataclass(eq=False, slots=True)
class Part:
    """A part is a slice of a job's item, queued for the model or computed."""

    job: Job
    slice: Slice
    vector: Vector | None = None

    @property
    def kind(self) -> Kind:
        """Return the kind of the job."""
        return self.job.kind

    @property
    def request(self) -> object:
        """Return the request that asked first."""
        return self.job.request

    @property
    def gflop(self) -> float:
        """Return the arithmetic of the slice."""
        return self.slice.gflop

    @property
    def abandoned(self) -> bool:
        """Return whether nobody waits for the job any more."""
        return self.job.abandoned


def _mean(parts: Sequence[Part]) -> Vector:
    """Return the mean of the parts' vectors, which are all there, weighted by their shares."""
    vectors = [part.vector for part in parts if part.vector is not None]
    if len(vectors) == 1:
        return vectors[0]
    shares = [part.slice.share for part in parts]
    return np.average(vectors, axis=0, weights=shares).astype(np.float32)


class SingleFlight:
    """Jobs can be joined, by the content of their items, until they have an outcome."""

    def __init__(self) -> None:
        self._jobs: dict[Key, Job] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def get(self, key: Key) -> Job | None:
        """Return the job to join; not one whose clients have all hung up, which may be dropped any moment."""
        job = self._jobs.get(key)
        return None if job is None or job.abandoned else job

    def add(self, job: Job) -> None:
        """Let later items join `job`."""
        self._jobs[job.key] = job

    def remove(self, job: Job) -> None:
        """Let nobody join `job` any more; another in its place stays."""
        if self._jobs.get(job.key) is job:
            del self._jobs[job.key]
