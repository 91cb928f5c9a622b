"""Knows what a model answers to a few items, so that wrong weights or arithmetic are noticed at the start.

The sum of a converted file (wholeness) is of what lay on the disk, once a boot. This is of what the server
computes with: read again, laid out anew, in its precision, by its kernels. Each encoder embeds one item that
is made by formula; its vector is put into the converted file's metadata when that is made, from tensors whose
checkpoint had the right sum. A trunk is given the first few tokens alone, so that an encoder costs little
more than to read its weights once.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)

from bind_inference.modality import one_of_each_trunk
from bind_inference.model.packing import Packing
from bind_inference.weights.seeded import uniform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from bind_inference.model import ImageBind

    Answers = Mapping[str, Tensor]

KNOWN_ANSWERS: Final = "known_answers"
"""The metadata that hold the vectors; files of before have none."""
# Raised by one when the items change: older answers no longer count.
_VERSION: Final = 1
# Of "a dog and a cat", or what else a vocabulary has there: any numbers would do.
_TEXT: Final = (49406, 320, 1929, 537, 320, 2368, 49407)
_TOKENS: Final = 8
_SHAPES: Final = {modality.trunk: modality.entry.shape for modality in one_of_each_trunk()}
_CLIPPED: Final = {modality.trunk for modality in one_of_each_trunk() if modality.entry.unit == "clip"}


@torch.inference_mode()
def answer(model: ImageBind, encoder: str) -> Tensor:
    """Return the vector of the encoder's item, float32 [out_dim] on the CPU, whatever `model` computes in."""
    stem, trunk, _ = model.parts(encoder)
    weight = next(stem.parameters())
    if encoder == "text":
        ids = torch.tensor([_TEXT])
        packing = Packing.of(torch.tensor([len(_TEXT)])).to(weight.device)
        vectors = model.encode_packed(ids.to(weight.device), packing)
    else:
        shape = _SHAPES[encoder][1:] if encoder in _CLIPPED else _SHAPES[encoder]
        item = uniform(f"known answer of {encoder}", (1, *shape)).to(weight.device, weight.dtype)
        vectors = model.finish(encoder, trunk(stem(item)[:, :_TOKENS]))
    return vectors[0].float().cpu()


def all_answers(model: ImageBind) -> Answers:
    """Return the vector of each encoder's item."""
    return {encoder: answer(model, encoder) for encoder in model.config.trunks}


def cosines_to(answers: Answers, model: ImageBind) -> dict[str, float]:
    """Return how near `model` comes to `answers`, by encoder; -1 where a vector is not finite."""
    found = {encoder: answer(model, encoder) for encoder in answers}
    cosines = {
        encoder: float(F.cosine_similarity(answers[encoder].double(), vector.double(), dim=0))
        for encoder, vector in found.items()
    }
    return {encoder: cosine if np.isfinite(cosine) else -1.0 for encoder, cosine in cosines.items()}


def pack_answers(answers: Answers) -> str:
    """Return the answers as a string."""
    vectors = {
        encoder: base64.b64encode(vector.numpy().astype("<f4").tobytes()).decode()
        for encoder, vector in answers.items()
    }
    return json.dumps({"version": _VERSION, "vectors": vectors})


def unpack_answers(packed: str | None) -> Answers | None:
    """Return the answers; None if there are none, or those of other items."""
    try:
        content = json.loads(packed or "null")
        if content is None or content["version"] != _VERSION:
            return None
        return {
            encoder: torch.from_numpy(np.frombuffer(base64.b64decode(vector), "<f4").astype(np.float32))
            for encoder, vector in content["vectors"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return None
