"""Tells how far the weights are on their way into memory."""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """A step on that way; each happens once at most, in this order, unless a file is damaged."""

    DOWNLOAD = "download"
    VERIFY = "verify"
    CONVERT = "convert"
    LOAD = "load"


@dataclass(frozen=True)
class Progress:
    """It says how far a stage is; `total_bytes` is 0 where it is not known."""

    stage: Stage
    done_bytes: int
    total_bytes: int


@dataclass
class Pace:
    """It learns how fast a stage goes, and says how long it still takes. The time is an argument."""

    _stage: Stage | None = None
    _began_at: float = 0.0
    _began_with: int = 0

    def seconds_left(self, progress: Progress, now: float) -> float | None:
        """Return the seconds that the stage still takes at its pace so far; None while that is not known.

        now: seconds of any clock. What was there before the first call is not taken for fast.
        """
        if progress.stage is not self._stage:
            self._stage, self._began_at, self._began_with = progress.stage, now, progress.done_bytes
        came, took = progress.done_bytes - self._began_with, now - self._began_at
        if not progress.total_bytes or came <= 0 or took <= 0:
            return None
        return (progress.total_bytes - progress.done_bytes) * took / came
