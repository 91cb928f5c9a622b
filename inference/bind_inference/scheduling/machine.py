"""Reads what the kernel says this process may use: cores of its CPUs, quotas and limits of control groups.

Folders and files are below a root folder, which tests make.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

ROOT = Path("/")
_GROUPS = Path("sys/fs/cgroup")


def cpu_quota(root: Path = ROOT) -> float | None:
    """Return the CPUs that the cgroup grants, None without a limit; of groups in each other, the least."""
    quotas = [
        *(_ratio(_read(group / "cpu.max").split()) for group in _groups(root, "")),
        *(
            _ratio([_read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us")])
            for group in _groups(root, "cpu")
        ),
    ]
    return min((quota for quota in quotas if quota is not None), default=None)


def memory_limit(root: Path = ROOT) -> int | None:
    """Return the bytes at which the kernel kills: the least limit of the cgroups, or the machine's memory."""
    texts = [
        *(_read(group / "memory.max") for group in _groups(root, "")),
        *(_read(group / "memory.limit_in_bytes") for group in _groups(root, "memory")),
    ]
    limits = [int(text) for text in texts if text.isdigit()]  # "max", or -1
    there = [line.split() for line in _read(root / "proc/meminfo").splitlines()]
    limits += [1024 * int(words[1]) for words in there if words[0] == "MemTotal:"]
    return min(limits, default=None)


def physical_cores(cpus: Collection[int], root: Path = ROOT) -> int:
    """Return how many cores have the `cpus`; two CPUs are often one core, which computes once at a time."""
    cores = {
        _read(root / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") or str(cpu)
        for cpu in cpus
    }
    return len(cores)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of the process' cgroup and of those around it; controller: "" is that of version 2.

    In a container its own group is mostly the root of what is mounted, whatever path the kernel tells.
    """
    mount = root / _GROUPS / controller
    yield mount
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            group = PurePosixPath(path.lstrip("/"))
            yield from (mount / each for each in (group, *group.parents) if each.name)


def _ratio(texts: list[str]) -> float | None:
    """Return quota / period, None for no limit or what is none."""
    quota, period = texts[:2] if len(texts) > 1 else ("", "")
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return int(quota) / int(period)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, ValueError):
        return ""
