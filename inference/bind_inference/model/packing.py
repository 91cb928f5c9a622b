"""Texts of unlike length in one batch without padding: their tokens stand one behind the other.

All that costs much (the linear layers) works on tokens one by one, and so on none that is padding. Only
attention needs texts apart; there they are spread over rows of the longest one's length.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Packing:
    """It says where each text lies. Positions are int64; `tokens` is the sum of all lengths."""

    places: Tensor
    """[tokens]: where each packed token belongs in the flattened rows."""
    sources: Tensor
    """[texts, longest]: which packed token belongs at each place of a row; behind a text's end any."""
    last: Tensor
    """[texts]: each text's last packed token, the one that is pooled."""
    mask: Tensor
    """bool [texts, 1 head, 1 query, longest]: what the last token sees, its own text."""

    @classmethod
    def of(cls, lengths: Tensor) -> Self:
        """Return the packing of texts of `lengths`, int64 [texts], all above 0."""
        columns = torch.arange(int(lengths.max()), device=lengths.device)
        inside = columns < lengths[:, None]
        stops = lengths.cumsum(0)
        sources = torch.where(inside, columns + (stops - lengths)[:, None], 0)
        return cls(inside.flatten().nonzero()[:, 0], sources, stops - 1, inside[:, None, None, :])

    def to(self, device: torch.device) -> Self:
        """Return it on `device`. Made on the CPU, where the ids come from, no step of it waits for a GPU."""
        parts = (self.places, self.sources, self.last, self.mask)
        return type(self)(*(part.to(device, non_blocking=True) for part in parts))

    def pack(self, rows: Tensor) -> Tensor:
        """Return rows [texts, longest, ...] as packed tokens [tokens, ...]."""
        return rows.flatten(0, 1)[self.places]

    def spread(self, tokens: Tensor) -> Tensor:
        """Return packed tokens [tokens, dim] as rows [texts, longest, dim].

        Rows end in copies of another text's token. They are finite, and causal attention looks at none.
        """
        return tokens[self.sources]
