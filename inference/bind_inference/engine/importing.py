"""Import the engine's libraries when the engine is asked for, and not before."""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from bind_inference.engine.protocol import Engine
    from bind_inference.readiness import Readiness
    from bind_inference.settings import Settings

# Torch's own first step, and the library that is nearly all of it. What there is for GPUs is left to torch,
# which has rules of its own where it lies; there HTTP workers answer the probes.
_LIBRARIES: Final = {"libtorch_global_deps.so": os.RTLD_GLOBAL, "libtorch_cpu.so": os.RTLD_LOCAL}


def load_engine(settings: Settings, report: Callable[[Readiness], None]) -> Engine:
    """Return the engine; torch takes a second or two to import, so the server listens before it does."""
    if settings.enable_cuda:
        use_expandable_segments()
    bind_libraries()
    gc.disable()  # an import makes a million objects and no garbage: looking for it takes a tenth of the time
    try:
        from bind_inference.engine import loading
    finally:
        gc.enable()
    gc.freeze()  # nor will there be garbage among them later
    return loading.load_engine(settings, report)


def bind_libraries() -> None:
    """Have the kernel map torch's libraries, and bind them, while other threads have the interpreter.

    An import holds it meanwhile: a quarter of a second, and as long as a cold disk takes for 400 MB. No probe
    would be answered. A library that is not there is for the import to tell.
    """
    torch = importlib.util.find_spec("torch")
    # A function of C has no use for the interpreter, unlike `ctypes.CDLL` for a file, which keeps it.
    bind = ctypes.CDLL(None).dlopen
    bind.argtypes, bind.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    for folder in (torch and torch.submodule_search_locations) or ():
        for name, flags in _LIBRARIES.items():
            bind(os.fsencode(Path(folder) / "lib" / name), os.RTLD_NOW | flags)


def use_expandable_segments() -> None:
    """Have torch grow its blocks of a GPU's memory, unless the user says otherwise; before it is imported.

    Batches of many sizes else leave gaps that no batch fits into, while memory is free in all.
    """
    os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
