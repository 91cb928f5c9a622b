"""The inference server's own word on its download becomes a sentence that does not change each second."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

STEP_PERCENT = 5
GIGA = 10**9
_MINUTE_S = 60.0
_ROUNDED_ABOVE_MIN = 10
_ROUNDED_TO_MIN = 5


@dataclass(frozen=True)
class Download:
    """It says how far a pod's download is. `percent` is a multiple of five, None if unknown."""

    pod: str
    percent: int | None = None
    total_bytes: float = 0.0
    seconds_left: float | None = None

    @classmethod
    def of(cls, pod: str, meta: object) -> Self | None:
        """Return what /meta of the server in `pod` says of a download; None if it says nothing of one."""
        if not isinstance(meta, Mapping) or meta.get("state") != "Downloading":
            return None
        progress = meta.get("progress")
        if not isinstance(progress, Mapping):
            return cls(pod)
        done, total = _number(progress.get("done_bytes")), _number(progress.get("total_bytes"))
        if done is None or not total or done > total:
            return cls(pod)
        # Rounded, because each change is a write of the status.
        percent = int(done / total * 100 // STEP_PERCENT) * STEP_PERCENT
        return cls(pod, percent, total, _number(progress.get("seconds_left")))

    def describe(self) -> str:
        """Return a sentence for people."""
        what = f"pod {self.pod} downloads the weights"
        if self.percent is None:
            return what
        total = self.total_bytes / GIGA
        text = f"{what}: {self.percent} % ({total * self.percent / 100:.1f} of {total:.1f} GB)"
        return text if self.seconds_left is None else f"{text}, {_describe_time(self.seconds_left)} left"


def _describe_time(seconds: float) -> str:
    minutes = round(seconds / _MINUTE_S)
    if minutes < 1:
        return "less than a minute"
    if minutes > _ROUNDED_ABOVE_MIN:
        minutes = round(minutes / _ROUNDED_TO_MIN) * _ROUNDED_TO_MIN
    return f"about {minutes} min"


def _number(value: Any) -> float | None:
    """Return a number that is not negative; None for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < float("inf") else None
