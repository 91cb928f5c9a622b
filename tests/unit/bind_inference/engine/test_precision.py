import pytest

from bind_inference.engine.precision import Precision, choose_for_cpu, choose_for_cuda, ladder


def test_each_precision_falls_back_to_the_more_exact_ones() -> None:
    assert ladder(Precision.INT8, "cpu") == ("int8", "bfloat16", "float32")
    assert ladder(Precision.BFLOAT16, "cpu") == ("bfloat16", "float32")
    assert ladder(Precision.BFLOAT16, "cuda") == ("bfloat16", "float16", "float32")
    assert ladder(Precision.FLOAT16, "cuda") == ("float16", "float32")
    assert ladder(Precision.FLOAT32, "cpu") == ladder(Precision.FLOAT32, "cuda") == ("float32",)


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, Precision.BFLOAT16),
        ({"amx_bf16": True}, Precision.BFLOAT16),
        ({"neon": True, "bf16": True}, Precision.BFLOAT16),
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False}, Precision.FLOAT32),
        ({}, Precision.FLOAT32),
    ],
)
def test_a_cpu_gets_bfloat16_only_where_it_multiplies_it(
    capabilities: dict[str, bool], precision: Precision
) -> None:
    assert choose_for_cpu(capabilities) is precision


def test_a_gpu_gets_float16_from_the_first_tensor_cores_on() -> None:
    assert choose_for_cuda((9, 0)) is choose_for_cuda((7, 0)) is Precision.FLOAT16
    assert choose_for_cuda((6, 1)) is Precision.FLOAT32
