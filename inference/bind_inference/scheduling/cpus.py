"""Finds how many CPUs this process may really use: a container's quota hides behind the machine's count."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bind_inference.settings import Settings

MOST_HTTP_WORKERS: Final = 4
CGROUP = Path("/sys/fs/cgroup")


def usable_cpus(cgroup: Path = CGROUP) -> int:
    """Return the CPUs of the affinity mask, or the cgroup's quota rounded up where that is less."""
    allowed = len(os.sched_getaffinity(0))
    quota = cpu_quota(cgroup)
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def http_workers(settings: Settings) -> int:
    """Return how many HTTP workers there are; 0: the server's own process speaks HTTP.

    On a CPU the model is what takes long. A GPU makes vectors faster than one interpreter writes them.
    """
    if settings.http_workers is not None:
        return settings.http_workers
    return max(1, min(MOST_HTTP_WORKERS, usable_cpus() // 2)) if settings.enable_cuda else 0


def cpu_quota(cgroup: Path) -> float | None:
    """Return the CPUs that cgroup v2 (`cpu.max`) or v1 grants, None without a limit."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()[:2]
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if quota in {"max", "-1"} or not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return int(quota) / int(period)
