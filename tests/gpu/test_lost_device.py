"""A device that fails for good is reported as lost, in a process of its own because that one is lost."""

import subprocess
import sys
import unittest

SCRIPT = """
import numpy as np
from bind_inference.engine.protocol import DeviceLost, run_batch
from bind_inference.modality import Modality
from bind_inference.engine.precision import Precision
from bind_gpu.engine import seeded_engine

engine = seeded_engine(Precision.FLOAT16, "Tiny")
engine.warm_up()
no_token = np.zeros((77,), np.int64)
no_token[:2] = [10**6, 10**6 + 1]  # outside of the table of embeddings: an assertion fails on the card
for modality, item in ((Modality.TEXT, no_token), (Modality.IMAGE, np.zeros((3, 224, 224), np.float32))):
    try:
        run_batch(engine, modality, [item])
    except DeviceLost as error:
        print("lost:", str(error).splitlines()[0], flush=True)
"""


class TestLostDevice(unittest.TestCase):
    def test_whatever_runs_after_the_fault_says_that_the_device_is_lost(self) -> None:
        ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
        self.assertEqual(ended.stdout.count("lost: CUDA error"), 2, ended.stdout + ended.stderr[:2000])
