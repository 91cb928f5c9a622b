"""Decides how many threads and processes the CPUs are good for, which this process may really use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from bind_inference.scheduling.machine import ROOT, cpu_quota, physical_cores

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from bind_inference.settings import Settings

MOST_HTTP_WORKERS: Final = 4
# Of processes that nobody asked for: a node of 192 CPUs without a limit has work for no more. One decodes
# 125 pictures a second; a GPU takes a thousand of them.
MOST_DECODERS: Final = 16
MOST_DECODERS_CUDA: Final = 64
# One for what takes long, one that is kept for what does not.
LEAST_DECODERS: Final = 2
LIBRARY_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def usable_cpus(affinity: Collection[int] | None = None, root: Path = ROOT) -> int:
    """Return the CPUs of the affinity mask (or cpuset), or the cgroup's quota rounded down where it is less.

    Rounded down, and at least 1: with a thread more than the quota pays for, all of them are stopped for a
    part of each period, and wait for each other.
    """
    cpus = os.sched_getaffinity(0) if affinity is None else affinity
    quota = cpu_quota(root)
    return max(1, len(cpus) if quota is None else min(len(cpus), int(quota)))


def compute_threads(affinity: Collection[int] | None = None, root: Path = ROOT) -> int:
    """Return the threads that compute: one for each core. The second CPU of a core only gets in the way."""
    cpus = os.sched_getaffinity(0) if affinity is None else affinity
    return max(1, min(usable_cpus(cpus, root), physical_cores(cpus, root)))


def limit_libraries(affinity: Collection[int] | None = None, root: Path = ROOT) -> None:
    """Have numpy and torch start so many threads, unless the user says otherwise; before they are imported.

    By themselves they look at the machine, and know no quota: 64 threads where a container has 4 CPUs.
    """
    threads = str(compute_threads(affinity, root))
    for name in LIBRARY_THREADS:
        os.environ.setdefault(name, threads)


def decoder_processes(settings: Settings, affinity: Collection[int] | None = None, root: Path = ROOT) -> int:
    """Return how many decoders there are, as far as CPUs go."""
    most = MOST_DECODERS_CUDA if settings.enable_cuda else MOST_DECODERS
    return settings.decode_workers or max(LEAST_DECODERS, min(most, usable_cpus(affinity, root)))


def http_workers(settings: Settings) -> int:
    """Return how many HTTP workers there are; 0: the server's own process speaks HTTP.

    On a CPU the model is what takes long. A GPU makes vectors faster than one interpreter writes them.
    """
    if settings.http_workers is not None:
        return settings.http_workers
    return max(1, min(MOST_HTTP_WORKERS, usable_cpus() // 2)) if settings.enable_cuda else 0
