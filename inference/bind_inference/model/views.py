"""Views that are alike: of a square video the three squares, of a short recording its clips.

They are found by looking at the numbers, so that nothing has to be carried along with a decoded item.
"""

import torch
from torch import Tensor

# Every so many numbers of a view are looked at before two views are compared in full. Comparing all pairs of
# a video's 15 views would read 250 MB; so, unlike views cost nothing and like ones one comparison.
_STEP = 997


def first_alike(views: Tensor) -> list[int]:
    """Return for each of `views` [n, ...] the index of the first that is the same in every number."""
    flat = views.flatten(1)
    samples = [tuple(sample) for sample in flat[:, ::_STEP].tolist()]
    firsts: dict[tuple[float, ...], list[int]] = {}
    which = []
    for index, sample in enumerate(samples):
        candidates = firsts.setdefault(sample, [])
        first = next((other for other in candidates if torch.equal(flat[other], flat[index])), index)
        if first == index:
            candidates.append(index)
        which.append(first)
    return which


def distinct(views: Tensor) -> tuple[Tensor, list[int]]:
    """Return the unlike ones of `views` [n, ...], and for each of the n which of those it is."""
    which = first_alike(views)
    kept = sorted(set(which))
    if len(kept) == len(views):
        return views, which
    return views[kept], [kept.index(first) for first in which]
