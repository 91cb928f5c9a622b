"""Finds the frames of a video that the model sees, without decoding all of it."""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING

from bind_inference.errors import InvalidItem, MediaTooLarge
from bind_inference.modality import Modality
from bind_inference.preprocess.clips import CLIP_S, clip_starts, unlike_clips
from bind_inference.preprocess.container import VIDEO_DEMUXERS, opened
from bind_inference.preprocess.limits import Limits

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

CLIPS = Modality.VIDEO.entry.clips
_INDEXED = ("mov", "matroska")  # FFmpeg finds the right key frame in these
_SEEK_OVER_S = 4  # a shorter gap between clips is decoded through


@dataclass
class Clip:
    """Time stamps [start, stop) of a clip; its first and last frame, once found."""

    start: int
    stop: int
    first: "VideoFrame | None" = None
    last: "VideoFrame | None" = None
    before: "VideoFrame | None" = field(default=None, repr=False)

    def offer(self, frame: "VideoFrame", stamp: int) -> None:
        """Take note of the next frame."""
        if stamp < self.start:
            self.before = frame
        elif stamp < self.stop:
            self.first, self.last = self.first or frame, frame

    def frames(self) -> tuple["VideoFrame", "VideoFrame"]:
        """Return the first and last frame; of a clip between two frames, twice the one that is on show."""
        first, last = self.first or self.before, self.last or self.before
        if first is None or last is None:
            raise InvalidItem("not a video that can be decoded: no frame in its first two seconds")
        return first, last

    def let_go(self) -> None:
        """Drop the frames, which are large."""
        self.first = self.last = self.before = None


class Decoder:
    """It decodes the frames of one container, within the limits."""

    def __init__(self, data: bytes, container: "InputContainer", limits: Limits) -> None:
        if not container.streams.video:
            raise InvalidItem("no picture in it: send sound as audio")
        self.container = container
        self.stream: VideoStream = container.streams.video[0]
        if self.stream.codec_context is None:
            raise InvalidItem("not a video that can be decoded: its codec is not known")
        self.limits = limits
        self.decoded = 0
        self._check_size(self.stream.codec_context.width, self.stream.codec_context.height)
        self.stream.codec_context.thread_count = 1  # items are decoded beside each other already
        self.base, self.begin, end = _times(data, self.stream)
        self.duration_s = float((end - self.begin) * self.base)
        if self.duration_s > limits.max_video_s:
            raise MediaTooLarge(
                f"{self.duration_s:.0f} s of video; at most {limits.max_video_s} are taken: send a part of it"
            )

    def clips(self) -> list[Clip]:
        """Return the clips of the whole video, by start, their frames not found yet."""
        return [self._clip(start, start + CLIP_S) for start in clip_starts(self.duration_s, CLIPS)]

    def window(self, start_ms: int, end_ms: int) -> list[Clip]:
        """Return the clips of a stretch, as `clips` does of a file with no more; one if all are alike."""
        start, end = Fraction(start_ms, 1000), Fraction(end_ms, 1000)
        length_s = max(0.0, min(float(end), self.duration_s) - float(start))
        starts = clip_starts(length_s, unlike_clips(length_s, CLIPS))
        return [self._clip(start + each, min(start + each + CLIP_S, end)) for each in starts]

    def _clip(self, start: Fraction, stop: Fraction) -> Clip:
        return Clip(self.begin + math.ceil(start / self.base), self.begin + math.ceil(stop / self.base))

    def find(self, clips: Sequence[Clip], *, is_early: bool = False) -> Iterator[Clip]:
        """Yield the clips, which are in order, once their frames are found.

        Long gaps are jumped over where that is exact. is_early: a clip is there as soon as a frame comes that
        is behind it, so that many hold few frames at once; of a broken stream the next may be one of it.
        """
        position = self.begin
        for run in self._runs(clips):
            is_sought = self._may_jump(position, run[0])
            if is_sought:
                self.container.seek(run[0].start, stream=self.stream)
            yield from self._fill(run, is_sought=is_sought, is_early=is_early)
            position = run[-1].stop

    def _runs(self, clips: Sequence[Clip]) -> list[list[Clip]]:
        """Return the clips in groups that are decoded in one go."""
        runs: list[list[Clip]] = []
        for clip in clips:
            if runs and not self._may_jump(runs[-1][-1].stop, clip):
                runs[-1].append(clip)
            else:
                runs.append([clip])
        return runs

    def _may_jump(self, position: int, clip: Clip) -> bool:
        """Return whether the gap up to a clip is long, and the container has an index."""
        is_indexed = self.container.format.name.split(",")[0] in _INDEXED
        return is_indexed and (clip.start - position) * self.base > _SEEK_OVER_S

    def _fill(self, run: Sequence[Clip], *, is_sought: bool, is_early: bool) -> Iterator[Clip]:
        """Yield the clips of a run, decoding from the current position to the end of the last."""
        waiting, frames = deque(run), self._frames()
        if is_sought:
            first = next(frames, None)
            if first is None or first[1] > run[0].start:
                # The index pointed past the start: from the beginning, then.
                self.container.seek(self.begin, stream=self.stream)
                frames = self._frames()
            else:
                frames = chain([first], frames)
        for frame, stamp in frames:
            while waiting and stamp >= waiting[0 if is_early else -1].stop:
                yield waiting.popleft()
            if not waiting:
                return
            for clip in waiting:
                clip.offer(frame, stamp)
        yield from waiting

    def _frames(self) -> Iterator[tuple["VideoFrame", int]]:
        """Yield frames from the current position on, each with its time stamp."""
        for frame in self.container.decode(self.stream):
            self.decoded += 1
            if self.decoded > self.limits.max_video_frames:
                raise MediaTooLarge(
                    f"over {self.limits.max_video_frames} frames up to the last clip: send a shorter video"
                )
            self._check_size(frame.width, frame.height)
            if frame.pts is not None:
                yield frame, frame.pts

    def _check_size(self, width: int, height: int) -> None:
        """Refuse frames that would take too much memory, now or when scaled."""
        if width <= 0 or height <= 0:
            raise InvalidItem("not a video that can be decoded: its frames have no size")
        if width * height > self.limits.max_video_pixels:
            raise MediaTooLarge(
                f"frames of {width} x {height}; at most {self.limits.max_video_pixels} pixels are taken: "
                "send a smaller video"
            )
        if max(width, height) > self.limits.max_video_aspect * min(width, height):
            raise MediaTooLarge(
                f"frames of {width} x {height}; the long side may be {self.limits.max_video_aspect} times "
                "the short one: crop the video"
            )


def _times(data: bytes, stream: "VideoStream") -> tuple[Fraction, int, int]:
    """Return a stream's time base in seconds, and in its units its start and its duration by its header."""
    if not stream.time_base:
        raise InvalidItem("not a video that can be decoded: it has no time base")
    return stream.time_base, stream.start_time or 0, stream.duration or _last_time_stamp(data)


def _last_time_stamp(data: bytes) -> int:
    """Return the last frame's time stamp, for streams whose header has no duration (webm, mkv)."""
    with opened(data, VIDEO_DEMUXERS, "a video") as container:
        stamps = (packet.pts for packet in container.demux(container.streams.video[0]))
        return max((stamp for stamp in stamps if stamp is not None), default=0)
