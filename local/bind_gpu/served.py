"""`python -m bind_gpu.served PORT`: the whole server on the first GPU, at full size under seeded weights.

It is the program that users start, but for where its weights come from.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bind_inference import __main__ as program
from bind_inference.engine.importing import use_expandable_segments
from bind_inference.exit import end
from bind_inference.readiness import Phase, Readiness

if TYPE_CHECKING:
    from collections.abc import Callable

    from bind_inference.engine.torch_engine import TorchEngine
    from bind_inference.settings import Settings


def load(_: Settings, report: Callable[[Readiness], None]) -> TorchEngine:
    """Return the engine, warmed up."""
    report(Readiness(Phase.LOADING))
    use_expandable_segments()
    from bind_gpu.engine import seeded_engine
    from bind_inference.engine.precision import Precision

    engine = seeded_engine(Precision.FLOAT16)
    report(Readiness(Phase.WARMING))
    engine.warm_up()
    return engine


def main(port: str) -> int:
    """Serve until a signal; return the exit status."""
    program.load_engine = load  # type: ignore[assignment, attr-defined]  # as a test would
    cuda = ["--enable-cuda", "true", "--license-accepted", "true"]
    return program.main([*cuda, "--http-host", "127.0.0.1", "--http-port", port])


if __name__ == "__main__":
    end(main(sys.argv[1]))
