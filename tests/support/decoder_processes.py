"""The processes of a server: which there are, which are busy, which are gone."""

import asyncio
import time
from pathlib import Path

from bind_local.host.processes import children


def descendants(pid: int) -> list[int]:
    return [each for child in children(pid) for each in (child, *descendants(child))]


def workers(pid: int) -> list[int]:
    """Return the decoder processes: the fork server's children."""
    return [each for child in children(pid) for each in children(child)]


def alive(pids: list[int]) -> list[int]:
    found = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            found.append(pid)
    return found


def wait_gone(pids: list[int], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while alive(pids):
        assert time.monotonic() < deadline, f"{alive(pids)} of {pids} are left behind"
        time.sleep(0.02)


def busy(pids: list[int]) -> list[int]:
    """Return those that compute right now."""
    return [pid for pid in pids if Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("R")]


async def one_busy(pid: int) -> int:
    """Return a decoder that has been busy for a while."""
    for _ in range(500):
        found = busy(workers(pid))
        await asyncio.sleep(0.1)
        if still := set(found) & set(busy(workers(pid))):
            return still.pop()
    raise TimeoutError("no decoder is busy")
