"""Removes what containerd has recorded of an earlier cluster's pods; its images stay.

The processes died with the earlier node. Once containerd's CRI plugin has read the records, kubelet would
try again and again to remove those pods: so this runs before, in a containerd without that plugin.
usage: python -m bind_local.node.stale_pods PROGRAMS CONTAINERD_TOML SOCKET
"""

import subprocess
import sys
import time
from pathlib import Path

START_S = 10.0
REMOVE = {
    "containers": ("delete",),
    # They are stopped first, which fails: nothing of them runs.
    "sandboxes": ("remove", "--force"),
    # Each sandbox holds one, and with it the layers of the images that were mounted as volumes.
    "leases": ("delete",),
}
"""How `ctr` removes what it lists, in this order."""


def main(programs: str, config: str, socket: str) -> int:
    """Remove all pods of the Kubernetes namespace; containerd then frees their layers by itself.

    programs: the folder of containerd and ctr.
    """
    argv = [f"{programs}/containerd", "--config", config, "--log-level", "warn"]
    with subprocess.Popen(argv) as containerd:
        try:
            _wait_for(Path(socket), containerd)
            ctr = [f"{programs}/ctr", "--address", socket, "--namespace", "k8s.io"]
            for kind in REMOVE:
                remove(ctr, kind)
        finally:
            containerd.terminate()
    return 0


def _wait_for(socket: Path, containerd: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while not socket.exists():
        if containerd.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("containerd did not start; the end of its log is above")
        time.sleep(0.02)


def remove(ctr: list[str], kind: str) -> None:
    """Remove all records of a kind. Raises SystemExit when some are still there."""
    names = listed(_list(ctr, kind))
    if names:
        subprocess.run([*ctr, kind, *REMOVE[kind], *names], check=True)
        # Not every failure shows in the status.
        left = listed(_list(ctr, kind))
        if left:
            raise SystemExit(f"containerd keeps {len(left)} {kind}; why is above")
    print(f"removed {len(names)} {kind}", flush=True)


def _list(ctr: list[str], kind: str) -> str:
    return subprocess.run([*ctr, kind, "list"], stdout=subprocess.PIPE, text=True, check=True).stdout


def listed(table: str) -> list[str]:
    """Return the names in a table of `ctr`: the first word of each line below the heading."""
    return [line.split()[0] for line in table.splitlines()[1:] if line.strip()]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
