"""Sketches keep directions."""

import math
import random

import pytest

from bind_operator.policy.sketch import NUMBERS, cosine, sketch


def vector(seed: int, dimension: int = 1024) -> list[float]:
    numbers = random.Random(seed)
    return [numbers.gauss(0, 1) for _ in range(dimension)]


def turned(one: list[float], other: list[float], wanted: float) -> list[float]:
    """Return `one`, turned towards `other` until the cosine is about `wanted`."""
    share = math.tan(math.acos(wanted))
    return [a + share * b for a, b in zip(one, other, strict=True)]


def test_the_same_everywhere_and_whatever_the_length() -> None:
    assert sketch([1.0, 2.0, -3.0, 0.5]) == sketch([2.0, 4.0, -6.0, 1.0])
    assert sketch([1.0, 0.0]) == "1616ea1616ea16eaeaea1616eaeaeaea1616eaea1616eaeaeaeaeaea1616eaea"
    assert len(sketch(vector(1))) == 2 * NUMBERS


@pytest.mark.parametrize("dimension", [32, 1024])
def test_unlike_vectors_have_unlike_sketches(dimension: int) -> None:
    pairs = [(vector(seed, dimension), vector(seed + 1, dimension)) for seed in range(0, 200, 2)]
    assert max(cosine(sketch(one), sketch(other)) for one, other in pairs) < 0.8


@pytest.mark.parametrize(("wanted", "least", "most"), [(0.9998, 0.999, 1.0), (0.95, 0.85, 0.99)])
def test_the_cosine_of_sketches_is_nearly_that_of_the_vectors(
    wanted: float, least: float, most: float
) -> None:
    for seed in range(50):
        one = vector(seed)
        found = cosine(sketch(one), sketch(turned(one, vector(seed + 1000), wanted)))
        assert least < found <= most + 1e-9


@pytest.mark.parametrize("broken", ["", "zz", "00" * NUMBERS, "01"])
def test_what_is_no_sketch_is_like_none(broken: str) -> None:
    assert cosine(broken, sketch([1.0, 2.0])) == -1.0
