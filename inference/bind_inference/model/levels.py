"""Normalise the levels of stills where the model is: a byte a level comes there, not four."""

import torch
from torch import Tensor

from bind_inference.pixels import MEAN, STD


def normalise(levels: Tensor) -> Tensor:
    """Return levels [items, channels, rows, columns], 0 to 255, as float32, normalised as CLIP's are.

    A thermal or depth picture, of one channel, is normalised as red is: the reference takes the first of
    three. The same numbers as numpy's on a CPU, to the last bit. A graph can record it: the constants are
    no tensors, which would have to be sent.
    """
    unit = levels.to(torch.float32) / 255
    channels = zip(unit.unbind(dim=1), MEAN, STD, strict=False)
    return torch.stack([(channel - mean) / std for channel, mean, std in channels], dim=1)
