"""Threads and processes follow what a container may use, not what the machine has."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bind_inference.scheduling.cpus import (
    LIBRARY_THREADS,
    MOST_DECODERS,
    MOST_HTTP_WORKERS,
    compute_threads,
    decoder_processes,
    http_workers,
    limit_libraries,
    usable_cpus,
)
from bind_inference.scheduling.machine import cpu_quota
from bind_inference.settings import Settings
from support.machines import machine, write
from support.server import environment

NODE = range(64)


@pytest.mark.parametrize(
    ("text", "expected"), [("150000 100000", 1.5), ("max 100000", None), ("garbage", None), ("", None)]
)
@pytest.mark.parametrize("group", ["/", "/kubepods/pod1/container"])
def test_cgroup_v2(tmp_path: Path, group: str, text: str, expected: float | None) -> None:
    assert cpu_quota(machine(tmp_path, cpus=1, group=group, v2={"cpu.max": text})) == expected


@pytest.mark.parametrize(("quota", "expected"), [("200000", 2.0), ("-1", None)])
@pytest.mark.parametrize("group", ["/", "/docker/1"])
def test_cgroup_v1(tmp_path: Path, group: str, quota: str, expected: float | None) -> None:
    files = {"cpu.cfs_quota_us": quota, "cpu.cfs_period_us": "100000"}
    assert cpu_quota(machine(tmp_path, cpus=1, group=group, v1=files)) == expected


def test_of_groups_in_each_other_the_least_holds(tmp_path: Path) -> None:
    machine(tmp_path, cpus=1, group="/pod/container", v2={"cpu.max": "800000 100000"})
    write(tmp_path / "sys/fs/cgroup/pod/cpu.max", "300000 100000")
    assert cpu_quota(tmp_path) == 3.0


@pytest.mark.parametrize(
    ("quota", "cpus"), [("50000", 1), ("150000", 1), ("390000", 3), ("400000", 4), ("9900000", 64)]
)
def test_a_quota_is_rounded_down_and_never_to_nothing(tmp_path: Path, quota: str, cpus: int) -> None:
    root = machine(tmp_path, v2={"cpu.max": f"{quota} 100000"})
    assert usable_cpus(NODE, root) == compute_threads(NODE, root) == cpus


def test_no_limit_is_the_affinity_mask(tmp_path: Path) -> None:
    assert usable_cpus(range(3), machine(tmp_path)) == 3


@pytest.mark.parametrize(
    ("mask", "threads"),
    [(range(64), 32), ([0, 32], 1), ([0, 1, 32, 33], 2), (range(8), 8)],
    ids=["all", "one core", "two cores", "eight cores"],
)
def test_two_cpus_of_one_core_have_one_thread(tmp_path: Path, mask: range, threads: int) -> None:
    root = machine(tmp_path, threads_per_core=2)
    assert compute_threads(mask, root) == threads
    assert usable_cpus(mask, root) == len(mask)


def test_a_machine_that_tells_nothing_has_a_core_for_each_cpu(tmp_path: Path) -> None:
    assert compute_threads(range(4), tmp_path) == 4


def test_libraries_hear_of_it_before_they_are_imported(tmp_path: Path) -> None:
    root = machine(tmp_path, v2={"cpu.max": "100000 100000"})
    program = (
        "import os; from pathlib import Path; from bind_inference.scheduling.cpus import limit_libraries;"
        f"limit_libraries(range(64), Path({str(root)!r}));"
        "import numpy, torch; print(torch.get_num_threads(), len(os.listdir('/proc/self/task')))"
    )
    kept = {name: value for name, value in environment().items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=kept
    )
    assert done.stdout.split() == ["1", "1"]


def test_what_the_user_says_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LIBRARY_THREADS:
        monkeypatch.setenv(name, "7")
    limit_libraries(NODE, machine(tmp_path))
    assert {os.environ[name] for name in LIBRARY_THREADS} == {"7"}


def test_the_server_tells_them_first() -> None:
    program = (
        "import sys; from bind_inference import __main__ as m;"
        "m.COMMANDS['probe'] = lambda _: print('torch' in sys.modules, 'numpy' in sys.modules) or 0;"
        "m.limit_libraries = lambda: print('told');"
        "m.main(['probe'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment()
    )
    assert done.stdout.split() == ["told", "False", "False"]


@pytest.mark.parametrize(
    ("cpus", "given", "expected"),
    [
        (1, {}, 2),  # or what takes long has the only one
        (4, {}, 4),
        (192, {}, MOST_DECODERS),
        (48, {"enable_cuda": True}, 48),
        (192, {"enable_cuda": True}, 64),
        (192, {"decode_workers": 100}, 100),
        (4, {"decode_workers": 1}, 1),
    ],
)
def test_a_large_node_has_no_decoder_for_each_cpu(
    tmp_path: Path, cpus: int, given: dict[str, Any], expected: int
) -> None:
    root = machine(tmp_path, cpus=cpus)
    assert decoder_processes(Settings(model="Tiny", **given), range(cpus), root) == expected


@pytest.mark.parametrize(
    ("cpus", "given", "expected"),
    [
        (16, {}, 0),
        (16, {"http_workers": 3}, 3),
        (1, {"enable_cuda": True}, 1),
        (2, {"enable_cuda": True}, 1),
        (6, {"enable_cuda": True}, 3),
        (64, {"enable_cuda": True}, MOST_HTTP_WORKERS),
        (64, {"enable_cuda": True, "http_workers": 0}, 0),
    ],
)
def test_a_gpu_has_http_workers_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, cpus: int, given: dict[str, Any], expected: int
) -> None:
    monkeypatch.setattr("bind_inference.scheduling.cpus.usable_cpus", lambda: cpus)
    assert http_workers(Settings(model="Tiny", **given)) == expected
