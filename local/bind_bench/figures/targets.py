"""The targets: what each figure has to reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GIB: Final = 1024**3
META_MS: Final = 50.0
READY_S: Final = 5.0
COST_MS: Final = 1.5

BESIDE_P99: Final = 3.0
"""The p99 of two clients' texts beside others, as a multiple of theirs alone."""
WORK_KEPT: Final = 95.0
"""Beside each other, texts and pictures get so many per cent of what each gets alone, both together."""

IMPORT_KEPT: Final = 95.0
"""An import by Weaviate and the gate has so many per cent of the rate that the server alone has."""

RATIO_TARGETS: Final[dict[str, dict[str, float]]] = {
    "text": {"float32": 5, "bfloat16": 12, "int8": 20},
    "image": {"float32": 1.15, "bfloat16": 2.1, "int8": 3.5},
    "audio": {"float32": 1.3, "bfloat16": 2.3, "int8": 3.5},
    "video": {"float32": 1.1, "bfloat16": 2, "int8": 3},
}
"""Requests per second of ours as a multiple of the peer's, by modality and precision."""

RSS_GIB: Final[dict[str, float]] = {"float32": 5.0, "bfloat16": 2.8, "int8": 1.8}

TEXT_WEIGHT_GB: Final[dict[str, float]] = {"float32": 1.213, "bfloat16": 0.606, "int8": 0.303}
"""The weights that a text needs: 24 blocks of 12 x 1,024 x 1,024, and a head of 1,024 x 1,024."""

PEER_GFLOP: Final[dict[str, float]] = {
    "text": 47.1, "image": 335, "audio": 123, "video": 5025, "thermal": 35, "depth": 9.1, "imu": 10.3,
}  # fmt: skip
"""The reference model needs this much arithmetic for one item."""


@dataclass(frozen=True)
class Figure:
    """A measured value beside its target. at_least: more is better."""

    what: str
    value: float
    target: float
    unit: str
    at_least: bool

    @property
    def reached(self) -> bool:
        """Say whether the target is reached."""
        return self.value >= self.target if self.at_least else self.value <= self.target

    @property
    def sentence(self) -> str:
        """It says what is missing: `audio at float32: 1.20 x, at least 1.30 x asked: 7.7 % short`."""
        sign, gap = ("at least", "short") if self.at_least else ("at most", "over")
        share = abs(self.value / self.target - 1) * 100
        asked = f"{sign} {self.target:g} {self.unit} asked"
        return f"{self.what}: {self.value:.2f} {self.unit}, {asked}: {share:.1f} % {gap}"
