"""The quota of a container wins over the machine's count."""

import os
from pathlib import Path
from typing import Any

import pytest

from bind_inference.scheduling.cpus import MOST_HTTP_WORKERS, cpu_quota, http_workers, usable_cpus
from bind_inference.settings import Settings


@pytest.mark.parametrize(
    ("text", "expected"), [("150000 100000\n", 1.5), ("max 100000\n", None), ("garbage\n", None), ("", None)]
)
def test_cgroup_v2(tmp_path: Path, text: str, expected: float | None) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert cpu_quota(tmp_path) == expected


@pytest.mark.parametrize(("quota", "expected"), [("200000", 2.0), ("-1", None)])
def test_cgroup_v1(tmp_path: Path, quota: str, expected: float | None) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cpu_quota(tmp_path) == expected


def test_half_a_cpu_is_one_thread(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("50000 100000")
    assert usable_cpus(tmp_path) == 1


def test_no_limit_is_the_affinity_mask(tmp_path: Path) -> None:
    assert usable_cpus(tmp_path) == len(os.sched_getaffinity(0))


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
