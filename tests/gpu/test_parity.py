"""Every modality at every precision gives the reference's vectors."""

import unittest

import torch

from bind_inference.engine.precision import Precision
from gpu.engines import PRECISIONS, engine
from parity.reference import made_up_input, reference_vectors, relative_error

LEAST_COSINE = {Precision.BFLOAT16: 0.9998, Precision.FLOAT16: 0.9999}


class TestParity(unittest.TestCase):
    def test_vectors_are_the_references(self) -> None:
        huge = reference_vectors("huge.json")
        inputs = {
            modality: made_up_input(modality, tuple(huge[modality]["input_shape"])) for modality in huge
        }
        for precision in PRECISIONS:
            for modality, entry in huge.items():
                with self.subTest(precision=precision.value, modality=modality.value):
                    rows = [row.numpy() for row in inputs[modality]]
                    found = torch.from_numpy(engine(precision).forward(modality, rows))
                    wanted = torch.tensor(entry["vectors"])
                    error = relative_error(found, wanted)
                    cosine = float(torch.cosine_similarity(found, wanted).min())
                    print(f"  {precision:9} {modality:8} relative error {error:.1e}  cosine {cosine:.6f}")
                    if precision is Precision.FLOAT32:
                        self.assertLessEqual(error, 1e-5)
                    else:
                        self.assertGreaterEqual(cosine, LEAST_COSINE[precision])
