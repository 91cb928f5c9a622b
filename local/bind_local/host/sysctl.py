"""Kernel settings beyond the node's namespaces, which are set for the cluster and put back after it."""

from pathlib import Path

WANTED = {
    # Pods reach the outside (a model's weights) through this machine.
    "/proc/sys/net/ipv4/ip_forward": "1",
    # containerd, kubelet and each watcher need one; 128, the default, are soon used up.
    "/proc/sys/fs/inotify/max_user_instances": "1024",
}
CHANGED_BY_KUBELET = (
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/vm/panic_on_oom",
    "/proc/sys/kernel/panic",
    "/proc/sys/kernel/panic_on_oops",
    "/proc/sys/kernel/keys/root_maxkeys",
    "/proc/sys/kernel/keys/root_maxbytes",
)


def read() -> dict[str, str]:
    """Return the present value of each setting that will change, by file."""
    present: dict[str, str] = {}
    for name in (*WANTED, *CHANGED_BY_KUBELET):
        file = Path(name)
        if file.exists():
            present[name] = file.read_text().strip()
    return present


def apply() -> None:
    """Set what the cluster wants, never lower than it is."""
    for name, value in WANTED.items():
        file = Path(name)
        if int(file.read_text()) < int(value):
            file.write_text(value)


def restore(earlier: dict[str, str]) -> None:
    """Put settings back as they were."""
    for name, value in earlier.items():
        file = Path(name)
        if name in (*WANTED, *CHANGED_BY_KUBELET) and file.exists() and file.read_text().strip() != value:
            file.write_text(value)
