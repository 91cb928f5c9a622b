"""Says what a phase means for the probes and for requests, and describes it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bind_inference.errors import NotReady


class Phase(StrEnum):
    """The process goes through these from its start to its end."""

    STARTING = "Starting"  # the process runs, nothing is known yet
    DOWNLOADING = "Downloading"  # the weights are on their way
    LOADING = "Loading"  # the weights are read, checked and converted
    WARMING = "Warming"  # the first forward passes run
    READY = "Ready"  # vectors are made
    DRAINING = "Draining"  # asked to stop; accepted requests are finished
    FAILED = "Failed"  # no vector can be made any more; only a restart helps


@dataclass(frozen=True)
class Amount:
    """It says how much of a phase is done; `seconds_left` is None while that is not known."""

    done_bytes: int
    total_bytes: int
    seconds_left: float | None = None


@dataclass(frozen=True)
class Readiness:
    """The server is in a `phase`; `progress` is 0..1 where the phase has a measure."""

    phase: Phase = Phase.STARTING
    detail: str = ""
    progress: float | None = None
    amount: Amount | None = None

    @property
    def live(self) -> bool:
        """Return whether the process is worth keeping."""
        return self.phase is not Phase.FAILED

    @property
    def ready(self) -> bool:
        """Return whether new requests should be sent here."""
        return self.phase is Phase.READY

    @property
    def serves(self) -> bool:
        """Return whether a request that comes all the same is served: so it is while the server drains."""
        return self.phase in {Phase.READY, Phase.DRAINING}

    def describe(self) -> str:
        """Return a sentence for people: `the model is not ready: Downloading, 41%`."""
        subject = "the model is ready" if self.ready else f"the model is not ready: {self.phase}"
        percent = "" if self.progress is None else f", {self.progress:.0%}"
        return f"{subject}{percent}{f' ({self.detail})' if self.detail else ''}"

    def require(self) -> None:
        """Return if requests are served; raise NotReady with the state otherwise."""
        if not self.serves:
            raise NotReady(self.describe())
