"""Chooses the two seconds that the model sees as pytorchvideo 0.1.5's ConstantClipsPerVideoSampler does."""

from fractions import Fraction

CLIP_S = 2


def clip_starts(duration_s: float, clips: int) -> list[Fraction]:
    """Return the starts, in seconds, of `clips` clips of two seconds, spread over the duration.

    Clip k starts at k (d - 2) / clips, so the last does not reach the end; under two seconds all start at 0.
    """
    step = Fraction(max(duration_s - CLIP_S, 0)) / clips
    return [step * index for index in range(clips)]


def unlike_clips(duration_s: float, clips: int) -> int:
    """Return how many of so many clips have to be looked at: up to two seconds they are all the same."""
    return clips if duration_s > CLIP_S else 1
