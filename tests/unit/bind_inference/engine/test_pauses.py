"""A forward pass pauses between blocks, and goes on exactly, whatever was computed meanwhile."""

import numpy as np
import pytest
import torch

from bind_inference.engine.loading import load_engine
from bind_inference.engine.protocol import run_batch
from bind_inference.engine.torch_engine import TorchEngine
from bind_inference.modality import Modality
from bind_inference.model.config import CONFIGS
from bind_inference.settings import Settings

OTHERS = [modality for modality in Modality if modality is not Modality.TEXT]


@pytest.fixture(scope="module", params=["float32", "bfloat16", "int8"])
def engine(request: pytest.FixtureRequest) -> TorchEngine:
    settings = Settings(model="Tiny", precision=request.param, precision_min_cosine=0.0)
    return load_engine(settings, lambda _: None)


def item(modality: Modality, seed: int) -> torch.Tensor:
    chance = torch.Generator().manual_seed(seed)
    entry = modality.entry
    if modality is Modality.TEXT:
        ids = torch.randint(1, 1000, entry.shape, generator=chance)
        ids[seed % 70 + 2] = 49407
        return ids
    if entry.dtype == "uint8":
        return torch.randint(0, 256, entry.shape, generator=chance, dtype=torch.uint8)
    return torch.randn(entry.shape, generator=chance)


@pytest.mark.parametrize("modality", OTHERS)
def test_a_pass_that_texts_interrupt_goes_on_exactly(engine: TorchEngine, modality: Modality) -> None:
    items = [item(modality, seed) for seed in range(2)]
    texts = [item(Modality.TEXT, seed) for seed in range(3)]
    alone, texts_alone = engine.forward(modality, items), engine.forward(Modality.TEXT, texts)
    interrupted = 0

    def pause() -> None:
        nonlocal interrupted
        interrupted += 1
        assert np.array_equal(engine.forward(Modality.TEXT, texts), texts_alone)

    vectors = run_batch(engine, modality, items, 0, pause)
    assert np.array_equal(np.asarray(vectors), alone)
    blocks = CONFIGS["Tiny"].trunks[modality.trunk].num_blocks
    assert interrupted == 2 * (blocks - 1), "one by one, and not within what interrupts"


def test_whoever_interrupts_is_not_interrupted_and_later_nobody_is(engine: TorchEngine) -> None:
    picture, text = item(Modality.IMAGE, 0), item(Modality.TEXT, 0)
    depth, most = 0, 0

    def pause() -> None:
        nonlocal depth, most
        depth += 1
        most = max(most, depth)
        engine.forward(Modality.TEXT, [text])
        depth -= 1

    run_batch(engine, Modality.IMAGE, [picture], 0, pause)
    assert most == 1
    most = 0
    engine.forward(Modality.IMAGE, [picture])
    assert most == 0


def test_a_text_query_has_a_lane_of_its_own(engine: TorchEngine) -> None:
    queries, others = engine.lanes
    assert queries.in_pauses
    assert not others.in_pauses
    assert {(kind.service, kind.modality) for kind in queries.kinds} == {("query", Modality.TEXT)}
    assert len(set(queries.kinds) | set(others.kinds)) == 2 * len(Modality)
