"""torch's layers without their random first weights, which a checkpoint or a formula replaces at once.

That saves filling gigabytes twice.
"""

from torch import nn


class Linear(nn.Linear):
    """A linear layer with undefined weights."""

    def reset_parameters(self) -> None:
        """Leave the weights undefined."""


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
