"""Tells how far the weights are on their way into memory."""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """A step on that way; each happens at most once, in this order."""

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
