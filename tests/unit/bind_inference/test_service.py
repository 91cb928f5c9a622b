from typing import Any

import pytest

from bind_inference.precision import Precision
from bind_inference.service import max_batch_gflop
from bind_inference.settings import Settings


@pytest.mark.parametrize(
    ("precision", "given", "most"),
    [
        (Precision.FLOAT32, {}, 350),
        (Precision.BFLOAT16, {}, 700),
        (Precision.INT8, {}, 700),
        (None, {}, 350),  # not known yet: a video's parts fit whatever it will be
        (Precision.INT8, {"max_batch_gflop": 90}, 90),
        (Precision.FLOAT16, {"enable_cuda": True}, 20_000),
    ],
)
def test_a_batch_is_as_large_as_it_may_hold_up_the_others(
    precision: Precision | None, given: dict[str, Any], most: float
) -> None:
    assert max_batch_gflop(Settings(model="Tiny", **given), precision) == most
