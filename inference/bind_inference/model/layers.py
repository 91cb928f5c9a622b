"""torch's layers without their random first weights, which a checkpoint or a formula replaces at once.

That saves filling gigabytes twice.
"""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the name everybody knows)


class Linear(nn.Linear):
    """A linear layer with undefined weights."""

    def reset_parameters(self) -> None:
        """Leave the weights undefined."""

    def gelu(self, x: Tensor) -> Tensor:
        """Return the exact (erf) GELU of what forward gives; packed layers can do both at once."""
        return F.gelu(self(x))


class Conv2d(nn.Conv2d):
    """A convolution of pictures with undefined weights."""

    def reset_parameters(self) -> None:
        """Leave the weights undefined."""


class Conv3d(nn.Conv3d):
    """A convolution of clips with undefined weights."""

    def reset_parameters(self) -> None:
        """Leave the weights undefined."""


class Embedding(nn.Embedding):
    """A table of vectors with undefined values."""

    def reset_parameters(self) -> None:
        """Leave the values undefined."""
