"""Prepare sound: three clips of two seconds as log-mel spectrograms."""

import numpy as np

from bind_inference.errors import AudioTooShort, InvalidItem, MediaTooLarge
from bind_inference.preprocess.clips import CLIP_S, clip_starts
from bind_inference.preprocess.limits import Floats, Limits
from bind_inference.preprocess.melspec import SAMPLE_RATE, WINDOW, mel_spectrogram
from bind_inference.preprocess.resample import resample, resampled_length, source_range
from bind_inference.preprocess.sound import Recording, open_recording

CLIPS = 3


def audio(data: bytes, limits: Limits) -> Floats:
    """Return a recording as float32 [3, 1, 128, 204]: the spectrograms of its clips, normalised.

    Raises AudioTooShort under 25 ms, one window of the spectrogram.
    """
    recording = open_recording(data, limits)
    length = _length(recording, limits)
    total = resampled_length(length, recording.sample_rate, SAMPLE_RATE)
    if total < WINDOW:
        raise AudioTooShort(f"{1000 * total / SAMPLE_RATE:.1f} ms of audio; at least 25 ms are needed")
    firsts = [int(start * SAMPLE_RATE) for start in clip_starts(total / SAMPLE_RATE, CLIPS)]
    spans = [(first, min(first + CLIP_S * SAMPLE_RATE, total)) for first in firsts]
    clips = _cut(recording, spans)
    _level(clips, spans)
    return np.stack([mel_spectrogram(clip) for clip in clips])


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
