"""Import the engine's libraries when the engine is asked for, and not before."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bind_inference.engine.protocol import Engine
    from bind_inference.readiness import Readiness
    from bind_inference.settings import Settings


def load_engine(settings: Settings, report: Callable[[Readiness], None]) -> Engine:
    """Return the engine; torch takes a second or two to import, so the server listens before it does."""
    if settings.enable_cuda:
        use_expandable_segments()
    gc.disable()  # an import makes a million objects and no garbage: looking for it takes a tenth of the time
    try:
        from bind_inference.engine import loading
    finally:
        gc.enable()
    gc.freeze()  # nor will there be garbage among them later
    return loading.load_engine(settings, report)


def use_expandable_segments() -> None:
    """Have torch grow its blocks of a GPU's memory, unless the user says otherwise; before it is imported.

    Batches of many sizes else leave gaps that no batch fits into, while memory is free in all.
    """
    os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
