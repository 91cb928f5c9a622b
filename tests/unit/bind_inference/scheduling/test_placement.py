"""How many forward passes run side by side, and where."""

from pathlib import Path
from typing import Any

import pytest

from bind_inference.scheduling.machine import cores_of
from bind_inference.scheduling.placement import Place, place_passes
from bind_inference.settings import Settings
from support.machines import machine, write


def settings(**given: Any) -> Settings:
    return Settings(**{"model": "ImageBindHuge", "license_accepted": True} | given)


@pytest.mark.parametrize(
    ("cpus", "given", "threads"),
    [
        (1, {}, [1]),
        (2, {}, [2]),
        (7, {}, [7]),
        (8, {}, [4, 4]),
        (14, {}, [4, 4, 4]),
        (16, {}, [4, 4, 4, 4]),
        (16, {"forward_passes": 1}, [16]),
        (16, {"forward_passes": 16}, [1] * 16),
        (4, {"forward_passes": 64}, [1] * 4),
        (16, {"torch_threads": 8}, [4, 4]),
        (16, {"model": "Tiny"}, [1]),
        (16, {"enable_cuda": True}, [1]),
        (16, {"enable_cuda": True, "torch_threads": 3}, [3]),
    ],
)
def test_cores_are_given_to_passes_in_fours(
    tmp_path: Path, cpus: int, given: dict[str, Any], threads: list[int]
) -> None:
    places = place_passes(settings(**given), range(cpus), machine(tmp_path, cpus=cpus))
    assert [place.threads for place in places] == threads


def test_each_pass_has_cores_of_its_own_with_all_their_cpus(tmp_path: Path) -> None:
    root = machine(tmp_path, cpus=16, threads_per_core=2)
    first, second = place_passes(settings(), range(16), root)
    assert first == Place(4, (0, 1, 2, 3, 8, 9, 10, 11))
    assert second == Place(4, (4, 5, 6, 7, 12, 13, 14, 15))


def test_a_pass_stays_on_one_socket(tmp_path: Path) -> None:
    root = machine(tmp_path, cpus=8)
    for cpu in range(8):
        write(root / f"sys/devices/system/cpu/cpu{cpu}/topology/physical_package_id", str(cpu % 2))
    assert cores_of(range(8), root) == [(0,), (2,), (4,), (6,), (1,), (3,), (5,), (7,)]
    assert [place.cpus for place in place_passes(settings(), range(8), root)] == [(0, 2, 4, 6), (1, 3, 5, 7)]


@pytest.mark.parametrize("given", [{}, {"torch_threads": 8}])
def test_with_a_quota_or_with_threads_that_were_asked_for_any_core_will_do(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    v2 = {} if given else {"cpu.max": "800000 100000"}
    root = machine(tmp_path, cpus=64, v2=v2)
    assert place_passes(settings(**given), range(64), root) == (Place(4), Place(4))


def test_a_cpuset_is_what_there_is(tmp_path: Path) -> None:
    root = machine(tmp_path, cpus=64)
    places = place_passes(settings(), range(40, 48), root)
    assert [place.cpus for place in places] == [(40, 41, 42, 43), (44, 45, 46, 47)]
