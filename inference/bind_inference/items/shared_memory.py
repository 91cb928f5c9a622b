"""Two processes see the same memory: a file without a name (memfd), handed over as a descriptor.

A pipe would copy 18 MB of a video twice through the interpreter; /dev/shm is 64 MiB in most containers and
leaks what a killed process leaves there. This is freed with its last descriptor.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Shared:
    """The file grows in memory, and is closed when nothing refers to it any more."""

    def __init__(self, fd: int | None = None) -> None:
        """Own `fd`, which another process has made, or make a new file."""
        self.fd = -1
        if fd is None:
            fd = os.memfd_create("bind", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self.fd = fd

    def __del__(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self.fd

    def detach(self) -> int:
        """Return the descriptor, which is the caller's from now on."""
        fd, self.fd = self.fd, -1
        return fd

    @property
    def size(self) -> int:
        """Return how many bytes it has."""
        return os.fstat(self.fd).st_size

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Append `data`; return the offset at which it starts."""
        start = os.lseek(self.fd, 0, os.SEEK_END)
        view = memoryview(data).cast("B")
        while len(view):
            view = view[os.write(self.fd, view) :]
        return start

    def read(self, offset: int, length: int) -> bytes:
        """Return a copy of `length` bytes. Raises EOFError if there are fewer."""
        parts = list(self._read(offset, length))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_into(self, view: memoryview, offset: int) -> None:
        """Fill `view` with what is at `offset`. Raises EOFError if that is less."""
        if os.preadv(self.fd, [view], offset) < len(view):
            raise EOFError("shared memory is shorter than was said")

    def _read(self, offset: int, length: int) -> Iterable[bytes]:
        while length:
            part = os.pread(self.fd, length, offset)  # 2 GiB at most in one call
            if not part:
                raise EOFError("shared memory is shorter than was said")
            yield part
            offset, length = offset + len(part), length - len(part)

    def map(self) -> mmap.mmap:
        """Return a map of the whole file, which stays valid whatever the process that made it does."""
        # A file that shrinks under a map is a SIGBUS for whoever reads it.
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        return mmap.mmap(self.fd, self.size)


@dataclass(frozen=True)
class Blob:
    """A string of a large body stays out of the server's interpreter, in UTF-8.

    digest: what `embedding.content_key` gives for the string itself.
    """

    shared: Shared
    offset: int
    length: int
    digest: bytes

    def __len__(self) -> int:
        return self.length

    def read(self) -> str:
        """Return the string."""
        return self.shared.read(self.offset, self.length).decode("utf-8", "surrogatepass")
