"""Give the cache back: everything of ours in its folder, and nothing that is somebody else's."""

import shutil

from bind_local.disk import amount
from bind_local.errors import LocalError
from bind_local.paths import Paths
from bind_local.usage import usage


def clean(paths: Paths) -> str:
    """Remove the cache, whose cluster has ended, and return a line that says how much that was.

    Raises LocalError if something cannot be removed, which most often is root's.
    """
    entries = list(paths.entries())
    if not entries:
        return f"there is no cache at {paths.cache}"
    size = sum(usage(entry) if entry.is_dir() else entry.stat().st_size for entry in entries)
    try:
        for entry in entries:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        if not any(paths.cache.iterdir()):
            paths.cache.rmdir()
    except OSError as error:
        raise LocalError(f"the cache cannot be removed: {error}", "run it as root") from error
    kept = f"; {paths.cache} stays, for it holds more than ours" if paths.cache.exists() else ""
    return f"{amount(size)} given back from {paths.cache}{kept}"
