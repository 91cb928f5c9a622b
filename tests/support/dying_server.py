"""The server, but with a model that any thermal picture kills, and that takes a second for a depth picture.

`python dying_server.py ARGUMENTS`, the server's own. Its process dies, as of a fault in a kernel.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

from bind_inference.__main__ import main
from bind_inference.modality import Modality
from bind_inference.scheduling import worker

real = worker.start_batch
SLOW_S = 1.0


def start_batch(engine: Any, modality: Modality, tensors: Any, *others: Any) -> Any:
    """Compute, or die."""
    if modality is Modality.THERMAL:
        os.kill(os.getpid(), signal.SIGKILL)
    if modality is Modality.DEPTH:
        time.sleep(SLOW_S)
    return real(engine, modality, tensors, *others)


if __name__ == "__main__":
    worker.start_batch = start_batch
    sys.exit(main(sys.argv[1:]))
