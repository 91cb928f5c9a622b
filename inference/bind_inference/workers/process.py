"""Starts the process of a worker, which ends with the main process."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def start_process() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a worker; return its process and our end of the socket to it. Raises OSError.

    A new interpreter, no fork: this process has threads, and on a GPU CUDA, which do not survive one.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "bind_inference.workers", str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        except OSError:
            ours.close()
            raise
    return process, ours


def end_with(main: int) -> None:
    """Have the kernel kill this process when that of the number `main`, which started it, is gone."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != main:
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM):  # the main process hears them too, and says what to do
        signal.signal(number, signal.SIG_IGN)
    # Each connection takes a descriptor, and container runtimes allow 1,024 where nobody asks for more.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # Where memory runs out, one of several workers should go, not what they all need. Decoders go first.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
