"""Make of the bytes of one item what the model takes.

No network, no files, no temporary files: media are decoded from memory, by decoders on an allow-list, within
`Limits`. Whatever the bytes are, what comes out is an array of the documented shape or an error
of `bind_inference.errors` that says what is wrong with the item.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from bind_inference.errors import InvalidItem
from bind_inference.modality import Modality
from bind_inference.preprocess import text
from bind_inference.preprocess.limits import Limits

__all__ = ["Limits", "duration_ms", "preprocess", "preprocess_windows"]

DEFAULT_LIMITS = Limits()


def preprocess(
    modality: Modality, data: bytes | str, limits: Limits = DEFAULT_LIMITS
) -> npt.NDArray[np.float32 | np.int64 | np.uint8]:
    """Return one item as the model takes it, without the batch dimension.

    text: str -> int64 [77]. image: bytes -> uint8 [3, 224, 224]. thermal, depth: uint8 [1, 224, 224].
    audio: float32 [3 clips, 1, 128, 204]. video: [15 views, 3, 2 frames, 224, 224]. imu: [6, 2000].
    Raises InvalidItem, AudioTooShort, UnsupportedMedia or MediaTooLarge, without the item's position.
    """
    if modality is Modality.TEXT:
        if not isinstance(data, str):
            raise TypeError("a text is str")
        return text.text(data, limits)
    if not isinstance(data, bytes):
        raise TypeError(f"{modality} is bytes")
    from bind_inference.preprocess.media import DECODERS  # the server, which has texts only, loads none

    item = DECODERS[modality](data, limits)
    _check_finite(item)
    return item


def duration_ms(modality: Modality, data: bytes, limits: Limits = DEFAULT_LIMITS) -> int:
    """Return how long audio or a video is, in whole milliseconds. Raises as `preprocess`."""
    from bind_inference.preprocess.media import RECORDED

    return RECORDED[modality].duration_ms(data, limits)


def preprocess_windows(
    modality: Modality, data: bytes, spans: Sequence[tuple[int, int]], limits: Limits = DEFAULT_LIMITS
) -> Iterator[npt.NDArray[np.float32]]:
    """Yield stretches of audio or a video (start and end in ms, in order), decoding it once.

    Each is what `preprocess` makes of a file that holds this stretch and no more; where all its clips would
    be alike, one of them. Raises as `preprocess`.
    """
    from bind_inference.preprocess.media import RECORDED

    for window in RECORDED[modality].windows(data, spans, limits):
        _check_finite(window)
        yield window


def _check_finite(item: npt.NDArray[np.float32 | np.int64 | np.uint8]) -> None:
    if not np.isfinite(item).all():
        # Samples of 1e20 are finite and their power is not; the vector would be one of NaN.
        raise InvalidItem("its numbers are too large to be embedded: scale them down")
