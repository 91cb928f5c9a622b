"""Collects the registry's garbage: the layers that no image uses any more.

This runs before the registry starts, because one that runs would go on believing that it has them.
usage: python -m bind_local.node.registry_gc REGISTRY_YAML REGISTRY_FOLDER
"""

import subprocess
import sys
from pathlib import Path


def main(config: str, folder: str) -> int:
    """Collect, unless nothing was ever pushed to the registry. config: its file. folder: its data."""
    if (Path(folder) / "docker/registry/v2/repositories").is_dir():
        subprocess.run(["docker-registry", "garbage-collect", "--delete-untagged", config], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
