"""Decoders, model and bodies fit the memory limit, or there are fewer decoders, and the log tells."""

import logging
from pathlib import Path
from typing import Any

import pytest

from bind_inference.scheduling.machine import memory_limit
from bind_inference.scheduling.memory import (
    FLOOR_BYTES,
    LEAST_BYTES,
    SMALL_BYTES,
    plan_decoders,
    reserved_bytes,
)
from bind_inference.scheduling.sizing import fit_decoders
from bind_inference.settings import Settings
from support.machines import machine

GIB = 1 << 30
HUGE: dict[str, Any] = {"model": "ImageBindHuge", "license_accepted": True}
UNLIMITED_V1 = str(0x7FFFFFFFFFFFF000)


@pytest.mark.parametrize("group", ["/", "/kubepods/pod1"])
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"v2": {"memory.max": str(12 * GIB)}}, 12 * GIB),
        ({"v2": {"memory.max": "max"}}, 32 * GIB),
        ({"v1": {"memory.limit_in_bytes": str(3 * GIB)}}, 3 * GIB),
        ({"v1": {"memory.limit_in_bytes": UNLIMITED_V1}}, 32 * GIB),
        ({}, 32 * GIB),
    ],
)
def test_the_limit_is_the_groups_or_the_machines(
    tmp_path: Path, group: str, files: dict[str, Any], expected: int
) -> None:
    assert memory_limit(machine(tmp_path, memory_gib=32, group=group, **files)) == expected


def test_a_machine_that_tells_nothing_has_no_limit(tmp_path: Path) -> None:
    assert memory_limit(tmp_path) is None
    assert plan_decoders(12, 2 * GIB, None).fits


@pytest.mark.parametrize("kind", ["v1", "v2"])
@pytest.mark.parametrize("precision", ["auto", "int8", "bfloat16", "float32"])
@pytest.mark.parametrize("http_workers", [0, 4])
def test_twelve_large_pictures_on_twelve_cpus_kill_no_pod_of_12_gi(
    tmp_path: Path, kind: str, precision: str, http_workers: int
) -> None:
    names = {"v1": "memory.limit_in_bytes", "v2": "memory.max"}
    root = machine(tmp_path, cpus=12, memory_gib=64, **{kind: {names[kind]: str(12 * GIB)}})
    settings = Settings(**HUGE, precision=precision, http_workers=http_workers)
    plan = fit_decoders(settings, range(12), root)
    assert plan.fits
    assert plan.total_bytes + reserved_bytes(settings, http_workers) <= 12 * GIB
    assert plan.decoders >= 8
    assert plan.large_bytes >= LEAST_BYTES  # each of the pictures can be decoded, one at a time


@pytest.mark.parametrize(("gib", "each"), [(64, 2 * GIB), (24, 1_571_465_898)])
def test_where_all_have_room_it_is_no_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, gib: int, each: int
) -> None:
    root = machine(tmp_path, cpus=12, memory_gib=gib)
    with caplog.at_level(logging.INFO):
        plan = fit_decoders(Settings(**HUGE), range(12), root)
    assert (plan.decoders, plan.memory_bytes, plan.large_bytes) == (12, each, 0)
    (record,) = caplog.records
    assert (record.levelno, record.message) == (logging.INFO, "decoders")


def test_fewer_decoders_are_told_in_one_line_with_all_figures(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = machine(tmp_path, cpus=12, v2={"memory.max": str(12 * GIB)})
    settings = Settings(**HUGE, decode_workers=12)
    plan = fit_decoders(settings, range(12), root)
    (record,) = caplog.records
    told = record.__dict__
    assert record.levelno == logging.WARNING
    assert "raise the memory limit" in record.message
    assert (told["decoders"], told["decoders_wanted"]) == (plan.decoders, 12)
    assert (told["decoder_bytes"], told["decoder_bytes_wanted"]) == (plan.memory_bytes, 2 * GIB)
    assert (told["memory_limit_bytes"], told["reserved_bytes"]) == (12 * GIB, reserved_bytes(settings, 0))


@pytest.mark.parametrize(
    ("room", "decoders", "each", "large"),
    [
        (24 * GIB, 12, 2 * GIB, 0),
        (18 * GIB, 12, 3 * GIB // 2, 0),
        (14 * GIB, 12, GIB, 2 * GIB),
        (5 * GIB, 10, SMALL_BYTES, 5 * GIB - 10 * SMALL_BYTES),
        (2 * GIB, 2, SMALL_BYTES, 2 * GIB - 2 * SMALL_BYTES),
        (3 * GIB // 2, 1, 3 * GIB // 2, 0),
        (GIB, 2, GIB // 2, 0),
        (600 << 20, 1, 600 << 20, 0),
        (0, 1, FLOOR_BYTES, 0),
    ],
)
def test_first_each_gets_less_then_one_is_for_the_large_then_there_are_fewer(
    room: int, decoders: int, each: int, large: int
) -> None:
    plan = plan_decoders(12, 2 * GIB, room)
    assert (plan.decoders, plan.memory_bytes, plan.large_bytes) == (decoders, each, large)
    assert plan.fits is (room >= FLOOR_BYTES)


def test_a_small_limit_of_each_is_kept_for_many() -> None:
    plan = plan_decoders(12, 300 << 20, 6 * GIB)
    assert (plan.decoders, plan.memory_bytes) == (12, 300 << 20)
