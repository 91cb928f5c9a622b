"""What is run before the first request."""

from collections import Counter
from dataclasses import replace
from functools import partial

import torch

from bind_inference.engine.precision import Precision
from bind_inference.engine.torch_engine import TorchEngine
from bind_inference.modality import Modality
from bind_inference.model import CONFIGS, ImageBind
from bind_inference.weights.seeded import fill

DEPTH = 5


def test_warming_up_runs_two_blocks_of_each_encoder_and_leaves_all_of_them() -> None:
    tiny = CONFIGS["Tiny"]
    trunks = {name: replace(trunk, num_blocks=DEPTH) for name, trunk in tiny.trunks.items()}
    model = ImageBind(replace(tiny, trunks=trunks))
    fill(model)
    runs = Counter[tuple[str, int]]()
    for name, trunk in model.modality_trunks.items():
        for number, block in enumerate(trunk.get_submodule("blocks").children()):
            count = partial(lambda key, *_: runs.update([key]), (name, number))
            block.get_submodule("norm_1").register_forward_hook(count)
    engine = TorchEngine(model.eval(), torch.device("cpu"), Precision.FLOAT32)
    engine.warm_up()
    assert runs == dict.fromkeys([(name, number) for name in trunks for number in (0, DEPTH - 1)], 1)
    runs.clear()
    engine.forward(Modality.IMAGE, [torch.zeros(Modality.IMAGE.entry.shape)])
    assert runs == dict.fromkeys([("vision", number) for number in range(DEPTH)], 1)
