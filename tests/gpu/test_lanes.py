"""Batches under way at once: the memory of none is another's, and texts overtake pictures."""

import threading
import unittest

import numpy as np

from bind_inference.engine.precision import Precision
from bind_inference.modality import Modality
from gpu.engines import engine
from gpu.test_batches import item

ROUNDS = 20


class TestLanes(unittest.TestCase):
    def test_batches_under_way_at_once_have_their_own_vectors(self) -> None:
        made = engine(Precision.FLOAT16)
        wanted: dict[Modality, list[np.ndarray]] = {}
        batches: dict[Modality, list[list[np.ndarray]]] = {}
        for modality, size in ((Modality.TEXT, 9), (Modality.IMAGE, 16), (Modality.VIDEO, 1)):
            batches[modality] = [[item(modality, 100 * b + n) for n in range(size)] for b in range(4)]
            wanted[modality] = [made.forward(modality, batch) for batch in batches[modality]]
        faults: list[str] = []

        def run(*modalities: Modality) -> None:
            for turn in range(ROUNDS):
                modality = modalities[turn % len(modalities)]
                started = [made.start(modality, batch) for batch in batches[modality]]
                for number, one in enumerate(started):
                    if not np.array_equal(one.wait(), wanted[modality][number]):
                        faults.append(f"{modality} {turn} {number}")

        threads = [
            threading.Thread(target=run, args=(Modality.TEXT,)),
            threading.Thread(target=run, args=(Modality.IMAGE, Modality.VIDEO)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])

    def test_a_text_ends_before_the_pictures_that_were_started_first(self) -> None:
        made = engine(Precision.FLOAT16)
        pictures = [item(Modality.IMAGE, seed % 8) for seed in range(64)]
        text = [item(Modality.TEXT, 1)]
        made.forward(Modality.IMAGE, pictures)
        made.forward(Modality.TEXT, text)
        order: list[str] = []
        under_way = made.start(Modality.IMAGE, pictures)
        waiting = threading.Thread(target=lambda: (under_way.wait(), order.append("pictures")))
        waiting.start()
        made.start(Modality.TEXT, text).wait()
        order.append("text")
        waiting.join()
        self.assertEqual(order, ["text", "pictures"])
