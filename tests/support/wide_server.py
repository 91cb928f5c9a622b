"""The server, but with vectors as long as ImageBindHuge's that nothing has to be computed for.

`python wide_server.py ARGUMENTS`, the server's own.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from bind_inference import __main__ as program
from bind_inference.engine.protocol import ONE_LANE, Computed, EngineInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

DIMENSION = 1024


class WideEngine:
    """Every item of a modality and length has the same vector."""

    info = EngineInfo("Wide", DIMENSION, "cpu", "float32", "wide-float32-0")
    lanes = ONE_LANE
    rungs = ()

    def start(self, modality: str, tensors: Sequence[Any], *_: Any) -> Computed:
        del modality
        rows = np.random.default_rng(7).standard_normal((1, DIMENSION), np.float32)
        return Computed(np.repeat(rows, len(tensors), axis=0))


if __name__ == "__main__":
    program.load_engine = lambda *_: WideEngine()  # type: ignore[assignment]
    sys.exit(program.main(sys.argv[1:]))
