"""A machine with a card needs torch and numpy, nothing else: test-gpu and bench-gpu promise that."""

import os
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from bind_gpu.needs import NEEDED

ROOT = Path(__file__).parents[3]
OURS = {"bind_gpu", "bind_inference", "gpu", "parity"}
SCRIPT = """
import sys
import numpy, torch

def packages():
    return {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names

before = packages()
import bind_gpu.run, gpu.test_batches, gpu.test_lanes, gpu.test_lost_device, gpu.test_memory, gpu.test_parity
print(*sorted(packages() - before))
"""


def test_the_tests_and_the_benchmark_need_torch_and_numpy_only() -> None:
    folders = (ROOT / "inference", ROOT / "local", ROOT / "tests")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True
    )
    assert set(ended.stdout.split()) == OURS


def test_the_server_is_measured_where_all_that_it_needs_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = {*project["optional-dependencies"]["inference"]} - {"numpy", "torch"}
    named = packages_distributions()
    assert {named[name][0].lower().replace("_", "-") for name in NEEDED} == extra
