"""An item's vector is the same whatever batch it is in: to a rounding of 16 bits, not to the last bit."""

import unittest

import numpy as np

from bind_inference.engine.precision import Precision
from bind_inference.modality import Modality
from gpu.engines import engine


def item(modality: Modality, seed: int) -> np.ndarray:
    """Return a made-up item; texts are of unlike lengths."""
    rng = np.random.default_rng(seed)
    if modality.entry.dtype == "uint8":
        return rng.integers(0, 256, modality.entry.shape, dtype=np.uint8)
    if modality is not Modality.TEXT:
        return rng.standard_normal(modality.entry.shape, dtype=np.float32)
    words = int(rng.integers(1, 75))
    row = np.zeros(77, np.int64)
    row[: words + 2] = [49406, *rng.integers(1, 49000, words), 49407]
    return row


class TestBatches(unittest.TestCase):
    def test_like_items_have_like_vectors_in_every_batch(self) -> None:
        made = engine(Precision.FLOAT16)
        for modality in Modality:
            items = [item(modality, seed) for seed in range(4 if modality is Modality.VIDEO else 33)]
            alone = np.stack([made.forward(modality, [one])[0] for one in items])
            for size in (2, 3, 7, 16, 33):
                with self.subTest(modality=modality.value, size=size):
                    found = made.forward(modality, items[:size])
                    wanted = alone[: len(found)]
                    products = (found * wanted).sum(axis=1)
                    cosines = products / np.linalg.norm(found, axis=1) / np.linalg.norm(wanted, axis=1)
                    self.assertGreaterEqual(float(cosines.min()), 0.99999)

    def test_the_same_item_twice_in_a_batch_has_one_vector(self) -> None:
        made = engine(Precision.FLOAT16)
        for modality in Modality:
            with self.subTest(modality=modality.value):
                one, other = item(modality, 1), item(modality, 2)
                first, _, again = made.forward(modality, [one, other, one])
                np.testing.assert_array_equal(first, again)

    def test_windows_run_beside_whole_recordings(self) -> None:
        made = engine(Precision.FLOAT16)
        for modality, clips in ((Modality.AUDIO, 1), (Modality.VIDEO, 3)):
            with self.subTest(modality=modality.value):
                items = [item(modality, seed)[: clips if seed % 3 else None] for seed in range(6)]
                alone = np.stack([made.forward(modality, [one])[0] for one in items])
                found = made.forward(modality, items)
                products = (found * alone).sum(axis=1)
                cosines = products / np.linalg.norm(found, axis=1) / np.linalg.norm(alone, axis=1)
                self.assertGreaterEqual(float(cosines.min()), 0.99999)
