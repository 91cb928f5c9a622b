"""Resources are changed, created, healed and deleted while one thing after the other fails; all converges.

`make soak-operator` does the same for longer, with fifty kills.
"""

import itertools
import random
from collections.abc import Callable, Iterator

import pytest

from integration.control_plane import running_control_plane
from support.operator_faults.faults import FAULTS, Fault
from support.operator_faults.story import Story
from support.operator_faults.world import World, running_world

SEED = 7
LONG = ("silent",)
"""The operator takes 70 s of silence for a cut."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    plane_folder, folder = tmp_path_factory.mktemp("plane"), tmp_path_factory.mktemp("world")
    with running_control_plane(plane_folder) as plane, running_world(plane, folder) as running:
        yield running


@pytest.fixture(scope="module")
def stories(world: World) -> Iterator[Callable[[], Story]]:
    """Gives the story that goes on; where a round of it has not come to its end, another one."""
    numbers = itertools.count(1)
    told: list[Story] = []

    def story() -> Story:
        if not told or not told[-1].is_settled:
            number = next(numbers)
            told.append(Story(world, f"story-{number}", random.Random(SEED + number)))
            told[-1].begin()
        return told[-1]

    yield story
    for one in told:
        one.end()


def _marks(fault: Fault) -> list[pytest.MarkDecorator]:
    return [pytest.mark.long] if fault.name in LONG else []


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, id=fault.name, marks=_marks(fault)) for fault in FAULTS]
)
def test_all_converges_after(fault: Fault, stories: Callable[[], Story]) -> None:
    assert stories().meet(fault, fault.short_s) == []
