"""Views that are alike: of a square video the three squares, of a short recording its clips. Pure.

They are found by looking at the numbers, so that nothing has to be carried along with a decoded item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

# Every so many numbers of a view are compared before two views are compared in full. Comparing all pairs of
# a video's 15 views would read 250 MB; so, unlike views cost nothing and like ones one comparison.
_STEP: Final = 997


def first_alike(views: npt.NDArray[Any]) -> list[int]:
    """Return for each of `views` [n, ...] the index of the first that is the same in every number."""
    flat = views.reshape(len(views), -1)
    firsts: dict[bytes, list[int]] = {}
    which = []
    for index, view in enumerate(flat):
        candidates = firsts.setdefault(view[::_STEP].tobytes(), [])
        first = next((other for other in candidates if np.array_equal(flat[other], view)), index)
        if first == index:
            candidates.append(index)
        which.append(first)
    return which
