"""Mounts: the node gets its own view of a few folders, and none of its mounts stays on this machine."""

import contextlib
import subprocess
from pathlib import Path

from bind_local.paths import Paths
from bind_local.topology import KUBELET_ROOT

PRIVATE = (KUBELET_ROOT, "/var/lib/cni", "/var/log", "/run/netns", "/run/containerd")
"""Folders at paths that Kubernetes, CNI or containerd fix: on the node each is one of the cluster's state."""


def make_mount_points() -> tuple[str, ...]:
    """Make the folders of PRIVATE that this machine lacks, and return them."""
    made = tuple(folder for folder in PRIVATE if not Path(folder).exists())
    for folder in made:
        Path(folder).mkdir(parents=True)
    return made


def remove_mount_points(made: tuple[str, ...]) -> None:
    """Remove the folders that `make_mount_points` made, if they are still empty."""
    for folder in made:
        if folder in PRIVATE:
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


def node_setup(paths: Paths) -> tuple[tuple[str, ...], ...]:
    """Return the commands that the node's first process runs to get its own view."""
    binds = []
    for folder in PRIVATE:
        source = paths.cluster / "node" / folder.strip("/").replace("/", "-")
        binds += [("mkdir", "-p", str(source)), ("mount", "--bind", str(source), folder)]
    # Pods see what is mounted for them later only through shared mounts; shared among the node's processes,
    # that is: towards this machine it was made a slave by unshare.
    return (*binds, ("mount", "--make-rshared", "/"))


def mounts_below(folder: Path, mounts: str | None = None) -> list[str]:
    """Return this machine's mount points below a folder, the innermost first.

    mounts: the text of /proc/self/mounts, which is read where it is not given.
    """
    text = Path("/proc/self/mounts").read_text() if mounts is None else mounts
    points = [line.split(" ")[1].replace("\\040", " ") for line in text.splitlines()]
    return sorted((p for p in points if Path(p).is_relative_to(folder)), key=len, reverse=True)


def unmount_below(folder: Path) -> None:
    """Unmount everything below a folder, because an older or half-finished run may have left something."""
    for point in mounts_below(folder):
        subprocess.run(["umount", "--lazy", point], capture_output=True, check=False)
