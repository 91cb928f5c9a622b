"""The mean and deviation that CLIP's colours are normalised with, of red, green and blue in [0, 1]. Pure."""

from typing import Final

MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
STD: Final = (0.26862954, 0.26130258, 0.27577711)
