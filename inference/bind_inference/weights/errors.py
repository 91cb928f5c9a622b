"""The one way in which reading the weights fails."""

from typing import Final

ORIGIN: Final = "model.weights (--weights-path, --weights-url)"
"""What decides where the weights come from: in the chart and the custom resource, and as flags."""


class WeightsError(Exception):
    """The weights cannot be had; the message names the file or address and says what to do."""
