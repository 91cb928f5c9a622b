"""Decides how many forward passes run side by side, and on which CPUs each. Pure, given the machine's files.

One pass does not get faster by many cores: after every product its threads wait for each other, and a picture
has only so many rows. On a machine of 16 cores 16 passes of one thread each made four to six times as many
pictures a second as one pass of 16 threads. So cores are given to passes in fours, which share one copy of
the weights.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bind_inference.scheduling.cpus import compute_threads
from bind_inference.scheduling.machine import ROOT, cores_of, cpu_quota

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from bind_inference.settings import Settings

CORES_A_PASS: Final = 4


@dataclass(frozen=True)
class Place:
    """A thread that runs forward passes has so many threads, on these CPUs; `cpus` None: on any."""

    threads: int
    cpus: tuple[int, ...] | None = None


def place_passes(
    settings: Settings, affinity: Collection[int] | None = None, root: Path = ROOT
) -> tuple[Place, ...]:
    """Return a place for each forward pass that may run at once, one at least.

    They are kept to cores of their own, neighbours on one socket, unless there is a quota of CPU time: then
    the cores are shared with others, and whoever is kept to a busy one waits. Cores that are left over are
    the decoders' and the event loop's.
    """
    if settings.model == "Tiny" or settings.enable_cuda:
        # Two threads halve no forward pass of 0.2 ms, but spin for each other: on two busy CPUs a text took
        # 9 ms of CPU time instead of 2. A GPU needs one that feeds it: with 16, a batch of 34 pictures waited
        # for copies by threads that the decoders kept from running, and took 97 ms instead of 28.
        return (Place(settings.torch_threads or 1),)
    threads = settings.torch_threads or compute_threads(affinity, root)
    passes = min(settings.forward_passes or max(1, threads // CORES_A_PASS), threads)
    share = threads // passes  # equal, since a product may be cut otherwise for other numbers of threads
    if passes == 1:
        return (Place(threads),)
    cores = cores_of(os.sched_getaffinity(0) if affinity is None else affinity, root)
    if cpu_quota(root) is not None or settings.torch_threads or len(cores) != threads:
        return (Place(share),) * passes
    groups = [cores[number * share : (number + 1) * share] for number in range(passes)]
    return tuple(Place(share, tuple(sorted(cpu for core in group for cpu in core))) for group in groups)
