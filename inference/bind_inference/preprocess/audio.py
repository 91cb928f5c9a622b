"""Prepare sound: three clips of two seconds as log-mel spectrograms."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bind_inference.errors import AudioTooShort, InvalidItem, MediaTooLarge
from bind_inference.modality import Modality
from bind_inference.preprocess.clips import CLIP_S, clip_starts, unlike_clips
from bind_inference.preprocess.limits import Floats, Limits
from bind_inference.preprocess.melspec import SAMPLE_RATE, WINDOW, mel_spectrogram
from bind_inference.preprocess.resample import resample, resampled_length, source_range
from bind_inference.preprocess.sound import Recording, open_recording

CLIPS = Modality.AUDIO.entry.clips


def audio(data: bytes, limits: Limits) -> Floats:
    """Return a recording as float32 [3, 1, 128, 204]: the spectrograms of its clips, normalised.

    Raises AudioTooShort under 25 ms, one window of the spectrogram.
    """
    recording = open_recording(data, limits)
    return _spectrograms(recording, _length(recording, limits), CLIPS)


def audio_duration_ms(data: bytes, limits: Limits) -> int:
    """Return how long a recording is, in whole milliseconds; all of it is decoded for that."""
    recording = open_recording(data, limits)
    return _length(recording, limits) * 1000 // recording.sample_rate


def audio_windows(data: bytes, spans: Sequence[tuple[int, int]], limits: Limits) -> Iterator[Floats]:
    """Yield each stretch (start and end in ms) of a recording as `audio` makes it of a file with no more.

    Of one up to two seconds, whose clips would be alike, there is one. spans: in the order of their starts
    and ends. What is decoded of the recording is held for the length of a window.
    """
    recording = open_recording(data, limits)
    rate = recording.sample_rate
    samples = [(start * rate // 1000, end * rate // 1000) for start, end in spans]
    for stretch in _stretches(recording, samples):
        length = stretch.shape[1]
        yield _spectrograms(_Stretch(stretch, rate), length, unlike_clips(length / rate, CLIPS))


@dataclass
class _Stretch:
    """A recording that is decoded already."""

    samples: Floats
    sample_rate: int

    def blocks(self) -> Iterator[Floats]:
        """Yield it, float32 [channels, samples]."""
        yield self.samples


def _stretches(recording: Recording, spans: Sequence[tuple[int, int]]) -> Iterator[Floats]:
    """Yield samples [first, last) of a recording for each span, fewer where it ends, decoding it once."""
    waiting = deque(spans)
    held = deque[Floats]()
    begin = end = 0  # the samples that are held
    for block in recording.blocks():
        held.append(block)
        end += block.shape[1]
        while waiting and waiting[0][1] <= end:
            first, last = waiting.popleft()
            yield _join(held, first - begin, last - begin)
        if not waiting:
            return
        while held and begin + held[0].shape[1] <= waiting[0][0]:
            begin += held.popleft().shape[1]
    for first, last in waiting:
        yield _join(held, first - begin, last - begin)


def _join(blocks: Sequence[Floats], first: int, last: int) -> Floats:
    """Return samples [first, last) of the blocks in a row."""
    parts, position = [], 0
    for block in blocks:
        parts.append(block[:, max(0, first - position) : max(0, last - position)])
        position += block.shape[1]
    return np.concatenate(parts, axis=1) if parts else np.zeros((1, 0), np.float32)


def _spectrograms(recording: Recording, length: int, clips: int) -> Floats:
    """Return the spectrograms of so many clips of a recording of `length` samples."""
    total = resampled_length(length, recording.sample_rate, SAMPLE_RATE)
    if total < WINDOW:
        raise AudioTooShort(f"{1000 * total / SAMPLE_RATE:.1f} ms of audio; at least 25 ms are needed")
    firsts = [int(start * SAMPLE_RATE) for start in clip_starts(total / SAMPLE_RATE, clips)]
    spans = [(first, min(first + CLIP_S * SAMPLE_RATE, total)) for first in firsts]
    cut = _cut(recording, spans)
    _level(cut, spans)
    return np.stack([mel_spectrogram(clip) for clip in cut])


def _length(recording: Recording, limits: Limits) -> int:
    """Return how many samples there really are: headers lie, and streams do not say."""
    most = limits.max_audio_s * recording.sample_rate
    length = 0
    for block in recording.blocks():
        length += block.shape[1]
        if length > most:
            raise MediaTooLarge(f"over {limits.max_audio_s} s of audio: send a shorter recording")
    return length


def _cut(recording: Recording, spans: list[tuple[int, int]]) -> list[Floats]:
    """Return float32 [channels, last - first] at 16 kHz for each span (first, last), decoding once more."""
    needed = [source_range(first, last, recording.sample_rate, SAMPLE_RATE) for first, last in spans]
    pieces: list[list[Floats]] = [[] for _ in spans]
    position = 0
    for block in recording.blocks():
        stop = position + block.shape[1]
        for (need_start, need_stop), piece in zip(needed, pieces, strict=True):
            if need_start < stop and position < need_stop:
                piece.append(block[:, max(0, need_start - position) : need_stop - position].copy())
        position = stop
        if position >= needed[-1][1]:
            break
    clips = []
    for (first, last), (need_start, _), piece in zip(spans, needed, pieces, strict=True):
        waveform = np.concatenate(piece, axis=1)
        if not np.isfinite(waveform).all():
            raise InvalidItem("not audio that can be embedded: it has samples that are not finite numbers")
        offset = max(0, need_start)
        if recording.sample_rate == SAMPLE_RATE:
            clips.append(waveform[:, first - offset : last - offset].copy())
        else:
            clips.append(resample(waveform, offset, first, last, recording.sample_rate, SAMPLE_RATE))
    return clips


def _level(clips: list[Floats], spans: list[tuple[int, int]]) -> None:
    """Take each clip's mean off it and, in place, off what later clips share with it.

    The reference levels its clips inside one waveform, so where clips overlap (under 8 s) a later one starts
    from an earlier one's result and has a step in it; stored vectors have it too.
    """
    for number, (clip, (_, last)) in enumerate(zip(clips, spans, strict=True)):
        mean = clip.mean()
        for later, (first, _) in zip(clips[number:], spans[number:], strict=True):
            later[:, : max(0, last - first)] -= mean
