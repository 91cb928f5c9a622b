"""Remove what containerd remembers of an earlier cluster's containers; its images stay.

The processes died with the earlier node. Once containerd's Kubernetes plugin has read them, kubelet would
find their remains and try again and again to remove them: so this runs before, in a containerd without that
plugin.
usage: python -m bind_local.forget CONTAINERD_TOML SOCKET
"""

import subprocess
import sys
import time
from pathlib import Path

START_S = 10.0


def main(config: str, socket: str) -> int:
    """Remove every container of the Kubernetes namespace; containerd then frees their layers by itself."""
    with subprocess.Popen(["containerd", "--config", config, "--log-level", "warn"]) as containerd:
        try:
            _wait_for(Path(socket), containerd)
            _forget(["ctr", "--address", socket, "--namespace", "k8s.io", "containers"])
        finally:
            containerd.terminate()
    return 0


def _wait_for(socket: Path, containerd: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while not socket.exists():
        if containerd.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("containerd did not start; its last words are above")
        time.sleep(0.02)


def _forget(ctr: list[str]) -> None:
    listed = subprocess.run([*ctr, "list", "--quiet"], capture_output=True, text=True, check=True)
    names = listed.stdout.split()
    if names:
        subprocess.run([*ctr, "delete", *names], check=True)
    print(f"forgot {len(names)} containers")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
