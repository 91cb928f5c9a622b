"""The vector cache: the same bits again, within its bound."""

import tracemalloc

import numpy as np
import pytest

from bind_inference.items.embedding import Embedding, Key, content_key
from bind_inference.modality import Modality
from bind_inference.scheduling.policy.cache import ENTRY_BYTES, VectorCache

DIMENSION = 1024
ENTRY = DIMENSION * 4 + ENTRY_BYTES


def key(number: int) -> Key:
    return content_key(Modality.TEXT, f"text {number}")


def embedding(number: int) -> Embedding:
    return Embedding(np.full(DIMENSION, number + 0.1, np.float32), tokens=number)


def filled(count: int, room: int) -> VectorCache:
    cache = VectorCache(room * ENTRY)
    for number in range(count):
        cache.put(key(number), embedding(number))
    return cache


def test_a_vector_comes_back_bit_for_bit_with_its_tokens() -> None:
    cache = VectorCache(1 << 20)
    vector = np.frombuffer(np.random.default_rng(1).bytes(4096), np.float32)
    cache.put(key(1), Embedding(vector, tokens=7))
    found = cache.get(key(1))
    assert found is not None
    assert found.tokens == 7
    assert found.vector.tobytes() == vector.tobytes()


def test_the_least_recently_used_goes_first() -> None:
    cache = filled(3, room=3)
    assert cache.get(key(0)) is not None
    cache.put(key(3), embedding(3))
    assert [number for number in range(4) if cache.get(key(number)) is not None] == [0, 2, 3]


def test_its_bytes_stay_below_the_bound() -> None:
    cache = filled(100, room=10)
    assert len(cache) == 10
    assert cache.held_bytes == 10 * ENTRY == cache.max_bytes


def test_the_same_key_again_counts_once() -> None:
    cache = filled(1, room=3)
    cache.put(key(0), embedding(5))
    assert (len(cache), cache.held_bytes) == (1, ENTRY)
    found = cache.get(key(0))
    assert found is not None
    assert found.tokens == 5


def test_a_bound_of_0_keeps_nothing() -> None:
    cache = filled(3, room=0)
    assert not cache.enabled
    assert (len(cache), cache.get(key(0))) == (0, None)


def test_a_vector_above_the_bound_drives_no_other_out() -> None:
    cache = filled(2, room=2)
    cache.put(key(9), Embedding(np.zeros(3 * DIMENSION, np.float32)))
    assert len(cache) == 2
    assert cache.get(key(9)) is None


def test_a_row_of_a_batch_does_not_keep_the_batch() -> None:
    cache = VectorCache(1 << 20)
    batch = np.zeros((32, DIMENSION), np.float32)
    cache.put(key(0), Embedding(batch[0]))
    batch[0] = 1
    found = cache.get(key(0))
    assert found is not None
    assert found.vector.base is None
    assert not found.vector.any()
    with pytest.raises(ValueError, match="read-only"):
        found.vector[0] = 1


def test_it_takes_no_more_memory_than_it_tells() -> None:
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    cache = filled(500, room=500)
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert 1.0 <= cache.held_bytes / taken < 1.1


def test_names_differ_by_content_and_modality_only() -> None:
    picture = "A" * 1_000_000
    assert content_key(Modality.IMAGE, picture) == content_key(Modality.IMAGE, "".join(["A"] * 1_000_000))
    names = {
        content_key(modality, data)
        for modality in (Modality.IMAGE, Modality.THERMAL)
        for data in (picture, picture[:-1] + "B", "B" + picture[1:], picture + "A", "", "é", "\ud800")
    }
    assert len(names) == 14
