"""On a card whose memory somebody else holds every item is answered; what did not fit is not tried again."""

import unittest

import numpy as np
import torch

from bind_inference.engine.precision import Precision
from bind_inference.engine.protocol import run_batch
from bind_inference.modality import Modality
from gpu.engines import CUDA, engine
from gpu.test_batches import item

LEFT_BYTES = 600 << 20


class TestMemory(unittest.TestCase):
    def test_a_batch_that_does_not_fit_is_answered_in_parts(self) -> None:
        made = engine(Precision.FLOAT16)
        pictures = [item(Modality.IMAGE, seed % 8) for seed in range(128)]
        alone = made.forward(Modality.IMAGE, pictures[:1])[0]
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        free, _ = torch.cuda.mem_get_info()
        hog = torch.empty(free - LEFT_BYTES, dtype=torch.uint8, device=CUDA)
        try:
            with self.assertLogs("bind_inference", "WARNING") as logged:
                outcomes = run_batch(made, Modality.IMAGE, pictures)
            self.assertTrue(all(isinstance(outcome, np.ndarray) for outcome in outcomes), outcomes[:3])
            np.testing.assert_allclose(outcomes[0], alone, atol=1e-3)
            self.assertTrue(logged.records)
            with self.assertNoLogs("bind_inference", "WARNING"):
                run_batch(made, Modality.IMAGE, pictures)
        finally:
            del hog
            torch.cuda.empty_cache()
