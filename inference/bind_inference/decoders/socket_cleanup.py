"""Remove what multiprocessing leaves in TMPDIR when the server is killed. Only the fork server imports this.

The fork server listens at a path in a folder pymp-… that the server makes and removes. After SIGKILL there is
nobody but the fork server, which outlives it for a moment, to do that: else a container that is restarted
again and again would find one more folder each time.
"""

import atexit
import os
import shutil
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path

_WAIT_S = 1.0


def _folder() -> Path | None:
    """Return multiprocessing's folder, by the socket that this process was given to listen at."""
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the listing's own is closed by now
            fd = int(entry.name)
            if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                continue
            with socket.socket(fileno=os.dup(fd)) as found:
                listens = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                if found.family == socket.AF_UNIX and listens:
                    folder = Path(found.getsockname()).parent
                    return folder if folder.name.startswith("pymp-") else None
    return None


def _remove(folder: Path, fork_server: int, server: int) -> None:
    """Remove `folder` if this is the fork server, and the server is gone."""
    deadline = time.monotonic() + _WAIT_S  # its files are closed before it is
    while os.getpid() == fork_server and time.monotonic() < deadline:
        if os.getppid() != server:
            shutil.rmtree(folder, ignore_errors=True)
            return
        time.sleep(0.01)


if folder := _folder():
    atexit.register(_remove, folder, os.getpid(), os.getppid())
