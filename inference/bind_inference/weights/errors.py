"""The one failure of loading weights."""


class WeightsError(Exception):
    """The weights cannot be had; the message names the file or address and says what to do."""
