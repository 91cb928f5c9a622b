"""A batch that fails is halved until the items to blame are alone."""

import weakref
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from bind_inference.engine.protocol import DeviceLost, run_batch
from bind_inference.errors import InvalidItem
from bind_inference.modality import Modality
from support.fake_engine import FakeEngine


def test_a_good_batch_runs_once() -> None:
    engine = FakeEngine()
    outcomes = run_batch(engine, Modality.TEXT, ["a", "bb"])
    assert [outcome[1] for outcome in outcomes] == [1, 2]  # type: ignore[index]
    assert engine.batches == [(Modality.TEXT, ["a", "bb"])]


def test_one_item_that_the_model_cannot_take_spoils_none_of_the_others() -> None:
    texts = ["a", "bb", "poison", "dddd", "eeeee"]
    outcomes = run_batch(FakeEngine(), Modality.TEXT, texts)
    assert isinstance(outcomes[2], RuntimeError)
    for index in (0, 1, 3, 4):
        assert isinstance(outcomes[index], np.ndarray)
        assert outcomes[index][1] == len(texts[index])  # type: ignore[index]


def test_a_vector_that_is_not_finite_is_that_items_fault() -> None:
    outcomes = run_batch(FakeEngine(), Modality.IMU, ["infinite", "a"])
    assert isinstance(outcomes[0], InvalidItem)
    assert isinstance(outcomes[1], np.ndarray)


def test_a_lost_device_concerns_all() -> None:
    class Lost(FakeEngine):
        def forward(self, modality: Modality, tensors: Sequence[str]) -> npt.NDArray[np.float32]:
            raise DeviceLost("gone")

    with pytest.raises(DeviceLost):
        run_batch(Lost(), Modality.TEXT, ["a", "b"])


class Batch:
    """What a forward pass holds."""


def test_a_batch_that_failed_is_let_go_before_its_halves_run() -> None:
    held: list[weakref.ref[Batch]] = []
    left: list[bool] = []

    class Short(FakeEngine):
        def forward(self, modality: Modality, tensors: Sequence[str]) -> npt.NDArray[np.float32]:
            left.extend(ref() is not None for ref in held)
            batch = Batch()
            held.append(weakref.ref(batch))
            if len(tensors) > 1:
                raise MemoryError
            return super().forward(modality, tensors)

    outcomes = run_batch(Short(), Modality.TEXT, ["a", "b", "c", "d"])
    assert not any(isinstance(outcome, Exception) for outcome in outcomes)
    assert len(left) > 3
    assert not any(left)
