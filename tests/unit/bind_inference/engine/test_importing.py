"""What is set before torch is imported."""

import gc
import os
import subprocess
import sys

import pytest

from bind_inference.engine import importing, loading
from bind_inference.settings import Settings
from support.server import ROOT

NAME = "PYTORCH_ALLOC_CONF"


@pytest.mark.parametrize(
    ("enable_cuda", "before", "after"),
    [
        (True, None, "expandable_segments:True"),
        (True, "backend:cudaMallocAsync", "backend:cudaMallocAsync"),
        (False, None, None),
    ],
)
def test_a_gpu_has_segments_that_grow_unless_the_user_says_otherwise(
    enable_cuda: bool, before: str | None, after: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, before or "")  # so that whatever is set is undone
    if before is None:
        monkeypatch.delenv(NAME)
    monkeypatch.setattr(loading, "load_engine", lambda *_: os.environ.get(NAME))
    monkeypatch.setattr(gc, "freeze", lambda: None)
    settings = Settings(model="Tiny", enable_cuda=enable_cuda)
    assert importing.load_engine(settings, lambda _: None) == after  # type: ignore[comparison-overlap]


BIND = """
import sys, threading, time
from pathlib import Path
from bind_inference.engine.importing import bind_libraries

used, seen, done = [], [], threading.Event()

def bind():
    began = time.thread_time()
    bind_libraries()
    used.append(time.thread_time() - began)
    done.set()

thread = threading.Thread(target=bind)
thread.start()
clock = time.pthread_getcpuclockid(thread.ident)
while not done.is_set():
    try:
        seen.append(time.clock_gettime(clock))
    except OSError:
        break
thread.join()
assert "torch" not in sys.modules
maps = Path("/proc/self/maps").read_text()
assert "libtorch_cpu.so" in maps
longest = max((after - before for before, after in zip(seen, seen[1:])), default=used[0])
assert longest < used[0] / 2, (longest, used, len(seen))
import torch
assert float(torch.ones(2).sum()) == 2
"""


def test_torchs_libraries_are_bound_while_others_have_the_interpreter() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "inference")}
    ended = subprocess.run(
        [sys.executable, "-c", BIND],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
