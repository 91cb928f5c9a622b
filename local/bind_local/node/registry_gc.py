"""Free the registry's layers that no image uses any more.

Only before the registry starts: one that runs would go on believing that it has them.
usage: python -m bind_local.node.registry_gc REGISTRY_YAML REGISTRY_FOLDER
"""

import subprocess
import sys
from pathlib import Path


def main(config: str, folder: str) -> int:
    """Collect; a registry to which nothing was ever pushed has nothing to collect."""
    if (Path(folder) / "docker/registry/v2/repositories").is_dir():
        subprocess.run(["docker-registry", "garbage-collect", "--delete-untagged", config], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
