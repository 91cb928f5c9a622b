"""A server in a real control group of little memory: the kernel kills nothing, whatever is sent."""

from __future__ import annotations

import base64
import io
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from PIL import Image

from support.http_workers import metric
from support.server import COMMAND, ServerProcess, server

if TYPE_CHECKING:
    from collections.abc import Iterator

GIB = 1 << 30
SIDE = 8000  # 64 million pixels of 16 bits: a GiB to decode
GROUPS = Path("/sys/fs/cgroup")


class Group:
    """A control group of version 1 or 2 with a limit of memory."""

    def __init__(self, limit: int) -> None:
        is_v1 = (GROUPS / "memory/memory.limit_in_bytes").exists()
        self.folder = (GROUPS / "memory" if is_v1 else GROUPS) / f"bind-test-{os.getpid()}"
        self.folder.mkdir()
        self._kills = "memory.oom_control" if is_v1 else "memory.events"
        (self.folder / ("memory.limit_in_bytes" if is_v1 else "memory.max")).write_text(str(limit))

    @property
    def kills(self) -> int:
        """Return how many processes the kernel has killed in it."""
        lines = [line.split() for line in (self.folder / self._kills).read_text().splitlines()]
        return next(int(count) for name, count in lines if name == "oom_kill")

    def remove(self) -> None:
        """Remove it, once its processes are gone."""
        for _ in range(100):
            with suppress(OSError):
                self.folder.rmdir()
                return
            time.sleep(0.1)


@pytest.fixture(params=[4, 12], ids=["4GiB", "12GiB"])
def group(request: pytest.FixtureRequest) -> Iterator[Group]:
    there = next(line for line in Path("/proc/meminfo").read_text().splitlines() if "MemAvailable" in line)
    if int(there.split()[1]) * 1024 < request.param * GIB:
        pytest.skip("the machine has less memory free than the group may take")
    try:
        made = Group(request.param * GIB)
    except OSError as error:
        pytest.skip(f"no control group of memory can be made here: {error}")
    yield made
    made.remove()


@pytest.fixture
def limited(group: Group, tmp_path: Path) -> Iterator[ServerProcess]:
    """Return a server in the group with as many decoders as twelve CPUs are good for."""
    enter = ("sh", "-c", f'echo $$ > {group.folder}/cgroup.procs && exec "$@"', "enter")
    with server(tmp_path, "--decode-workers", "12", command=(*enter, *COMMAND)) as process:
        yield process


def heavy(number: int) -> str:
    pixels = np.zeros((SIDE, SIDE), np.uint16)
    pixels[0, number] = 1
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


@pytest.mark.long
def test_twelve_small_files_of_a_gib_each_kill_nothing(group: Group, limited: ServerProcess) -> None:
    pictures = [heavy(number) for number in range(12)]
    assert max(map(len, pictures)) < 200_000

    def embed(picture: str) -> httpx.Response:
        return httpx.post(f"{limited.url}/vectorize", json={"images": [picture]}, timeout=300)

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(embed, pictures))
    whole = httpx.post(f"{limited.url}/vectorize", json={"images": pictures}, timeout=300)
    for answer in [*answers, whole]:
        assert answer.status_code in {200, 413}, answer.text
        assert answer.status_code == 200 or "--decode-memory-bytes" in answer.text
    assert group.kills == 0
    assert metric(limited.url, 'bind_decoder_restarts_total{cause="crash"}') == 0
    assert httpx.get(f"{limited.url}/.well-known/ready", timeout=20).status_code == 204
    (plan,) = [event for event in limited.events() if "decoders_wanted" in event]
    assert plan["memory_limit_bytes"] <= 12 * GIB
    assert plan["decoders_wanted"] == 12
