"""Folders that look like /proc and /sys of machines of other sizes, to code that takes their root."""

from pathlib import Path


def machine(
    root: Path,
    *,
    cpus: int = 64,
    threads_per_core: int = 1,
    memory_gib: float | None = None,
    group: str = "/",
    v2: dict[str, str] | None = None,
    v1: dict[str, str] | None = None,
) -> Path:
    """Write the files of one, and return their root. v1, v2: files of the process' control group."""
    write(
        root / "proc/self/cgroup", f"0::{group}\n4:memory:{group}\n1:cpu,cpuacct:{group}\n3:cpuset:/other\n"
    )
    if memory_gib is not None:
        write(root / "proc/meminfo", f"MemTotal: {int(memory_gib * (1 << 20))} kB\nMemFree: 1 kB\n")
    for cpu in range(cpus):
        # As the kernel numbers them: the second CPUs of all cores after the first ones.
        core = cpu % (cpus // threads_per_core)
        siblings = ",".join(str(core + n * cpus // threads_per_core) for n in range(threads_per_core))
        write(root / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", f"{siblings}\n")
    for name, text in (v2 or {}).items():
        write(root / f"sys/fs/cgroup{group}" / name, f"{text}\n")
    for name, text in (v1 or {}).items():
        write(root / f"sys/fs/cgroup/{name.split('.')[0]}{group}" / name, f"{text}\n")
    return root


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
