"""The result of a check. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bind_inference.engine.precision import Precision
    from bind_inference.modality import Modality


@dataclass(frozen=True)
class CheckResult:
    """It says how near a precision's vectors come to float32's: the least cosine of each modality."""

    precision: Precision
    cosines: Mapping[Modality, float]

    @property
    def least(self) -> float:
        """The least of all cosines; a vector of NaN counts as -1."""
        return min(self.cosines.values())

    def passes(self, limit: float) -> bool:
        """Return whether every modality comes at least as near as `limit`."""
        return self.least >= limit

    def describe(self) -> str:
        """Return the result in words: `int8: least cosine to float32 0.99871 (text)`."""
        worst = min(self.cosines, key=self.cosines.__getitem__)
        return f"{self.precision}: least cosine to float32 {self.least:.5f} ({worst})"
