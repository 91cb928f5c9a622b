"""Remove what containerd remembers of an earlier cluster's containers; its images stay.

The processes died with the earlier node. kubelet would otherwise spend its first seconds on their remains.
usage: python -m bind_local.forget SOCKET
"""

import subprocess
import sys


def main(socket: str) -> int:
    """Remove every container of the Kubernetes namespace; containerd then frees their layers by itself."""
    ctr = ["ctr", "--address", socket, "--namespace", "k8s.io", "containers"]
    listed = subprocess.run([*ctr, "list", "--quiet"], capture_output=True, text=True, check=True)
    names = listed.stdout.split()
    if names:
        subprocess.run([*ctr, "delete", *names], check=True)
    print(f"forgot {len(names)} containers")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
