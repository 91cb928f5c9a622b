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


def split(views: Tensor, unlike: int) -> list[tuple[Tensor, int]]:
    """Return `views` [n, ...] in parts of at most `unlike` unlike views, each with how many it has.

    Like views come into the same part, so that no part computes what another does.
    """
    which = first_alike(views)
    kept = sorted(set(which))
    parts = []
    for start in range(0, len(kept), unlike):
        chosen = kept[start : start + unlike]
        parts.append((views[[index for index, first in enumerate(which) if first in chosen]], len(chosen)))
    return parts
