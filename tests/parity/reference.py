"""The reference model's vectors and the made-up inputs that they belong to."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bind_inference.modality import Modality
from bind_inference.model import ImageBind
from bind_inference.weights.seeded import uniform

HERE = Path(__file__).parent
START, END = 49406, 49407
WORDS = (1, 3, 8, 20, 50, 75)  # tokens between start and end in each row of the text input


def reference_vectors(file: str) -> dict[Modality, dict[str, Any]]:
    """Return tiny.json's or huge.json's `input_shape` and `vectors` by modality."""
    table = json.loads((HERE / file).read_text())["embeddings"]
    return {Modality(name): entry for name, entry in table.items()}


def made_up_input(modality: Modality, shape: tuple[int, ...]) -> Tensor:
    """Return the batch that the reference was given: seeded numbers, for text seeded token ids."""
    if modality is not Modality.TEXT:
        return uniform(f"input.{modality}", shape)
    rows = torch.zeros(shape, dtype=torch.int64)
    for row, words in enumerate(WORDS):
        ids = (uniform(f"input.text{row}", (words,)).double() + 1) / 2 * 49_000
        rows[row, : words + 2] = torch.tensor([START, *ids.long().tolist(), END])
    return rows


@torch.inference_mode()
def vectors(model: ImageBind, modality: Modality, batch: Tensor) -> Tensor:
    """Return what the model makes of a batch."""
    made: Tensor = model(modality, batch)
    return made


def relative_error(found: Tensor, wanted: Tensor) -> float:
    """Return the largest distance of a vector from the wanted one, as a part of that one's length."""
    return float(((found - wanted).norm(dim=-1) / wanted.norm(dim=-1)).max())
