"""The machine and the versions to which the figures belong."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

TELLING_FLAGS: Final = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx_vnni",
    "amx_bf16",
    "amx_int8",
    "amx_tile",
)
OUR_PACKAGES: Final = ("torch", "av", "numpy", "pillow", "uvicorn")
_GIB: Final = 1024**3


@dataclass(frozen=True)
class Machine:
    """The machine on which a run was measured, as the page describes it."""

    model: str
    cores: int
    memory_gib: float
    flags: tuple[str, ...]
    kernel: str


def parse_cpuinfo(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the model and those of its flags that matter to arithmetic. text: of /proc/cpuinfo."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        fields[name.strip()] = value.strip()
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return fields.get("model name", platform.machine()), tuple(f for f in TELLING_FLAGS if f in flags)


def this_machine() -> Machine:
    """Return this machine, read from /proc."""
    model, flags = parse_cpuinfo(Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    return Machine(model, len(os.sched_getaffinity(0)), memory, flags, platform.release())


def available_gib() -> float:
    """Return the memory that a program could have now."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 1024**2


def our_versions() -> str:
    """Return the versions of what ours runs on, in one line."""
    return ", ".join(
        [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in OUR_PACKAGES)]
    )
